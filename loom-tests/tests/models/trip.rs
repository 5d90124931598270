//! What failures decide. Invariants 4, 30, 31.

use ampacity::State;
use loom_tests::{Raced, Reached, Stage, closed, race, race_of_three};

/// Two callers who report a failure at the same time, each with a permit taken before.
pub(crate) fn two_failures_at_once(setup: fn() -> Stage, end: fn(&Stage, (), ())) -> Raced {
    let fail = |s: &Stage| s.take().failure();
    race(setup, fail, fail, end)
}

/// Invariant 4.
#[test]
fn one_failure_alone_trips() {
    static STALE: Reached = Reached::new();
    two_failures_at_once(
        || closed(1).with_permits(2),
        |s, (), ()| {
            assert_eq!(s.turns(State::Closed, State::Open), 1, "trips");
            let now = s.at_rest();
            assert_eq!((now.state, now.era), (State::Open, 1));
            STALE.hit_if(now.stale == 1);
        },
    )
    .met([&STALE]);
}

/// Invariant 4, with three callers.
#[test]
fn one_of_three_failures_alone_trips() {
    race_of_three(
        || closed(1).with_permits(3),
        [|s: &Stage| s.take().failure(); 3],
        |s, _| {
            assert_eq!(s.turns(State::Closed, State::Open), 1, "trips");
            let now = s.at_rest();
            assert_eq!((now.state, now.era, now.stale), (State::Open, 1, 2));
        },
    )
    .contended();
}

/// Invariant 30.
#[test]
fn failures_at_the_threshold_trip() {
    two_failures_at_once(
        || closed(2).with_permits(2),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!((now.state, now.era), (State::Open, 1), "2 failures of 2");
        },
    )
    .contended();
}

/// Invariant 30, the other side of it.
#[test]
fn failures_below_the_threshold_do_not_trip() {
    two_failures_at_once(
        || closed(3).with_permits(2),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!((now.state, now.streak), (State::Closed, 2), "2 of 3");
        },
    )
    .contended();
}

/// Invariant 30, with three callers.
#[test]
fn three_failures_at_once_reach_a_threshold_of_three() {
    race_of_three(
        || closed(3).with_permits(3),
        [|s: &Stage| s.take().failure(); 3],
        |s, _| {
            let now = s.at_rest();
            assert_eq!((now.state, now.era), (State::Open, 1), "3 failures of 3");
        },
    )
    .contended();
}

/// Invariant 31.
#[test]
fn a_failure_is_judged_by_the_streak_that_its_swap_replaces() {
    static ENDED: Reached = Reached::new();
    static TRIPPED: Reached = Reached::new();
    race(
        || {
            let stage = closed(2).with_permits(2);
            stage.acquire().failure();
            stage
        },
        |s| s.take().failure(),
        |s| s.take().success(),
        |s, (), ()| {
            let now = s.at_rest();
            if now.state == State::Open {
                TRIPPED.hit();
                assert_eq!(now.stale, 1, "a streak tripped that a success had ended");
            } else {
                ENDED.hit();
                assert_eq!((now.streak, now.stale), (1, 0));
            }
        },
    )
    .met([&ENDED, &TRIPPED]);
}
