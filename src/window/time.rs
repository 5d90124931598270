//! The results of the last slices of time.
//!
//! Time is cut into slices of equal width, aligned to the clock's zero. A window is the
//! current slice and the `slices - 1` before it. A thread records into a ring of buckets
//! of its own (threads beyond [`owners`] share [`STRIPES`] of them), and a reader adds up
//! the buckets whose era is asked for and whose slice is recent. Nothing is ever emptied
//! for its age: a bucket that is too old is not added up, and is replaced when its place
//! in the ring comes round.
//!
//! An owner's head says into which bucket it records and until when; while that lasts, a
//! record is two comparisons and a store or two. When the slice or the era is over, the
//! owner asks `latest`, the newest slice that anybody has recorded in, and raises it if
//! its own is newer. So a clock that steps back, however far, does not go back in the
//! ring: results go to the latest slice. (An owner whose slice it is by the clock, once more
//! or still, stays in it though others were ahead: at most for that slice.) A newer era
//! starts from its own slice again, and the results of an older one are dropped.
//!
//! # Who evaluates
//!
//! A result is recorded before its caller evaluates, and an evaluation begins with
//! [`Time::begin_evaluation`]: so of two callers who record and then evaluate, the later
//! one by that count sees what the earlier recorded (edge `recorded -> evaluated`).

use crate::bits::Lane;
use crate::clock::Nanos;
use crate::metrics::shard::Writer;
use crate::planted::{Bug, planted};
use crate::slot::{STRIPES, Slot, owners};
use crate::sync::{Atomic, Bits, OnceBox, Ordering};
use crate::window::slice::{Bucket, LAST_SLICE, Newest, Tag};
use crate::window::{Entry, Sums};
use crate::word::Era;

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests;

// What a bucket counts, a whole before its part: readers go the other way round.
const OK: usize = 0;
const FAILED: usize = 1;
const SLOW: usize = 2;
const WORDS: usize = 3;

/// The most slices a window can have.
pub(crate) const MOST_SLICES: u32 = 360;

/// What became of a record, and whether its caller can rely on a hint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Recorded {
    /// Nothing: its era is over, or its slice was while the caller slept.
    Stale,
    /// Counted in the same slice and era as this thread's last one.
    Counted,
    /// Counted as the first in its slice or era of this thread, or of those it shares with.
    Turned,
    /// Counted where several threads count: no hint is good for these.
    Shared,
}

impl Sums {
    fn plus(self, other: Sums) -> Sums {
        Sums {
            calls: self.calls.saturating_add(other.calls),
            failed: self.failed.saturating_add(other.failed),
            slow: self.slow.saturating_add(other.slow),
        }
    }

    /// The sums of one bucket, where a slow call may stand for several that are to come.
    fn of(words: [u64; WORDS]) -> Sums {
        let calls = words[OK].saturating_add(words[FAILED]);
        Sums { calls, failed: words[FAILED], slow: words[SLOW].min(calls) }
    }
}

/// Four buckets: whole cache lines, so that rings of two threads never share one.
#[derive(Debug)]
#[repr(align(128))]
struct Line([Bucket<WORDS>; LINE]);

const LINE: usize = 4;

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(size_of::<Line>() == 128, "a line of buckets must be whole");

/// What one thread records, or those that share a stripe.
///
/// All but the ring is the owner's alone and nobody else looks at it: Relaxed, each, as
/// the lock of the slots puts what one owner of a slot stores before the next one. In a
/// stripe it is not used.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    until: Atomic<u64>, // ns: the end of the slice that is recorded into
    era: Atomic<u64>,   // the whole number of its era
    head: Atomic<Tag>,  // the tag of its bucket
    at: Atomic<u64>,    // the place of its bucket in the ring
    /// How many results were recorded on the strength of a hint, by whose number.
    spent: Atomic<u64>, // number (32 bits) over count (32), or `TURNED`
    ring: Box<[Line]>,
}

const SPENT: Lane = Lane::lowest(32);
const HINT: Lane = SPENT.above(32);

