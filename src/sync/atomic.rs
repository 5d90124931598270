//! A typed 64-bit atomic: the same type in ordinary and in model builds.

use super::{Ordering, Raw, const_fn};
use core::marker::PhantomData;

/// Plain values that are a `u64` in disguise.
pub(crate) trait Bits: Copy {
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

impl Bits for u64 {
    fn bits(self) -> u64 {
        self
    }
    fn from_bits(bits: u64) -> Self {
        bits
    }
}

/// For a type with one field, the `u64` that it is.
macro_rules! impl_bits {
    ($name:ident) => {
        impl $crate::sync::Bits for $name {
            fn bits(self) -> u64 {
                self.0
            }
            fn from_bits(bits: u64) -> Self {
                $name(bits)
            }
        }
    };
}
pub(crate) use impl_bits;

/// An atomic cell that holds a `T`.
pub(crate) struct Atomic<T> {
    raw: Raw<u64>,
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    spurious: super::model::Spurious,
    of: PhantomData<T>,
}

// A breaker in a 32-bit process with 64-bit atomics must not find a lock inside.
#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(Raw::<u64>::is_lock_free(), "64-bit atomics must be lock-free");

impl<T: Bits> Atomic<T> {
    const_fn! {
        pub(crate) fn new(bits: u64) -> Self {
            Self {
                raw: Raw::<u64>::new(bits),
                #[cfg(any(ampacity_loom, ampacity_shuttle))]
                spurious: super::model::Spurious::new(),
                of: PhantomData,
            }
        }
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> T {
        // A model that asks for it acquires by read-modify-write: loom skips
        // interleavings of a plain load that is followed by a swap.
        #[cfg(any(ampacity_loom, ampacity_shuttle))]
        if order == Ordering::Acquire && super::model::rmw_loads() {
            return T::from_bits(self.raw.fetch_or(0, order));
        }
        T::from_bits(self.raw.load(order))
    }

    #[inline(always)]
    pub(crate) fn store(&self, value: T, order: Ordering) {
        self.raw.store(value.bits(), order);
    }

    #[inline(always)]
    pub(crate) fn compare_exchange_weak(
        &self,
        seen: T,
        next: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<T, T> {
        #[cfg(any(ampacity_loom, ampacity_shuttle))]
        if self.spurious.strikes() {
            return Err(T::from_bits(self.raw.load(failure)));
        }
        match self.raw.compare_exchange_weak(seen.bits(), next.bits(), success, failure) {
            Ok(bits) => Ok(T::from_bits(bits)),
            Err(bits) => {
                #[cfg(any(ampacity_loom, ampacity_shuttle))]
                super::model::count_lost_swap();
                Err(T::from_bits(bits))
            }
        }
    }
}

impl Atomic<u64> {
    #[inline(always)]
    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.raw.fetch_add(value, order)
    }

    #[inline(always)]
    pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
        self.raw.fetch_max(value, order)
    }

    #[inline(always)]
    pub(crate) fn fetch_min(&self, value: u64, order: Ordering) -> u64 {
        self.raw.fetch_min(value, order)
    }
}

impl<T: Bits + core::fmt::Debug> core::fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Relaxed: for people; nothing is read on the strength of it.
        self.load(Ordering::Relaxed).fmt(f)
    }
}
