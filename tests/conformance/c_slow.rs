//! C. Slow calls, and calls that hang.

use super::*;
use ampacity::Reason;
use std::sync::atomic::{AtomicU64, Ordering};

/// Half of the last 10 calls slow, at least 10.
fn slow_with(change: impl FnOnce(Builder) -> Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("conformance")
        .slow_call(SLOW)
        .slow_call_rate(0.5)
        .minimum_calls(10)
        .open_for(SECOND)
        .success_threshold(3)
        .clock(clock.clone());
    (Arc::new(change(builder).build().expect("settings within bounds")), clock)
}

#[test]
fn s18_a_call_exactly_as_long_as_the_threshold_is_not_slow_and_a_nanosecond_more_is() {
    for window in WINDOWS {
        for (took, slow) in [(SLOW - NS, 0), (SLOW, 0), (SLOW + NS, 1)] {
            let (breaker, clock) = slow_with(window);
            let permit = breaker.try_acquire().unwrap();
            clock.advance(took);
            permit.success();
            assert_eq!(held(&breaker), (1, 0, slow), "{took:?}");
        }
    }
}

#[test]
fn s19_slow_successes_alone_open() {
    for window in WINDOWS {
        let (breaker, clock) = slow_with(window);
        let told = listen(&breaker);
        play(&breaker, &clock, "sssssSSSS");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, &clock, "S");
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(cause_names(&told), ["slow_call_rate"]);
        assert_eq!(causes(&told)[0].to_string(), "5 of 10 calls were slow");
        assert_eq!(breaker.snapshot().failed, 0);
    }
}

#[test]
fn s19_a_slow_failure_counts_once_in_each_figure_and_a_failure_alone_is_not_slow() {
    for window in WINDOWS {
        let (breaker, clock) = slow_with(window);
        play(&breaker, &clock, "Fffff");
        assert_eq!((held(&breaker), breaker.state()), ((5, 5, 1), State::Closed));
        play(&breaker, &clock, "fffff");
        assert_eq!((held(&breaker), breaker.state()), ((10, 10, 1), State::Closed));
        let window = breaker.snapshot().window;
        assert_eq!((window.failure_rate, window.slow_call_rate), (Some(1.0), Some(0.1)));
    }
}

#[test]
fn s20_a_slow_probe_is_a_failed_one_where_a_slow_rate_is_set() {
    let (breaker, clock) = slow_with(|builder| builder.count_window(10));
    let told = listen(&breaker);
    play(&breaker, &clock, &"S".repeat(10));
    clock.advance(SECOND + MS);
    play(&breaker, &clock, "ssS");
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(cause_names(&told), ["slow_call_rate", "wait_over", "probes_failed"]);
    assert_eq!(breaker.snapshot().failed, 0, "in totals it is what it returned");
    clock.advance(SECOND + MS);
    play(&breaker, &clock, "sss");
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s20_slow_probes_count_by_the_share_of_probes_and_only_where_a_slow_rate_is_set() {
    let (breaker, clock) = {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("ratio").slow_call(SLOW).slow_call_rate(0.5);
        let settings = settings.half_open_failure_rate(0.5).half_open_permits(4).open_for(SECOND);
        (settings.clock(clock.clone()).build().unwrap(), clock)
    };
    breaker.trip();
    clock.advance(SECOND);
    play(&breaker, &clock, "Ssss");
    assert_eq!(breaker.state(), State::Closed, "one of four is not half of them");
    breaker.trip();
    clock.advance(SECOND + MS);
    play(&breaker, &clock, "SsS");
    assert_eq!(breaker.state(), State::Open);

    // A policy that looks at slow calls for itself says nothing about probes.
    let (breaker, clock) =
        breaker_with(|builder| builder.slow_call(SLOW).trip_when(|window| window.slow >= 3));
    play(&breaker, &clock, "SSS");
    assert_eq!(breaker.state(), State::Open);
    clock.advance(SECOND + MS);
    play(&breaker, &clock, "SSS");
    assert_eq!(breaker.state(), State::Closed);
}

/// As [`slow_with`], for 20 calls at least, and those in flight count.
fn hanging_with(change: impl FnOnce(Builder) -> Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    slow_with(|builder| change(builder.minimum_calls(20).count_in_flight(true)))
}

const LONG_WINDOWS: [fn(Builder) -> Builder; 2] =
    [|builder| builder.count_window(20), |builder| builder.time_window(SECOND * 60)];

#[test]
fn s21_twenty_calls_that_hang_open_the_breaker_at_the_next_admission_which_is_turned_away() {
    for window in LONG_WINDOWS {
        let (breaker, clock) = hanging_with(window);
        let told = listen(&breaker);
        let hang: Vec<_> = (0..20).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SLOW);
        drop(breaker.try_acquire().expect("none is slow yet"));
        clock.advance(SLOW); // the slice in which somebody has looked is over
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (20, 0, 20)));
        assert_eq!(breaker.snapshot().window.hanging, 20);
        let refused = refusal(&breaker);
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::Open, Some(SECOND)));
        assert_eq!(
            causes(&told)[0].to_string(),
            "20 of 20 calls were slow, 20 of them not finished"
        );
        let seen = breaker.snapshot();
        assert_eq!((seen.rejected.open, seen.admitted, seen.in_flight), (1, 21, 20));

        // They end later, and change nothing.
        clock.advance(SECOND);
        play(&breaker, &clock, "sss");
        assert_eq!(breaker.state(), State::Closed);
        hang.into_iter().for_each(Permit::failure);
        let seen = breaker.snapshot();
        assert_eq!((seen.stale, held(&breaker)), (20, (0, 0, 0)));
        assert_eq!((seen.state, seen.window.hanging, seen.era), (State::Closed, 0, 3));
    }
}