/// In place of what is spent: the next result is not covered by any hint.
const TURNED: u64 = u64::MAX;
/// The most that is counted as spent, which no allowance reaches.
const ALL_SPENT: u64 = SPENT.max() - 1;

impl Shard {
    fn new(slices: u64, era: Era) -> Self {
        let line = |_| Line(std::array::from_fn(|_| Bucket::new(era)));
        Self {
            until: Atomic::new(0),
            era: Atomic::new(era.0),
            head: Atomic::new(0),
            at: Atomic::new(0),
            spent: Atomic::new(TURNED),
            ring: (0..slices.div_ceil(LINE as u64)).map(line).collect(),
        }
    }

    #[inline(always)]
    fn bucket(&self, at: u64) -> &Bucket<WORDS> {
        let at = at as usize;
        &self.ring[at / LINE].0[at % LINE]
    }

    fn buckets(&self) -> impl Iterator<Item = &Bucket<WORDS>> {
        self.ring.iter().flat_map(|line| &line.0)
    }

    /// Whether the head is of this era and time, where slices are so wide. Neither before nor
    /// after its slice, by one comparison: a clock that has stepped back to before it may
    /// take long to come to its end, and others may have gone on meanwhile.
    #[inline(always)]
    fn is_at(&self, era: Era, now: Nanos, width: u64) -> bool {
        let left = self.until.load(Ordering::Relaxed).wrapping_sub(now.0);
        left.wrapping_sub(1) < width && era.0 == self.era.load(Ordering::Relaxed)
    }
}

/// A sliding window over time; see the module.
pub(crate) struct Time {
    width: u64,  // ns, at least 1
    slices: u64, // in 1..=MOST_SLICES
    /// The newest slice that was recorded in; its generation says nothing.
    latest: Atomic<Tag>,
    newest: Newest,
    /// How many evaluations have begun.
    evaluations: Atomic<u64>,
    /// So many of `own` have been looked for: those beyond were never made.
    reach: Atomic<u64>,
    own: Box<[OnceBox<Shard>]>,
    stripes: Box<[OnceBox<Shard>]>,
}

impl Time {
    /// An empty window of so many slices, each of `width` ns, that begins in `era`.
    pub(crate) fn new(width: u64, slices: u32, era: Era) -> Self {
        Self {
            width: width.max(1),
            slices: slices.clamp(1, MOST_SLICES).into(),
            latest: Atomic::new(Tag::of(era, 0).bits()),
            newest: Newest::new(era),
            evaluations: Atomic::new(0),
            reach: Atomic::new(0),
            own: (0..owners()).map(|_| OnceBox::new()).collect(),
            stripes: (0..STRIPES).map(|_| OnceBox::new()).collect(),
        }
    }

    /// The slice of a time. The clock's zero begins slice number `slices`: so there are
    /// slices for what a restored window holds from before the clock began, and slice 0,
    /// which an unused bucket has, is in no window.
    fn slice_of(&self, now: Nanos) -> u64 {
        (now.0 / self.width).saturating_add(self.slices).min(LAST_SLICE)
    }

    /// When a slice is over. The last one never is: its owner's head is looked at anew for
    /// each result, and found to be right.
    fn end_of(&self, slice: u64) -> u64 {
        (slice + 1).saturating_sub(self.slices).saturating_mul(self.width)
    }

    /// Whether `tag` is of the era of `end`, and in the window whose last slice that is.
    fn covers(&self, end: Tag, tag: Tag) -> bool {
        let age = end.slice().wrapping_sub(tag.slice()); // huge if the tag is ahead
        (tag.is_of_era_of(end) || planted(Bug::EraUncovered)) && age < self.slices
    }

    fn own_shard(&self, slot: Slot) -> Option<&Shard> {
        slot.own(self.own.len()).and_then(|at| self.own[at].get())
    }

