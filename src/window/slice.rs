//! One place of a ring: counts of one era and one slice of time, until they are replaced.
//!
//! Era, slice and counts do not fit one word. A [`Bucket`] has a [`Tag`] that says whose
//! counts it holds, and a word for each count; each use of the bucket has a generation,
//! three bits that count uses and eight of the era, which are in the tag and in every word.
//! **A word whose generation is not its tag's counts as zero**: it is left over from an
//! earlier use. So a bucket is emptied and given to another slice by one write, that of its
//! tag.
//!
//! Whoever gives a bucket to a newer slice writes the tag first, with the next generation,
//! and then cleans each word: sets it to zero in the new generation. Consecutive uses
//! never share a generation, and a word is at most one use behind when nobody is asleep.
//!
//! # Several writers
//!
//! Writers that share a bucket swap. Take a use U with generation g, and a word w.
//!
//! * *An older tag never replaces a newer one*: a tag is swapped in only for an older one,
//!   by era and then by slice, so within 2^(era bits - 1) eras the tags of a bucket only
//!   grow and a tag never recurs. Who finds a newer tag has come too late, and leaves.
//! * *Nothing of U is lost while U lasts.* Who changes w looks at the tag **after** reading
//!   w: if w belonged to a later use, that use's tag would be seen too (edge `changed ->
//!   read`). So w is of U, and is added to, or left over from before U, and is replaced;
//!   and the swap succeeds only if it is still there. No swap that expects a leftover ever
//!   hits a word of g.
//! * *Nothing is counted twice*: a writer tries again only after a swap that failed.
//! * *Nothing old comes back.* A writer of U that is overtaken between its look at the tag
//!   and its swap either fails, as the word has been cleaned, or changes a word that the
//!   next use has not cleaned yet: it still carries g, counts as zero, and is cleaned.
//!
//! Generations come round after 8 uses in one era, or 256 eras. An old word could count
//! again only if all users in between stopped between the tag and that word; and one who
//! sleeps between reading a word and swapping it, through exactly that or a multiple, and
//! finds the same count there, adds one old result to the newer slice.
//!
//! # One writer
//!
//! An owner stores: its tag, then the words, in that order. Only [`Bucket::sweep`] writes
//! beside it, and see there why that does no harm.

use super::SWEEP_EVERY;
use crate::bits::Lane;
use crate::metrics::shard::Writer;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Bits, Ordering, impl_bits};
use crate::word::{ERA_BITS, Era};

/// Fewer bits in models, which remember too few stores for a lap of eight uses.
const GEN: Lane = Lane::lowest(if cfg!(any(ampacity_loom, ampacity_shuttle)) { 2 } else { 3 });
const ERA: Lane = GEN.above(ERA_BITS);
const SLICE: Lane = ERA.above(40);
const _: () = assert!(SLICE.end() <= u64::BITS, "the lanes must fit the tag");

/// The last slice that can be told from others: at 1 ms a slice, 34 years from the start.
pub(super) const LAST_SLICE: u64 = SLICE.max();

/// Whose counts a bucket holds: a generation, the low bits of an era, and a slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u64);

impl_bits!(Tag);

impl core::fmt::Debug for Tag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tag(gen {}, era {}, slice {})", self.generation(), ERA.get(self.0), self.slice())
    }
}

impl Tag {
    /// The tag of a slice, at most [`LAST_SLICE`], of whatever generation.
    pub(super) fn of(era: Era, slice: u64) -> Tag {
        Tag(SLICE.set(ERA.set(0, era.0 & ERA.max()), slice))
    }

    /// Another slice of the same era.
    pub(super) fn at(self, slice: u64) -> Tag {
        Tag(SLICE.set(self.0, slice))
    }

    pub(super) fn slice(self) -> u64 {
        SLICE.get(self.0)
    }

    fn generation(self) -> u64 {
        GEN.get(self.0)
    }

