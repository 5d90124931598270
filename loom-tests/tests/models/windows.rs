//! Windows: whatever changes hands is whole, and nothing is lost, kept or counted twice.
//! Invariants 7 and 29, and what is in flight.

use ampacity::model::{InFlight, LastCalls, Recent, Slices};
use loom_tests::{Bounds, Raced, Reached, Steps, race, race_of_three, race_within};

/// An owner writes by plain stores; see `counting`.
const PLAIN_LOADS: Bounds = Bounds { rmw_loads: false, ..Bounds::NONE };

mod rotation {
    use super::*;

    /// Where loom takes minutes to search everything.
    const SOME: Bounds = Bounds { preemptions: Some(3), ..Bounds::NONE };

    /// A place of a ring, with two results of slice 1.
    fn used() -> Slices {
        let slices = Slices::new();
        assert!(slices.add(0, 1) && slices.add(0, 1));
        slices
    }

    /// Invariant 29: two give a place to the same slice.
    #[test]
    fn a_slice_that_two_begin_at_once_has_the_results_of_both_and_no_others() {
        race_within(
            Bounds { preemptions: Some(2), ..SOME },
            used,
            |s| s.add(0, 2),
            |s| s.add(0, 2),
            |s, left, right| {
                assert!(left && right, "nothing newer was there");
                assert_eq!(s.sums(0, 2), Some([2, 2]), "lost, kept or counted twice");
            },
        )
        .contended();
    }

    /// Invariant 29: two give a place to different slices, and the newer one has it.
    #[test]
    fn a_newer_slice_has_its_own_results_whoever_comes_late() {
        static LATE: Reached = Reached::new();
        static OVERTAKEN: Reached = Reached::new();
        race_within(
            SOME,
            used,
            |s| s.add(0, 2),
            |s| s.add(0, 3) && s.add(0, 3),
            |s, left, right| {
                assert!(right, "nothing newer was there");
                assert_eq!(s.sums(0, 3), Some([2, 2]), "lost, kept or counted twice");
                LATE.hit_if(!left);
                OVERTAKEN.hit_if(left);
            },
        )
        .met([&LATE, &OVERTAKEN]);
    }

    /// Invariant 29: whoever cleans for a slice may come to it when the next one has begun.
    #[test]
    fn two_slices_later_a_late_cleaner_does_no_harm() {
        static LATE: Reached = Reached::new();
        static OVERTAKEN: Reached = Reached::new();
        race_within(
            SOME,
            used,
            |s| s.add(0, 2),
            |s| {
                s.add(0, 3);
                s.add(0, 4)
            },
            |s, left, right| {
                LATE.hit_if(!left);
                OVERTAKEN.hit_if(left);
                assert!(right, "nothing newer was there");
                assert_eq!(s.sums(0, 4), Some([1, 1]), "lost, kept or counted twice");
            },
        )
        .met([&LATE, &OVERTAKEN]);
    }

    /// Invariants 7 and 29, for a result of an era that is over.
    #[test]
    fn a_newer_era_has_its_own_results_whoever_comes_late() {
        static LATE: Reached = Reached::new();
        race_within(
            SOME,
            used,
            |s| s.add(0, 9),
            |s| s.add(1, 1) && s.add(1, 1),
            |s, left, right| {
                assert!(right, "nothing newer was there");
                assert_eq!(s.sums(1, 1), Some([2, 2]), "lost, kept or counted twice");
                LATE.hit_if(!left);
            },
        )
        .met([&LATE]);
    }

    /// Invariant 29, for a reader: of a slice, what its word for the whole says is never
    /// less than what that for the part says, which was changed after it.
    #[test]
    fn a_reader_sees_one_slice_or_the_next_and_no_mix() {
        static OLD: Reached = Reached::new();
        static NEW: Reached = Reached::new();
        static HALF: Reached = Reached::new();
        race_within(
            PLAIN_LOADS,
            || {
                let slices = Slices::new();
                let owned = slices.own(0, 1);
                (0..2).for_each(|_| slices.add_owned(owned));
                slices
            },
            |s| {
                let owned = s.own(0, 2);
                s.add_owned(owned);
            },
            |s| {
                let (slice, sums) = s.sums_of_any();
                match (slice, sums) {
                    (1, [2, 2]) => OLD.hit(),
                    (2, [0, 0] | [1, 1]) => NEW.hit(),
                    (2, [1, 0]) => HALF.hit(),
                    mix => panic!("half of one slice, half of the next: {mix:?}"),
                }
            },
            |s, (), ()| assert_eq!(s.sums(0, 2), Some([1, 1])),
        )
        .met([&OLD, &NEW, &HALF]);
    }

