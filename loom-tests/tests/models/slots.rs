//! Whose counters a thread writes, and what becomes of them. Invariants 22 to 24, 26
//! and 27.

use crate::counting::PLAIN_LOADS;
use ampacity::Snapshot;
use loom_tests::{Reached, Stage, actor, closed, race_within};

/// Calls once, as a thread does that has just begun.
fn call(s: &Stage) {
    s.acquire().success();
}

/// The caller's slot, where a model has given it one.
fn own_slot() -> Option<u32> {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    return ampacity::model::slot();
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    return None;
}

#[track_caller]
fn exactly(now: &Snapshot, calls: u64) {
    // The stage made the counters by a call that it ignored.
    let seen = (now.admitted - now.ignored, now.succeeded);
    assert_eq!(seen, (calls, calls), "a call was lost or counted twice");
}

/// Invariant 22.
#[test]
fn threads_that_share_a_stripe_lose_no_call() {
    fn share(s: &Stage) {
        actor(7);
        call(s);
    }
    race_within(PLAIN_LOADS, || closed(1), share, share, |s, (), ()| exactly(&s.at_rest(), 2))
        .shown_by("StripeOwned");
}

/// Invariant 22, for a permit that is settled elsewhere than it was taken.
#[test]
fn a_permit_that_travels_is_counted_once_on_each_side() {
    static TRAVELLED: Reached = Reached::new();
    race_within(
        PLAIN_LOADS,
        || closed(1).with_permits(1),
        |s| {
            s.take().success();
            own_slot()
        },
        call,
        |s, settled_by, ()| {
            // Taken by the first thread, as all that is done before a race.
            TRAVELLED.hit_if(settled_by == Some(1));
            exactly(&s.at_rest(), 2);
        },
    )
    .met([&TRAVELLED]);
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod leased {
    use super::*;
    use ampacity::model::{SharedPlan, forget_slot, give_slot_back, slot};
    use loom_tests::{Bounds, race};

    /// A thread's whole life: it leases a slot, calls, and gives the slot back.
    fn live(s: &Stage) -> u32 {
        forget_slot();
        call(s);
        let leased = slot().expect("a thread that called has a slot");
        give_slot_back();
        leased
    }

    /// What a reader saw, and then saw again.
    #[track_caller]
    fn grows(before: &Snapshot, after: &Snapshot) {
        assert!(before.lifetime.admitted <= after.lifetime.admitted, "a count fell");
        assert!(before.lifetime.succeeded <= after.lifetime.succeeded, "a count fell");
    }

    /// Invariants 23 and 24.
    #[test]
    fn a_snapshot_while_a_shard_changes_hands_misses_nothing() {
        static FIRST: Reached = Reached::new();
        static SECOND: Reached = Reached::new();
        race_within(
            // All schedules of two snapshots and two lives are more than two million.
            Bounds { all_schedules: false, ..PLAIN_LOADS },
            || closed(1),
            |s| assert_eq!(live(s), live(s), "a slot that was given back is leased next"),
            |s| {
                let before = s.breaker.snapshot();
                let after = s.breaker.snapshot();
                grows(&before, &after);
                FIRST.hit_if(after.succeeded == 1);
                SECOND.hit_if(before.succeeded == 1 && after.succeeded == 2);
            },
            |s, (), ()| exactly(&s.at_rest(), 2),
        )
        .met([&FIRST, &SECOND]);
    }

    /// Invariant 26: what a thread counts in its last moments, when its slot may already be
    /// another's, is seen too.
    #[test]
    fn a_snapshot_while_a_thread_ends_misses_nothing() {
        static FIRST: Reached = Reached::new();
        static SECOND: Reached = Reached::new();
        race_within(
            // As above.
            Bounds { all_schedules: false, ..PLAIN_LOADS },
            || closed(1),
            |s| {
                live(s);
                call(s);
            },
            |s| {
                let before = s.breaker.snapshot();
                let after = s.breaker.snapshot();
                grows(&before, &after);
                FIRST.hit_if(after.succeeded == 1);
                SECOND.hit_if(before.succeeded == 1 && after.succeeded == 2);
            },
            |s, (), ()| exactly(&s.at_rest(), 2),
        )
        .met([&FIRST, &SECOND]);
    }

    /// As invariant 22, for the plan that says which calls are timed: one of these two.
    #[test]
    fn calls_that_share_a_plan_are_each_planned_once() {
        static LEFT: Reached = Reached::new();
        static RIGHT: Reached = Reached::new();
        race(SharedPlan::new, SharedPlan::call, SharedPlan::call, |_, left, right| {
            LEFT.hit_if(left);
            RIGHT.hit_if(right);
            assert!(left != right, "two calls took one place in the plan");
        })
        .met([&LEFT, &RIGHT]);
    }

    /// Invariant 27, for two whose lives overlap or follow each other.
    #[test]
    fn threads_that_come_and_go_never_share_a_slot() {
        static SAME: Reached = Reached::new();
        static OTHER: Reached = Reached::new();
        race_within(
            PLAIN_LOADS,
            || closed(1),
            live,
            live,
            |s, left, right| {
                SAME.hit_if(left == right);
                OTHER.hit_if(left != right);
                exactly(&s.at_rest(), 2);
            },
        )
        .met([&SAME, &OTHER]);
    }

    /// Invariant 27, for what a thread's last destructors count.
    #[test]
    fn a_thread_that_gave_its_slot_back_counts_elsewhere() {
        static REUSED: Reached = Reached::new();
        race_within(
            PLAIN_LOADS,
            || closed(1),
            |s| {
                let leased = live(s);
                call(s);
                leased
            },
            live,
            |s, left, right| {
                REUSED.hit_if(left == right);
                exactly(&s.at_rest(), 3);
            },
        )
        .met([&REUSED]);
    }
}
