//! Permits that come back without a verdict. Invariants 11, 12, 13, 14.

use ampacity::{OwnedPermit, State};
use loom_tests::{Reached, Stage, half_open, half_open_with_probes_out, race, race_of_three};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The place is with the other caller, or free, and in no case lost.
fn one_place_is_left(s: &Stage, other: Option<OwnedPermit>) {
    let next = s.try_acquire();
    assert!(other.is_some() != next.is_some(), "a place of 1 was lost or doubled");
    s.at_rest();
}

/// Invariant 11.
#[test]
fn a_dropped_probe_gives_its_place_back() {
    static TAKEN: Reached = Reached::new();
    static FREE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| drop(s.take()),
        Stage::try_acquire,
        |s, (), other| {
            TAKEN.hit_if(other.is_some());
            FREE.hit_if(other.is_none());
            one_place_is_left(s, other);
        },
    )
    .met([&TAKEN, &FREE]);
}

/// Invariant 11, with two who give back and one who comes.
#[test]
fn of_two_places_that_come_back_at_once_none_is_lost() {
    static TAKEN: Reached = Reached::new();
    static FREE: Reached = Reached::new();
    fn give_back(s: &Stage) -> Option<OwnedPermit> {
        drop(s.take());
        None
    }
    race_of_three(
        || half_open_with_probes_out(2, 2, 2),
        [give_back, give_back, Stage::try_acquire],
        |s, probes| {
            let held = probes.into_iter().flatten();
            let mut held: Vec<_> = held.collect();
            TAKEN.hit_if(held.len() == 1);
            FREE.hit_if(held.is_empty());
            held.extend((0..3).filter_map(|_| s.try_acquire()));
            assert_eq!(held.len(), 2, "a place of 2 was lost or doubled");
            s.at_rest();
        },
    )
    .met([&TAKEN, &FREE]);
}

/// Invariant 12.
#[test]
fn a_probe_dropped_by_an_unwind_gives_its_place_back() {
    static FREE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _probe = s.take();
                resume_unwind(Box::new("the caller gave up"));
            }));
            assert!(unwound.is_err());
        },
        Stage::try_acquire,
        |s, (), other| {
            FREE.hit_if(other.is_none());
            one_place_is_left(s, other);
        },
    )
    .met([&FREE]);
}

/// Invariant 13.
#[test]
fn a_settled_permit_has_one_effect() {
    race(
        || half_open(2, 2),
        |s| s.acquire().success(),
        Stage::acquire,
        |s, (), held| {
            let now = s.at_rest();
            assert_eq!((now.succeeded, now.cancelled), (1, 0), "settled twice");
            assert_eq!(now.state, State::HalfOpen);
            assert!(s.try_acquire().is_none(), "both places are taken");
            held.success();
            assert_eq!(s.breaker.state(), State::Closed);
        },
    )
    .contended();
}

/// Invariant 14: what no public call can do, so the word is asked directly.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
#[test]
fn more_than_was_taken_cannot_be_given_back() {
    use ampacity::model::Spell;
    static LEFT: Reached = Reached::new();
    static RIGHT: Reached = Reached::new();
    race(Spell::with_one_probe, Spell::give_back, Spell::give_back, |spell, left, right| {
        LEFT.hit_if(left);
        RIGHT.hit_if(right);
        assert!(left != right, "one place was taken");
        let places = (0..3).filter(|_| spell.probe(2)).count();
        assert_eq!(places, 2, "a place was lost or doubled");
    })
    .met([&LEFT, &RIGHT]);
}