    /// The owners' shards that may have been made; slots are small numbers first.
    fn reached(&self) -> &[OnceBox<Shard>] {
        // Relaxed: raised before a shard is made, and so before anything is recorded in it;
        // an evaluation that must see that is ordered after it by `recorded -> evaluated`.
        let reach = self.reach.load(Ordering::Relaxed) as usize;
        self.own.get(..reach).unwrap_or(&self.own)
    }

    fn each_bucket(&self, mut f: impl FnMut(&Bucket<WORDS>)) {
        for shards in [self.reached(), &self.stripes] {
            for shard in shards.iter().filter_map(OnceBox::get) {
                shard.buckets().for_each(&mut f);
            }
        }
    }

    /// Records a result of a call of `era` that completed at `now`.
    #[inline(always)]
    pub(crate) fn record(&self, slot: Slot, era: Era, now: Nanos, entry: Entry) -> Recorded {
        match self.own_shard(slot) {
            Some(shard) if shard.is_at(era, now, self.width) => {
                let head = shard.head.load(Ordering::Relaxed);
                let bucket = shard.bucket(shard.at.load(Ordering::Relaxed));
                add(bucket, Writer::Owner, head, entry);
                Recorded::Counted
            }
            _ => self.record_elsewhere(slot, era, now, entry),
        }
    }

    /// For a record that finds its thread's head elsewhere, or that has none.
    #[cold]
    #[inline(never)]
    fn record_elsewhere(&self, slot: Slot, era: Era, now: Nanos, entry: Entry) -> Recorded {
        let Some(slice) = self.advance(era, now) else { return Recorded::Stale };
        let Some(at) = slot.own(self.own.len()) else {
            return self.record_shared(slot.shared(STRIPES), era, slice, entry);
        };
        let shard = self.own[at].get().unwrap_or_else(|| {
            // Relaxed: see `reached`.
            self.reach.fetch_max(at as u64 + 1, Ordering::Relaxed);
            self.own[at].get_or_make(|| Shard::new(self.slices, era))
        });
        let place = slice.slice() % self.slices;
        let is_there = shard.until.load(Ordering::Relaxed) != 0
            && shard.era.load(Ordering::Relaxed) == era.0
            && shard.head.load(Ordering::Relaxed).names(slice);
        if !is_there {
            // Never an error: an owner's bucket is always to be had.
            let Ok(head) = shard.bucket(place).claim(Writer::Owner, slice) else {
                return Recorded::Stale;
            };
            shard.head.store(head, Ordering::Relaxed);
            shard.at.store(place, Ordering::Relaxed);
            shard.era.store(era.0, Ordering::Relaxed);
            shard.until.store(self.end_of(slice.slice()), Ordering::Relaxed);
            shard.spent.store(TURNED, Ordering::Relaxed);
        }
        let head = shard.head.load(Ordering::Relaxed);
        add(shard.bucket(place), Writer::Owner, head, entry);
        if is_there { Recorded::Counted } else { Recorded::Turned }
    }

    /// Records in a stripe.
    fn record_shared(&self, stripe: usize, era: Era, slice: Tag, entry: Entry) -> Recorded {
        let shard = self.stripes[stripe].get_or_make(|| Shard::new(self.slices, era));
        let bucket = shard.bucket(slice.slice() % self.slices);
        let is_there = bucket.is_of(slice);
        match bucket.claim(Writer::Shared, slice) {
            Ok(tag) if add(bucket, Writer::Shared, tag, entry) => match is_there {
                true => Recorded::Shared,
                false => Recorded::Turned,
            },
            _ => Recorded::Stale,
        }
    }

    /// The slice in which a result of `era` counts at `now`, which is `latest` from now on
    /// if it is newer; `None` if a newer era has been recorded.
    fn advance(&self, era: Era, now: Nanos) -> Option<Tag> {
        let mine = Tag::of(era, self.slice_of(now));
        // Relaxed, here and below: the tag says all there is to know, and nothing else is
        // read on the strength of it. An evaluation that must see it is ordered after it
        // by `recorded -> evaluated`; another may miss the newest slice.
        let mut seen = self.latest.load(Ordering::Relaxed);
        loop {
            // After the tag was loaded: see `Newest::admits`.
            if !self.newest.admits(era) {
                return None;
            }
            if !mine.is_newer_than(seen) {
                return seen.is_of_era_of(mine).then_some(seen);
            }
            match self.latest.compare_exchange_weak(
                seen,
                mine,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(mine),
                Err(newer) => seen = newer,
            }
        }
    }

