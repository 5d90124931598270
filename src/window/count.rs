//! The last n results of an era.
//!
//! One shared word hands out tickets, and a ticket's result lies at its own place in a
//! ring. So a record costs one shared read-modify-write of the head and one of a cell of
//! the ring. The second is no plain store, because a writer may sleep for a whole window
//! between the two, and must not put its old result in the place of a newer one.
//!
//! A window is exactly the last n tickets of the era that the head carries. A new era
//! skips as many tickets as the ring has places: every older result is out of range at
//! once, and there is no reset to race with. A ticket that has been handed out and whose
//! result is not found (it is being written, or it has been replaced since) is `pending`.
//!
//! # Wrapping
//!
//! Tickets wrap after 2^43, which is ten days of ten million calls a second. The ring has
//! a power of two of places, so that places go round with the tickets, and tickets are
//! compared by their distance, which is right if it is less than half a lap. A writer
//! that slept for more than that may put its result where a newer one was; that one is
//! then pending, and whoever comes to the place next takes it back.

use super::slice::Newest;
use super::{Entry, SWEEP_EVERY, Sums};
use crate::bits::Lane;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Bits, OnceBox, Ordering, impl_bits};
use crate::word::{ERA_BITS, Era};
use core::fmt;

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests;

const TICKET: Lane = Lane::lowest(u64::BITS - ERA_BITS);
const ERA: Lane = TICKET.above(ERA_BITS);
const _: () = assert!(ERA.end() == u64::BITS, "the lanes must fill the head");

const FAILED: Lane = Lane::lowest(1);
const SLOW: Lane = FAILED.above(1);
const WRITTEN: Lane = SLOW.above(62);
const _: () = assert!(TICKET.max() < WRITTEN.max(), "a ticket and one must fit a cell");

/// After how many tickets the mark of an era's first one is moved on.
const MARK_EVERY: u64 = 1 << (TICKET.end() - 4);

/// How many tickets `to` is after `from`.
pub(crate) fn tickets_between(from: u64, to: u64) -> u64 {
    to.wrapping_sub(from) & TICKET.max()
}

/// Whether ticket `left` is later than `right`.
fn is_later(left: u64, right: u64) -> bool {
    TICKET.ahead(left, right) > 0
}

/// A ticket (43 bits) under the low bits of an era (21); which one, says the field.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head(u64);

impl_bits!(Head);

impl Head {
    /// With the ticket taken modulo a lap.
    fn new(era: u64, ticket: u64) -> Self {
        Head(TICKET.set(ERA.set(0, era & ERA.max()), ticket & TICKET.max()))
    }

    fn ticket(self) -> u64 {
        TICKET.get(self.0)
    }

    fn era(self) -> u64 {
        ERA.get(self.0)
    }

    /// How many eras this is ahead of the one with these low bits; negative, behind it.
    fn ahead_of(self, era: u64) -> i64 {
        ERA.ahead(self.era(), era)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head {{ era: {}, ticket: {} }}", self.era(), self.ticket())
    }
}

/// One result with its ticket.
///
/// ```text
///  63                              2  1      0
/// ┌─────────────────────────────────┬──────┬────────┐
/// │ ticket + 1; 0 is never written  │ slow │ failed │
/// └─────────────────────────────────┴──────┴────────┘
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell(u64);

impl_bits!(Cell);

impl Cell {
    fn new(ticket: u64, entry: Entry) -> Self {
        let flags = SLOW.set(FAILED.set(0, entry.failed.into()), entry.slow.into());
        Cell(WRITTEN.set(flags, ticket + 1))
    }

    fn ticket(self) -> Option<u64> {
        WRITTEN.get(self.0).checked_sub(1)
    }

    fn entry(self) -> Entry {
        Entry { failed: FAILED.get(self.0) != 0, slow: SLOW.get(self.0) != 0 }
    }
}

/// What a window of the last results says at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counted {
    pub(crate) sums: Sums,
    /// At least as many as there are results in the window that `sums` lacks.
    pub(crate) pending: u64,
    /// The ticket that the next result gets; of no meaning if the window is empty.
    pub(crate) head: u64,
    /// Whether no later era has results: else the head is a later one's.
    pub(crate) is_newest: bool,
}

/// The results of the last `len` calls of an era.
pub(crate) struct Count {
    len: u64, // in 1..=the ring's places
    /// The next ticket, and the era that has the latest.
    head: Atomic<Head>,
    /// The first ticket of an era, or one from longer ago than a window: of the head's
    /// era, or of a later one that is about to take the head over.
    first: Atomic<Head>,
    /// The newest era, whole: low bits half a lap late must not look ahead.
    newest: Newest,
    evaluations: Atomic<u64>,
    ring: OnceBox<Box<[Atomic<Cell>]>>,
}

impl Count {
    /// A window of the last `len` results, in 1..=65,536, made in `era`.
    pub(crate) fn new(len: u32, era: Era) -> Self {
        Self::starting_at(len, era, 0)
    }

