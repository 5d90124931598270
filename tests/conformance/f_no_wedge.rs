//! F. Half-open never wedges.

use super::*;
use ampacity::{CallError, Outcome, Reason};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Due, with a single probe a spell, so that one leaked place would show.
fn single_probe() -> (Arc<CircuitBreaker>, ManualClock) {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(1));
    make_due(&breaker, &clock);
    (breaker, clock)
}

#[test]
fn s39_a_probe_dropped_before_its_first_poll_took_nothing() {
    let (breaker, _) = single_probe();
    let era = breaker.era();
    drop(breaker.call_async(ready(Ok::<_, ()>(()))));
    assert_eq!((breaker.era(), breaker.snapshot().admitted), (era, 3));
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s40_a_probe_dropped_midway_is_cancelled_and_gives_its_place_back() {
    let (breaker, _) = single_probe();
    let mut probe = Box::pin(breaker.call_async(pending::<Result<(), ()>>()));
    assert!(poll_once(&mut probe).is_pending());
    assert_eq!(refusal(&breaker).reason(), Reason::HalfOpenFull);
    drop(probe);
    let seen = breaker.snapshot();
    assert_eq!((seen.cancelled, seen.in_flight, seen.state), (1, 0, State::HalfOpen));
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s40_a_future_dropped_by_somebody_elses_panic_is_cancelled_and_not_failed() {
    let (breaker, _) = single_probe();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut probe = Box::pin(breaker.call_async(pending::<Result<(), ()>>()));
        assert!(poll_once(&mut probe).is_pending());
        panic!("elsewhere");
    }));
    assert!(unwound.is_err());
    let seen = breaker.snapshot();
    assert_eq!((seen.cancelled, seen.failed, seen.state), (1, 3, State::HalfOpen));
}

#[test]
fn s41_a_probe_that_panics_is_a_failure_and_the_panic_goes_on() {
    let (breaker, _) = single_probe();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        breaker.call(|| -> Result<(), ()> { panic!("the protected code") })
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"the protected code"));
    let seen = breaker.snapshot();
    assert_eq!((seen.panicked, seen.failed, seen.in_flight), (1, 4, 0));
    assert_eq!(seen.state, State::Open);
}

#[test]
fn s41_a_future_that_panics_while_polled_is_a_failure() {
    let (breaker, _) = single_probe();
    let mut probe = Box::pin(breaker.call_async(async {
        if true {
            panic!("polled");
        }
        Ok::<(), ()>(())
    }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut probe))).is_err());
    let seen = breaker.snapshot();
    assert_eq!((seen.panicked, seen.failed, seen.state), (1, 4, State::Open));
    drop(probe);
    assert_eq!(breaker.snapshot().admitted, 4);
    assert_eq!(breaker.snapshot().cancelled, 0);
}

