//! What probes decide. Invariants 5, 6, 16.

use ampacity::State;
use loom_tests::{
    Bounds, Reached, Stage, due, half_open_with_probes_out, race, race_of_three, race_within,
};

fn succeed(s: &Stage) {
    s.take().success();
}

/// Invariant 5.
#[test]
fn one_success_alone_closes() {
    static STALE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(2, 2, 1),
        succeed,
        succeed,
        |s, (), ()| {
            assert_eq!(s.turns(State::HalfOpen, State::Closed), 1, "closings");
            let now = s.at_rest();
            assert_eq!((now.state, now.era), (State::Closed, 3));
            STALE.hit_if(now.stale == 1);
        },
    )
    .met([&STALE]);
}

/// Invariant 6.
#[test]
fn a_success_and_a_failure_at_once_have_one_successor() {
    static CLOSED: Reached = Reached::new();
    static OPEN: Reached = Reached::new();
    race(
        || half_open_with_probes_out(2, 2, 1),
        |s| s.take().success(),
        |s| s.take().failure(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!(now.era, 3, "the spell has one end");
            assert_eq!(now.stale, 1, "the later verdict is stale");
            CLOSED.hit_if(now.state == State::Closed);
            OPEN.hit_if(now.state == State::Open);
        },
    )
    .met([&CLOSED, &OPEN]);
}

/// Invariants 5 and 6, with three probes.
#[test]
fn of_three_verdicts_at_once_one_ends_the_spell() {
    static CLOSED: Reached = Reached::new();
    static OPEN: Reached = Reached::new();
    race_of_three(
        || half_open_with_probes_out(3, 3, 1),
        [succeed, succeed, |s| s.take().failure()],
        |s, _| {
            let now = s.at_rest();
            assert_eq!((now.era, now.stale), (3, 2), "the spell has one end");
            CLOSED.hit_if(now.state == State::Closed);
            OPEN.hit_if(now.state == State::Open);
        },
    )
    .met([&CLOSED, &OPEN]);
}

/// Where calls and time alone can lead.
const LEGAL: [(State, State); 5] = [
    (State::Closed, State::Open),
    (State::Open, State::HalfOpen),
    (State::HalfOpen, State::Closed),
    (State::HalfOpen, State::Open),
    (State::HalfOpen, State::HalfOpen),
];

fn only_legal(s: &Stage) {
    for (from, to, _) in s.at_rest().transitions.iter() {
        assert!(LEGAL.contains(&(from, to)), "{from} -> {to} is no edge");
    }
}

fn succeed_if_admitted(s: &Stage) {
    if let Some(call) = s.try_acquire() {
        call.success();
    }
}

fn fail_if_admitted(s: &Stage) {
    if let Some(call) = s.try_acquire() {
        call.failure();
    }
}

/// Invariant 16.
#[test]
fn calls_take_only_the_declared_edges() {
    static CLOSED: Reached = Reached::new();
    static REOPENED: Reached = Reached::new();
    // Two whole calls each way: unbounded, loom needs minutes. shuttle searches
    // all schedules.
    race_within(
        Bounds { preemptions: Some(3), ..Bounds::NONE },
        || due(2, 1),
        succeed_if_admitted,
        fail_if_admitted,
        |s, (), ()| {
            CLOSED.hit_if(s.turns(State::HalfOpen, State::Closed) > 0);
            REOPENED.hit_if(s.turns(State::HalfOpen, State::Open) > 0);
            only_legal(s);
        },
    )
    .met([&CLOSED, &REOPENED]);
}

/// Invariant 16, with a third who gives up.
#[test]
fn three_callers_take_only_the_declared_edges() {
    static CLOSED: Reached = Reached::new();
    static REOPENED: Reached = Reached::new();
    race_of_three(
        || half_open_with_probes_out(2, 3, 1),
        [
            |s: &Stage| s.take().success(),
            |s: &Stage| s.take().failure(),
            |s: &Stage| drop(s.try_acquire()),
        ],
        |s, _| {
            CLOSED.hit_if(s.turns(State::HalfOpen, State::Closed) > 0);
            REOPENED.hit_if(s.turns(State::HalfOpen, State::Open) > 0);
            only_legal(s);
        },
    )
    .met([&CLOSED, &REOPENED]);
}
