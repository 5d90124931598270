//! Effects belong to the winner. Invariant 34.

use crate::trip::two_failures_at_once;
use ampacity::State;
use loom_tests::{Bounds, Stage, closed, race, race_within, settings};

/// Invariant 34.
#[test]
fn a_trip_is_told_once_however_many_swaps_it_took() {
    two_failures_at_once(
        || closed(2).with_permits(2),
        |s, (), ()| {
            let told = s.turns(State::Closed, State::Open);
            assert_eq!(told, 1, "a lost swap told of a transition");
            assert_eq!(s.breaker.snapshot().transitions.total(), 1);
        },
    )
    .contended();
}

/// Invariant 34, for callers who lose to an order.
#[test]
fn two_orders_at_once_are_told_once_each() {
    race(
        || closed(1),
        |s| s.breaker.disable(),
        |s| s.breaker.force_open(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!((now.era, now.transitions.total()), (2, 2));
        },
    )
    .contended();
}

/// Where an event is made, of which the searches of all schedules are many.
const TOLD: Bounds = Bounds { preemptions: Some(3), all_schedules: false, ..Bounds::NONE };

#[track_caller]
fn told_because(s: &Stage, cause: &str) {
    let told = s.breaker.history().pop().expect("a transition was told");
    assert_eq!(told.cause.to_string(), cause);
}

/// Invariants 31 and 34: of two failures at once the one that trips names both.
#[test]
fn a_trip_names_the_streak_that_its_swap_replaced() {
    race_within(
        TOLD,
        || Stage::new(settings().failure_threshold(2).history(1)).with_permits(2),
        |s| s.take().failure(),
        |s| s.take().failure(),
        |s, (), ()| told_because(s, "2 failures in a row"),
    )
    .contended();
}

/// Invariants 31 and 34: of two probes at once the one that closes names both.
#[test]
fn a_verdict_names_the_probes_of_the_word_that_its_swap_replaced() {
    race_within(
        TOLD,
        || {
            let settings = settings().failure_threshold(1).history(1);
            let stage = Stage::new(settings.success_threshold(2).half_open_permits(2));
            stage.breaker.trip();
            stage.wait();
            stage.with_permits(2)
        },
        |s| s.take().success(),
        |s| s.take().success(),
        |s, (), ()| told_because(s, "2 probes succeeded"),
    )
    .contended();
}