#[test]
fn s41_a_permit_dropped_by_an_unwind_gives_its_place_back() {
    let (breaker, _) = single_probe();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _probe = breaker.try_acquire().unwrap();
        panic!("with a permit in hand");
    }));
    assert!(unwound.is_err());
    assert_eq!(breaker.snapshot().cancelled, 1);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s42_a_probe_with_a_neutral_outcome_gives_its_place_back() {
    let (breaker, _) = single_probe();
    breaker.try_acquire().unwrap().ignore();
    assert_eq!(breaker.state(), State::HalfOpen);
    let ignored = breaker.classified(|_: &Result<(), ()>| Outcome::Ignore).call(|| Err(()));
    assert_eq!(ignored, Err(CallError::Failed(())));
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s43_neutral_outcomes_for_ever_bring_no_verdict_and_do_not_wedge() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    for _ in 0..10_000 {
        breaker.try_acquire().expect("never wedged").ignore();
        clock.advance(MS);
    }
    assert_eq!((breaker.state(), breaker.era()), (State::HalfOpen, 2));
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s43_a_limit_opens_a_spell_that_gets_neutral_outcomes_only() {
    let (breaker, clock) = breaker_with(|builder| {
        builder.half_open_limit(SECOND * 5, State::Open).backoff(2.0, SECOND * 9)
    });
    let told = listen(&breaker);
    make_due(&breaker, &clock);
    for _ in 0..500 {
        breaker.try_acquire().expect("in time").ignore();
        clock.advance(MS * 10);
    }
    // By the clock it is over, and nothing happens without a call.
    assert_eq!((breaker.state(), breaker.era(), breaker.would_admit()), (State::Open, 2, false));
    clock.set(SECOND * 6 - NS);
    assert_eq!((breaker.state(), breaker.would_admit()), (State::HalfOpen, true));
    clock.set(SECOND * 6);
    let refused = refusal(&breaker);
    assert_eq!((refused.reason(), refused.retry_after()), (Reason::Open, Some(SECOND * 2)));
    assert_eq!(cause_names(&told)[2..], ["half_open_limit"]);
    assert_eq!((breaker.state(), breaker.snapshot().opens), (State::Open, 2));
    clock.advance(SECOND * 2);
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s43_a_limit_closes_a_spell_that_gets_neutral_outcomes_only() {
    let (breaker, clock) =
        breaker_with(|builder| builder.half_open_limit(SECOND * 5, State::Closed));
    let told = listen(&breaker);
    make_due(&breaker, &clock);
    let old: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    clock.advance(SECOND * 5 - MS);
    assert_eq!(
        (breaker.state(), refusal(&breaker).reason()),
        (State::HalfOpen, Reason::HalfOpenFull)
    );
    clock.advance(MS);
    assert_eq!((breaker.state(), breaker.era(), breaker.would_admit()), (State::Closed, 2, true));
    let permit = breaker.try_acquire().unwrap();
    assert_eq!((permit.is_probe(), permit.era()), (false, 3));
    assert_eq!(cause_names(&told)[2..], ["half_open_limit"]);
    old.into_iter().for_each(Permit::failure);
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::Closed, 3));
    permit.failure();
    assert_eq!(breaker.snapshot().streak, 1);
}

#[test]
fn s44_a_limit_holds_where_calls_are_rare_and_nothing_is_out() {
    for (then, admits) in [(State::Open, false), (State::Closed, true)] {
        let (breaker, clock) = breaker_with(|builder| builder.half_open_limit(SECOND * 90, then));
        make_due(&breaker, &clock);
        succeed(&breaker, 1);
        clock.advance(SECOND * 89);
        succeed(&breaker, 1);
        clock.advance(SECOND);
        assert_eq!((breaker.state(), breaker.would_admit()), (then, admits));
        assert_eq!(breaker.try_acquire().map(Permit::ignore).is_ok(), admits);
        assert_eq!((breaker.state(), breaker.era()), (then, 3));
    }
}

#[test]
fn s44_spells_whose_leases_ran_out_count_together_for_the_limit() {
    // Leases of 1 s and 2 s, and of the third 1 s is left.
    let (breaker, clock) = breaker_with(|builder| {
        builder.success_threshold(1).probe_lease(SECOND).half_open_limit(SECOND * 4, State::Open)
    });
    make_due(&breaker, &clock);
    for lease in [1, 2] {
        let _abandoned = std::mem::ManuallyDrop::new(breaker.try_acquire().unwrap());
        clock.advance(SECOND * lease);
    }
    let _abandoned = std::mem::ManuallyDrop::new(breaker.try_acquire().unwrap());
    assert_eq!(breaker.era(), 4);
    clock.advance(SECOND - MS);
    assert_eq!(refusal(&breaker).reason(), Reason::HalfOpenFull);
    clock.advance(MS);
    assert_eq!((breaker.state(), refusal(&breaker).reason()), (State::Open, Reason::Open));
}

