//! What the threads did, counted by themselves, and whether the breaker agrees.

use std::ops::AddAssign;

use ampacity::{Reason, Snapshot};

/// A call that was admitted in one of these eras and cannot tell which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unplaced {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// What one thread, or all of them, did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Calls tried: admitted or turned away.
    pub(crate) calls: u64,
    pub(crate) admitted: u64,
    pub(crate) succeeded: u64,
    /// Failed, those that panicked among them.
    pub(crate) failed: u64,
    pub(crate) panicked: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected_open: u64,
    pub(crate) rejected_full: u64,
    pub(crate) fallbacks: u64,
    /// Settled when their era was over already.
    pub(crate) surely_stale: u64,
    /// Settled in about the instant in which their era ended.
    pub(crate) maybe_stale: u64,
    /// Owned permits settled by another thread than the one that got them.
    pub(crate) sent: u64,
    /// Permits held while other threads had their turn.
    pub(crate) held: u64,
    /// Calls admitted by an open breaker; there must be none.
    pub(crate) admitted_open: u64,
    /// Rejections for a reason that nobody gave cause for; there must be none.
    pub(crate) odd: u64,
    pub(crate) unplaced: Vec<Unplaced>,
}

impl Tally {
    pub(crate) fn rejected(&mut self, reason: Reason) {
        match reason {
            Reason::Open => self.rejected_open += 1,
            Reason::HalfOpenFull => self.rejected_full += 1,
            _ => self.odd += 1,
        }
    }

    /// A call settled whose era was over before (`Some(true)`), perhaps (`None`), or not.
    pub(crate) fn stale(&mut self, stale: Option<bool>) {
        match stale {
            Some(true) => self.surely_stale += 1,
            None => self.maybe_stale += 1,
            Some(false) => {}
        }
    }

    /// The totals of `snapshot`, of a breaker that times every call, that are not what was
    /// done: `name: theirs, not ours`.
    pub(crate) fn mismatches(&self, snapshot: &Snapshot) -> Vec<String> {
        let mut wrong = self.miscounts(snapshot);
        let (theirs, ours) = (&snapshot.latency, [self.succeeded, self.failed]);
        wrong.extend(differing([
            ("latency.success.samples", theirs.success.samples, ours[0]),
            ("latency.failure.samples", theirs.failure.samples, ours[1]),
        ]));
        wrong
    }

    /// The same, of a breaker that need not time calls.
    pub(crate) fn miscounts(&self, snapshot: &Snapshot) -> Vec<String> {
        let lifetime = &snapshot.lifetime;
        let settled = self.succeeded + self.failed + self.ignored + self.cancelled;
        let mut wrong = differing([
            ("admitted", snapshot.admitted, self.admitted),
            ("succeeded", snapshot.succeeded, self.succeeded),
            ("failed", snapshot.failed, self.failed),
            ("panicked", snapshot.panicked, self.panicked),
            ("ignored", snapshot.ignored, self.ignored),
            ("cancelled", snapshot.cancelled, self.cancelled),
            ("settled", snapshot.admitted, settled),
            ("in_flight", snapshot.in_flight, 0),
            ("rejected.open", snapshot.rejected.open, self.rejected_open),
            ("rejected.half_open_full", snapshot.rejected.half_open_full, self.rejected_full),
            ("rejected.forced_open", snapshot.rejected.forced_open, self.odd),
            ("fallbacks", snapshot.fallbacks, self.fallbacks),
            ("calls", snapshot.admitted + snapshot.rejected.total(), self.calls),
            ("lifetime.admitted", lifetime.admitted, self.admitted),
            ("lifetime.succeeded", lifetime.succeeded, self.succeeded),
            ("lifetime.failed", lifetime.failed, self.failed),
            ("lifetime.stale", lifetime.stale, snapshot.stale),
        ]);
        // Nobody can say from outside which came first, a settle or the end of its era.
        let stale = self.surely_stale..=self.surely_stale + self.maybe_stale;
        if !stale.contains(&snapshot.stale) {
            wrong.push(format!("stale: {}, not in {stale:?}", snapshot.stale));
        }
        wrong
    }
}

