//! Who is admitted as a probe. Invariants 1, 2, 3.

use ampacity::{OwnedPermit, State};
use loom_tests::{
    Bounds, Reached, Stage, due, half_open, race, race_of_three, race_of_three_within,
};

/// Invariant 1.
#[test]
fn one_caller_alone_turns_a_due_breaker_half_open() {
    static LEFT: Reached = Reached::new();
    static RIGHT: Reached = Reached::new();
    race(
        || due(1, 1),
        Stage::try_acquire,
        Stage::try_acquire,
        |s, left, right| {
            LEFT.hit_if(left.is_some());
            RIGHT.hit_if(right.is_some());
            assert_eq!(s.turns(State::Open, State::HalfOpen), 1, "open to half-open");
            assert!(left.is_some() != right.is_some(), "one place, one probe");
            assert_eq!(s.at_rest().era, 2);
        },
    )
    .met([&LEFT, &RIGHT]);
}

/// Invariant 1, with three callers.
#[test]
fn one_of_three_callers_turns_a_due_breaker_half_open() {
    static TURNED_AWAY: Reached = Reached::new();
    race_of_three_within(
        Bounds::THREE_THREADS_SHORTLY,
        || due(1, 1),
        [Stage::try_acquire; 3],
        |s, probes| {
            TURNED_AWAY.hit_if(probes[0].is_none());
            assert_eq!(s.turns(State::Open, State::HalfOpen), 1, "open to half-open");
            assert_eq!(probes.iter().flatten().count(), 1, "one place, one probe");
            assert_eq!(s.at_rest().era, 2);
        },
    )
    .met([&TURNED_AWAY]);
}

/// Invariant 2.
#[test]
fn a_spell_never_has_more_probes_out_than_permits() {
    static LEFT: Reached = Reached::new();
    static AGAIN: Reached = Reached::new();
    race(
        || half_open(1, 1),
        Stage::try_acquire,
        |s| {
            if let Some(probe) = s.try_acquire() {
                probe.ignore();
            }
            s.try_acquire()
        },
        |s, left, right| {
            LEFT.hit_if(left.is_some());
            AGAIN.hit_if(right.is_some());
            let out = [&left, &right].into_iter().flatten().count();
            assert!(out <= 1, "{out} probes of 1 are out");
            s.at_rest();
        },
    )
    .met([&LEFT, &AGAIN]);
}

/// Invariant 2, with three callers on two places.
#[test]
fn three_callers_share_two_places() {
    static FULL: Reached = Reached::new();
    race_of_three(
        || half_open(2, 1),
        [Stage::try_acquire; 3],
        |s, probes| {
            let out = probes.iter().flatten().count();
            assert_eq!(out, 2, "probes out of 2");
            FULL.hit_if(probes[0].is_none());
            s.at_rest();
        },
    )
    .met([&FULL]);
}

/// Invariant 3.
#[test]
fn a_probe_that_passed_does_not_make_room_for_another() {
    static FULL: Reached = Reached::new();
    fn of_the_spell(permit: &OwnedPermit) -> bool {
        permit.era() == 2
    }
    race(
        || half_open(2, 2),
        |s| {
            let first = s.try_acquire();
            let admitted = usize::from(first.as_ref().is_some_and(of_the_spell));
            if let Some(probe) = first {
                probe.success();
            }
            (admitted, s.try_acquire())
        },
        Stage::try_acquire,
        |s, (admitted, left), right| {
            FULL.hit_if(left.is_none() || right.is_none());
            let held = [&left, &right].into_iter().flatten();
            let admitted = admitted + held.filter(|permit| of_the_spell(permit)).count();
            assert!(admitted <= 2, "{admitted} probes of 2 were admitted");
            s.at_rest();
        },
    )
    .met([&FULL]);
}
