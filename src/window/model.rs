//! Windows piece by piece, for models: each call names its thread's slot, its era and its
//! time, so that a search is spent on the window and not on the breaker around it.
#![allow(missing_debug_implementations)] // nobody prints them

use super::count::Count;
use super::flight::Flight;
use super::policy::Policy;
use super::slice::{Bucket, Tag};
use super::time::Time;
use super::{Entry, Judge, Ring, Shape, Sums};
use crate::clock::Nanos;
use crate::metrics::shard::Writer;
use crate::slot::Slot;
use crate::word::{Era, Finding};

/// A slow failure or a fast success: of the two flags none is seen without the other.
fn entry(failed: bool) -> Entry {
    Entry { failed, slow: failed }
}

/// The place of a ring that several slices and eras share, with two words.
#[derive(Debug)]
pub struct Slices(Bucket<2>);

/// The use that an owner made of a place.
#[derive(Clone, Copy, Debug)]
pub struct Owned(Tag);

impl Slices {
    /// Nothing, in era 0.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Slices(Bucket::new(Era(0)))
    }

    /// Adds one to both words, as one of several writers; says whether it counts.
    pub fn add(&self, era: u64, slice: u64) -> bool {
        let change = |tag| (0..2).all(|word| self.0.change(Writer::Shared, tag, word, |n| n + 1));
        self.0.claim(Writer::Shared, Tag::of(Era(era), slice)).is_ok_and(change)
    }

    /// Gives the place to a slice, as one of several writers who has nothing to add yet;
    /// says whether it is the newest.
    pub fn begin(&self, era: u64, slice: u64) -> bool {
        self.0.claim(Writer::Shared, Tag::of(Era(era), slice)).is_ok()
    }

    /// Raises the first word, as one of several writers; says whether it counts.
    pub fn raise(&self, era: u64, slice: u64, to: u64) -> bool {
        let raise = |tag| self.0.change(Writer::Shared, tag, 0, |n| n.max(to));
        self.0.claim(Writer::Shared, Tag::of(Era(era), slice)).is_ok_and(raise)
    }

    /// Gives the place to a slice, as its only writer.
    pub fn own(&self, era: u64, slice: u64) -> Owned {
        let tag = self.0.claim(Writer::Owner, Tag::of(Era(era), slice));
        Owned(tag.expect("an owner's bucket is always to be had"))
    }

    /// Adds one to both words, as the only writer.
    pub fn add_owned(&self, Owned(tag): Owned) {
        (0..2).for_each(|word| assert!(self.0.change(Writer::Owner, tag, word, |n| n + 1)));
    }

    /// Both words, if they are of that slice.
    pub fn sums(&self, era: u64, slice: u64) -> Option<[u64; 2]> {
        let of = Tag::of(Era(era), slice);
        self.0.read(|tag| tag.names(of)).map(|(_, sums)| sums)
    }

    /// Both words, and the slice that they are of.
    pub fn sums_of_any(&self) -> (u64, [u64; 2]) {
        let (tag, sums) = self.0.read(|_| true).expect("any will do");
        (tag.slice(), sums)
    }

    /// As whoever begins `era`.
    pub fn sweep(&self, era: u64) {
        self.0.sweep(Era(era));
    }
}

/// The last calls of an era.
pub struct LastCalls(Count);

/// What a reader found of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Results that were there.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were slow.
    pub slow: u64,
    /// Results that are said to be on their way.
    pub pending: u64,
    /// The ticket that comes next.
    pub head: u64,
}

impl LastCalls {
    /// The last `len` calls, none so far, in era 0.
    pub fn new(len: u32) -> Self {
        LastCalls(Count::new(len, Era(0)))
    }

    /// Records a slow failure or a fast success, and says its ticket if it counts.
    pub fn record(&self, era: u64, failed: bool) -> Option<u64> {
        self.0.record(Era(era), entry(failed))
    }

    /// As whoever begins `era`.
    pub fn sweep(&self, era: u64) {
        self.0.sweep(Era(era));
    }

    /// What is there of `era`.
    pub fn read(&self, era: u64) -> Found {
        let found = self.0.sum(Era(era));
        let Sums { calls, failed, slow } = found.sums;
        Found { calls, failed, slow, pending: found.pending, head: found.head }
    }
}

/// A window of two slices of time, each a nanosecond.
pub struct Recent(Time);

impl Recent {
    /// Nothing, in era 0.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Recent(Time::new(1, 2, Era(0)))
    }

    /// Records a slow failure or a fast success.
    pub fn record(&self, slot: u32, era: u64, at: u64, failed: bool) {
        let _ = self.0.record(Slot::of(slot), Era(era), Nanos(at), entry(failed));
    }

    /// Calls, failures and slow calls of `era`.
    pub fn read(&self, era: u64, at: u64) -> [u64; 3] {
        let Sums { calls, failed, slow } = self.0.sum(Era(era), Nanos(at));
        [calls, failed, slow]
    }
}

/// A judge without a breaker, who wants half of 20 calls: the 10th failure arms.
#[derive(Debug)]
pub struct Jury(Judge);

impl Jury {
    /// How many failures it takes.
    pub const ENOUGH: u64 = 10;

    fn of(shape: Shape) -> Self {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: None, minimum: 20 };
        Jury(Judge::new(shape, policy, None, None, Era(0)))
    }

    /// Of the last calls.
    pub fn of_calls() -> Self {
        Jury::of(Shape::Count { len: 32 })
    }

    /// Of the last time.
    pub fn of_time() -> Self {
        Jury::of(Shape::Time { width: 1, slices: 1 })
    }

    /// A failure; says whether it was found to be one too many: all that is missing are calls.
    pub fn fail(&self, slot: u32) -> bool {
        self.fail_in(0, slot)
    }

    /// A failure of `era`.
    pub fn fail_in(&self, era: u64, slot: u32) -> bool {
        let entry = Entry { failed: true, slow: false };
        let opinion = self.0.take(Slot::of(slot), Era(era), entry, false, || Nanos(0));
        opinion.finding == Finding::Armed
    }

    /// So many failures at once, of threads that share a stripe and of which the last looks:
    /// only for a window of time.
    pub fn fail_in_a_crowd(&self, failed: u64) -> bool {
        let sums = Sums { calls: failed, failed, slow: 0 };
        self.put(sums) && self.0.look(Era(0), Nanos(0), true).finding == Finding::Armed
    }

    /// So many successes at once, likewise, at which nobody looks.
    pub fn succeed_in_a_crowd(&self, calls: u64) {
        self.put(Sums { calls, failed: 0, slow: 0 });
    }

    fn put(&self, sums: Sums) -> bool {
        let Ring::Time(time) = &*self.0.ring else { return false };
        time.put(Era(0), Nanos(0), 0, sums);
        true
    }
}

/// Calls in flight, which hang after 8 ms.
#[derive(Debug)]
pub struct InFlight(Flight);

impl InFlight {
    /// None, in era 0.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        InFlight(Flight::new(8_000_000, Era(0)))
    }

    /// A call begins, in the stripe of `slot`.
    pub fn begin(&self, slot: u32, millis: u64) {
        let at = Nanos(millis * 1_000_000);
        assert_eq!(self.0.begin(Slot::of(slot), Era(0), at), at);
    }

    /// A call that began then ends, in the stripe of `slot`.
    pub fn end(&self, slot: u32, began: u64) {
        self.0.end(Slot::of(slot), Era(0), Nanos(began * 1_000_000));
    }

    /// How many hang.
    pub fn hanging(&self, millis: u64) -> u64 {
        self.0.hanging(Era(0), Nanos(millis * 1_000_000))
    }
}
