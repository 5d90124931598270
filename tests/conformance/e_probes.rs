//! E. Half-open admission.

use super::*;
use ampacity::Reason;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn s31_a_thousand_threads_race_for_exactly_the_permits_of_a_spell() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    let start = Barrier::new(1_000);
    let end = Barrier::new(1_000);
    let (granted, full) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..1_000 {
            let race = || {
                start.wait();
                let permit = breaker.try_acquire();
                match &permit {
                    Ok(permit) => {
                        assert!(permit.is_probe());
                        granted.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(refused) => {
                        assert_eq!(refused.reason(), Reason::HalfOpenFull);
                        assert!(refused.retry_after().unwrap() > Duration::ZERO);
                        full.fetch_add(1, Ordering::Relaxed);
                    }
                }
                end.wait();
                drop(permit);
            };
            std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, race).unwrap();
        }
    });
    assert_eq!((granted.into_inner(), full.into_inner()), (3, 997));
    assert_eq!(breaker.snapshot().transitions.between(State::Open, State::HalfOpen), 1);
}

#[test]
fn s32_the_caller_who_half_opens_holds_one_of_the_permits() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    let probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    assert!(probes.iter().all(Permit::is_probe));
    assert_eq!(refusal(&breaker).reason(), Reason::HalfOpenFull);
}

#[test]
fn s33_asking_whether_a_call_would_be_admitted_takes_nothing_in_any_state() {
    for &state in State::ALL {
        let (breaker, _) = bring_to(state);
        let before = breaker.snapshot();
        let answers: Vec<_> = (0..100).map(|_| breaker.would_admit()).collect();
        assert_eq!(breaker.snapshot(), before, "{state}");
        let admitted = breaker.try_acquire().map(Permit::ignore).is_ok();
        assert!(answers.iter().all(|&answer| answer == admitted), "{state}");
    }
    // In a spell whose permits are all out, it says no, and after the lease, yes.
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    let _probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    assert!(!breaker.would_admit());
    clock.advance(Duration::from_secs(60));
    assert!(breaker.would_admit());
    assert_eq!(breaker.era(), 2);
}

#[test]
fn s34_enough_successful_probes_close_with_no_streak() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 2);
    assert_eq!(breaker.state(), State::HalfOpen);
    succeed(&breaker, 1);
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 0));
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s34_a_breaker_that_closes_begins_with_an_empty_window_and_no_openings() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        fail(&breaker, 10);
        clock.advance(SECOND);
        fail(&breaker, 1);
        clock.advance(SECOND);
        succeed(&breaker, 2);
        assert_eq!((held(&breaker), breaker.snapshot().opens), ((10, 10, 0), 2));
        succeed(&breaker, 1);
        assert_eq!((held(&breaker), breaker.snapshot().opens), ((0, 0, 0), 0));
        fail(&breaker, 9);
        assert_eq!((held(&breaker), breaker.state()), ((9, 9, 0), State::Closed));
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
    }
}

/// A spell that is judged by what `change` sets; the first call begins it.
fn spell(change: impl FnOnce(Builder) -> Builder) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let builder = change(CircuitBreaker::builder("spell")).open_for(SECOND);
    let breaker = builder.clock(clock.clone()).build().unwrap();
    breaker.trip();
    clock.advance(SECOND);
    (breaker, clock)
}

#[test]
fn s35_three_failures_of_ten_reopen_at_a_share_of_three_tenths_and_two_do_not() {
    for (results, state) in [
        ("sssssssfff", State::Open),
        ("fsfsf", State::Open),
        ("ffssssssss", State::Closed),
        ("sssssssffs", State::Closed),
    ] {
        let (breaker, clock) = spell(|builder| builder.half_open_failure_rate(0.3));
        let (before, last) = results.split_at(results.len() - 1);
        play(&breaker, &clock, before);
        assert_eq!(breaker.state(), State::HalfOpen, "{results}");
        play(&breaker, &clock, last);
        assert_eq!(breaker.state(), state, "{results}");
    }
}

