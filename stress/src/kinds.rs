//! The kinds of breaker that are looked at one by one: a policy, and which calls are timed.
//!
//! None of them trips on what its callers do here: each rate is within reach, so that what
//! it takes to tell is paid for, and is not reached.

use std::borrow::Cow;
use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, ConfigError, Timing, Window};

pub(crate) use crate::policy::Policy;
use crate::policy::Thresholds;

/// No rate of failures gets there while every third call succeeds.
const RATE: f64 = 0.95;
const SLOW: Duration = Duration::from_secs(3_600);

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
        let at = Thresholds {
            // Many threads' failures may come in a row.
            streak: u32::MAX,
            rate: RATE,
            minimum: 100,
            slow: SLOW,
            trip_when: |window: &Window| window.failed > window.calls,
        };
        self.policy.set(CircuitBreaker::builder(name).timing(self.timing), at)
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
