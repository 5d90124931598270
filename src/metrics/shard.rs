//! Counters, one set a thread, added up when read.

use crate::metrics::histogram::Histogram;
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
    #[cfg_attr(not(feature = "contention"), allow(dead_code))]
    Retries,
    #[cfg_attr(not(feature = "contention"), allow(dead_code))]
    Swaps,
}

pub(crate) const COUNTS: usize = Count::Swaps as usize + 1;

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
            // Release: as above.
            Writer::Shared => {
                cell.fetch_add(value, Ordering::Release);
            }
        }
    }

    // Relaxed, in all three: statistics; nothing is read on the strength of them.

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

    pub(crate) fn raise(self, cell: &Atomic<u64>, value: u64) {
        match self {
            Writer::Owner if cell.load(Ordering::Relaxed) >= value => {}
            Writer::Owner => cell.store(value, Ordering::Relaxed),
            Writer::Shared => {
                cell.fetch_max(value, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn lower(self, cell: &Atomic<u64>, value: u64) {
        match self {
            Writer::Owner if cell.load(Ordering::Relaxed) <= value => {}
            Writer::Owner => cell.store(value, Ordering::Relaxed),
            Writer::Shared => {
                cell.fetch_min(value, Ordering::Relaxed);
            }
        }
    }
}

/// One set of counters: 112 bytes, on two cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Shard {
    counts: [Atomic<u64>; COUNTS],
    latencies: OnceBox<Latencies>,
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(size_of::<Shard>() == 128, "a shard must stay on its two lines");

/// Success and failure apart: an error that comes fast must not hide a slow success.
#[derive(Debug)]
pub(crate) struct Latencies {
    pub(crate) success: Histogram,
    pub(crate) failure: Histogram,
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self { counts: std::array::from_fn(|_| Atomic::new(0)), latencies: OnceBox::new() }
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

    #[inline(always)]
    pub(crate) fn latencies(&self) -> &Latencies {
        match self.latencies.get() {
            Some(latencies) => latencies,
            None => self
                .latencies
                .get_or_make(|| Latencies { success: Histogram::new(), failure: Histogram::new() }),
        }
    }

    pub(crate) fn latencies_so_far(&self) -> Option<&Latencies> {
        self.latencies.get()
    }
}
