//! Proof that a test met its case.

use crate::invariants::CANARIES;
use model_runs::NOTHING_SHOWN;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a race still owes when nothing failed in it: a proof that its actors met.
///
/// In builds of plain threads nothing is proved: they may well run one after the other
/// every time.
#[derive(Debug)]
#[must_use = "actors that never met show nothing: say by what is known that these did"]
pub struct Raced {
    lost_swaps: u64,
}

/// Whether this build searches schedules.
const SEARCHED: bool = cfg!(any(ampacity_loom, ampacity_shuttle));

impl Raced {
    /// Of a race that runs in `scenario`.
    pub(crate) fn of(scenario: impl FnOnce()) -> Raced {
        let before = lost_swaps();
        scenario();
        Raced { lost_swaps: lost_swaps() - before }
    }

    /// Each of these cases was met, in one execution or another.
    ///
    /// # Panics
    ///
    /// If one of them was not.
    #[track_caller]
    pub fn met<const CASES: usize>(&self, cases: [&Reached; CASES]) {
        const { assert!(CASES > 0, "a case is missing") };
        cases.iter().for_each(|case| case.assert_some());
    }

    /// An actor lost a swap to another.
    ///
    /// # Panics
    ///
    /// If none did.
    #[track_caller]
    pub fn contended(&self) {
        assert!(self.lost_swaps > 0 || !SEARCHED, "{NOTHING_SHOWN}the test never met its case");
    }

    /// By nothing that the test could see; but this bug does harm only where actors meet,
    /// and the runner of the canaries fails if the test does not notice it.
    ///
    /// # Panics
    ///
    /// If that is no canary of this test.
    #[track_caller]
    pub fn shown_by(&self, bug: &str) {
        let thread = std::thread::current();
        // The harness names its threads after their tests, and has but `main` for one at a time.
        let is_this = |test| thread.name().is_none_or(|name| name == test || name == "main");
        let is_canary = CANARIES.iter().any(|canary| canary.1 == bug && is_this(canary.2));
        assert!(is_canary, "{NOTHING_SHOWN}{bug} is no canary of this test");
    }
}

fn lost_swaps() -> u64 {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    return ampacity::model::lost_swaps();
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    return 0;
}

/// Counts how often a case was met over all executions of a model: a test's own, and in a
/// static, because tests run side by side and the actors of one are plain functions.
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

    /// Fails a test that never met its case since it was last asked.
    ///
    /// # Panics
    ///
    /// If there was no hit.
    #[track_caller]
    pub fn assert_some(&self) {
        let hits = self.0.swap(0, Ordering::Relaxed);
        assert!(hits > 0 || !SEARCHED, "{NOTHING_SHOWN}the test never met its case");
    }
}

/// An actor's steps, for another to know when it is between two of them. No part of the
/// model either.
#[derive(Debug)]
pub struct Steps(AtomicBool);

impl Steps {
    /// Those of nobody yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Steps(AtomicBool::new(false))
    }

    /// Takes the step `next`, all before it having been taken.
    pub fn between<T>(&self, next: impl FnOnce() -> T) -> T {
        // Relaxed, here and below: one thread of a model runs at a time.
        self.0.store(true, Ordering::Relaxed);
        let out = next();
        self.0.store(false, Ordering::Relaxed);
        out
    }

    /// Whether the steps before have been taken, and the next one not to its end.
    pub fn is_between(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
