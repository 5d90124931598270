//! What a model build can ask of the shim, at run time.
//!
//! Settings are the calling thread's own, and the models of one test run on one
//! thread of the operating system, so tests run side by side.

#[cfg(ampacity_shuttle)]
pub(crate) mod suspended;

use core::sync::atomic::{AtomicU64, Ordering};
use std::cell::Cell;

std::thread_local! {
    static RMW_LOADS: Cell<bool> = const { Cell::new(false) };
    static SPURIOUS: Cell<bool> = const { Cell::new(false) };
    static INJECTED: Cell<u64> = const { Cell::new(0) };
    static LOST: Cell<u64> = const { Cell::new(0) };
}

/// Makes every Acquire load a read-modify-write, which reads the newest value and
/// which loom never skips. Relaxed loads stay plain: two read-modify-writes of one
/// cell never commute, and a search would try both orders of each such pair.
pub fn set_rmw_loads(on: bool) {
    RMW_LOADS.set(on);
}

pub(super) fn rmw_loads() -> bool {
    RMW_LOADS.get()
}

/// Makes every other weak swap of each cell fail without a reason; says if it was so before.
pub fn set_spurious_failures(on: bool) -> bool {
    SPURIOUS.replace(on)
}

/// How many weak swaps were made to fail, in all models of this thread.
pub fn spurious_failures() -> u64 {
    INJECTED.get()
}

/// How many weak swaps were lost to another's, in all models of this thread.
pub fn lost_swaps() -> u64 {
    LOST.get()
}

pub(super) fn count_lost_swap() {
    LOST.set(LOST.get() + 1);
}

/// A cell's own count of its weak swaps; a standard atomic, since it is no part
/// of the model.
pub(super) struct Spurious(AtomicU64);

impl Spurious {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn strikes(&self) -> bool {
        let strikes = SPURIOUS.get() && self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        if strikes {
            INJECTED.set(INJECTED.get() + 1);
        }
        strikes
    }
}

/// shuttle's scheduling points, in front of the standard atomics: so that a
/// search of all schedules can do with fewer of them.
#[cfg(ampacity_shuttle)]
pub(crate) mod stepped {
    use super::Cell;
    use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

    std::thread_local! {
        static FEW_STEPS: Cell<bool> = const { Cell::new(false) };
    }

    /// Lets a step run from one Acquire to the next, instead of from one access
    /// to the next: what is relaxed, a plain release, or a pointer made once
    /// belongs to the step before it. All schedules of two whole calls are then
    /// some thousands instead of billions.
    pub fn set_few_steps(on: bool) {
        FEW_STEPS.set(on);
    }

    /// A standard atomic behind a scheduling point. Tasks of shuttle take turns
    /// on one thread, so the access itself needs no model.
    #[derive(Debug)]
    pub(crate) struct Stepped<A> {
        atomic: A,
        point: shuttle::sync::atomic::AtomicBool,
    }

    impl<A> Stepped<A> {
        fn step(&self, always: bool) -> &A {
            super::suspended::pass();
            if always || !FEW_STEPS.get() {
                // Of any ordering: a place where shuttle may switch threads.
                let _ = self.point.load(Ordering::Relaxed);
            }
            &self.atomic
        }
    }

    const fn point() -> shuttle::sync::atomic::AtomicBool {
        shuttle::sync::atomic::AtomicBool::new(false)
    }

    pub(crate) type SteppedU64 = Stepped<AtomicU64>;

    impl Stepped<AtomicU64> {
        pub(crate) const fn new(value: u64) -> Self {
            let atomic = AtomicU64::new(value);
            Self { atomic, point: point() }
        }
        pub(crate) fn load(&self, order: Ordering) -> u64 {
            self.step(order == Ordering::Acquire).load(order)
        }
        pub(crate) fn store(&self, value: u64, order: Ordering) {
            self.step(false).store(value, order);
        }
        pub(crate) fn compare_exchange_weak(
            &self,
            seen: u64,
            next: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            // Not weak: a schedule must play out the same way each time.
            self.step(failure == Ordering::Acquire).compare_exchange(seen, next, success, failure)
        }
        pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
            self.step(order == Ordering::Acquire).fetch_or(bits, order)
        }
        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.step(order == Ordering::AcqRel).fetch_add(value, order)
        }
        pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
            self.step(false).fetch_max(value, order)
        }
        pub(crate) fn fetch_min(&self, value: u64, order: Ordering) -> u64 {
            self.step(false).fetch_min(value, order)
        }
    }

    pub(crate) type SteppedPtr<T> = Stepped<AtomicPtr<T>>;

    impl<T> Stepped<AtomicPtr<T>> {
        pub(crate) const fn new(value: *mut T) -> Self {
            let atomic = AtomicPtr::new(value);
            Self { atomic, point: point() }
        }
        pub(crate) fn load(&self, order: Ordering) -> *mut T {
            self.step(false).load(order)
        }
        pub(crate) fn store(&self, value: *mut T, order: Ordering) {
            self.step(false).store(value, order);
        }
        pub(crate) fn compare_exchange(
            &self,
            seen: *mut T,
            next: *mut T,
            success: Ordering,
            failure: Ordering,
        ) -> Result<*mut T, *mut T> {
            self.step(false).compare_exchange(seen, next, success, failure)
        }
        pub(crate) fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
            self.step(order == Ordering::Acquire).swap(value, order)
        }
    }
}