    /// The last slice of the window of the era of `tag` at `now`.
    fn ending(&self, tag: Tag, latest: Tag) -> Tag {
        let newest = if latest.is_of_era_of(tag) { latest.slice() } else { 0 };
        tag.at(tag.slice().max(newest))
    }

    fn latest(&self) -> Tag {
        // Relaxed: see `advance`.
        self.latest.load(Ordering::Relaxed)
    }

    /// Whether no later era than `era` has been recorded.
    pub(crate) fn is_newest(&self, era: Era) -> bool {
        self.newest.is(era)
    }

    /// What the window holds of `era` at `now`.
    pub(crate) fn sum(&self, era: Era, now: Nanos) -> Sums {
        self.sum_to(self.ending(Tag::of(era, self.slice_of(now)), self.latest()))
    }

    /// What the window holds at `now` of the newest era that was recorded: for a snapshot
    /// of a breaker that is no longer closed. At [`Nanos`] zero, what it held when it was
    /// last recorded in.
    pub(crate) fn sum_newest(&self, now: Nanos) -> Sums {
        let latest = self.latest();
        self.sum_to(latest.at(latest.slice().max(self.slice_of(now))))
    }

    fn sum_to(&self, end: Tag) -> Sums {
        let mut sum = Sums::default();
        self.each_bucket(|bucket| {
            if let Some((_, words)) = bucket.read(|tag| self.covers(end, tag)) {
                sum = sum.plus(Sums::of(words));
            }
        });
        sum
    }

    /// Begins an evaluation: revokes every hint and says its number, of which a hint that
    /// it gives has the low 32 bits. To be called before [`sum`](Self::sum).
    pub(crate) fn begin_evaluation(&self) -> u64 {
        if planted(Bug::EvaluateUnasked) {
            return self.evaluations();
        }
        // Release and Acquire, edge `recorded -> evaluated`: pairs with itself in another
        // thread. Whoever finds the number of an earlier evaluation, or a later one that
        // was added to it, sees what that evaluation's caller recorded before.
        self.evaluations.fetch_add(1, Ordering::AcqRel).wrapping_add(1)
    }

    /// How many evaluations have begun: a hint of an earlier one is revoked.
    #[inline(always)]
    pub(crate) fn evaluations(&self) -> u64 {
        // Relaxed: a hint that is revoked at this moment may be used once more, just as if
        // its user had come a moment before; its result is in the next sum. And see
        // `Circuit::settle`, which reads a word before it.
        self.evaluations.load(Ordering::Relaxed)
    }

    /// Whether this thread's next result is still covered by the hint with this number,
    /// which lets each owner have so many. Not for who shares a stripe, and not for the
    /// first after a turn.
    pub(crate) fn spend(&self, slot: Slot, hint: u32, allowance: u32) -> bool {
        let Some(shard) = self.own_shard(slot) else { return false };
        let spent = match shard.spent.load(Ordering::Relaxed) {
            TURNED => ALL_SPENT,
            seen if HINT.get(seen) == u64::from(hint) => (SPENT.get(seen) + 1).min(ALL_SPENT),
            _ => 1,
        };
        shard.spent.store(HINT.set(SPENT.set(0, spent), hint.into()), Ordering::Relaxed);
        spent < ALL_SPENT && spent <= u64::from(allowance)
    }

    /// How many threads' places have been recorded in: a hint is divided among them.
    pub(crate) fn owners_made(&self) -> usize {
        self.reached().iter().filter(|shard| shard.get().is_some()).count()
    }

