//! What a breaker can trip by: the policies that programs go through one by one, with the
//! names that labels have and the titles of tables. What a program does under each is its own
//! affair, beside it.

use std::time::Duration;

use ampacity::{Builder, Window};

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

/// From where on it trips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds<F> {
    /// Failures in a row.
    pub(crate) streak: u32,
    /// The share of calls that failed or were slow,
    pub(crate) rate: f64,
    /// of so many at least.
    pub(crate) minimum: u32,
    /// A call that takes longer is slow.
    pub(crate) slow: Duration,
    /// The function that is asked.
    pub(crate) trip_when: F,
}

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

    pub(crate) fn name(self) -> &'static str {
        self.workload().trim_start_matches("policy_")
    }

    /// The workload under it.
    pub(crate) fn workload(self) -> &'static str {
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
            Self::Streak => "failures in a row",
            Self::Count100 => "failure rate, last 100",
            Self::Count65536 => "failure rate, last 65,536",
            Self::FailureRate => "failure rate, 10 s",
            Self::SlowRate => "slow-call rate, 10 s",
            Self::Combined => "all three, 10 s",
            Self::TripWhen => "trip_when, 10 s",
            Self::InFlight => "slow, with calls in flight",
        }
    }

    /// How many of the last calls it looks at, if not at all in a stretch of time.
    pub(crate) fn last_calls(self) -> Option<u32> {
        match self {
            Self::Count100 => Some(100),
            Self::Count65536 => Some(65_536),
            _ => None,
        }
    }

    /// Slow calls are told by timing each of them, and no other timing is allowed.
    pub(crate) fn judges_slow(self) -> bool {
        matches!(self, Self::SlowRate | Self::Combined | Self::InFlight)
    }

    /// Has a breaker trip by it.
    pub(crate) fn set<F>(self, builder: Builder, at: Thresholds<F>) -> Builder
    where
        F: Fn(&Window) -> bool + Send + Sync + 'static,
    {
        let slow = |builder: Builder| builder.slow_call(at.slow).slow_call_rate(at.rate);
        let builder = match self.last_calls() {
            Some(calls) => builder.count_window(calls),
            None => builder,
        };
        let builder = match self {
            // It asks for no minimum.
            Self::Streak => return builder.failure_threshold(at.streak),
            Self::Count100 | Self::Count65536 | Self::FailureRate => builder.failure_rate(at.rate),
            Self::SlowRate => slow(builder),
            Self::Combined => slow(builder).failure_threshold(at.streak).failure_rate(at.rate),
            Self::TripWhen => builder.trip_when(at.trip_when),
            Self::InFlight => slow(builder).count_in_flight(true),
        };
        builder.minimum_calls(at.minimum)
    }
}
