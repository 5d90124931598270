//! A value that is replaced while others read it, under pins of its own.

use std::sync::Arc;

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
mod cell {
    use super::super::pinned::Pinned;
    use super::Arc;
    use crossbeam_epoch as epoch;

    /// A current `T`. A reader may keep what it read for as long as it likes: it is
    /// pinned for the moment of reading only, so nobody who dawdles holds up what the
    /// whole process has to free.
    pub(crate) struct Current<T: 'static>(Pinned<T>);

    impl<T: Send + Sync> Current<T> {
        pub(crate) fn new(first: T) -> Self {
            Self(Pinned::new(first))
        }

        pub(crate) fn read(&self) -> Arc<T> {
            self.0.read(&epoch::pin())
        }

        /// Replaces the value by what `change` makes of it, unless that is nothing; says
        /// if it did. Runs `change` again if another change came between.
        pub(crate) fn replace(&self, change: impl Fn(&T) -> Option<T>) -> bool {
            let replaced = self.0.replace(&epoch::pin(), change);
            if replaced {
                // What was replaced is freed two epochs later, and where hardly anybody
                // pins, epochs pass only when asked to: here, unless others are pinned.
                (0..3).for_each(|_| epoch::pin().flush());
            }
            replaced
        }
    }
}

/// For models of what is built on the cell; the cell itself is modelled with a collector
/// of its own. Reading is one Acquire load here too and no more, so that nothing is
/// ordered which would not be in earnest.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod cell {
    use super::super::Kept;
    use super::Arc;

    pub(crate) struct Current<T: 'static>(Kept<Arc<T>>);

    impl<T: Send + Sync> Current<T> {
        pub(crate) fn new(first: T) -> Self {
            Self(Kept::owning(Arc::new(first)))
        }

        pub(crate) fn read(&self) -> Arc<T> {
            Arc::clone(self.0.get())
        }

        pub(crate) fn replace(&self, change: impl Fn(&T) -> Option<T>) -> bool {
            self.0.replace(|now| change(now).map(Arc::new).ok_or(())).is_ok()
        }
    }
}

pub(crate) use cell::Current;

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// Counts itself: each made once, freed once, and never read afterwards.
    struct Counted {
        alive: Arc<AtomicUsize>,
        whole: u64,
    }

    const WHOLE: u64 = 0x600d_600d;

    impl Counted {
        fn new(alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::Relaxed);
            Self { alive: Arc::clone(alive), whole: WHOLE }
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            assert_eq!(self.whole, WHOLE, "freed twice");
            self.whole = 0;
            self.alive.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_many_threads_replace_and_read_is_whole_while_read_and_freed_once() {
        let alive = Arc::new(AtomicUsize::new(0));
        let cell = Current::new(Counted::new(&alive));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        assert_eq!(cell.read().whole, WHOLE, "read after it was freed");
                    }
                });
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        assert!(cell.replace(|_| Some(Counted::new(&alive))));
                    }
                });
            }
        });
        assert!(!cell.replace(|_| None));
        drop(cell);
        // Other tests may be pinned just now: what is left goes when they are not.
        while alive.load(Ordering::Relaxed) > 0 {
            crossbeam_epoch::pin().flush();
            thread::yield_now();
        }
    }

    #[test]
    fn what_a_reader_keeps_outlives_its_replacement_and_the_cell() {
        let cell = Current::new(1);
        let kept = cell.read();
        assert!(cell.replace(|now| Some(now + 1)));
        assert_eq!((*kept, *cell.read()), (1, 2));
        drop(cell);
        assert_eq!(*kept, 1);
    }
}