    /// This tag for the use that follows `before`.
    fn after(self, before: Tag) -> Tag {
        Tag(GEN.set(self.0, (before.generation() + 1) & GEN.max()))
    }

    /// How many eras this is ahead of `other`; negative, behind it.
    fn eras_ahead_of(self, other: Tag) -> i64 {
        ERA.ahead(ERA.get(self.0), ERA.get(other.0))
    }

    pub(super) fn is_of_era_of(self, other: Tag) -> bool {
        ERA.get(self.0) == ERA.get(other.0)
    }

    /// Whether both name the same slice of the same era.
    pub(super) fn names(self, other: Tag) -> bool {
        self.is_of_era_of(other) && self.slice() == other.slice()
    }

    /// By era, and in one era by slice.
    pub(super) fn is_newer_than(self, other: Tag) -> bool {
        match self.eras_ahead_of(other) {
            0 => self.slice() > other.slice(),
            ahead => ahead > 0,
        }
    }

    /// Whether it is [`SWEEP_EVERY`] eras or more behind `now`, or so far behind that it
    /// looks ahead.
    pub(super) fn is_far_behind(self, now: Tag) -> bool {
        let ahead = self.eras_ahead_of(now);
        ahead <= -SWEEP_EVERY.cast_signed() || ahead > SWEEP_EVERY.cast_signed()
    }
}

/// The newest era that was recorded or swept for, as a whole number. A tag has its low
/// bits: what comes half a lap late would look new by them alone.
#[derive(Debug)]
pub(super) struct Newest(Atomic<u64>);

impl Newest {
    pub(super) fn new(era: Era) -> Self {
        Self(Atomic::new(era.0))
    }

    /// Whether no later era than `era` is known.
    pub(super) fn is(&self, era: Era) -> bool {
        // Relaxed: as below.
        self.0.load(Ordering::Relaxed) <= era.0
    }

    /// Whether `era` is the newest, or becomes it now.
    pub(super) fn admits(&self, era: Era) -> bool {
        // Relaxed, both: only a number that grows. Callers load the tag that they would
        // replace before they ask, and swap it after: if the swap succeeds, nobody began a
        // later era in between, or its first result replaces what was swapped in.
        let newest = self.0.load(Ordering::Relaxed);
        era.0 == newest || (era.0 > newest && self.0.fetch_max(era.0, Ordering::Relaxed) <= era.0)
    }
}

/// The lowest bits of a tag: how often its bucket was used, and the end of its era.
const USE: Lane = Lane::lowest(GEN.end() + if ERA_BITS < 8 { ERA_BITS } else { 8 });
const VALUE: Lane = USE.above(u64::BITS - USE.end());
const _: () = assert!(VALUE.end() == u64::BITS, "the lanes must fill the word");

/// A count, and the generation it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tallied(u64);

impl_bits!(Tallied);

impl Tallied {
    #[inline(always)]
    fn new(of: Tag, value: u64) -> Self {
        Tallied(VALUE.set(USE.get(of.0), value))
    }

    #[inline(always)]
    fn value(self) -> u64 {
        VALUE.get(self.0)
    }

    fn is_of(self, tag: Tag) -> bool {
        USE.get(self.0) == USE.get(tag.0)
    }

    /// What it counts under this tag.
    fn under(self, tag: Tag) -> u64 {
        if self.is_of(tag) { self.value() } else { 0 }
    }
}

/// Counts of one slice of one era; see the module.
#[derive(Debug)]
pub(super) struct Bucket<const N: usize> {
    tag: Atomic<Tag>,
    words: [Atomic<Tallied>; N],
}

impl<const N: usize> Bucket<N> {
    /// An empty bucket, older than every slice of `era` but the first.
    pub(super) fn new(era: Era) -> Self {
        let words = std::array::from_fn(|_| Atomic::new(0));
        Self { tag: Atomic::new(Tag::of(era, 0).bits()), words }
    }

