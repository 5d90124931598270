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
