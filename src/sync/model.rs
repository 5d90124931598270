//! What a model build can ask of the shim, at run time.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

// The standard library's atomics: settings of the model are not part of it.
static RMW_LOADS: AtomicBool = AtomicBool::new(false);
static SPURIOUS: AtomicBool = AtomicBool::new(false);
static INJECTED: AtomicU64 = AtomicU64::new(0);

/// Makes every load a read-modify-write, which reads the newest value and which
/// loom never skips.
pub fn set_rmw_loads(on: bool) {
    RMW_LOADS.store(on, Ordering::Relaxed);
}

pub(super) fn rmw_loads() -> bool {
    RMW_LOADS.load(Ordering::Relaxed)
}

/// Makes every other weak swap of each cell fail without a reason.
pub fn set_spurious_failures(on: bool) {
    SPURIOUS.store(on, Ordering::Relaxed);
}

/// How many weak swaps were made to fail, in all models of this process.
pub fn spurious_failures() -> u64 {
    INJECTED.load(Ordering::Relaxed)
}

/// A cell's own count of its weak swaps.
pub(super) struct Spurious(AtomicU64);

impl Spurious {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn strikes(&self) -> bool {
        let strikes =
            SPURIOUS.load(Ordering::Relaxed) && self.0.fetch_add(1, Ordering::Relaxed) % 2 == 0;
        if strikes {
            INJECTED.fetch_add(1, Ordering::Relaxed);
        }
        strikes
    }
}