#[test]
fn s21_a_call_that_hung_and_has_ended_is_counted_once() {
    for window in LONG_WINDOWS {
        let (breaker, clock) = hanging_with(|builder| window(builder).slow_call_rate(1.0));
        play(&breaker, &clock, "sss");
        let mut hang: Vec<_> = (0..8).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SLOW * 3);
        for ended in 0..=8 {
            let seen = breaker.snapshot().window;
            assert_eq!((seen.calls, seen.slow, seen.hanging), (11, 8, 8 - ended));
            if let Some(permit) = hang.pop() {
                permit.success();
            }
        }
    }
}

#[test]
fn s21_a_call_that_hung_and_was_neutral_in_the_end_is_counted_no_more() {
    for window in LONG_WINDOWS {
        let (breaker, clock) = hanging_with(window);
        let mut hang: Vec<_> = (0..4).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SLOW * 3);
        assert_eq!(held(&breaker), (4, 0, 4));
        hang.pop().unwrap().ignore();
        drop(hang.pop());
        assert_eq!(held(&breaker), (2, 0, 2));
    }
}

#[test]
fn s21_a_call_that_hung_and_was_cancelled_hides_no_failure() {
    for window in LONG_WINDOWS {
        let (breaker, clock) = hanging_with(|builder| {
            window(builder).slow_call_rate(1.0).failure_rate(0.5).minimum_calls(10)
        });
        let hang: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SLOW * 2);
        play(&breaker, &clock, "ssssfffff");
        assert_eq!((held(&breaker), breaker.state()), ((12, 5, 3), State::Closed));
        drop(hang);
        assert_eq!(held(&breaker), (9, 5, 0));
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open, "6 of 10");
    }
}

#[test]
fn s21_admissions_look_at_most_once_in_an_eighth_of_the_threshold() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let (breaker, clock) = hanging_with(|builder| {
        builder.count_window(65_536).trip_when(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            false
        })
    });
    let _hang = breaker.try_acquire().unwrap();
    clock.advance(SLOW * 2);
    drop(breaker.try_acquire().unwrap());
    let before = asked.load(Ordering::Relaxed);
    for slice in 1..=100 {
        clock.advance(SLOW / 8);
        (0..50).for_each(|_| drop(breaker.try_acquire().unwrap()));
        assert_eq!(asked.load(Ordering::Relaxed), before + slice);
    }
}

#[test]
fn s21_in_metrics_only_calls_that_hang_are_reported_and_nobody_is_turned_away() {
    for window in LONG_WINDOWS {
        let (breaker, clock) = hanging_with(window);
        breaker.metrics_only();
        let told = listen(&breaker);
        let _hang: Vec<_> = (0..20).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SLOW * 3);
        for _ in 0..5 {
            drop(breaker.try_acquire().expect("metrics only"));
            clock.advance(SLOW);
        }
        assert_eq!(cause_names(&told), ["slow_call_rate"]);
        assert!(told.lock().unwrap()[0].would_open());
        assert_eq!((breaker.state(), breaker.era()), (State::MetricsOnly, 2));
    }
}

#[test]
fn s21_an_admission_does_not_open_for_failures_in_a_row() {
    // Lowered below what there is: the next failure says so, and no admission does.
    let (breaker, clock) = hanging_with(|builder| builder.failure_threshold(9));
    let told = listen(&breaker);
    play(&breaker, &clock, "fffff");
    breaker.reconfigure(|now| now.failure_threshold(3)).unwrap();
    clock.advance(SLOW);
    play(&breaker, &clock, "f");
    assert_eq!(cause_names(&told), ["consecutive_failures"]);
}

#[test]
fn s21_calls_that_began_under_other_settings_hide_none_that_hang_later() {
    type Change = fn(Builder) -> Builder;
    let changes: [Change; 2] =
        [|now| now.count_in_flight(true), |now| now.count_in_flight(true).slow_call(SLOW * 2)];
    for (change, counted_before) in [(changes[0], false), (changes[1], true)] {
        let (breaker, clock) = slow_with(|builder| builder.count_in_flight(counted_before));
        let before: Vec<_> = (0..50).map(|_| breaker.try_acquire().unwrap()).collect();
        breaker.reconfigure(change).unwrap();
        before.into_iter().for_each(|permit| permit.success());
        clock.advance(SECOND * 20);
        let _hang: Vec<_> = (0..40).map(|_| breaker.try_acquire().unwrap()).collect();
        clock.advance(SECOND * 60);
        assert_eq!(breaker.try_acquire().unwrap_err().reason(), Reason::Open);
    }
}

#[test]
fn s21_an_admission_opens_for_calls_that_hang_and_not_for_results_that_were_left_alone() {
    let (breaker, clock) =
        slow_with(|builder| builder.failure_rate(0.6).minimum_calls(9).count_in_flight(true));
    play(&breaker, &clock, "ssssssssss");
    clock.advance(SECOND);
    play(&breaker, &clock, "fffffffff");
    // The successes are too old by now, and the failures are not.
    clock.advance(SECOND * 9);
    assert_eq!(held(&breaker), (9, 9, 0));
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    play(&breaker, &clock, "f");
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s21_a_policy_of_ones_own_is_not_asked_by_an_admission_while_no_call_hangs() {
    let (breaker, _) =
        slow_with(|builder| builder.trip_when(|window| window.calls < 3).count_in_flight(true));
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}