/// Of name, theirs and ours, those that differ, in words.
pub(super) fn differing<const N: usize>(pairs: [(&str, u64, u64); N]) -> Vec<String> {
    pairs
        .into_iter()
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(name, theirs, ours)| format!("{name}: {theirs}, not {ours}"))
        .collect()
}

/// Whether a call of `era` was settled after it, given the eras just before and after
/// the settling; `None` if it ended in between.
pub(crate) fn stale(era: u64, before: u64, after: u64) -> Option<bool> {
    match (before == era, after == era) {
        (false, _) => Some(true),
        (true, true) => Some(false),
        (true, false) => None,
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        // By name, so that a new count cannot be forgotten here.
        let Self {
            calls,
            admitted,
            succeeded,
            failed,
            panicked,
            ignored,
            cancelled,
            rejected_open,
            rejected_full,
            fallbacks,
            surely_stale,
            maybe_stale,
            sent,
            held,
            admitted_open,
            odd,
            unplaced,
        } = other;
        self.calls += calls;
        self.admitted += admitted;
        self.succeeded += succeeded;
        self.failed += failed;
        self.panicked += panicked;
        self.ignored += ignored;
        self.cancelled += cancelled;
        self.rejected_open += rejected_open;
        self.rejected_full += rejected_full;
        self.fallbacks += fallbacks;
        self.surely_stale += surely_stale;
        self.maybe_stale += maybe_stale;
        self.sent += sent;
        self.held += held;
        self.admitted_open += admitted_open;
        self.odd += odd;
        self.unplaced.extend(unplaced);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ampacity::CircuitBreaker;

    /// Two successes, a failure, one ignored and one dropped, and the tally of that.
    fn some_calls() -> (Snapshot, Tally) {
        let breaker = CircuitBreaker::new("tally");
        for _ in 0..2 {
            breaker.try_acquire().unwrap().success();
        }
        breaker.try_acquire().unwrap().failure();
        breaker.try_acquire().unwrap().ignore();
        drop(breaker.try_acquire().unwrap());
        let tally = Tally {
            calls: 5,
            admitted: 5,
            succeeded: 2,
            failed: 1,
            ignored: 1,
            cancelled: 1,
            ..Tally::default()
        };
        (breaker.snapshot(), tally)
    }

    #[test]
    fn a_snapshot_of_what_was_done_has_no_mismatch() {
        let (snapshot, tally) = some_calls();
        assert_eq!(tally.mismatches(&snapshot), [""; 0]);
    }

    #[test]
    fn a_wrong_total_is_named_with_both_figures() {
        let (mut snapshot, tally) = some_calls();
        snapshot.ignored += 1;
        assert_eq!(tally.mismatches(&snapshot), ["ignored: 2, not 1"]);
        let (mut snapshot, tally) = some_calls();
        snapshot.in_flight = 1;
        assert_eq!(tally.mismatches(&snapshot), ["in_flight: 1, not 0"]);
    }

    #[test]
    fn stale_settles_have_to_lie_between_the_sure_and_the_possible_ones() {
        let (mut snapshot, mut tally) = some_calls();
        (tally.surely_stale, tally.maybe_stale) = (1, 1);
        let mut wrong = |stale| {
            (snapshot.stale, snapshot.lifetime.stale) = (stale, stale);
            tally.mismatches(&snapshot).len()
        };
        assert_eq!([0, 1, 2, 3].map(&mut wrong), [1, 0, 0, 1]);
    }

    #[test]
    fn tallies_add_up_by_name() {
        let (_, one) = some_calls();
        let unplaced = Unplaced { first: 1, last: 2 };
        let two = Tally { sent: 3, unplaced: vec![unplaced], ..one.clone() };
        let mut sum = one;
        sum += two;
        assert_eq!((sum.calls, sum.succeeded, sum.sent), (10, 4, 3));
        assert_eq!(sum.unplaced, [unplaced]);
    }
}
