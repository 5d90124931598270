//! The breaker that one writes second: no lock, but all of it in one word, which every
//! call changes.
//!
//! ```text
//!           63       32 31                 1    0
//!          ┌───────────┬────────────────────┬──────┐
//!  closed  │ calls     │ failures in a row  │ 0    │
//!  open    │ calls     │ until, in ms       │ 1    │
//!          └───────────┴────────────────────┴──────┘
//! ```
//!
//! Calls wrap, at the top, where they disturb nothing. It times nothing, and has no
//! half-open state: when its wait is over it is closed again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{End, NEVER, OPEN_FOR, Path, Subject, end};

const OPEN: u64 = 1;
const CALL: u64 = 1 << 32;
const CALLS: u64 = !(CALL - 1);
const REST: u64 = (CALL - 1) & !OPEN;

/// On cache lines of its own, as this crate's word is.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct SingleAtomic {
    word: AtomicU64,
    threshold: u64,
    start: Instant,
}

impl SingleAtomic {
    pub(crate) fn for_path(path: Path) -> Self {
        let breaker = Self {
            word: AtomicU64::new(0),
            threshold: if path == Path::Failing { u64::from(NEVER) } else { 5 },
            start: Instant::now(),
        };
        if path == Path::Rejected {
            // Relaxed: nobody else has it yet.
            breaker.word.store(breaker.until(), Ordering::Relaxed);
        }
        breaker
    }

    /// An open word, without calls.
    fn until(&self) -> u64 {
        OPEN | (millis(self.start.elapsed() + OPEN_FOR) << 1) & REST
    }

    fn is_over(&self, word: u64) -> bool {
        millis(self.start.elapsed()) >= (word & REST) >> 1
    }

    #[inline(always)]
    fn admits(&self) -> bool {
        // AcqRel, as everywhere here: what a caller wrote before its report is visible to
        // whoever is admitted by that report.
        let word = self.word.fetch_add(CALL, Ordering::AcqRel);
        if word & OPEN == 0 {
            return true;
        }
        if !self.is_over(word) {
            return false;
        }
        let close = |now: u64| (now & (OPEN | REST) == word & (OPEN | REST)).then_some(now & CALLS);
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, close);
        true
    }

    #[inline(always)]
    fn record(&self, end: End) {
        let change = |word: u64| {
            if word & OPEN != 0 {
                return None;
            }
            let calls = word & CALLS;
            if end == End::Succeeded {
                return Some(calls);
            }
            let streak = ((word & REST) >> 1) + 1;
            let opens = streak >= self.threshold;
            Some(calls | if opens { self.until() } else { (streak << 1).min(REST) })
        };
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Subject for SingleAtomic {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        if !self.admits() {
            return End::Rejected;
        }
        let end = end(op());
        self.record(end);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::super::Caller;
    use super::*;

    #[test]
    fn it_does_on_each_path_what_the_path_says() {
        for path in Path::ALL {
            assert_eq!(SingleAtomic::for_path(path).timed(path, 1_000), 0, "{path:?}");
        }
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_begins_anew() {
        let breaker = SingleAtomic::for_path(Path::Success);
        let ends = |results: &[Result<u64, u64>]| -> Vec<End> {
            results.iter().map(|&result| breaker.call(|| result)).collect()
        };
        assert_eq!(ends(&[Err(1), Err(1), Err(1), Err(1), Ok(1)]).pop(), Some(End::Succeeded));
        assert_eq!(ends(&[Err(1), Err(1), Err(1), Err(1), Err(1)]).pop(), Some(End::Failed));
        assert_eq!(ends(&[Ok(1), Ok(1)]), [End::Rejected, End::Rejected]);
        assert_eq!(breaker.word.load(Ordering::Relaxed) >> 32, 12, "every call is counted");
    }

    #[test]
    fn an_open_one_whose_wait_is_over_is_closed_again() {
        let breaker = SingleAtomic::for_path(Path::Success);
        breaker.word.store(OPEN, Ordering::Relaxed); // until 0 ms after its start
        assert_eq!(breaker.call(|| Ok(1)), End::Succeeded);
        assert_eq!(breaker.word.load(Ordering::Relaxed), CALL);
    }
}
