//! What a breaker counts.

use ampacity::Reason;
use std::ops::Sub;

/// Counts of calls: of all, or of those since a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Let through.
    pub admitted: u64,
    /// Settled as a success.
    pub succeeded: u64,
    /// Settled as a failure, or by a panic.
    pub failed: u64,
    /// Settled by a panic.
    pub panicked: u64,
    /// Settled as to be ignored.
    pub ignored: u64,
    /// Never settled.
    pub cancelled: u64,
    /// Settled in a later era.
    pub stale: u64,
    /// Turned away while open, while half-open, and while forced open.
    pub rejected: [u64; 3],
    /// Answered otherwise.
    pub fallbacks: u64,
}

impl Counts {
    /// All that are settled.
    pub fn settled(&self) -> u64 {
        self.succeeded + self.failed + self.ignored + self.cancelled
    }

    /// Those since a reset: one that a listener ordered may have come between a whole and its
    /// part, and then the part is kept within what is left of the whole.
    pub fn within_wholes(self) -> Self {
        let rejected: u64 = self.rejected.iter().sum();
        let (stale, fallbacks) = (self.stale.min(self.settled()), self.fallbacks.min(rejected));
        Counts { stale, fallbacks, ..self }
    }

    /// One more is turned away.
    pub fn reject(&mut self, reason: Reason) {
        self.rejected[match reason {
            Reason::Open => 0,
            Reason::HalfOpenFull => 1,
            _ => 2,
        }] += 1;
    }
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, earlier: Counts) -> Counts {
        Counts {
            admitted: self.admitted - earlier.admitted,
            succeeded: self.succeeded - earlier.succeeded,
            failed: self.failed - earlier.failed,
            panicked: self.panicked - earlier.panicked,
            ignored: self.ignored - earlier.ignored,
            cancelled: self.cancelled - earlier.cancelled,
            stale: self.stale - earlier.stale,
            rejected: std::array::from_fn(|at| self.rejected[at] - earlier.rejected[at]),
            fallbacks: self.fallbacks - earlier.fallbacks,
        }
    }
}

/// How long calls took, in ns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latencies {
    /// Calls that were timed.
    pub samples: u64,
    /// All of them together.
    pub sum: u64,
    /// The shortest and the longest.
    pub ends: Option<(u64, u64)>,
    /// When the last of them ended.
    pub last: Option<u64>,
}

impl Latencies {
    /// A call that took so long has ended.
    pub fn add(&mut self, took: u64, now: u64) {
        self.samples += 1;
        self.sum = self.sum.wrapping_add(took);
        self.ends =
            Some(self.ends.map_or((took, took), |(min, max)| (min.min(took), max.max(took))));
        self.last = self.last.max(Some(now));
    }
}