    /// The same, beside threads that share the place.
    #[test]
    fn a_reader_sees_one_shared_slice_or_the_next_and_no_mix() {
        static OLD: Reached = Reached::new();
        static NEW: Reached = Reached::new();
        race_within(
            SOME,
            used,
            |s| s.add(0, 2),
            |s| match s.sums_of_any() {
                (1, [2, 2]) => OLD.hit(),
                (2, [0 | 1, 0] | [1, 1]) => NEW.hit(),
                mix => panic!("half of one slice, half of the next: {mix:?}"),
            },
            |s, _, ()| assert_eq!(s.sums(0, 2), Some([1, 1])),
        )
        .met([&OLD, &NEW]);
    }
}

/// Not under loom, which lets a swap beside a plain store succeed on what came before it:
/// no machine does.
#[cfg(not(ampacity_loom))]
mod sweeping {
    use super::*;

    /// Invariant 29: whoever sweeps what is far behind does not empty what an owner begins.
    #[test]
    fn a_sweep_takes_nothing_from_an_owner_who_begins_at_the_same_time() {
        race(
            || {
                let slices = Slices::new();
                let owned = slices.own(0, 1);
                slices.add_owned(owned);
                slices
            },
            |s| s.sweep(4),
            |s| {
                let owned = s.own(4, 1);
                s.add_owned(owned);
            },
            |s, (), ()| assert_eq!(s.sums(4, 1), Some([1, 1]), "lost or kept"),
        )
        .shown_by("CleanLate");
    }

    /// Invariants 7 and 29: nor does an owner who is late by many eras fill what was swept.
    #[test]
    fn what_an_owner_adds_to_a_swept_place_counts_as_nothing() {
        static SWEPT: Reached = Reached::new();
        static BEFORE: Reached = Reached::new();
        race(
            || {
                let slices = Slices::new();
                let owned = slices.own(0, 1);
                slices.add_owned(owned);
                (slices, owned)
            },
            |(s, _)| s.sweep(4),
            |(s, owned)| {
                s.add_owned(*owned);
                s.sums(0, 1).is_none()
            },
            |(s, _), (), swept| {
                SWEPT.hit_if(swept);
                BEFORE.hit_if(!swept);
                assert_eq!(s.sums(4, 0), Some([0, 0]), "kept");
            },
        )
        .met([&SWEPT, &BEFORE]);
    }
}

mod of_time {
    use super::*;

    /// Records of an era that is over, beside the first of the next one.
    fn a_new_era_begins<T: Send + 'static>(
        bounds: Bounds,
        old: fn(&Recent),
        new: fn(&Recent) -> T,
        end: fn(&Recent, (), T),
    ) -> Raced {
        let before = || {
            let recent = Recent::new();
            recent.record(0, 0, 1, true);
            recent
        };
        race_within(bounds, before, old, new, end)
    }

    fn has_its_own(recent: &Recent) {
        assert_eq!(recent.read(1, 1), [2, 1, 1], "an old result, or one too few");
    }

    /// Invariant 7, for threads with places of their own.
    #[test]
    fn an_era_has_its_own_results_only_where_each_thread_has_a_place() {
        static BEFORE: Reached = Reached::new();
        static AFTER: Reached = Reached::new();
        a_new_era_begins(
            PLAIN_LOADS,
            |recent| recent.record(0, 0, 1, true),
            |recent| {
                recent.record(1, 1, 1, true);
                let [old, ..] = recent.read(0, 1);
                assert_eq!(recent.read(1, 1), [1, 1, 1], "an old result");
                recent.record(1, 1, 1, false);
                old
            },
            |recent, (), old| {
                BEFORE.hit_if(old == 1);
                AFTER.hit_if(old == 2);
                has_its_own(recent);
            },
        )
        .met([&BEFORE, &AFTER]);
    }

    /// Invariant 7, for threads that share one.
    #[test]
    fn an_era_has_its_own_results_only_where_threads_share_a_place() {
        a_new_era_begins(
            Bounds { preemptions: Some(2), all_schedules: false, ..Bounds::NONE },
            |recent| recent.record(7, 0, 1, true),
            |recent| {
                recent.record(8, 1, 1, true);
                assert_eq!(recent.read(1, 1), [1, 1, 1], "an old result");
                recent.record(8, 1, 1, false);
            },
            |recent, (), ()| has_its_own(recent),
        )
        .contended();
    }

    /// Invariant 29, for a window whose threads find out by themselves that a slice is over.
    #[test]
    fn results_at_the_turn_of_a_slice_are_all_there() {
        static BEFORE: Reached = Reached::new();
        static AFTER: Reached = Reached::new();
        race_within(
            PLAIN_LOADS,
            || {
                let recent = Recent::new();
                recent.record(0, 0, 1, true);
                recent.record(1, 0, 1, true);
                recent
            },
            |recent| {
                recent.record(0, 0, 2, false);
                recent.read(0, 3)[0]
            },
            |recent| recent.record(1, 0, 2, true),
            |recent, seen, ()| {
                BEFORE.hit_if(seen == 1);
                AFTER.hit_if(seen == 2);
                assert_eq!(recent.read(0, 2), [4, 3, 3], "lost or counted twice");
                assert_eq!(recent.read(0, 3), [2, 1, 1], "kept, or not of the newer slice");
            },
        )
        .met([&BEFORE, &AFTER]);
    }
}