    fn starting_at(len: u32, era: Era, ticket: u64) -> Self {
        let head = Head::new(era.0, ticket).bits();
        Self {
            len: len.max(1).into(),
            head: Atomic::new(head),
            first: Atomic::new(head),
            newest: Newest::new(era),
            evaluations: Atomic::new(0),
            ring: OnceBox::new(),
        }
    }

    /// How many results the window holds when it is full.
    pub(crate) fn capacity(&self) -> u64 {
        self.len
    }

    /// How many places the ring has, and how many tickets a new era skips. A power of
    /// two; and as the places of the tickets that are handed out have no gaps, each place
    /// is written again long before a lap is over.
    fn places(&self) -> u64 {
        self.len.next_power_of_two()
    }

    fn ring(&self) -> &[Atomic<Cell>] {
        match self.ring.get() {
            Some(ring) => ring,
            None => self.ring.get_or_make(|| (0..self.places()).map(|_| Atomic::new(0)).collect()),
        }
    }

    /// Adds a result and says its ticket, unless its era is over: then `None`.
    #[inline]
    pub(crate) fn record(&self, era: Era, entry: Entry) -> Option<u64> {
        // The ring first: whoever sees a ticket handed out finds the ring.
        let ring = self.ring();
        let ticket = self.take(era)?;
        self.write(ring, ticket, entry);
        Some(ticket)
    }

