//! How hard callers fight over the shared word, counted on request.

use crate::metrics::snapshot::Contention;
use crate::sync::{Atomic, Ordering};

/// Counters that several threads share: a swap is a shared write itself.
#[derive(Debug)]
pub(crate) struct Striped<const STRIPES: usize>([Stripe; STRIPES]);

#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    swaps: Atomic<u64>,
    retries: Atomic<u64>,
}

impl<const STRIPES: usize> Striped<STRIPES> {
    pub(crate) fn new() -> Self {
        let stripe = |_| Stripe { swaps: Atomic::new(0), retries: Atomic::new(0) };
        Self(std::array::from_fn(stripe))
    }

    // Relaxed, everywhere: statistics; nothing is read on the strength of them.

    pub(crate) fn add(&self, stripe: usize, swaps: u64, retries: u64) {
        self.0[stripe].swaps.fetch_add(swaps, Ordering::Relaxed);
        self.0[stripe].retries.fetch_add(retries, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Contention {
        let load = |cell: &Atomic<u64>| cell.load(Ordering::Relaxed);
        let retries: u64 = self.0.iter().map(|stripe| load(&stripe.retries)).sum();
        let swaps = self.0.iter().map(|stripe| load(&stripe.swaps)).sum();
        // Read between the two additions, a part may be ahead of its whole.
        Contention { swaps, retries: retries.min(swaps) }
    }
}