    /// Forgets what is of eras long over, so that nothing old is taken for new when the low
    /// bits of eras have gone round. To be called by who begins an era for which it
    /// [is due](crate::window::is_sweep_due).
    pub(crate) fn sweep(&self, era: Era) {
        self.newest.admits(era);
        let begun = Tag::of(era, 0);
        // Relaxed: see `advance`.
        let relaxed = Ordering::Relaxed;
        let mut seen = self.latest();
        while seen.is_far_behind(begun) {
            match self.latest.compare_exchange_weak(seen, begun, relaxed, relaxed) {
                Ok(_) => break,
                Err(newer) => seen = newer,
            }
        }
        self.each_bucket(|bucket| bucket.sweep(era));
    }

    /// What the window holds of `era`, by slice, the newest first: how long before the end
    /// of the current slice each one ended, in ns, and its sums if it has any.
    pub(crate) fn ages(&self, era: Era, now: Nanos) -> Vec<(u64, Sums)> {
        self.ages_to(self.ending(Tag::of(era, self.slice_of(now)), self.latest()))
    }

    fn ages_to(&self, end: Tag) -> Vec<(u64, Sums)> {
        let mut slices = vec![Sums::default(); self.slices as usize];
        self.each_bucket(|bucket| {
            if let Some((tag, words)) = bucket.read(|tag| self.covers(end, tag)) {
                let sums = &mut slices[(end.slice() - tag.slice()) as usize];
                *sums = sums.plus(Sums::of(words));
            }
        });
        let age = |back: usize| (back as u64).saturating_mul(self.width);
        let some = slices.into_iter().enumerate().filter(|(_, sums)| *sums != Sums::default());
        some.map(|(back, sums)| (age(back), sums)).collect()
    }

    /// Adds results of a slice that ended `age` ns before the end of the current one; none
    /// if that is before this window's first.
    pub(crate) fn put(&self, era: Era, now: Nanos, age: u64, sums: Sums) {
        let Some(end) = self.advance(era, now) else { return };
        let back = age / self.width;
        if back >= self.slices {
            return;
        }
        let slice = end.slice() - back; // which is at least `slices`: see `slice_of`
        let shard = self.stripes[0].get_or_make(|| Shard::new(self.slices, era));
        let bucket = shard.bucket(slice % self.slices);
        let Ok(tag) = bucket.claim(Writer::Shared, end.at(slice)) else { return };
        let ok = sums.calls.saturating_sub(sums.failed);
        for (word, count) in [(OK, ok), (FAILED, sums.failed), (SLOW, sums.slow)] {
            if !bucket.change(Writer::Shared, tag, word, |seen| seen.saturating_add(count)) {
                return;
            }
        }
    }

    /// Adds what another window of the same clock holds of `era`: the results of a slice go
    /// to the slice of this window in which that one ended. What is older than this window
    /// is left out, and so is what others record in `old` from now on.
    pub(crate) fn carry_from(&self, old: &Time, era: Era, now: Nanos) {
        let theirs = old.ending(Tag::of(era, old.slice_of(now)), old.latest());
        let Some(mine) = self.advance(era, now) else { return };
        // How much later this window's current slice ends; the old one's may end later.
        let (my_end, their_end) = (self.end_of(mine.slice()), old.end_of(theirs.slice()));
        for (age, sums) in old.ages_to(theirs) {
            let age = match my_end >= their_end {
                true => age.saturating_add(my_end - their_end),
                false => age.saturating_sub(their_end - my_end),
            };
            self.put(era, now, age, sums);
        }
    }
}

/// Adds one result under the tag that was claimed; false if that use is over.
#[inline(always)]
fn add(bucket: &Bucket<WORDS>, writer: Writer, tag: Tag, entry: Entry) -> bool {
    // The whole before its part: see `Bucket::read`.
    let returned = if entry.failed { FAILED } else { OK };
    bucket.change(writer, tag, returned, |seen| seen.wrapping_add(1))
        && (!entry.slow || bucket.change(writer, tag, SLOW, |seen| seen.wrapping_add(1)))
}
