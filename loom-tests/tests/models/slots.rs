//! Whose counters a thread writes, and what becomes of them. Invariants 22 to 24 and
//! 26 to 28.

use crate::counting::PLAIN_LOADS;
use ampacity::{CircuitBreaker, Clock, Snapshot};
use loom_tests::{Stage, actor, closed, race_within, settings};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Calls once, as a thread does that has just begun.
fn call(s: &Stage) {
    s.acquire().success();
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
    race_within(PLAIN_LOADS, || closed(1), share, share, |s, (), ()| exactly(&s.at_rest(), 2));
}

/// Invariant 22, for a permit that is settled elsewhere than it was taken.
#[test]
fn a_permit_that_travels_is_counted_once_on_each_side() {
    race_within(
        PLAIN_LOADS,
        || closed(1).with_permits(1),
        |s| s.take().success(),
        call,
        |s, (), ()| exactly(&s.at_rest(), 2),
    );
}

/// Values that are alive, over all executions of one test.
#[derive(Debug)]
struct Alive(AtomicI64);

impl Alive {
    /// At the start of an execution the last one must have left nothing behind.
    #[track_caller]
    fn none(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "something was leaked or freed twice");
    }

    fn one(&'static self) -> Life {
        self.0.fetch_add(1, Ordering::Relaxed);
        Life(self)
    }
}

#[derive(Debug)]
struct Life(&'static Alive);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Invariant 28: whoever lets go of a breaker last frees it, once.
#[test]
fn a_breaker_dropped_by_threads_that_end_is_freed_once() {
    static ALIVE: Alive = Alive(AtomicI64::new(0));
    struct Still(Life);
    impl Clock for Still {
        fn now(&self) -> u64 {
            let Life(_) = self.0;
            0
        }
    }
    fn call_and_let_go(owners: &Mutex<Vec<Arc<CircuitBreaker>>>) {
        let breaker = owners.lock().unwrap().pop().expect("one for each");
        let permit = breaker.try_acquire_owned().expect("closed");
        drop(breaker);
        permit.success();
    }
    race_within(
        PLAIN_LOADS,
        || {
            ALIVE.none();
            let breaker = Arc::new(settings().clock(Still(ALIVE.one())).build().unwrap());
            breaker.try_acquire().unwrap().ignore(); // makes the counters
            Mutex::new(vec![Arc::clone(&breaker), breaker])
        },
        call_and_let_go,
        call_and_let_go,
        |_, (), ()| ALIVE.none(),
    );
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod leased {
    use super::*;
    use ampacity::model::{Once, SharedPlan, forget_slot, give_slot_back, slot};
    use loom_tests::{Bounds, Reached, race};

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

    /// Invariants 23, 24 and 26.
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
        );
        FIRST.assert_some();
        SECOND.assert_some();
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
        });
        LEFT.assert_some();
        RIGHT.assert_some();
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
        );
        SAME.assert_some();
        OTHER.assert_some();
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
        );
        REUSED.assert_some();
    }

    /// Invariant 28, for what is made on first use.
    #[test]
    fn what_is_made_twice_is_freed_twice() {
        static ALIVE: Alive = Alive(AtomicI64::new(0));
        static TWICE: Reached = Reached::new();
        fn make(once: &Once<Life>) {
            once.get_or_make(|| {
                TWICE.hit_if(ALIVE.0.load(Ordering::Relaxed) == 1);
                ALIVE.one()
            });
        }
        race(
            || {
                ALIVE.none();
                Once::new()
            },
            make,
            make,
            |_, (), ()| assert_eq!(ALIVE.0.load(Ordering::Relaxed), 1, "one was left behind"),
        );
        TWICE.assert_some();
        ALIVE.none();
    }
}
