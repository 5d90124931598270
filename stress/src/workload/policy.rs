//! Every policy, with a threshold that a workload does not reach, though it could be: what
//! it takes to tell is paid for.

use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, Timing};

/// What a breaker trips by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Streak,
    Count100,
    Count65536,
    FailureRate,
    SlowRate,
    Combined,
    TripWhen,
    InFlight,
}

/// Where one call in 100 fails, so many do not fail in a row by chance.
const STREAK: u32 = 100;
/// Nor does such a share of the last 100, even if the system puts the threads to sleep in
/// the order that is worst.
const RATE: f64 = 0.95;
const MINIMUM: u32 = 100;
const SLOW: Duration = Duration::from_secs(60);

impl Policy {
    pub(crate) const ALL: [Self; 8] = [
        Self::Streak,
        Self::Count100,
        Self::Count65536,
        Self::FailureRate,
        Self::SlowRate,
        Self::Combined,
        Self::TripWhen,
        Self::InFlight,
    ];

    /// The name of the workload under it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Streak => "policy_consecutive_failures",
            Self::Count100 => "policy_failure_rate_count_100",
            Self::Count65536 => "policy_failure_rate_count_65536",
            Self::FailureRate => "policy_failure_rate_time",
            Self::SlowRate => "policy_slow_call_rate_time",
            Self::Combined => "policy_combined_time",
            Self::TripWhen => "policy_trip_when_time",
            Self::InFlight => "policy_in_flight_time",
        }
    }

    /// In words, for a table.
    pub(crate) fn title(self) -> &'static str {
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
        let builder = CircuitBreaker::builder(self.name()).minimum_calls(MINIMUM);
        let builder = match self.times_every_call() {
            true => builder.timing(Timing::Every),
            false => builder,
        };
        match self {
            // It asks for no minimum.
            Self::Streak => CircuitBreaker::builder(self.name()).failure_threshold(STREAK),
            Self::Count100 => builder.failure_rate(RATE).count_window(100),
            Self::Count65536 => builder.failure_rate(RATE).count_window(65_536),
            Self::FailureRate => builder.failure_rate(RATE),
            Self::SlowRate => builder.slow_call(SLOW).slow_call_rate(RATE),
            Self::Combined => builder
                .failure_threshold(STREAK)
                .failure_rate(RATE)
                .slow_call(SLOW)
                .slow_call_rate(RATE),
            Self::TripWhen => builder.time_window(Duration::from_secs(10)).trip_when(|window| {
                window.calls >= u64::from(MINIMUM)
                    && window.failed as f64 >= RATE * window.calls as f64
            }),
            Self::InFlight => builder.slow_call(SLOW).slow_call_rate(RATE).count_in_flight(true),
        }
    }
}
