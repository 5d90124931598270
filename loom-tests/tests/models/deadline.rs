//! Time and the open state. Invariants 17, 18, 19.

use ampacity::State;
use loom_tests::tool::AtomicU64;
use loom_tests::{Reached, closed, race};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Invariant 17.
#[test]
fn whoever_knows_of_the_trip_is_turned_away_before_the_deadline() {
    static KNOWS: Reached = Reached::new();
    race(
        || (closed(1).with_permits(1), AtomicU64::new(0)),
        |(s, told)| {
            s.take().failure();
            told.store(1, Ordering::Release);
        },
        |(s, told)| {
            if told.load(Ordering::Acquire) == 1 {
                KNOWS.hit();
                assert!(s.try_acquire().is_none(), "admitted before the deadline");
            }
        },
        |(s, _), (), ()| {
            assert_eq!(s.at_rest().state, State::Open);
        },
    )
    .met([&KNOWS]);
}

/// Invariant 18.
#[test]
fn whoever_sees_open_sees_its_deadline() {
    static REJECTED: Reached = Reached::new();
    static ADMITTED: Reached = Reached::new();
    race(
        || closed(1).with_permits(1),
        |s| s.take().failure(),
        |s| match s.breaker.try_acquire() {
            Ok(call) => {
                ADMITTED.hit();
                assert!(!call.is_probe(), "probed before the deadline");
            }
            Err(rejected) => {
                REJECTED.hit();
                let wait = rejected.retry_after();
                assert_eq!(wait, Some(Duration::from_millis(100)), "of another deadline");
            }
        },
        |s, (), ()| {
            s.at_rest();
        },
    )
    .met([&REJECTED, &ADMITTED]);
}

/// Invariant 19.
#[test]
fn a_clock_that_steps_back_neither_reopens_early_nor_wedges() {
    static BEHIND: Reached = Reached::new();
    const START: Duration = Duration::from_secs(2_000);
    race(
        || {
            let stage = closed(1);
            stage.clock.set(START);
            stage.breaker.trip();
            stage
        },
        |s| {
            s.clock.set(Duration::ZERO);
            assert!(s.try_acquire().is_none(), "admitted before the deadline");
        },
        |s| {
            BEHIND.hit_if(s.breaker.snapshot().rejected.open > 0);
            assert!(s.try_acquire().is_none(), "admitted before the deadline");
        },
        |s, (), ()| {
            s.clock.set(START);
            s.wait();
            s.acquire().success();
            assert_eq!(s.at_rest().state, State::Closed, "wedged");
        },
    )
    .met([&BEHIND]);
}
