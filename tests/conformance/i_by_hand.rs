//! I. Manual control, metrics-only, disabled.

use super::*;
use ampacity::{Outcome, Reason};

#[test]
fn s55_a_forced_open_breaker_rejects_whatever_the_clock_says_until_told_otherwise() {
    let (breaker, clock) = breaker();
    let in_flight: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    breaker.force_open();
    for _ in 0..10 {
        clock.advance(Duration::from_secs(86_400 * 365));
        let refused = refusal(&breaker);
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::ForcedOpen, None));
    }
    in_flight.into_iter().for_each(Permit::success);
    assert_eq!(breaker.state(), State::ForcedOpen);
    breaker.close();
    succeed(&breaker, 1);
}

#[test]
fn s56_a_disabled_breaker_admits_all_and_judges_nothing() {
    let (breaker, _) = bring_to(State::Disabled);
    breaker.reconfigure(|now| now.failure_threshold(1)).unwrap();
    fail(&breaker, 100);
    let seen = breaker.snapshot();
    assert_eq!((seen.state, seen.streak, seen.failed), (State::Disabled, 0, 100));
    assert_eq!(seen.rejected.total(), 0);
    breaker.reconfigure(|now| now.failure_threshold(3)).unwrap();
    breaker.close();
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed, "nothing was kept from before");
}

#[test]
fn s56_a_metrics_only_breaker_never_rejects_and_counts_all() {
    let (breaker, _) = bring_to(State::MetricsOnly);
    breaker.reconfigure(|now| now.failure_threshold(1)).unwrap();
    fail(&breaker, 100);
    succeed(&breaker, 1);
    let seen = breaker.snapshot();
    assert_eq!((seen.state, seen.failed, seen.succeeded), (State::MetricsOnly, 100, 1));
    assert_eq!(seen.rejected.total(), 0);
}

#[test]
fn s56_a_disabled_breaker_records_nothing_in_its_window() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "sss");
        breaker.disable();
        play(&breaker, &clock, &"f".repeat(50));
        assert_eq!((breaker.state(), held(&breaker)), (State::Disabled, (3, 0, 0)));
        breaker.close();
        assert_eq!(held(&breaker), (0, 0, 0));
        play(&breaker, &clock, "fffffffff");
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn s56_metrics_only_says_that_it_would_open_once_a_crossing() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        breaker.metrics_only();
        let told = listen(&breaker);
        play(&breaker, &clock, "fffffffff");
        assert_eq!(told.lock().unwrap().len(), 0);
        // It goes on failing, and says so once.
        play(&breaker, &clock, &"f".repeat(100));
        assert_eq!(cause_names(&told), ["failure_rate"]);
        assert_eq!((breaker.state(), breaker.era()), (State::MetricsOnly, 2));
        assert_eq!(breaker.snapshot().rejected.total(), 0);
        // Below the threshold, and up to it again.
        play(&breaker, &clock, &"s".repeat(200));
        assert_eq!((held(&breaker).0 >= 10, breaker.era()), (true, 2));
        play(&breaker, &clock, &"f".repeat(400));
        assert_eq!(cause_names(&told), ["failure_rate"; 2]);
        let told = told.lock().unwrap();
        assert!(told.iter().all(|event| event.would_open() && event.to == State::MetricsOnly));
        let line = "circuit breaker 'conformance' would have opened: 10 of 10 calls failed";
        assert!(told[0].to_string().starts_with(line), "{}", told[0]);
    }
}

#[test]
fn s56_metrics_only_names_the_policy_that_would_have_opened_it() {
    let table = [
        ("fff", "consecutive_failures"),
        ("sffs", "failure_rate"),
        ("sSSs", "slow_call_rate"),
        ("sssfS", "trip_when"),
    ];
    for window in WINDOWS {
        for (results, named) in table {
            let (breaker, clock) = rated_with(|builder| {
                let both = window(builder).failure_threshold(3).minimum_calls(4);
                both.slow_call(SLOW)
                    .slow_call_rate(0.5)
                    .trip_when(|window| (window.calls, window.failed, window.slow) == (5, 1, 1))
            });
            breaker.metrics_only();
            let told = listen(&breaker);
            play(&breaker, &clock, results);
            assert_eq!(cause_names(&told), [named], "{results}");
            assert!(told.lock().unwrap()[0].would_open());
            assert_eq!((breaker.state(), breaker.era()), (State::MetricsOnly, 2));
            play(&breaker, &clock, "ssssssssss");
            breaker.try_acquire().unwrap().settle(Outcome::OpenFor(SECOND));
            assert_eq!(cause_names(&told), [named, "wait_given"]);
        }
    }
}

