//! A. Closed state and trip, as far as the consecutive policy goes.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;

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
