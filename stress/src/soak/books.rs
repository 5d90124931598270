//! What callers did, and that a breaker at rest says the same.

use std::ops::AddAssign;

use ampacity::Snapshot;
use serde::Serialize;

/// Calls on one breaker, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Book {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) panicked: u64,
    pub(super) ignored: u64,
    pub(super) cancelled: u64,
    pub(super) rejected: u64,
}

impl AddAssign for Book {
    fn add_assign(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.panicked += other.panicked;
        self.ignored += other.ignored;
        self.cancelled += other.cancelled;
        self.rejected += other.rejected;
    }
}

impl Book {
    /// Calls that were let through; those that panicked are among the failed.
    pub(super) fn admitted(self) -> u64 {
        self.succeeded + self.failed + self.ignored + self.cancelled
    }

    pub(super) fn calls(self) -> u64 {
        self.admitted() + self.rejected
    }

    /// What a breaker that nobody calls just now says otherwise.
    pub(super) fn fault(self, said: &Snapshot) -> Option<String> {
        let pairs = [
            ("admitted", self.admitted(), said.admitted),
            ("succeeded", self.succeeded, said.succeeded),
            ("failed", self.failed, said.failed),
            ("panicked", self.panicked, said.panicked),
            ("ignored", self.ignored, said.ignored),
            ("cancelled", self.cancelled, said.cancelled),
            ("rejected", self.rejected, said.rejected.total()),
            ("in flight", 0, said.in_flight),
            ("transitions", said.era, said.transitions.total()),
        ];
        let wrong = pairs.into_iter().find(|(_, made, told)| made != told);
        wrong.map(|(what, made, told)| format!("{}: {made} {what}, it says {told}", said.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ampacity::CircuitBreaker;

    #[test]
    fn a_book_that_is_off_by_one_anywhere_is_found_out() {
        let breaker = CircuitBreaker::builder("b").failure_threshold(2).build().unwrap();
        breaker.call(|| Ok::<_, ()>(())).unwrap();
        breaker.try_acquire().unwrap().ignore();
        drop(breaker.try_acquire().unwrap());
        breaker.call(|| Err::<(), _>(())).unwrap_err();
        breaker.call(|| Err::<(), _>(())).unwrap_err();
        breaker.try_acquire().unwrap_err();
        let said = breaker.snapshot();
        let right =
            Book { succeeded: 1, failed: 2, panicked: 0, ignored: 1, cancelled: 1, rejected: 1 };
        assert_eq!(right.fault(&said), None);
        assert_eq!(right.calls(), 6);
        type Field = fn(&mut Book) -> &mut u64;
        let fields: [Field; 6] = [
            |book| &mut book.succeeded,
            |book| &mut book.failed,
            |book| &mut book.panicked,
            |book| &mut book.ignored,
            |book| &mut book.cancelled,
            |book| &mut book.rejected,
        ];
        for field in fields {
            let mut wrong = right;
            *field(&mut wrong) += 1;
            assert!(wrong.fault(&said).is_some(), "{wrong:?}");
        }
        breaker.close();
        let permit = breaker.try_acquire().unwrap();
        assert!(right.fault(&breaker.snapshot()).unwrap().contains("admitted"));
        drop(permit);
    }
}