    /// Takes the next ticket, and takes the head over if `era` is new.
    #[inline]
    fn take(&self, era: Era) -> Option<u64> {
        // Relaxed, and on failure: the swap says whether what was seen still holds.
        let mut seen = self.head.load(Ordering::Relaxed);
        loop {
            // After the head was loaded: see `Newest::admits`.
            if !self.newest.admits(era) && !planted(Bug::TicketOfOldEra) {
                return None;
            }
            let ticket = match seen.ahead_of(era.0) {
                0 => seen.ticket(),
                1.. if planted(Bug::TicketOfOldEra) => seen.ticket(),
                1.. => return None,
                _ => self.begin(seen, era).ticket(),
            };
            let next = Head::new(era.0, ticket + 1);
            // Release, edge `begun -> read`: pairs with the Acquire in `newest`. Whoever
            // reads the head of an era finds the ring and the era's first ticket.
            match self.head.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    if ticket % MARK_EVERY == 0 {
                        self.move_mark(era, ticket);
                    }
                    return Some(ticket);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Marks the ticket that is the first of `era` if the head is still `seen`.
    ///
    /// While `era` has not taken the head over, tickets that others mark for it are
    /// computed from earlier heads, so the latest of them is the one that it starts with.
    #[cold]
    #[inline(never)]
    fn begin(&self, seen: Head, era: Era) -> Head {
        let first = Head::new(era.0, seen.ticket() + self.places());
        self.raise_first(first);
        first
    }

    /// Keeps the mark within reach of an era that goes on for laps.
    #[cold]
    #[inline(never)]
    fn move_mark(&self, era: Era, ticket: u64) {
        self.raise_first(Head::new(era.0, ticket.wrapping_sub(MARK_EVERY)));
    }

    fn raise_first(&self, mark: Head) {
        // Relaxed, all: the mark is published by the swap of the head that follows; one
        // that another thread wrote and this one saw, too.
        let mut seen = self.first.load(Ordering::Relaxed);
        loop {
            let raises = match mark.ahead_of(seen.era()) {
                0 => is_later(mark.ticket(), seen.ticket()),
                ahead => ahead > 0,
            };
            if !raises {
                return;
            }
            match self.first.compare_exchange_weak(seen, mark, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Writes the result of `ticket` to its place, unless a newer one is there.
    #[inline]
    fn write(&self, ring: &[Atomic<Cell>], ticket: u64, entry: Entry) {
        let cell = &ring[place(ring, ticket)];
        let mine = Cell::new(ticket, entry);
        // Acquire, here and on failure, edge `taken -> written`: pairs with the Release
        // below; a result's ticket is in the head that `handed_out` then reads.
        let mut seen = cell.load(Ordering::Acquire);
        loop {
            if let Some(held) = seen.ticket()
                && is_later(held, ticket)
                && self.handed_out(held)
                && !planted(Bug::WriteOver)
            {
                return;
            }
            // Release, edge `taken -> written`: pairs with the Acquires here. (Sums read
            // cells Relaxed.)
            match cell.compare_exchange_weak(seen, mine, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether a ticket is from before the head; else one who slept for half a lap left it.
    #[cold]
    fn handed_out(&self, ticket: u64) -> bool {
        // Relaxed: the head that handed it out, or a later one, by edge `taken -> written`.
        is_later(self.head.load(Ordering::Relaxed).ticket(), ticket)
    }

    /// To be called after one's own record and before one's own sum: of two threads that
    /// do so, the later one sums what both have recorded. Says its number.
    pub(crate) fn begin_evaluation(&self) -> u64 {
        // AcqRel, edge `recorded -> evaluated`: pairs with itself. The additions have an
        // order, and what the earlier thread did to the head and to its cell before its
        // own is visible to what the later one reads after.
        if planted(Bug::EvaluateUnasked) {
            return self.evaluations();
        }
        self.evaluations.fetch_add(1, Ordering::AcqRel).wrapping_add(1)
    }

    /// How many evaluations have begun.
    pub(crate) fn evaluations(&self) -> u64 {
        // Relaxed: see `Circuit::settle`, which reads a word before it.
        self.evaluations.load(Ordering::Relaxed)
    }

    /// What the last results of `era` add up to; nothing if it has none or is over.
    pub(crate) fn sum(&self, era: Era) -> Counted {
        let head = self.newest();
        if head.ahead_of(era.0) != 0 {
            let (sums, is_newest) = (Sums::default(), head.ahead_of(era.0) < 0);
            return Counted { sums, pending: 0, head: head.ticket(), is_newest };
        }
        self.sum_at(head)
    }

    /// What the last results add up to, of whatever era they are.
    pub(crate) fn sum_newest(&self) -> Counted {
        self.sum_at(self.newest())
    }

    /// The last results of `era`, oldest first; none if it is over.
    pub(crate) fn results(&self, era: Era) -> Vec<Entry> {
        let head = self.newest();
        let mut results = Vec::new();
        if head.ahead_of(era.0) == 0 {
            self.visit(head, |entry| results.push(entry));
        }
        results
    }

    /// Takes over the newest results that `old` has of `era`, as many as there is room for.
    pub(crate) fn carry_from(&self, old: &Count, era: Era) {
        self.put(era, &old.results(era));
    }

    /// Records the newest of these results, oldest first, as many as there is room for.
    pub(crate) fn put(&self, era: Era, results: &[Entry]) {
        let room = usize::try_from(self.len).unwrap_or(usize::MAX);
        for &entry in &results[results.len().saturating_sub(room)..] {
            self.record(era, entry);
        }
    }

    /// Puts results of long ago out of range, before the low bits of an era come round
    /// and make them look new.
    ///
    /// For whoever makes the transition to an era that is a multiple of [`SWEEP_EVERY`].
    /// The head is then never more than a quarter of a lap behind, and an eighth for each
    /// sweeper that sleeps.
    pub(crate) fn sweep(&self, era: Era) {
        // Relaxed, and on failure: as in `take`.
        let mut seen = self.head.load(Ordering::Relaxed);
        if !self.newest.admits(era) {
            return;
        }
        while seen.ahead_of(era.0) <= -SWEEP_EVERY.cast_signed() {
            let first = self.begin(seen, era);
            // Release, edge `begun -> read`: as in `take`.
            match self.head.compare_exchange_weak(seen, first, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    fn newest(&self) -> Head {
        // Acquire, edge `begun -> read`: pairs with the Release in `take` and `sweep`.
        self.head.load(Ordering::Acquire)
    }

    fn sum_at(&self, head: Head) -> Counted {
        let mut sums = Sums::default();
        let handed_out = self.visit(head, |entry| {
            sums.calls += 1;
            sums.failed += u64::from(entry.failed);
            sums.slow += u64::from(entry.slow);
        });
        let pending = handed_out - sums.calls;
        Counted { sums, pending, head: head.ticket(), is_newest: true }
    }

    /// Shows the results in the window that ends at `head`, oldest first: those are the
    /// first to be replaced. Says how many tickets the window has, or more.
    fn visit(&self, head: Head, mut show: impl FnMut(Entry)) -> u64 {
        let Some(ring) = self.ring.get() else { return 0 };
        // Relaxed: the mark of the head's era, or a later one, by edge `begun -> read`.
        let first = self.first.load(Ordering::Relaxed);
        // A mark of a later era: this one is over, and how long it was is not known. What
        // was not handed out is found in no cell and counts as pending.
        let era_long = match first.ahead_of(head.era()) {
            0 => tickets_between(first.ticket(), head.ticket()),
            _ => self.len,
        };
        let handed_out = era_long.min(self.len);
        for back in (1..=handed_out).rev() {
            let ticket = head.ticket().wrapping_sub(back) & TICKET.max();
            // Relaxed: a cell is one whole result, and nothing else is read by it.
            let cell = ring[place(ring, ticket)].load(Ordering::Relaxed);
            if cell.ticket() == Some(ticket) || planted(Bug::CellUnread) {
                show(cell.entry());
            }
        }
        handed_out
    }
}

/// A ticket's place in a ring, whose length is a power of two.
#[inline]
fn place<T>(ring: &[T], ticket: u64) -> usize {
    // What the cast cuts off, the mask would.
    ticket as usize & (ring.len() - 1)
}