    /// Whether the bucket has been given to this slice already.
    pub(super) fn is_of(&self, slice: Tag) -> bool {
        // Relaxed: says whose turn it is to look, and nothing is read on the strength of it.
        self.tag.load(Ordering::Relaxed).names(slice)
    }

    /// Gives the bucket to a slice and says under which tag to [`change`](Self::change)
    /// it. An owner's bucket is emptied in any case. A shared one goes on if it is that
    /// slice's already, and stays with a newer slice, whose tag is the error.
    pub(super) fn claim(&self, writer: Writer, slice: Tag) -> Result<Tag, Tag> {
        // Acquire, edge `claimed -> changed`: pairs with the Release of those who claimed
        // it before. Whoever sees a use finds words no older than its claimant found.
        let mut seen = self.tag.load(Ordering::Acquire);
        if writer == Writer::Owner {
            let mine = slice.after(seen);
            // Release, edge `claimed -> changed`: pairs with the Acquire of whoever reads
            // the tag. A sweep that came in between is overwritten, and meant to be.
            self.tag.store(mine, Ordering::Release);
            for word in &self.words {
                // Release, edge `changed -> read`: pairs with the Acquire in `read`, to
                // which a word of this use shows the tag of this use.
                word.store(Tallied::new(mine, 0), Ordering::Release);
            }
            return Ok(mine);
        }
        loop {
            if seen.names(slice) {
                return Ok(seen);
            }
            if !slice.is_newer_than(seen) {
                return Err(seen);
            }
            match self.turn(seen, slice) {
                Ok(mine) => return Ok(mine),
                Err(newer) => seen = newer,
            }
        }
    }

    /// Swaps the tag for one of the next generation, then cleans the words.
    fn turn(&self, seen: Tag, to: Tag) -> Result<Tag, Tag> {
        let mine = to.after(seen);
        // Release, edge `claimed -> changed`: pairs with the Acquire in `claim` and `read`,
        // also of those who find a later swap. Acquire on failure, the same edge: that tag
        // may be the caller's own. On success there is nothing to acquire: whoever goes on
        // to change a count has acquired `seen`, and no tag recurs.
        self.tag.compare_exchange_weak(seen, mine, Ordering::Release, Ordering::Acquire)?;
        for word in &self.words {
            loop {
                // Acquire, edge `changed -> read`: see `change_shared`.
                let seen = word.load(Ordering::Acquire);
                let is_clean = seen.is_of(mine) && !planted(Bug::CleanTwice);
                // Relaxed: ordered after the load above by its Acquire.
                let is_over = || self.tag.load(Ordering::Relaxed) != mine;
                if is_clean || (is_over() && !planted(Bug::CleanLate)) {
                    break;
                }
                let clean = Tallied::new(mine, 0);
                // Release, edge `changed -> read`. Relaxed on failure: it is read again.
                let swap =
                    word.compare_exchange_weak(seen, clean, Ordering::Release, Ordering::Relaxed);
                if swap.is_ok() {
                    break;
                }
            }
        }
        Ok(mine)
    }

    /// Changes a count of the use that was claimed under `tag`; false if that use is over.
    /// An owner, who alone ends its uses, is not told when a sweep did.
    #[inline(always)]
    pub(super) fn change(
        &self,
        writer: Writer,
        tag: Tag,
        word: usize,
        f: impl Fn(u64) -> u64,
    ) -> bool {
        match writer {
            Writer::Owner => {
                let word = &self.words[word];
                // Relaxed: the owner's own store, or the last owner's, which the slot's
                // lock put before. The generation is the owner's whatever it finds, so
                // that what it adds to a swept bucket counts as zero.
                let value = word.load(Ordering::Relaxed).value();
                // Release, edge `changed -> read`: pairs with the Acquire in `read`, which
                // finds with this count those that were stored before it.
                word.store(Tallied::new(tag, f(value)), Ordering::Release);
                true
            }
            Writer::Shared => self.change_shared(tag, word, f),
        }
    }

