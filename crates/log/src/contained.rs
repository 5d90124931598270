//! Code of the user's own, whose panics end here.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `f` returns; nothing if it panics. What it panicked with is dropped, and a panic
/// of that drop is contained, too: its payload is leaked.
pub(crate) fn contained<T>(f: impl FnOnce() -> T) -> Option<T> {
    let payload = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(out) => return Some(out),
        Err(payload) => payload,
    };
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(worse);
    }
    None
}