#[test]
fn s36_a_share_is_judged_as_soon_as_it_is_certain_in_whatever_order_probes_return() {
    for order in 0..1 << 10 {
        let (breaker, _) = spell(|builder| builder.half_open_failure_rate(0.3));
        let probes: Vec<_> = (0..10).map(|_| breaker.try_acquire().unwrap()).collect();
        assert!(breaker.try_acquire().is_err(), "ten by default");
        let (mut passed, mut failed) = (0, 0);
        let mut expected = State::HalfOpen;
        for (nth, probe) in probes.into_iter().enumerate() {
            let fails = order >> nth & 1 == 1;
            if expected == State::HalfOpen {
                failed += u32::from(fails);
                passed += u32::from(!fails);
                expected = match (failed, passed) {
                    (3, _) => State::Open,
                    (_, 8) => State::Closed,
                    _ => State::HalfOpen,
                };
            }
            if fails {
                probe.failure()
            } else {
                probe.success()
            }
            assert_eq!(breaker.state(), expected, "{passed} passed, {failed} failed");
        }
        assert_ne!(expected, State::HalfOpen);
    }
}

#[test]
fn s37_one_failed_probe_reopens_and_the_wait_starts_from_that_moment() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 2);
    clock.advance(MS * 300);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND));
    clock.advance(SECOND);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn s38_what_is_set_and_what_probes_return_say_what_becomes_of_a_spell() {
    use State::{Closed, HalfOpen, Open};
    type Change = fn(Builder) -> Builder;
    type Rows<'a> = &'a [(&'a str, State)];
    let by_default: Change = |builder| builder;
    let one: Change = |builder| builder.success_threshold(1);
    let three: Change = |builder| builder.success_threshold(3);
    let two_of_five: Change = |builder| builder.success_threshold(2).half_open_permits(5);
    let failures_only: Change = |builder| builder.failure_threshold(9);
    let rate_only: Change = |builder| builder.failure_rate(0.9).count_window(5);
    let half: Change = |builder| builder.half_open_failure_rate(0.5);
    let half_of_one: Change = |builder| share_of(builder, 0.5, 1);
    let all_of_three: Change = |builder| share_of(builder, 1.0, 3);
    let any_of_63: Change = |builder| share_of(builder, 0.001, 63);
    let (s62, s63) = ("s".repeat(62), "s".repeat(63));
    let table: [(&str, Change, Rows<'_>); 10] = [
        ("the default", by_default, &[("s", HalfOpen), ("ss", Closed), ("f", Open), ("sf", Open)]),
        ("one", one, &[("s", Closed), ("f", Open)]),
        ("three", three, &[("ss", HalfOpen), ("sss", Closed), ("f", Open), ("ssf", Open)]),
        ("2 of 5", two_of_five, &[("s", HalfOpen), ("ss", Closed), ("sf", Open)]),
        ("failures only", failures_only, &[("s", HalfOpen), ("ss", Closed), ("f", Open)]),
        ("a rate only", rate_only, &[("s", HalfOpen), ("ss", Closed), ("f", Open)]),
        (
            "half of 10",
            half,
            &[
                ("ffff", HalfOpen),
                ("fffff", Open),
                ("sssss", HalfOpen),
                ("ssssss", Closed),
                ("ffffsssss", HalfOpen),
                ("ffffsssssf", Open),
                ("ffffssssss", Closed),
            ],
        ),
        ("half of 1", half_of_one, &[("s", Closed), ("f", Open)]),
        (
            "all of 3",
            all_of_three,
            &[("s", Closed), ("ff", HalfOpen), ("fff", Open), ("ffs", Closed)],
        ),
        ("any of 63", any_of_63, &[("f", Open), (&s62, HalfOpen), (&s63, Closed)]),
    ];
    for (name, change, rows) in table {
        for &(results, state) in rows {
            let (breaker, clock) = spell(change);
            play(&breaker, &clock, results);
            assert_eq!(breaker.state(), state, "{name}: {results}");
            assert_eq!(breaker.era(), if state == HalfOpen { 2 } else { 3 });
        }
    }
}

fn share_of(builder: Builder, share: f64, probes: u32) -> Builder {
    builder.half_open_failure_rate(share).half_open_permits(probes)
}

#[test]
fn s38_more_permits_than_successes_close_as_soon_as_enough_succeeded() {
    let (breaker, clock) =
        breaker_with(|builder| builder.success_threshold(2).half_open_permits(5));
    make_due(&breaker, &clock);
    let mut probes: Vec<_> = (0..5).map(|_| breaker.try_acquire().unwrap()).collect();
    probes.pop().unwrap().success();
    assert_eq!(breaker.state(), State::HalfOpen);
    probes.pop().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    probes.pop().unwrap().failure();
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 0));
}

#[test]
fn s38_a_failure_among_successes_reopens_whatever_came_before() {
    for failing in 0..3 {
        let (breaker, clock) = breaker();
        make_due(&breaker, &clock);
        succeed(&breaker, failing);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
    }
}
