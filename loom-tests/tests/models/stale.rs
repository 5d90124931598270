//! Permits that come back in a later era. Invariants 7, 9, 21.

use ampacity::State;
use loom_tests::{Reached, closed, half_open_with_probes_out, race};

/// Invariant 7.
#[test]
fn a_report_from_an_earlier_era_changes_nothing() {
    static STALE: Reached = Reached::new();
    static IN_TIME: Reached = Reached::new();
    race(
        || closed(2).with_permits(1),
        |s| s.take().failure(),
        |s| {
            s.breaker.force_open();
            s.breaker.close();
        },
        |s, (), ()| {
            let now = s.at_rest();
            STALE.hit_if(now.stale == 1);
            IN_TIME.hit_if(now.stale == 0);
            assert_eq!((now.state, now.era), (State::Closed, 2));
            assert_eq!(now.streak, 0, "a failure of another era counts");
            assert_eq!(now.failed, 1, "totals count it all the same");
        },
    )
    .met([&STALE, &IN_TIME]);
}

/// Invariant 7, for what a probe gives back.
#[test]
fn a_probe_of_an_earlier_spell_gives_this_one_no_place() {
    static STALE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| drop(s.take()),
        |s| {
            s.breaker.trip();
            s.wait();
            s.acquire()
        },
        |s, (), held| {
            STALE.hit_if(s.at_rest().stale == 1);
            assert_eq!(held.era(), 4);
            assert!(s.try_acquire().is_none(), "the only place is taken");
        },
    )
    .met([&STALE]);
}

/// Invariant 9: a model's era has 4 bits in the word, so 16 transitions wrap it.
#[test]
fn a_permit_held_for_a_whole_lap_of_the_era_is_stale() {
    static STALE: Reached = Reached::new();
    race(
        || {
            let stage = closed(2).with_permits(1);
            (0..15).for_each(|_| stage.breaker.reset());
            stage
        },
        |s| s.take().failure(),
        |s| s.breaker.reset(),
        |s, (), ()| {
            let now = s.at_rest();
            STALE.hit_if(now.stale == 1);
            assert_eq!(now.era, 16);
            assert_eq!(now.streak, 0, "a failure of a lap ago counts");
        },
    )
    .met([&STALE]);
}

/// Invariant 21.
#[test]
fn a_reset_makes_every_permit_stale() {
    static STALE: Reached = Reached::new();
    race(
        || closed(2).with_permits(1),
        |s| s.take().failure(),
        |s| s.breaker.reset(),
        |s, (), ()| {
            let now = s.at_rest();
            STALE.hit_if(now.lifetime.stale == 1);
            assert_eq!(now.era, 1, "a reset begins an era");
            assert_eq!(now.streak, 0, "a failure from before the reset counts");
        },
    )
    .met([&STALE]);
}
