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

    pub(crate) fn add(&self, stripe: usize, swaps: u64, retries: u64) {
        // Swaps before the retries among them, and Release, edge `swapped -> retried`:
        // pairs with the Acquire in `read`, which never sees more retries than swaps.
        self.0[stripe].swaps.fetch_add(swaps, Ordering::Relaxed);
        self.0[stripe].retries.fetch_add(retries, Ordering::Release);
    }

    pub(crate) fn read(&self) -> Contention {
        let retries = |stripe: &Stripe| stripe.retries.load(Ordering::Acquire);
        let retries = self.0.iter().map(retries).sum();
        // Relaxed: the edge above has made what belongs to those retries visible.
        let swaps = |stripe: &Stripe| stripe.swaps.load(Ordering::Relaxed);
        Contention { swaps: self.0.iter().map(swaps).sum(), retries }
    }
}
