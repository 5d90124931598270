//! A value that is replaced while others read it, and freed when nobody can find it any
//! more. The pins come from the caller, so that a model can bring its own collector.
#![allow(unsafe_code)]

use super::Ordering;
use crossbeam_epoch::{self as epoch, Guard, Owned};
use std::sync::Arc;

/// A current `T`. A reader gets a count of its own on the value it found, so that it
/// may keep it for as long as it likes; only the moment between finding the pointer
/// and counting is under a pin. All pins of one cell must be of one collector: those of
/// `Current` are of the default one, those of the models' cell of its own.
pub(crate) struct Pinned<T: 'static> {
    current: epoch::Atomic<Arc<T>>, // never null
}

impl<T: Send + Sync> Pinned<T> {
    pub(crate) fn new(first: T) -> Self {
        Self { current: epoch::Atomic::new(Arc::new(first)) }
    }

    pub(crate) fn read(&self, pin: &Guard) -> Arc<T> {
        // Acquire, edge `relisted -> read`: pairs with the Release half of the swap in
        // `replace`; the value is whole for whoever finds its pointer.
        let current = self.current.load(Ordering::Acquire, pin);
        // SAFETY: never null, and from `Owned` in `new` or `replace`. It was current
        // after `pin` began, and what `replace` takes away is destroyed only when all
        // pins of that time have ended.
        Arc::clone(unsafe { current.deref() })
    }

    /// Replaces the value by what `change` makes of it, unless that is nothing. Runs
    /// `change` again if another change came between. Says if it replaced.
    pub(crate) fn replace(&self, pin: &Guard, change: impl Fn(&T) -> Option<T>) -> bool {
        // Acquire, edge `relisted -> read`: as in `read`.
        let mut seen = self.current.load(Ordering::Acquire, pin);
        loop {
            // SAFETY: as in `read`.
            let Some(next) = change(unsafe { seen.deref() }) else { return false };
            let next = Owned::new(Arc::new(next));
            // Release, edge `relisted -> read`: pairs with the Acquire in `read`. Acquire on
            // failure, because the next step reads what is there: the same edge.
            match self.current.compare_exchange(
                seen,
                next,
                Ordering::Release,
                Ordering::Acquire,
                pin,
            ) {
                Ok(_) => {
                    #[cfg(all(ampacity_loom, crossbeam_loom))]
                    if sabotage::instead_of_freeing(seen) {
                        return true;
                    }
                    // SAFETY: ours was the swap that took `seen` away, so this happens
                    // once; it cannot come back while we are pinned, and readers who
                    // still have it are pinned.
                    unsafe { pin.defer_destroy(seen) };
                    return true;
                }
                Err(lost) => seen = lost.current,
            }
        }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // SAFETY: never null; `&mut self` says that nobody reads any more.
        drop(unsafe { core::mem::replace(&mut self.current, epoch::Atomic::null()).into_owned() });
    }
}

/// What canaries do to a replaced value.
#[cfg(all(ampacity_loom, crossbeam_loom))]
mod sabotage {
    use super::Arc;
    use crate::planted::{Bug, planted};
    use crossbeam_epoch::Shared;

    /// Says if the value is not to be freed as it should be.
    pub(super) fn instead_of_freeing<T>(seen: Shared<'_, Arc<T>>) -> bool {
        if planted(Bug::FreedAtOnce) {
            // SAFETY: as in `replace`, which leaves it to us. The box is leaked, and the
            // memory of what it counts too: a reader who comes too late must find in it that
            // it was dropped, and not whatever else is there by then.
            unsafe {
                core::mem::forget(Arc::downgrade(seen.deref()));
                core::ptr::drop_in_place(seen.as_raw().cast_mut());
            }
        }
        planted(Bug::FreedAtOnce) || planted(Bug::NeverFreed)
    }
}

/// The cell with a collector of its own: loom knows no epoch that outlives a model.
#[cfg(all(ampacity_loom, crossbeam_loom))]
pub(crate) mod collected {
    use super::{Arc, Pinned};
    use crossbeam_epoch::Collector;

    /// A current `T`, whose replaced values are freed when nobody is pinned.
    pub struct Collected<T: 'static> {
        cell: Pinned<T>,
        collector: Collector,
    }

    impl<T: Send + Sync> Collected<T> {
        /// Holds `first`.
        pub fn new(first: T) -> Self {
            Self { cell: Pinned::new(first), collector: Collector::new() }
        }

        /// Looks at the present value, pinned: unpinning orders more than reading does.
        pub fn read<R>(&self, look: impl FnOnce(Arc<T>) -> R) -> R {
            let handle = self.collector.register();
            let pin = handle.pin();
            look(self.cell.read(&pin))
        }

        /// Replaces the value, and frees what nobody can find any more.
        pub fn replace(&self, next: impl Fn(&T) -> T) {
            let handle = self.collector.register();
            assert!(self.cell.replace(&handle.pin(), |now| Some(next(now))));
            (0..3).for_each(|_| handle.pin().flush());
        }
    }

    impl<T> core::fmt::Debug for Collected<T> {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("Collected")
        }
    }
}
