//! A value made on first use, read with one load and one test.
#![allow(unsafe_code)]

use super::{AtomicPtr, Ordering, const_fn};
use crate::planted::{Bug, planted};
use core::ptr;

/// Holds nothing, then one `T` for as long as it lives.
///
/// Null means "not made yet". The pointer goes from null to one box and never
/// changes again until the cell is dropped.
pub(crate) struct OnceBox<T> {
    made: AtomicPtr<T>,
}

impl<T: Send + Sync> OnceBox<T> {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { made: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire, edge `made -> used`: pairs with the Release half of the swap
        // in `get_or_make`; what the maker wrote into the box is visible here.
        let made = self.made.load(Ordering::Acquire);
        // SAFETY: non-null means that `get_or_make` published a leaked box, which
        // nobody frees or changes before `drop`, and `drop` has `&mut self`.
        unsafe { made.as_ref() }
    }

    /// The value; a caller that loses the race to make it frees its own.
    #[cold]
    #[inline(never)]
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let mine = Box::into_raw(Box::new(make()));
        // Release, edge `made -> used`: pairs with the Acquire in `get`.
        // Acquire on failure: the same edge, for the winner's box.
        let won =
            self.made.compare_exchange(ptr::null_mut(), mine, Ordering::Release, Ordering::Acquire);
        let made = match won {
            Ok(_) => mine,
            Err(theirs) if planted(Bug::LoserLeaks) => theirs,
            Err(theirs) => {
                // SAFETY: `mine` came from `Box::into_raw` above and was never shared.
                drop(unsafe { Box::from_raw(mine) });
                theirs
            }
        };
        // SAFETY: published by us or by the winner; see `get`.
        unsafe { &*made }
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        // Relaxed: `&mut self`, so everybody else's use happened before.
        let made = self.made.load(Ordering::Relaxed);
        if !made.is_null() && !planted(Bug::CellLeaks) {
            // SAFETY: from `Box::into_raw`; `&mut self` says that no reference is left.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}
