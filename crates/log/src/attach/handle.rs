//! A breaker that is not kept alive.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use ampacity::CircuitBreaker;

/// A breaker, as long as it is there.
#[derive(Debug)]
pub(super) enum Handle {
    Shared(Weak<CircuitBreaker>),
    Static(&'static CircuitBreaker),
}

impl Handle {
    pub(super) fn get(&self) -> Option<Borrowed> {
        match self {
            Handle::Shared(breaker) => breaker.upgrade().map(Borrowed::Shared),
            Handle::Static(breaker) => Some(Borrowed::Static(breaker)),
        }
    }

    /// Whether it is gone for good. Looked at, not held: whoever holds the last handle drops
    /// the breaker, and with it what its listeners own, which may be the log.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Handle::Shared(breaker) => breaker.strong_count() == 0,
            Handle::Static(_) => false,
        }
    }

    /// Whether both are of one breaker. No other has its address while there is a handle.
    pub(super) fn is_of_same(&self, other: &Handle) -> bool {
        self.address() == other.address()
    }

    fn address(&self) -> *const CircuitBreaker {
        match self {
            Handle::Shared(breaker) => breaker.as_ptr(),
            Handle::Static(breaker) => *breaker,
        }
    }
}

/// A breaker that cannot go meanwhile.
pub(super) enum Borrowed {
    Shared(Arc<CircuitBreaker>),
    Static(&'static CircuitBreaker),
}

impl Deref for Borrowed {
    type Target = CircuitBreaker;

    fn deref(&self) -> &CircuitBreaker {
        match self {
            Borrowed::Shared(breaker) => breaker,
            Borrowed::Static(breaker) => breaker,
        }
    }
}
