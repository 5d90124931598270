//! The kinds of breaker that are looked at one by one: a policy, and which calls are timed.
//!
//! None of them trips on what its callers do here: each rate is within reach, so that what
//! it takes to tell is paid for, and is not reached.

use std::borrow::Cow;
use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, ConfigError, Timing};

/// No rate of failures gets there while every third call succeeds.
const RATE: f64 = 0.95;
const SLOW: Duration = Duration::from_secs(3_600);

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
        match self {
            Self::Streak => "consecutive_failures",
            Self::Count100 => "failure_rate_count_100",
            Self::Count65536 => "failure_rate_count_65536",
            Self::FailureRate => "failure_rate_time",
            Self::SlowRate => "slow_call_rate_time",
            Self::Combined => "combined_time",
            Self::TripWhen => "trip_when_time",
            Self::InFlight => "in_flight_time",
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

    /// Slow calls are told by timing each of them, and no other timing is allowed.
    fn judges_slow(self) -> bool {
        matches!(self, Self::SlowRate | Self::Combined | Self::InFlight)
    }
}

/// One kind of breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) policy: Policy,
    pub(crate) timing: Timing,
}

impl Kind {
    /// The default.
    pub(crate) const DEFAULT: Self = Self { policy: Policy::Streak, timing: Timing::Adaptive };

    /// Every policy with every timing that it goes with.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const TIMINGS: [Timing; 3] = [Timing::Off, Timing::Adaptive, Timing::Every];
        Policy::ALL.into_iter().flat_map(|policy| {
            TIMINGS
                .into_iter()
                .filter(move |&timing| timing == Timing::Every || !policy.judges_slow())
                .map(move |timing| Self { policy, timing })
        })
    }

    /// The timing, as labels have it.
    pub(crate) fn timing(self) -> &'static str {
        match self.timing {
            Timing::Off => "off",
            Timing::Every => "every",
            Timing::Adaptive => "adaptive",
            _ => "sampled",
        }
    }

    pub(crate) fn builder(self, name: impl Into<Cow<'static, str>>) -> Builder {
        let builder = CircuitBreaker::builder(name).timing(self.timing);
        let rate = |builder: Builder| builder.failure_rate(RATE).minimum_calls(100);
        let slow = |builder: Builder| builder.slow_call(SLOW).slow_call_rate(RATE);
        match self.policy {
            // Many threads' failures may come in a row.
            Policy::Streak => builder.failure_threshold(u32::MAX),
            Policy::Count100 => rate(builder).count_window(100),
            Policy::Count65536 => rate(builder).count_window(65_536),
            Policy::FailureRate => rate(builder),
            Policy::SlowRate => slow(builder),
            Policy::Combined => slow(rate(builder)).failure_threshold(u32::MAX),
            Policy::TripWhen => builder.trip_when(|window| window.failed > window.calls),
            Policy::InFlight => slow(builder).count_in_flight(true),
        }
    }

    pub(crate) fn build(
        self,
        name: impl Into<Cow<'static, str>>,
    ) -> Result<CircuitBreaker, ConfigError> {
        self.builder(name).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_built_and_two_failures_of_three_do_not_trip_it() {
        let mut seen = Vec::new();
        for kind in Kind::all() {
            let breaker = kind.build("kind").unwrap();
            for call in 0..300 {
                let _ = breaker.call(|| if call % 3 == 0 { Ok(()) } else { Err(()) });
            }
            let snapshot = breaker.snapshot();
            assert_eq!((snapshot.admitted, snapshot.era), (300, 0), "{kind:?}");
            assert!(!seen.contains(&(kind.policy.name(), kind.timing())));
            seen.push((kind.policy.name(), kind.timing()));
        }
        assert_eq!(seen.len(), 5 * 3 + 3);
    }

    #[test]
    fn a_timing_that_is_left_out_could_not_be_built() {
        let all: Vec<Kind> = Kind::all().collect();
        for policy in Policy::ALL {
            for timing in [Timing::Off, Timing::Adaptive, Timing::Every] {
                let kind = Kind { policy, timing };
                assert_eq!(kind.build("kind").is_ok(), all.contains(&kind), "{kind:?}");
            }
        }
    }
}
