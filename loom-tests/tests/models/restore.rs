//! A restore beside results: one step under an era of its own. Invariants 20, 21. And what
//! is saved beside a turn: one state that there was. Invariant 31.

use ampacity::{Saved, State};
use loom_tests::{
    Bounds, Reached, Stage, closed, half_open_with_probes_out, race, race_within, settings,
};

/// A stage, and what another breaker of the same name left behind.
struct Revived {
    stage: Stage,
    saved: Saved,
}

impl Revived {
    fn restore(&self) {
        self.stage.breaker.restore(&self.saved).expect("whole, and of this breaker");
    }
}

/// Invariant 21: what was in flight is stale.
#[test]
fn a_restore_and_a_failure_are_two_steps_in_either_order() {
    static STALE: Reached = Reached::new();
    static IN_TIME: Reached = Reached::new();
    race(
        || Revived { stage: closed(2).with_permits(1), saved: closed(2).breaker.save() },
        Revived::restore,
        |r| r.stage.take().failure(),
        |r, (), ()| {
            let now = r.stage.at_rest();
            STALE.hit_if(now.stale == 1);
            IN_TIME.hit_if(now.stale == 0);
            assert_eq!((now.state, now.era), (State::Closed, 1), "a restore begins an era");
            assert_eq!(now.streak, 0, "a failure from before the restore counts");
        },
    )
    .met([&STALE, &IN_TIME]);
}

/// Invariant 20: the later of the two wins, with its own wait, and no probe comes back.
#[test]
fn a_restore_of_an_open_breaker_is_not_overruled_by_a_closing_probe() {
    static STALE: Reached = Reached::new();
    static CLOSED: Reached = Reached::new();
    race(
        || {
            let other = closed(1);
            other.breaker.trip();
            let saved = other.breaker.save();
            Revived { stage: half_open_with_probes_out(1, 1, 1), saved }
        },
        Revived::restore,
        |r| r.stage.take().success(),
        |r, (), ()| {
            let now = r.stage.at_rest();
            STALE.hit_if(now.stale == 1);
            CLOSED.hit_if(now.stale == 0);
            assert_eq!(now.state, State::Open, "the restore was overruled");
            assert_eq!(now.era, 4 - now.stale, "the restore overwrote a verdict");
            assert_eq!(now.opens, 1, "not the step that was saved");
            assert!(r.stage.try_acquire().is_none(), "a wait that was not saved");
        },
    )
    .met([&STALE, &CLOSED]);
}

/// Invariant 31, for what is saved: the window is of the word's era.
#[test]
fn what_is_saved_beside_a_turn_is_of_one_era() {
    static BEFORE: Reached = Reached::new();
    static AFTER: Reached = Reached::new();
    fn two_in_a_row() -> Stage {
        let by_both = settings().failure_threshold(9).failure_rate(1.0);
        Stage::new(by_both.count_window(4).minimum_calls(4))
    }
    race_within(
        // A saved window is many steps.
        Bounds { preemptions: Some(2), all_schedules: false, ..Bounds::NONE },
        || {
            let stage = two_in_a_row();
            (0..2).for_each(|_| stage.acquire().failure());
            stage
        },
        |s| s.breaker.save(),
        |s| {
            s.breaker.close();
            s.acquire().success();
        },
        |_, saved, ()| {
            let after = two_in_a_row();
            after.breaker.restore(&saved).expect("whole, and of this breaker");
            let now = after.at_rest();
            BEFORE.hit_if(now.streak == 2);
            AFTER.hit_if(now.streak == 0);
            match now.streak {
                2 => {
                    assert_eq!(now.window.calls, 2, "the streak of one era, the window of another")
                }
                streak => {
                    assert_eq!((streak, now.window.failed), (0, 0), "of no era that there was")
                }
            }
        },
    )
    .met([&BEFORE, &AFTER]);
}
