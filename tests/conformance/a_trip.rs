//! A. Closed state and trip.

use super::*;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn s06_one_failure_opens_at_a_threshold_of_one() {
    let (breaker, _) = breaker_with(|builder| builder.failure_threshold(1));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s07_a_success_begins_the_streak_anew() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    succeed(&breaker, 1);
    fail(&breaker, 2);
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 2));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s09_many_threads_that_meet_the_condition_at_once_make_one_transition() {
    let (breaker, _) = breaker_with(|builder| builder.failure_threshold(1));
    let all_admitted = Barrier::new(64);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let permit = breaker.try_acquire().expect("closed");
                all_admitted.wait();
                permit.failure();
            });
        }
    });
    let seen = breaker.snapshot();
    assert_eq!(seen.transitions.between(State::Closed, State::Open), 1);
    assert_eq!((seen.era, seen.failed), (1, 64));
    assert_eq!(seen.stale, 63, "the others met the condition too, and came too late");
}

#[test]
fn s11_a_classifier_that_panics_holds_no_permit_and_leaves_the_breaker_usable() {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(1));
    make_due(&breaker, &clock);
    let classified = breaker.classified(|_: &Result<(), ()>| panic!("classifier"));
    let unwound = catch_unwind(AssertUnwindSafe(|| classified.call(|| Ok(()))));
    assert!(unwound.is_err());
    assert_eq!(breaker.snapshot().in_flight, 0);
    assert_eq!(breaker.snapshot().cancelled, 1);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s01_below_the_minimum_nothing_opens_and_no_rate_is_known() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "fffffffff");
        let seen = breaker.snapshot();
        assert_eq!((seen.state, held(&breaker)), (State::Closed, (9, 9, 0)));
        assert_eq!((seen.window.failure_rate, seen.window.slow_call_rate), (None, None));
    }
}

#[test]
fn s02_the_tenth_result_that_makes_it_exactly_half_opens() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        let told = listen(&breaker);
        play(&breaker, &clock, "sssssffff");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open);
        let cause = causes(&told)[0];
        assert!(matches!(cause, Cause::FailureRate { .. }), "{cause:?}");
        assert_eq!(cause.to_string(), "5 of 10 calls failed");
        assert_eq!(breaker.snapshot().window.failure_rate, Some(0.5));
    }
}

#[test]
fn s02_a_success_that_completes_the_minimum_opens_too_and_one_later_does_not() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "fffffssss");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, &clock, "s");
        assert_eq!(breaker.state(), State::Open);
        // Just below when it is complete: what follows are successes, and change nothing.
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "ffffssssss");
        play(&breaker, &clock, &"s".repeat(50));
        assert_eq!((breaker.state(), breaker.era()), (State::Closed, 0));
    }
}

#[test]
fn s03_one_failure_below_the_threshold_at_every_step_never_opens() {
    let (breaker, clock) = rated();
    for _ in 0..1_000 {
        play(&breaker, &clock, "ffffssssss");
    }
    assert_eq!((held(&breaker), breaker.era()), ((10, 4, 0), 0));
    // Four that take the place of failures, and the fifth.
    play(&breaker, &clock, "ffff");
    assert_eq!(breaker.state(), State::Closed);
    play(&breaker, &clock, "f");
    assert_eq!(breaker.state(), State::Open);

    let (breaker, clock) = rated_with(|builder| builder.time_window(SECOND * 10));
    play(&breaker, &clock, "ss");
    for _ in 0..5_000 {
        play(&breaker, &clock, "fs");
    }
    play(&breaker, &clock, "f");
    assert_eq!((held(&breaker), breaker.era()), ((10_003, 5_001, 0), 0));
    play(&breaker, &clock, "f");
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s04_the_minimum_is_enough_though_the_window_is_not_full() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(|builder| window(builder).minimum_calls(5));
        play(&breaker, &clock, "ffff");
        assert_eq!(breaker.state(), State::Closed);
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn s05_a_count_window_is_exactly_its_last_results() {
    let (breaker, clock) = rated();
    play(&breaker, &clock, "ffffssssss");
    for left in (0..4).rev() {
        play(&breaker, &clock, "s");
        assert_eq!(held(&breaker), (10, left, 0));
    }

    for len in [1, 2, 3, 10, 16, 17, 130] {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("last").slow_call(SLOW).count_window(len);
        let breaker = settings.trip_when(|_| false).clock(clock.clone()).build().unwrap();
        let mut last = VecDeque::new();
        let mut random = 1_u64;
        for _ in 0..3 * len + 50 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let result = ['s', 'f', 'S', 'F'][(random >> 62) as usize];
            play(&breaker, &clock, &result.to_string());
            last.push_back(result);
            if last.len() > len as usize {
                last.pop_front();
            }
            let of =
                |wanted: [char; 2]| last.iter().filter(|at| wanted.contains(at)).count() as u64;
            assert_eq!(held(&breaker), (last.len() as u64, of(['f', 'F']), of(['S', 'F'])));
        }
    }
}

