//! The recent past of a closed breaker, and whether it says to trip.
//!
//! A window records what calls of one era returned, and adds up what is recent. A new
//! era needs no reset: what it records has another tag, and the first of it replaces
//! what was there.
#![allow(dead_code)]

mod count;
mod flight;
mod slice;
mod time;

use crate::word::Era;

/// Whether who begins this era has to sweep the windows.
pub(crate) fn is_sweep_due(era: Era) -> bool {
    era.0.is_multiple_of(slice::FAR)
}

/// What one call adds to a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) failed: bool,
    /// For how many slow calls it stands: none if it was not slow, one if all are timed.
    pub(crate) slow: u32,
}

/// What a window holds of one era; a slow failure is in `failed` and in `slow`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) failed: u64, // at most `calls`
    pub(crate) slow: u64,   // at most `calls`
}