#[test]
fn s56_a_streak_that_goes_on_is_reported_once_and_anew_after_a_success() {
    let (breaker, clock) = bring_to(State::MetricsOnly);
    let told = listen(&breaker);
    for reports in 1..4 {
        play(&breaker, &clock, "ff");
        assert_eq!(told.lock().unwrap().len(), reports - 1);
        play(&breaker, &clock, "fffffff");
        assert_eq!(told.lock().unwrap().len(), reports);
        play(&breaker, &clock, "s");
    }
}

type Order = (State, fn(&CircuitBreaker));

const ORDERS: [Order; 5] = [
    (State::Closed, CircuitBreaker::close),
    (State::Open, CircuitBreaker::trip),
    (State::ForcedOpen, CircuitBreaker::force_open),
    (State::Disabled, CircuitBreaker::disable),
    (State::MetricsOnly, CircuitBreaker::metrics_only),
];

#[test]
fn s57_every_order_works_from_every_state_and_one_that_changes_nothing_has_no_era() {
    for &from in State::ALL {
        for (to, order) in ORDERS {
            let (breaker, _) = bring_to(from);
            let era = breaker.era();
            order(&breaker);
            assert_eq!(breaker.state(), to, "from {from}");
            assert_eq!(breaker.era(), era + u64::from(from != to), "{from} to {to}");
            let seen = breaker.snapshot().transitions;
            assert_eq!(seen.total(), breaker.era());
            order(&breaker);
            assert_eq!(breaker.snapshot().transitions, seen, "a second one changes nothing");
        }
    }
}

#[test]
fn s57_closing_a_closed_breaker_with_a_streak_ends_the_streak_under_a_new_era() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    breaker.close();
    assert_eq!((breaker.era(), breaker.snapshot().streak), (1, 0));
    assert_eq!(breaker.snapshot().failed, 2, "totals stay");
}

#[test]
fn s57_closing_a_closed_breaker_changes_nothing_but_a_window_that_holds_something() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        breaker.close();
        assert_eq!(breaker.era(), 0);
        play(&breaker, &clock, "s");
        breaker.close();
        assert_eq!((breaker.era(), held(&breaker)), (1, (0, 0, 0)));
        breaker.close();
        assert_eq!(breaker.era(), 1);
        play(&breaker, &clock, "fffffffff");
        breaker.close();
        play(&breaker, &clock, "f");
        assert_eq!((breaker.state(), breaker.era()), (State::Closed, 2));
    }
}

#[test]
fn s57_tripping_an_open_breaker_keeps_its_deadline_until_it_is_due() {
    let (breaker, clock) = breaker();
    fail(&breaker, 3);
    clock.advance(MS * 400);
    breaker.trip();
    assert_eq!((breaker.era(), refusal(&breaker).retry_after()), (1, Some(MS * 600)));
    clock.advance(MS * 600);
    breaker.trip();
    assert_eq!((breaker.era(), refusal(&breaker).retry_after()), (2, Some(SECOND)));
}

#[test]
fn s59_a_reset_from_any_state_closes_empties_and_begins_the_totals_anew() {
    for &from in State::ALL {
        let (breaker, _) = bring_to(from);
        let before = breaker.snapshot();
        breaker.reset();
        let after = breaker.snapshot();
        assert_eq!((after.state, after.streak), (State::Closed, 0), "from {from}");
        assert_eq!(after.era, before.era + 1, "also from closed");
        assert_eq!((after.admitted, after.failed, after.succeeded), (0, 0, 0));
        assert_eq!((after.failure_rate, after.rejected.total()), (None, 0));
        assert_eq!(after.lifetime, before.lifetime);
    }
}

#[test]
fn s59_a_reset_empties_the_window_and_begins_the_backoff_anew() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(|builder| window(builder).backoff(2.0, SECOND * 60));
        fail(&breaker, 10);
        clock.advance(SECOND);
        fail(&breaker, 1);
        assert_eq!((breaker.snapshot().opens, held(&breaker)), (2, (10, 10, 0)));
        breaker.reset();
        assert_eq!((breaker.snapshot().opens, held(&breaker)), (0, (0, 0, 0)));
        fail(&breaker, 9);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        assert_eq!(refusal(&breaker).retry_after(), Some(SECOND));
        // And one that is closed.
        breaker.close();
        fail(&breaker, 9);
        breaker.reset();
        assert_eq!(held(&breaker), (0, 0, 0));
        fail(&breaker, 9);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn s59_totals_since_a_reset_start_with_the_calls_in_flight() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    let in_flight = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    breaker.reset();
    let seen = breaker.snapshot();
    assert_eq!((seen.admitted, seen.in_flight, seen.failed), (2, 2, 0));
    in_flight.into_iter().for_each(Permit::success);
    let seen = breaker.snapshot();
    assert_eq!((seen.admitted, seen.in_flight, seen.succeeded, seen.stale), (2, 0, 2, 2));
    assert_eq!((seen.lifetime.admitted, seen.lifetime.failed), (4, 2));
}