    #[inline(never)]
    fn change_shared(&self, tag: Tag, word: usize, f: impl Fn(u64) -> u64) -> bool {
        let word = &self.words[word];
        loop {
            // Acquire, edge `changed -> read`: if the word is of a later use, the tag of
            // that use, or a later one, is what the next load sees.
            let seen = word.load(Ordering::Acquire);
            // Relaxed: ordered after the load above by its Acquire.
            if self.tag.load(Ordering::Relaxed) != tag && !planted(Bug::TagUnread) {
                return false;
            }
            let next = Tallied::new(tag, f(seen.under(tag)));
            if next == seen {
                return true;
            }
            // Release, edge `changed -> read`: pairs with the Acquire above and in `read`.
            // Relaxed on failure: it is read again.
            let swap = word.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed);
            if swap.is_ok() {
                return true;
            }
        }
    }

    /// The counts, if they are of a slice that is wanted; the last word is read first.
    pub(super) fn read(&self, wanted: impl Fn(Tag) -> bool) -> Option<(Tag, [u64; N])> {
        // Acquire, edge `claimed -> changed`: pairs with the Release of the claim.
        let mut tag = self.tag.load(Ordering::Acquire);
        while wanted(tag) {
            let mut values = [0; N];
            for (value, word) in values.iter_mut().zip(&self.words).rev() {
                // Acquire, edge `changed -> read`: pairs with the Release of whoever
                // changed it. A word of a later use shows below that the tag has changed,
                // and a count shows those that its writer changed before it.
                *value = word.load(Ordering::Acquire).under(tag);
            }
            // Acquire, edge `claimed -> changed`: as above, if it has changed; somebody made
            // progress.
            let now = self.tag.load(Ordering::Acquire);
            if now == tag || planted(Bug::TagReadOnce) {
                return Some((tag, values));
            }
            tag = now;
        }
        None
    }

    /// Empties the bucket if its era is far behind `era`, which has just begun.
    ///
    /// Called once in [`SWEEP_EVERY`] eras, so that the low bits of an era never meet those of one
    /// a whole lap before, unless about 6 sweepers in a row are asleep.
    ///
    /// It does no harm beside an owner, who only stores. The tag is swapped, so it is that
    /// of an era long over and not one that the owner has stored meanwhile; if the owner
    /// stores one afterwards, it replaces the sweep's. A word is swapped only if it is of
    /// another generation than the sweep's and the sweep's tag was there after the word
    /// was read: so it is the word of an era long over, and a store of the owner makes the
    /// swap fail or replaces what it wrote. What the owner of such a stale bucket adds
    /// carries its own generation, and counts as zero.
    pub(super) fn sweep(&self, era: Era) {
        let to = Tag::of(era, 0);
        // Relaxed: the swap says whether what was seen still holds, and a sweep, which
        // changes no count, reads nothing on the strength of it.
        let mut seen = self.tag.load(Ordering::Relaxed);
        while seen.is_far_behind(to) {
            match self.turn(seen, to) {
                Ok(_) => return,
                Err(newer) => seen = newer,
            }
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use std::cell::Cell;

    const ERA_9: Era = Era(9);

    fn add(bucket: &Bucket<2>, writer: Writer, tag: Tag, count: u64) -> bool {
        bucket.change(writer, tag, 0, |seen| seen + count)
    }

    fn counts(bucket: &Bucket<2>) -> (u64, [u64; 2]) {
        let (tag, values) = bucket.read(|_| true).unwrap();
        (tag.slice(), values)
    }

    #[test]
    fn who_claimed_a_use_that_is_over_changes_nothing() {
        let bucket = Bucket::new(ERA_9);
        let old = bucket.claim(Writer::Shared, Tag::of(ERA_9, 4)).unwrap();
        assert!(add(&bucket, Writer::Shared, old, 1));
        let new = bucket.claim(Writer::Shared, Tag::of(ERA_9, 8)).unwrap();
        assert!(!add(&bucket, Writer::Shared, old, 1));
        assert_eq!(counts(&bucket), (8, [0, 0]));
        assert!(add(&bucket, Writer::Shared, new, 3));
        assert!(!add(&bucket, Writer::Shared, old, 1));
        assert!(bucket.claim(Writer::Shared, Tag::of(ERA_9, 4)).is_err());
        assert!(bucket.claim(Writer::Shared, Tag::of(Era(8), 99)).is_err());
        assert_eq!(counts(&bucket), (8, [3, 0]));
    }

    #[test]
    fn who_is_overtaken_within_a_change_leaves_the_newer_use_alone() {
        for uses in 1..7 {
            let bucket = Bucket::new(ERA_9);
            let old = bucket.claim(Writer::Shared, Tag::of(ERA_9, 1)).unwrap();
            let overtaken = Cell::new(false);
            let counted = bucket.change(Writer::Shared, old, 0, |seen| {
                if !overtaken.replace(true) {
                    for slice in 2..2 + uses {
                        let slice = Tag::of(ERA_9, slice);
                        let new = bucket.claim(Writer::Shared, slice).unwrap();
                        assert!(add(&bucket, Writer::Shared, new, 5));
                    }
                }
                seen + 1
            });
            assert!(!counted);
            assert_eq!(counts(&bucket), (1 + uses, [5, 0]));
        }
    }

    #[test]
    fn who_reads_while_a_use_ends_reads_the_next() {
        for writer in [Writer::Owner, Writer::Shared] {
            let bucket = Bucket::<2>::new(ERA_9);
            let old = bucket.claim(writer, Tag::of(ERA_9, 1)).unwrap();
            assert!(add(&bucket, writer, old, 1));
            let looked = Cell::new(false);
            let seen = bucket.read(|_| {
                if !looked.replace(true) {
                    let new = bucket.claim(writer, Tag::of(ERA_9, 2)).unwrap();
                    assert!(add(&bucket, writer, new, 7));
                }
                true
            });
            assert_eq!(seen.map(|(tag, values)| (tag.slice(), values)), Some((2, [7, 0])));
        }
    }

    #[test]
    fn what_the_owner_of_a_swept_bucket_adds_counts_as_zero() {
        let bucket = Bucket::<2>::new(ERA_9);
        let old = bucket.claim(Writer::Owner, Tag::of(ERA_9, 1)).unwrap();
        assert!(add(&bucket, Writer::Owner, old, 1));
        bucket.sweep(Era(ERA_9.0 + SWEEP_EVERY - 1));
        assert_eq!(counts(&bucket), (1, [1, 0]));
        bucket.sweep(Era(ERA_9.0 + SWEEP_EVERY));
        assert_eq!(counts(&bucket), (0, [0, 0]));
        assert!(add(&bucket, Writer::Owner, old, 1));
        assert_eq!(counts(&bucket), (0, [0, 0]));
        let new = bucket.claim(Writer::Owner, Tag::of(Era(ERA_9.0 + SWEEP_EVERY), 1)).unwrap();
        assert!(add(&bucket, Writer::Owner, new, 2));
        assert_eq!(counts(&bucket), (1, [2, 0]));
    }

    #[test]
    fn a_leftover_word_counts_as_zero_until_it_is_changed() {
        // Whoever took the bucket last stopped before it cleaned the words.
        let bucket = Bucket::<2>::new(ERA_9);
        let old = bucket.claim(Writer::Shared, Tag::of(ERA_9, 1)).unwrap();
        assert!(add(&bucket, Writer::Shared, old, 4));
        let new = Tag::of(ERA_9, 2).after(old);
        bucket.tag.store(new, Ordering::Release);
        assert_eq!(counts(&bucket), (2, [0, 0]));
        let claimed = bucket.claim(Writer::Shared, Tag::of(ERA_9, 2));
        assert_eq!(claimed, Ok(new));
        assert!(add(&bucket, Writer::Shared, new, 3));
        assert_eq!(counts(&bucket), (2, [3, 0]));
    }
}
