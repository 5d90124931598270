//! Swaps of the word, by what they were for.

use ampacity::{CircuitBreaker, Contention, ManualClock, Saved, Site, State};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn fail(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().failure();
}

fn succeed(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().success();
}

fn sums(contention: &Contention) -> (u64, u64) {
    let attempts = || contention.sites().map(|(_, attempts)| attempts);
    (attempts().map(|at| at.swaps).sum(), attempts().map(|at| at.retries).sum())
}

/// Goes through a step after another; each must add so many swaps at so many sites, and
/// nothing anywhere else.
#[track_caller]
fn step(breaker: &CircuitBreaker, what: impl FnOnce(), adds: &[(Site, u64)]) {
    let before = breaker.snapshot();
    what();
    let now = breaker.snapshot();
    let lately = now.since(&before).contention;
    let seen: Vec<(Site, u64)> = lately.sites().map(|(site, at)| (site, at.swaps)).collect();
    let mut adds = adds.to_vec();
    adds.sort_by_key(|(site, _)| *site as usize);
    assert_eq!(seen, adds);
    assert_eq!((lately.swaps, lately.retries), sums(&lately));
    assert_eq!((now.contention.swaps, now.contention.retries), sums(&now.contention));
    assert_eq!(lately.retries, 0, "nobody else is here");
}

fn pair(
    change: impl FnOnce(ampacity::Builder) -> ampacity::Builder,
) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("sites").open_for(SECOND).clock(clock.clone());
    (change(builder).build().unwrap(), clock)
}

#[test]
fn each_swap_of_a_closed_and_a_half_open_breaker_is_at_the_site_of_what_it_was_for() {
    let (breaker, clock) = pair(|builder| builder.success_threshold(2));
    let b = &breaker;
    step(b, || (0..4).for_each(|_| fail(b)), &[(Site::ClosedFailure, 4)]);
    step(b, || succeed(b), &[(Site::ClosedSuccess, 1)]);
    step(b, || succeed(b), &[]);
    step(b, || (0..5).for_each(|_| fail(b)), &[(Site::ClosedFailure, 4), (Site::ClosedToOpen, 1)]);
    step(b, || assert!(b.try_acquire().is_err()), &[]);
    clock.advance(SECOND);
    let mut probe = None;
    step(b, || probe = b.try_acquire().ok(), &[(Site::OpenToHalfOpen, 1)]);
    step(b, || drop(probe.take()), &[(Site::GiveBack, 1)]);
    step(b, || succeed(b), &[(Site::HalfOpenAdmit, 1), (Site::HalfOpenPass, 1)]);
    step(b, || succeed(b), &[(Site::HalfOpenAdmit, 1), (Site::HalfOpenToClosed, 1)]);
    step(b, || b.trip(), &[(Site::ByHand, 1)]);
    clock.advance(SECOND);
    step(b, || fail(b), &[(Site::OpenToHalfOpen, 1), (Site::HalfOpenToOpen, 1)]);
    let saved: Saved = b.save();
    step(b, || b.restore(&saved).unwrap(), &[(Site::Restore, 1)]);
    step(b, || b.metrics_only(), &[(Site::ByHand, 1)]);
    step(b, || (0..5).for_each(|_| fail(b)), &[(Site::ClosedFailure, 4), (Site::WouldOpen, 1)]);
    step(
        b,
        || {
            let _ = b.add_listener(|_| ());
        },
        &[(Site::Listener, 1)],
    );
}

#[test]
fn leases_limits_shares_and_new_settings_have_sites_of_their_own() {
    let (breaker, clock) = pair(|builder| {
        let builder = builder.half_open_failure_rate(0.5).half_open_permits(4);
        builder.probe_lease(SECOND).half_open_limit(SECOND * 100, State::Closed)
    });
    let b = &breaker;
    b.trip();
    clock.advance(SECOND);
    step(b, || fail(b), &[(Site::OpenToHalfOpen, 1), (Site::HalfOpenFail, 1)]);
    let held = b.try_acquire().unwrap();
    clock.advance(SECOND * 2);
    step(b, || drop(b.try_acquire().unwrap()), &[(Site::HalfOpenRenewed, 1), (Site::GiveBack, 1)]);
    clock.advance(SECOND * 200);
    step(b, || succeed(b), &[(Site::HalfOpenLimit, 1)]);
    held.success();
    step(b, || b.reconfigure(|now| now.failure_rate(0.5)).unwrap(), &[(Site::Arm, 1)]);
}

#[test]
fn calls_in_flight_that_open_the_breaker_do_so_at_a_site_of_their_own() {
    let (breaker, clock) = pair(|builder| {
        let builder = builder.slow_call(SECOND).slow_call_rate(0.5).minimum_calls(4);
        builder.count_in_flight(true)
    });
    let hanging: Vec<_> = (0..4).map(|_| breaker.try_acquire().unwrap()).collect();
    clock.advance(SECOND * 3);
    step(&breaker, || drop(breaker.try_acquire()), &[(Site::GiveWay, 1)]);
    assert_eq!(breaker.state(), State::Open);
    drop(hanging);
}

#[test]
fn with_two_threads_the_totals_are_the_sums_of_the_sites_and_no_swap_is_missing() {
    let breaker = CircuitBreaker::builder("two").failure_threshold(u32::MAX).build().unwrap();
    const CALLS: u64 = 20_000;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..CALLS).for_each(|_| fail(&breaker)));
        }
    });
    let contention = breaker.snapshot().contention;
    assert_eq!((contention.swaps, contention.retries), sums(&contention));
    let failures = contention.at(Site::ClosedFailure);
    assert_eq!(failures.swaps - failures.retries, 2 * CALLS, "each failure is one swap won");
    assert_eq!(contention.sites().count(), 1);
    assert_eq!(breaker.snapshot().streak, 2 * CALLS);
}

#[test]
fn threads_have_places_of_their_own_and_a_stripe_each_of_a_few() {
    let breaker = CircuitBreaker::new("placed");
    let place = breaker.place();
    assert!(place.own);
    assert_eq!(breaker.place(), place);
}

#[test]
fn names_of_sites_are_all_different() {
    let mut names: Vec<&str> = Site::ALL.iter().map(|site| site.as_str()).collect();
    for (number, site) in Site::ALL.iter().enumerate() {
        assert_eq!(*site as usize, number, "{site}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Site::ALL.len());
}

#[test]
fn a_site_is_shown_by_its_name_in_as_much_room_as_is_asked_for() {
    assert_eq!(Site::ClosedFailure.to_string(), "closed_failure");
    assert_eq!(format!("[{:>16}]", Site::ClosedFailure), "[  closed_failure]");
}

#[cfg(feature = "serde")]
#[test]
fn sites_are_written_and_read_by_name_and_may_be_missing() {
    let breaker = CircuitBreaker::new("data");
    (0..5).for_each(|_| fail(&breaker));
    let contention = breaker.snapshot().contention;
    let json = serde_json::to_value(contention).unwrap();
    assert_eq!((&json["swaps"], &json["retries"]), (&5.into(), &0.into()));
    let first = serde_json::json!({ "site": "closed_failure", "swaps": 4, "retries": 0 });
    assert_eq!(json["sites"][0], first);
    assert_eq!(serde_json::from_value::<Contention>(json).unwrap(), contention);
    let older = serde_json::json!({ "swaps": 7, "retries": 2 });
    let older: Contention = serde_json::from_value(older).unwrap();
    assert_eq!((older.swaps, older.retries, older.sites().count()), (7, 2, 0));
    for site in Site::ALL {
        assert_eq!(serde_json::to_value(site).unwrap(), site.as_str());
    }
}
