//! A list that anybody adds to and that is only ever taken whole.
#![allow(unsafe_code)]

use super::{AtomicPtr, Ordering};
use core::ptr;

/// Values on top of each other, the latest on top.
///
/// A push is one swap of the top. There is no pop: whoever takes gets everything by
/// one swap with null and owns it from then on. So no reader ever stands on a node
/// that another could free, and nothing has to be reclaimed later.
pub(crate) struct Pile<T> {
    top: AtomicPtr<Node<T>>,
}

struct Node<T> {
    value: T,
    below: *mut Node<T>,
}

impl<T: Send> Pile<T> {
    pub(crate) fn new() -> Self {
        Self { top: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(crate) fn push(&self, value: T) {
        // Relaxed: the pointer is linked and never followed here.
        let mut top = self.top.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { value, below: top }));
        // Release, edge `pushed -> taken`: pairs with the Acquire in `take`. Swaps of
        // other pushes in between carry it on. Relaxed on failure: as the load.
        while let Err(newer) =
            self.top.compare_exchange(top, node, Ordering::Release, Ordering::Relaxed)
        {
            top = newer;
            // SAFETY: from `Box::into_raw` above, and nobody else has it before a swap
            // succeeds.
            unsafe { (*node).below = top };
        }
    }

    /// Everything, the latest first.
    pub(crate) fn take(&self) -> Vec<T> {
        let mut taken = Vec::new();
        // Relaxed: spares whoever finds nothing a write. A caller who was told of a
        // push, by whatever ordering, finds it here.
        if self.top.load(Ordering::Relaxed).is_null() {
            return taken;
        }
        // Acquire, edge `pushed -> taken`: pairs with the Release in `push`; all nodes
        // from the top down are whole.
        let mut top = self.top.swap(ptr::null_mut(), Ordering::Acquire);
        while !top.is_null() {
            // SAFETY: from `Box::into_raw` in `push`. Its swap made it reachable from
            // the top and from nowhere else; ours took it from there, so that no other
            // `take` finds it, and a push never follows the pointer it links.
            let node = unsafe { Box::from_raw(top) };
            top = node.below;
            taken.push(node.value);
        }
        taken
    }
}

impl<T> Drop for Pile<T> {
    fn drop(&mut self) {
        // Relaxed: `&mut self`, so everybody else's use happened before.
        let mut top = self.top.load(Ordering::Relaxed);
        while !top.is_null() {
            // SAFETY: as in `take`; nobody else has the pile any more.
            top = unsafe { Box::from_raw(top) }.below;
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn everything_is_taken_at_once_and_the_latest_first() {
        let pile = Pile::new();
        assert_eq!(pile.take(), []);
        (1..=3).for_each(|value| pile.push(value));
        assert_eq!(pile.take(), [3, 2, 1]);
        assert_eq!(pile.take(), []);
    }

    #[test]
    fn what_many_threads_push_and_take_is_taken_and_freed_once() {
        let alive = Arc::new(());
        let pile = Pile::new();
        let taken: usize = thread::scope(|scope| {
            let threads = [0; 4].map(|_| {
                scope.spawn(|| {
                    let mut taken = 0;
                    for nth in 0..10_000 {
                        pile.push(Arc::clone(&alive));
                        if nth % 3 == 1 {
                            taken += pile.take().len();
                        }
                    }
                    taken
                })
            });
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        // Dropped with something in it.
        assert!(taken < 40_000);
        assert_eq!(Arc::strong_count(&alive), 1 + 40_000 - taken);
        drop(pile);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
