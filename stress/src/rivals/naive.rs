//! The breaker that one writes first: a few fields behind a lock, which is taken to admit
//! and again to record.

use std::sync::PoisonError;
use std::time::Instant;

use super::{End, NEVER, OPEN_FOR, Path, Subject, end};

/// It trips and recovers, and times nothing.
pub(super) struct Naive {
    threshold: u32,
    streak: u32,
    open_until: Option<Instant>,
    succeeded: u64,
    failed: u64,
    rejected: u64,
}

impl Naive {
    pub(super) fn for_path(path: Path) -> Self {
        Self {
            threshold: if path == Path::Failing { NEVER } else { 5 },
            streak: 0,
            open_until: (path == Path::Rejected).then(|| Instant::now() + OPEN_FOR),
            succeeded: 0,
            failed: 0,
            rejected: 0,
        }
    }

    fn admits(&mut self) -> bool {
        if let Some(until) = self.open_until {
            if Instant::now() < until {
                self.rejected += 1;
                return false;
            }
            self.open_until = None;
        }
        true
    }

    fn record(&mut self, end: End) {
        if end == End::Succeeded {
            self.succeeded += 1;
            self.streak = 0;
            return;
        }
        self.failed += 1;
        self.streak += 1;
        if self.streak >= self.threshold {
            self.open_until = Some(Instant::now() + OPEN_FOR);
        }
    }
}

/// On cache lines of its own, as this crate's word is.
#[repr(align(128))]
pub(super) struct Alone<L>(pub(super) L);

pub(super) trait Lock {
    fn with<T>(&self, f: impl FnOnce(&mut Naive) -> T) -> T;
}

impl Lock for std::sync::Mutex<Naive> {
    #[inline(always)]
    fn with<T>(&self, f: impl FnOnce(&mut Naive) -> T) -> T {
        f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lock for parking_lot::Mutex<Naive> {
    #[inline(always)]
    fn with<T>(&self, f: impl FnOnce(&mut Naive) -> T) -> T {
        f(&mut self.lock())
    }
}

impl<L: Lock> Subject for Alone<L> {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        if !self.0.with(Naive::admits) {
            return End::Rejected;
        }
        let end = end(op());
        self.0.with(|naive| naive.record(end));
        end
    }
}
