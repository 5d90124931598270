//! Latencies, as they are recorded: weights in buckets.

use crate::grain::Grain;
use crate::metrics::shard::Writer;
use crate::sync::{Atomic, Ordering};

/// How many calls were timed, and how long they took in all, each as often as it
/// stands for others.
#[derive(Debug)]
pub(crate) struct Tally {
    samples: Atomic<u64>,
    sum: Atomic<u64>, // ns, modulo 2^64
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { samples: Atomic::new(0), sum: Atomic::new(0) }
    }

    #[inline(always)]
    pub(crate) fn add(&self, writer: Writer, weight: u32, nanos: u64) {
        writer.tally(&self.samples, 1);
        writer.tally(&self.sum, nanos.wrapping_mul(weight.into()));
    }

    // Relaxed, here and below: statistics; nothing is read on the strength of them.

    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// A histogram that one thread writes, or a stripe that several do. Buckets hold
/// weights: how many calls their samples stand for. Which is whose is up to the grain,
/// one for all histograms of a breaker.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[Atomic<u64>]>,
    overflow: Atomic<u64>,
    pub(crate) tally: Tally,
    min: Atomic<u64>,  // ns, all ones when empty
    max: Atomic<u64>,  // ns
    last: Atomic<u64>, // the clock's ns at the end of the last call, plus 1; 0 is none
}

impl Histogram {
    pub(crate) fn new(grain: Grain) -> Self {
        Self {
            buckets: (0..grain.buckets()).map(|_| Atomic::new(0)).collect(),
            overflow: Atomic::new(0),
            tally: Tally::new(),
            min: Atomic::new(u64::MAX),
            max: Atomic::new(0),
            last: Atomic::new(0),
        }
    }

    /// Records all but the tally. In a stripe this writes one cell, but for a new
    /// extreme and once in a tick.
    pub(crate) fn record(&self, grain: Grain, writer: Writer, weight: u32, nanos: u64, ended: u64) {
        let bucket = self.buckets.get(grain.index(nanos)).unwrap_or(&self.overflow);
        writer.tally(bucket, weight.into());
        writer.lower(&self.min, nanos);
        writer.raise(&self.max, nanos, 0);
        writer.raise(&self.last, ended.saturating_add(1), LATE);
    }

    /// Hands over each bucket that holds something, and what it holds.
    pub(crate) fn read(&self, grain: Grain, mut add: impl FnMut(usize, u64)) {
        let (min, max) = (self.min(), self.max());
        if min > max {
            return;
        }
        let top = grain.index(max).min(self.buckets.len() - 1);
        for at in grain.index(min).min(top)..=top {
            match self.buckets[at].load(Ordering::Relaxed) {
                0 => {}
                weight => add(at, weight),
            }
        }
    }

    pub(crate) fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }

    pub(crate) fn min(&self) -> u64 {
        self.min.load(Ordering::Relaxed)
    }

    pub(crate) fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }
}

/// By how much the time of the last call in a stripe may lag, in ns: so that threads
/// do not fight over it call by call.
const LATE: u64 = 1_000_000;
