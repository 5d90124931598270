//! Proof that a test met its case.

use std::sync::atomic::{AtomicU64, Ordering};

/// Runs `scenario`, and fails if in all its executions nobody lost a swap to anybody:
/// the actors then never met. In model builds, as [`Reached::assert_some`].
///
/// # Panics
///
/// If no swap was lost.
#[track_caller]
pub fn contended(scenario: impl FnOnce()) {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    {
        let before = ampacity::model::lost_swaps();
        scenario();
        assert!(ampacity::model::lost_swaps() > before, "the test never met its case");
    }
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    scenario();
}

/// Counts how often a case was met over all executions of a model.
///
/// A standard atomic, so that counting is no part of the model.
#[derive(Debug)]
pub struct Reached(AtomicU64);

impl Reached {
    /// Not met yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Reached(AtomicU64::new(0))
    }

    /// The case was met.
    pub fn hit(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The case was met if `met`.
    pub fn hit_if(&self, met: bool) {
        if met {
            self.hit();
        }
    }

    /// Fails a test that never met its case, in model builds: plain threads may
    /// well run one after the other every time.
    ///
    /// # Panics
    ///
    /// If there was no hit.
    #[track_caller]
    pub fn assert_some(&self) {
        let hits = self.0.load(Ordering::Relaxed);
        let searched = cfg!(any(ampacity_loom, ampacity_shuttle));
        assert!(hits > 0 || !searched, "the test never met its case");
    }
}
