//! The one door to concurrency primitives.
//!
//! Every other module takes its atomics, locks and thread-locals from here, so
//! that a build with `--cfg ampacity_loom` or `--cfg ampacity_shuttle` runs the
//! same source under a model checker. The cfgs are ours alone: a downstream
//! `--cfg loom` leaves us be. `Ordering` is always the standard one.

mod atomic;
mod current;
mod kept;
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) mod model;
mod once;
mod pile;
#[cfg(any(crossbeam_loom, not(any(ampacity_loom, ampacity_shuttle))))]
pub(crate) mod pinned;

pub(crate) use self::atomic::{Atomic, Bits, impl_bits};
pub(crate) use self::current::Current;
pub(crate) use self::kept::Kept;
pub(crate) use self::once::OnceBox;
pub(crate) use self::pile::Pile;
pub(crate) use core::sync::atomic::Ordering;

/// Process-wide constants and the manual clock's time are inputs to a model and
/// not part of it: these two are the standard library's in every build.
pub(crate) use core::sync::atomic::AtomicU64 as PlainU64;
pub(crate) use std::sync::OnceLock;

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
mod primitives {
    pub(crate) use ::atomic::Atomic as Raw;
    pub(crate) use core::sync::atomic::AtomicPtr;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread_local;

    /// A static that starts afresh with each model; in an ordinary build, a static.
    macro_rules! per_process {
        ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
            $(#[$meta])*
            static $name: $type = $init;
        };
    }
    pub(crate) use per_process;
}

#[cfg(ampacity_loom)]
mod primitives {
    pub(crate) use loom::sync::atomic::AtomicPtr;
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// loom's `Atomic<u64>`, under the name that the `atomic` crate gives it.
    pub(crate) type Raw<T> = <T as Modelled>::Atomic;
    pub(crate) trait Modelled {
        type Atomic;
    }
    impl Modelled for u64 {
        type Atomic = loom::sync::atomic::AtomicU64;
    }

    /// loom's macro rejects `const` initialisers.
    macro_rules! thread_local_ {
        ($($(#[$meta:meta])* static $name:ident: $type:ty = const { $init:expr };)*) => {
            loom::thread_local! { $($(#[$meta])* static $name: $type = $init;)* }
        };
    }
    pub(crate) use thread_local_ as thread_local;

    macro_rules! per_process {
        ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
            loom::lazy_static! { $(#[$meta])* static ref $name: $type = $init; }
        };
    }
    pub(crate) use per_process;
}

#[cfg(ampacity_shuttle)]
mod primitives {
    pub(crate) use super::model::stepped::SteppedPtr as AtomicPtr;
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use shuttle::thread_local;

    pub(crate) type Raw<T> = <T as Modelled>::Atomic;
    pub(crate) trait Modelled {
        type Atomic;
    }
    impl Modelled for u64 {
        type Atomic = super::model::stepped::SteppedU64;
    }

    macro_rules! per_process {
        ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
            shuttle::lazy_static! { $(#[$meta])* static ref $name: $type = $init; }
        };
    }
    pub(crate) use per_process;
}

pub(crate) use primitives::{AtomicPtr, Mutex, MutexGuard, Raw, per_process, thread_local};

/// Locks, whether or not a panic once happened under the lock: what we keep
/// behind locks is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let guard = mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // A model can have whoever holds a lock stop there.
    #[cfg(ampacity_shuttle)]
    model::suspended::pass();
    guard
}

/// Makes a function `const`, except in loom builds, where no primitive is.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(ampacity_loom))]
        $(#[$meta])* $vis const fn $($rest)*
        #[cfg(ampacity_loom)]
        $(#[$meta])* $vis fn $($rest)*
    };
}
pub(crate) use const_fn;
