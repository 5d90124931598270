//! Counters, one set a thread, added up when read.

use crate::grain::Grain;
use crate::metrics::histogram::{Histogram, Tally};
use crate::metrics::pace::Pace;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, OnceBox, Ordering};

/// What a breaker counts, in the order in which a snapshot reads it: a part before
/// its whole, and what is settled before what is admitted. Writers go the other
/// way round. `Failed` are those that returned, `Panicked` those that did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Count {
    Stale,
    Panicked,
    Succeeded,
    Failed,
    Ignored,
    Cancelled,
    Admitted,
    Fallbacks,
    RejectedOpen,
    RejectedHalfOpenFull,
    RejectedForcedOpen,
}

pub(crate) const COUNTS: usize = Count::RejectedForcedOpen as usize + 1;

/// How a cell is written: by the one thread that owns it, or by several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Writer {
    Owner,
    Shared,
}

impl Writer {
    #[inline(always)]
    pub(crate) fn add(self, cell: &Atomic<u64>, value: u64) {
        match self {
            // Relaxed load: the owner reads its own store, or the last owner's,
            // which the slot's lock put before. Release store, edge `settled ->
            // admitted`: pairs with the Acquire in `Shard::read`; whoever sees a
            // settled call sees that it was admitted.
            Writer::Owner => {
                let sum = cell.load(Ordering::Relaxed).wrapping_add(value);
                cell.store(sum, Ordering::Release);
            }
            Writer::Shared if planted(Bug::StripeOwned) => Writer::Owner.add(cell, value),
            // Release, edge `settled -> admitted`: as above.
            Writer::Shared => {
                cell.fetch_add(value, Ordering::Release);
            }
        }
    }

    // Relaxed, here and below: statistics; nothing is read on the strength of them.

    #[inline(always)]
    pub(crate) fn tally(self, cell: &Atomic<u64>, value: u64) {
        match self {
            Writer::Owner => {
                let sum = cell.load(Ordering::Relaxed).wrapping_add(value);
                cell.store(sum, Ordering::Relaxed);
            }
            Writer::Shared => {
                cell.fetch_add(value, Ordering::Relaxed);
            }
        }
    }

    // A look first, in both: most values are no extremes, and a look writes nothing.

    /// Raises the cell; in a stripe only if it is behind by more than `late`.
    #[inline(always)]
    pub(crate) fn raise(self, cell: &Atomic<u64>, value: u64, late: u64) {
        let seen = cell.load(Ordering::Relaxed);
        match self {
            Writer::Owner if seen < value => cell.store(value, Ordering::Relaxed),
            Writer::Shared if seen == 0 || seen.saturating_add(late) < value => {
                cell.fetch_max(value, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    #[inline(always)]
    pub(crate) fn lower(self, cell: &Atomic<u64>, value: u64) {
        let seen = cell.load(Ordering::Relaxed);
        match self {
            Writer::Owner if seen > value => cell.store(value, Ordering::Relaxed),
            Writer::Shared if seen > value => {
                cell.fetch_min(value, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// One set of counters: 128 bytes, on two cache lines of its own.
#[repr(align(128))]
pub(crate) struct Shard {
    counts: [Atomic<u64>; COUNTS],
    pub(crate) pace: Pace,
    /// Successes that were timed and are in a stripe's histogram: kept here, so that
    /// timing one writes a single cell that is shared.
    pub(crate) sampled: Tally,
    histograms: OnceBox<Histograms>,
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(size_of::<Shard>() == 128, "a shard must stay on its two lines");

/// Success and failure apart: an error that comes fast must not hide a slow success.
#[derive(Debug)]
pub(crate) struct Histograms {
    pub(crate) success: Histogram,
    pub(crate) failure: Histogram,
}

impl Histograms {
    #[inline(always)]
    pub(crate) fn made(cell: &OnceBox<Histograms>, grain: Grain) -> &Histograms {
        match cell.get() {
            Some(histograms) => histograms,
            None => cell.get_or_make(|| Histograms {
                success: Histogram::new(grain),
                failure: Histogram::new(grain),
            }),
        }
    }
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self {
            counts: std::array::from_fn(|_| Atomic::new(0)),
            pace: Pace::new(),
            sampled: Tally::new(),
            histograms: OnceBox::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn add(&self, writer: Writer, count: Count, value: u64) {
        writer.add(&self.counts[count as usize], value);
    }

    /// The count with this number.
    pub(crate) fn read(&self, count: usize) -> u64 {
        // Acquire, edge `settled -> admitted`: pairs with the Release in `Writer::add`.
        self.counts[count].load(Ordering::Acquire)
    }

    /// How many calls this shard has admitted, as its own writer sees it.
    #[inline(always)]
    pub(crate) fn admitted(&self) -> u64 {
        // Relaxed: the seed of a draw.
        self.counts[Count::Admitted as usize].load(Ordering::Relaxed)
    }

    /// The histograms of this shard's own thread.
    #[inline(always)]
    pub(crate) fn histograms(&self, grain: Grain) -> &Histograms {
        Histograms::made(&self.histograms, grain)
    }

    pub(crate) fn histograms_so_far(&self) -> Option<&Histograms> {
        self.histograms.get()
    }
}