mod of_calls {
    use super::*;

    fn record(calls: &LastCalls) {
        calls.record(0, true);
    }

    /// A result is whole, and there or on its way: the sums never forget one.
    #[test]
    fn a_ticket_is_a_result_or_pending() {
        static PENDING: Reached = Reached::new();
        race_of_three(
            || LastCalls::new(2),
            [record, record, |calls| {
                let now = calls.read(0);
                PENDING.hit_if(now.pending > 0);
                assert_eq!(now.calls + now.pending, now.head, "a ticket was forgotten");
                let whole = (now.calls, now.calls);
                assert_eq!((now.failed, now.slow), whole, "half a result");
            }],
            |calls, _| {
                let now = calls.read(0);
                assert_eq!((now.calls, now.failed, now.pending), (2, 2, 0));
            },
        )
        .met([&PENDING]);
    }

    /// Invariant 29: a writer who sleeps for a whole window puts its result nowhere.
    #[test]
    fn a_result_that_is_late_by_a_window_replaces_no_newer_one() {
        static LATE: Reached = Reached::new();
        race(
            || LastCalls::new(1),
            |calls| calls.record(0, false),
            |calls| {
                calls.record(0, false);
                calls.record(0, true)
            },
            |calls, left, right| {
                let now = calls.read(0);
                LATE.hit_if(left < right);
                let failed = u64::from(left < right);
                assert_eq!((now.calls, now.failed, now.pending), (1, failed, 0), "not the newest");
            },
        )
        .met([&LATE]);
    }

    /// Invariant 7.
    #[test]
    fn an_era_has_its_own_results_only() {
        static LATE: Reached = Reached::new();
        race(
            || {
                let calls = LastCalls::new(2);
                calls.record(0, true);
                calls
            },
            |calls| calls.record(0, true),
            |calls| calls.record(1, true).and(calls.record(1, false)),
            |calls, old, new| {
                assert!(new.is_some(), "nothing newer was there");
                let now = calls.read(1);
                assert_eq!((now.calls, now.failed, now.pending), (2, 1, 0), "an old result");
                LATE.hit_if(old.is_none());
            },
        )
        .met([&LATE]);
    }

    /// The edge `begun -> read`.
    #[test]
    fn whoever_reads_of_an_era_finds_where_it_began() {
        static NEW: Reached = Reached::new();
        race(
            || {
                let calls = LastCalls::new(4);
                calls.record(0, true);
                calls
            },
            |calls| calls.record(1, false),
            |calls| {
                let now = calls.read(1);
                NEW.hit_if(now.calls + now.pending == 1);
                assert!(now.calls + now.pending <= 1, "results from before the era");
            },
            |calls, _, ()| assert_eq!(calls.read(1).calls, 1),
        )
        .met([&NEW]);
    }
}

mod in_flight {
    use super::*;

    /// Where shuttle's schedules, and loom's, are too many.
    const SOME: Bounds = Bounds { preemptions: Some(2), all_schedules: false, ..Bounds::NONE };

    /// A call begins in one stripe and ends in another while somebody reads.
    #[test]
    fn no_more_calls_hang_than_there_are() {
        static ONE: Reached = Reached::new();
        static NONE: Reached = Reached::new();
        race_within(
            SOME,
            || {
                let calls = InFlight::new();
                calls.begin(0, 0);
                calls
            },
            |calls| {
                calls.end(1, 0);
                calls.begin(0, 100);
                calls.end(1, 100);
            },
            |calls| {
                let hanging = calls.hanging(100);
                ONE.hit_if(hanging == 1);
                NONE.hit_if(hanging == 0);
                assert!(hanging <= 1, "{hanging} of 1 hang");
            },
            |calls, (), ()| assert_eq!(calls.hanging(100), 0),
        )
        .met([&ONE, &NONE]);
    }

    /// The same, for calls none of which is old enough to hang.
    #[test]
    fn calls_that_are_young_do_not_hang() {
        static TWO: Steps = Steps::new();
        static BETWEEN: Reached = Reached::new();
        race_within(
            SOME,
            || {
                let calls = InFlight::new();
                calls.begin(0, 99);
                calls
            },
            |calls| {
                calls.begin(1, 100);
                TWO.between(|| calls.end(1, 99));
            },
            |calls| {
                BETWEEN.hit_if(TWO.is_between());
                assert_eq!(calls.hanging(100), 0, "a young call hangs");
            },
            |calls, (), ()| assert_eq!(calls.hanging(200), 1),
        )
        .met([&BETWEEN]);
    }
}