#[test]
fn s06_a_window_of_one_opens_at_one_failure() {
    for rate in [0.01, 1.0] {
        let (breaker, clock) =
            rated_with(|builder| builder.failure_rate(rate).count_window(1).minimum_calls(1));
        play(&breaker, &clock, "sss");
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (1, 0, 0)));
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn s08_of_several_policies_any_suffices_and_the_first_of_a_fixed_order_is_named() {
    let table = [
        ("fff", "consecutive_failures", (3, 3, 0)),
        ("sffs", "failure_rate", (4, 2, 0)),
        ("sSSs", "slow_call_rate", (4, 0, 2)),
        ("sssfS", "trip_when", (5, 1, 1)),
        // Two at once, in the order of the four above.
        ("sfff", "consecutive_failures", (4, 3, 0)),
        ("ssFF", "failure_rate", (4, 2, 2)),
        ("ssFSs", "slow_call_rate", (4, 1, 2)),
    ];
    for window in WINDOWS {
        for (results, named, figures) in table {
            let (breaker, clock) = rated_with(|builder| {
                let both = window(builder).failure_threshold(3).minimum_calls(4);
                both.slow_call(SLOW).slow_call_rate(0.5).trip_when(|window| {
                    let figures = (window.calls, window.failed, window.slow);
                    [(5, 1, 1), (4, 1, 2), (4, 2, 2), (4, 0, 2)].contains(&figures)
                })
            });
            let told = listen(&breaker);
            for result in results.chars() {
                assert_eq!(breaker.state(), State::Closed, "{results}");
                play(&breaker, &clock, &result.to_string());
                if breaker.state() != State::Closed {
                    break;
                }
            }
            assert_eq!(cause_names(&told), [named], "{results}");
            match causes(&told)[0] {
                Cause::ConsecutiveFailures { failures, .. } => assert_eq!(failures, 3),
                Cause::FailureRate { window, .. }
                | Cause::SlowCallRate { window, .. }
                | Cause::TripWhen { window, .. } => {
                    assert_eq!((window.calls, window.failed, window.slow), figures, "{results}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(held(&breaker), figures, "an open breaker shows what opened it");
        }
    }
}

#[test]
fn s10_a_policy_of_ones_own_sees_figures_that_fit_together() {
    for window in WINDOWS {
        let (asked, torn) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (breaker, clock) = rated_with(|builder| {
            let (asked, torn) = (Arc::clone(&asked), Arc::clone(&torn));
            let watched = window(builder).failure_rate(1.0).slow_call(MS).slow_call_rate(1.0);
            watched.trip_when(move |window| {
                let rate =
                    |part: u64| (window.calls >= 10).then(|| part as f64 / window.calls as f64);
                let fits = window.failed <= window.calls
                    && window.slow <= window.calls
                    && window.failure_rate == rate(window.failed)
                    && window.slow_call_rate == rate(window.slow);
                asked.fetch_add(1, Ordering::Relaxed);
                torn.fetch_add(u64::from(!fits), Ordering::Relaxed);
                false
            })
        });
        breaker.metrics_only();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (breaker, clock) = (&breaker, &clock);
                scope.spawn(move || {
                    for nth in 0..5_000 {
                        let permit = breaker.try_acquire().unwrap();
                        if (nth + thread) % 3 == 0 {
                            clock.advance(MS * 2);
                        }
                        if nth % 7 < 3 { permit.failure() } else { permit.success() }
                    }
                });
            }
        });
        assert!(asked.load(Ordering::Relaxed) > 1_000);
        assert_eq!(torn.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn s11_a_policy_that_panics_says_no_and_leaves_the_breaker_usable() {
    let (breaker, clock) = breaker_with(|builder| {
        builder.count_window(10).trip_when(|window| match window.failed {
            1 => panic!("a policy"),
            failed => failed >= 2,
        })
    });
    fail(&breaker, 1);
    let seen = breaker.snapshot();
    assert_eq!((seen.state, seen.in_flight, seen.failed), (State::Closed, 0, 1));
    play(&breaker, &clock, "sf");
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s11_a_policy_may_panic_while_the_thread_that_settles_unwinds() {
    /// What a policy panics with: worse still when it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("its payload");
        }
    }
    /// A caller's guard that settles by hand.
    struct FailOnDrop<'a>(Option<Permit<'a>>);
    impl Drop for FailOnDrop<'_> {
        fn drop(&mut self) {
            self.0.take().unwrap().failure();
        }
    }
    for payload in [|| panic!("a policy"), || std::panic::panic_any(Bomb)] {
        let (breaker, _) =
            breaker_with(|builder| builder.count_window(10).trip_when(move |_| payload()));
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _guard = FailOnDrop(breaker.try_acquire().ok());
            panic!("the caller");
        }));
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"the caller"));
        // And as the panic of a call that is itself the failure.
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            breaker.call(|| -> Result<(), ()> { panic!("the call") })
        }));
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"the call"));
        let seen = breaker.snapshot();
        assert_eq!((seen.failed, seen.in_flight, seen.state), (2, 0, State::Closed));
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open, "three in a row, whatever the policy does");
    }
}