#[test]
fn s44_with_few_calls_a_spell_stays_half_open_and_admits_up_to_its_permits() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 1);
    clock.advance(SECOND * 59);
    assert_eq!(breaker.state(), State::HalfOpen);
    let probes = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    assert!(breaker.try_acquire().is_err());
    probes.into_iter().for_each(Permit::success);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s44_calls_rarer_than_any_lease_still_close_the_breaker() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    for _ in 0..3 {
        assert_eq!(breaker.state(), State::HalfOpen);
        succeed(&breaker, 1);
        clock.advance(Duration::from_secs(86_400));
    }
    assert_eq!((breaker.state(), breaker.era()), (State::Closed, 3));
}

#[test]
fn s45_a_future_polled_after_completion_does_not_settle_again() {
    let (breaker, _) = single_probe();
    let mut probe = Box::pin(breaker.call_async(ready(Ok::<_, ()>(7))));
    assert_eq!(poll_once(&mut probe), Poll::Ready(Ok(7)));
    let settled = breaker.snapshot();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut probe))).is_err());
    drop(probe);
    assert_eq!(breaker.snapshot(), settled);
}

#[test]
fn abandoned_probes_are_followed_by_a_fresh_spell_when_their_lease_is_over() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    let abandoned: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    clock.advance(SECOND * 60 - MS);
    assert_eq!(refusal(&breaker).retry_after(), Some(MS));
    clock.advance(MS);
    let fresh = breaker.try_acquire().unwrap();
    assert_eq!((fresh.is_probe(), fresh.era()), (true, 3));
    assert_eq!(breaker.snapshot().transitions.between(State::HalfOpen, State::HalfOpen), 1);
    // The old probes come back, and nothing but totals notices.
    abandoned.into_iter().for_each(Permit::success);
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::HalfOpen, 3));
    drop(fresh);
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn probes_three_leases_long_still_close_the_breaker() {
    let (breaker, clock) = breaker_with(|builder| builder.probe_lease(SECOND));
    make_due(&breaker, &clock);
    let mut probes: Vec<(u32, Permit<'_>)> = Vec::new();
    for second in 0.. {
        assert!(second < 60, "never closes");
        while let Ok(probe) = breaker.try_acquire() {
            if !probe.is_probe() {
                return;
            }
            probes.push((second + 3, probe));
        }
        clock.advance(SECOND);
        let (done, waiting): (Vec<_>, Vec<_>) =
            probes.into_iter().partition(|&(due, _)| due <= second + 1);
        done.into_iter().for_each(|(_, probe)| probe.success());
        probes = waiting;
    }
}

#[test]
fn no_idle_time_and_no_regular_period_makes_an_expired_lease_look_alive() {
    // Whatever its length, a pause longer than the lease ends the spell.
    for shift in 0..39 {
        for odd in [0, 1] {
            let (breaker, clock) = breaker_with(|builder| builder.probe_lease(MS));
            make_due(&breaker, &clock);
            let _abandoned: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
            clock.advance(Duration::from_millis((1 << shift) + odd));
            assert!(breaker.try_acquire().is_ok(), "2^{shift} + {odd} ms");
        }
    }
}

#[test]
fn s43_a_limit_of_many_leases_ends_however_often_probes_are_abandoned() {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let (breaker, clock) = breaker_with(|builder| builder.half_open_limit(days(3), State::Closed));
    make_due(&breaker, &clock);
    let mut probes = Vec::new();
    for hour in 0..24 * 6 {
        if breaker.state() == State::Closed {
            assert!(hour >= 24 * 2, "after {hour} h");
            return;
        }
        probes.extend(breaker.try_acquire_owned());
        probes.extend(breaker.try_acquire_owned());
        probes.extend(breaker.try_acquire_owned());
        clock.advance(Duration::from_secs(3_600));
    }
    panic!("still {}", breaker.state());
}

#[test]
fn s43_a_call_that_finds_all_probes_out_is_told_of_the_limit_if_that_comes_first() {
    let (breaker, clock) = breaker_with(|builder| builder.half_open_limit(MS * 500, State::Closed));
    make_due(&breaker, &clock);
    let _probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(MS * 500));
    clock.advance(MS * 500);
    assert!(breaker.try_acquire().is_ok());
}
