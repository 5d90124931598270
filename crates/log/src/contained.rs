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

#[cfg(test)]
mod tests {
    use super::contained;
    use std::panic::panic_any;

    /// Panics when it is dropped, with one that does so a time less.
    struct Spiteful(u32);

    impl Drop for Spiteful {
        fn drop(&mut self) {
            if let Some(times) = self.0.checked_sub(1) {
                panic_any(Spiteful(times));
            }
        }
    }

    #[test]
    fn a_panic_ends_here_however_often_its_payload_panics() {
        for times in 0..4 {
            assert_eq!(contained(|| panic_any(Spiteful(times))), None::<()>);
        }
        assert_eq!(contained(|| 1), Some(1));
    }
}
