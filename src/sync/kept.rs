//! A value that can be replaced while others read it, without a pin or a lock.
#![allow(unsafe_code)]

use super::{AtomicPtr, Mutex, Ordering, const_fn, lock};

/// A current `T`. Replaced values are kept until the cell is dropped, so a
/// reader needs nothing but one load; replacing is for rare changes by people.
pub(crate) struct Kept<T: 'static> {
    current: AtomicPtr<T>,
    replaced: Mutex<Vec<Owned<T>>>,
}

/// A box by its raw pointer: a `Box` would claim that nobody else points there.
struct Owned<T>(*mut T);

// SAFETY: an `Owned` is the only owner of its `T`.
unsafe impl<T: Send> Send for Owned<T> {}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw` in `replace`, freed here only; `Kept` is
        // being dropped, so no reference that `get` gave out is left.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<T: Sync + Send> Kept<T> {
    const_fn! {
        pub(crate) fn new(first: &'static T) -> Self {
            Self {
                current: AtomicPtr::new(core::ptr::from_ref(first).cast_mut()),
                replaced: Mutex::new(Vec::new()),
            }
        }
    }

    /// A cell that owns its first value, too.
    pub(crate) fn owning(first: T) -> Self {
        let first = Box::into_raw(Box::new(first));
        Self { current: AtomicPtr::new(first), replaced: Mutex::new(vec![Owned(first)]) }
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &T {
        // Acquire, edge `replaced -> read`: pairs with the Release store in
        // `replace`; the new value is whole for whoever finds its pointer.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: either the `'static` value of `new` or a box that `replaced` owns (its
        // latest is the current one), freed only with `self`; never written after
        // publication.
        unsafe { &*current }
    }

    /// Replaces the value by what `change` makes of it. Runs `change` again if
    /// another change came between, and never under the lock.
    pub(crate) fn replace<E>(&self, change: impl Fn(&T) -> Result<T, E>) -> Result<(), E> {
        loop {
            let seen = self.get();
            let next = change(seen)?;
            let mut replaced = lock(&self.replaced);
            if !core::ptr::eq(seen, self.get()) {
                continue;
            }
            let next = Box::into_raw(Box::new(next));
            replaced.push(Owned(next));
            // Release, edge `replaced -> read`: pairs with the Acquire in `get`.
            self.current.store(next, Ordering::Release);
            return Ok(());
        }
    }
}

impl<T: Sync + Send + core::fmt::Debug> core::fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}
