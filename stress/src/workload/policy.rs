//! Every policy, with a threshold that a workload does not reach, though it could be: what
//! it takes to tell is paid for.

use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, Timing, Window};

pub(crate) use crate::policy::Policy;
use crate::policy::Thresholds;

/// Where one call in 100 fails, so many do not fail in a row by chance.
const STREAK: u32 = 100;
/// Nor does such a share of the last 100, even if the system puts the threads to sleep in
/// the order that is worst.
const RATE: f64 = 0.95;
const MINIMUM: u32 = 100;
const SLOW: Duration = Duration::from_secs(60);

impl Policy {
    /// The workload under it in words, for a table in which they stand below each other.
    pub(crate) fn workload_title(self) -> &'static str {
        match self {
            Self::Streak => "1 in 100 fails, in a row",
            Self::Count100 => "  rate, last 100",
            Self::Count65536 => "  rate, last 65,536",
            Self::FailureRate => "  rate, 10 s",
            Self::SlowRate => "  slow-call rate, 10 s",
            Self::Combined => "  all three, 10 s",
            Self::TripWhen => "  trip_when, 10 s",
            Self::InFlight => "  slow, calls in flight",
        }
    }

    /// Whether every call is timed.
    pub(crate) fn times_every_call(self) -> bool {
        !matches!(self, Self::Streak | Self::Count100 | Self::Count65536)
    }

    pub(crate) fn builder(self) -> Builder {
        let at = Thresholds {
            streak: STREAK,
            rate: RATE,
            minimum: MINIMUM,
            slow: SLOW,
            trip_when: |window: &Window| {
                window.calls >= u64::from(MINIMUM)
                    && window.failed as f64 >= RATE * window.calls as f64
            },
        };
        let builder = self.set(CircuitBreaker::builder(self.workload()), at);
        if self.times_every_call() { builder.timing(Timing::Every) } else { builder }
    }
}
