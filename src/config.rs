//! What can be set, within which bounds, and what follows from it.

mod builder;
mod check;
mod difference;
mod error;
mod preset;
mod rules;
mod settings;
#[cfg(feature = "serde")]
mod text;
mod timing;

pub use builder::Builder;
pub use error::{ConfigError, Value};
pub use preset::Preset;
pub(crate) use rules::{Limit, Opening, Rules};
pub(crate) use settings::{DEFAULT_SETTINGS, Settings};
pub(crate) use timing::Draw;
pub use timing::Timing;

use crate::clock::TICK;
use crate::grain::Grain;
use crate::window::Shape;
use crate::window::policy::{Policy, failures_to_reopen};
use crate::word::{State, Thresholds};
use core::hash::BuildHasher;
use core::time::Duration;
use rules::Wait;
use std::hash::RandomState;

/// What is set of a breaker, as data; what is not has its default.
///
/// A [`Builder`] takes it as a whole and says by [`build`](Builder::build) what of it
/// cannot be; [`CircuitBreaker::config`](crate::CircuitBreaker::config) shows that of a
/// breaker that runs. With the feature `serde` it is read from TOML, JSON and whatever else
/// names its fields. Keys are the builder's methods and all optional; an unknown one is
/// refused. Durations are written as people do: `"250ms"`, `"1m 30s"`, `"never"`. The
/// key `preset` is a [`Preset`] that the other keys then change. What is written is what is
/// set, and reads back as the same (from JSON by a reader that reads numbers exactly:
/// `serde_json` has the feature `float_roundtrip`).
///
/// Clocks, listeners and functions are no data: give those to the builder.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use ampacity::{CircuitBreaker, Config};
///
/// let config: Config = toml::from_str(r#"
///     preset = "http"
///     open_for = "10s"
///     backoff = { factor = 2.0, cap = "5m" }
/// "#)?;
/// let breaker = CircuitBreaker::builder("search").config(config).build()?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Config {
    failure_threshold: Option<u32>,
    failure_rate: Option<f64>,
    slow_call: Option<Duration>,
    slow_call_rate: Option<f64>,
    count_window: Option<u32>,
    time_window: Option<Duration>,
    time_slices: Option<u32>,
    minimum_calls: Option<u32>,
    count_in_flight: Option<bool>,
    open_for: Option<Duration>,
    backoff: Option<Backoff>,
    jitter: Option<f64>,
    jitter_seed: Option<u64>,
    longest_given_wait: Option<Duration>,
    success_threshold: Option<u32>,
    half_open_failure_rate: Option<f64>,
    half_open_permits: Option<u32>,
    half_open_limit: Option<HalfOpenLimit>,
    probe_lease: Option<Duration>,
    timing: Option<Timing>,
    latency_error: Option<f64>,
    history: Option<u32>,
}

/// How waits grow with each opening in a row.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct Backoff {
    factor: f64,
    #[cfg_attr(feature = "serde", serde(with = "text::span"))]
    cap: Duration,
}

/// How long a breaker may be half-open, and what it is then.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct HalfOpenLimit {
    #[cfg_attr(feature = "serde", serde(with = "text::span"))]
    limit: Duration,
    then: State,
}

/// The longest wait or lease that can be set, apart from never: 2^39 ticks, 17 years.
const LONGEST: Duration = Duration::from_millis(1 << 39);
const SHORTEST: Duration = Duration::from_nanos(TICK);
const DEFAULT_THRESHOLD: u32 = 5;
const DEFAULT_WAIT: Duration = Duration::from_secs(60);
const DEFAULT_PASSES: u32 = 2;
const DEFAULT_LEASE: Duration = Duration::from_secs(60);
/// Up to here a lease doubles for each spell in a row that ended without a verdict.
const LEASE_CAP: Duration = Duration::from_secs(3600);
/// The probes of a spell that is judged by a share of them.
const DEFAULT_RATIO_OF: u32 = 10;
const DEFAULT_WINDOW: Duration = Duration::from_secs(10);
const DEFAULT_SLICES: u32 = 10;
const DEFAULT_MINIMUM: u32 = 20;
const DEFAULT_GIVEN: Duration = Duration::from_secs(3600);
const DEFAULT_ERROR: f64 = 0.032;
/// The most transitions that a history keeps: 256 KiB of them.
const LONGEST_HISTORY: u32 = 4096;

impl Config {
    pub(crate) const DEFAULT: Config = Config {
        failure_threshold: None,
        failure_rate: None,
        slow_call: None,
        slow_call_rate: None,
        count_window: None,
        time_window: None,
        time_slices: None,
        minimum_calls: None,
        count_in_flight: None,
        open_for: None,
        backoff: None,
        jitter: None,
        jitter_seed: None,
        longest_given_wait: None,
        success_threshold: None,
        half_open_failure_rate: None,
        half_open_permits: None,
        half_open_limit: None,
        probe_lease: None,
        timing: None,
        latency_error: None,
        history: None,
    };

    /// One in which nothing is set.
    pub const fn new() -> Self {
        Self::DEFAULT
    }

    fn open_for(&self) -> Duration {
        self.open_for.unwrap_or(DEFAULT_WAIT)
    }

    fn passes(&self) -> u32 {
        self.success_threshold.unwrap_or(DEFAULT_PASSES)
    }

    fn latency_error(&self) -> f64 {
        self.latency_error.unwrap_or(DEFAULT_ERROR)
    }

    fn history(&self) -> u32 {
        self.history.unwrap_or(0)
    }

    fn counts_in_flight(&self) -> bool {
        self.count_in_flight.unwrap_or(false)
    }

    fn has_window(&self, is_custom: bool) -> bool {
        self.failure_rate.is_some() || self.slow_call_rate.is_some() || is_custom
    }

    /// Failures in a row are the default, and go with the first rate that is named.
    fn streak(&self, is_custom: bool) -> Option<u32> {
        match self.failure_threshold {
            None if !self.has_window(is_custom) => Some(DEFAULT_THRESHOLD),
            named => named,
        }
    }

    fn permits(&self) -> u32 {
        self.half_open_permits.unwrap_or(match self.half_open_failure_rate {
            Some(_) => DEFAULT_RATIO_OF,
            None => self.passes(),
        })
    }

    fn thresholds(&self, is_custom: bool) -> Thresholds {
        let streak = self.streak(is_custom);
        match self.half_open_failure_rate {
            None => Thresholds { streak, pass: self.passes(), fail: 1 },
            Some(rate) => {
                // The verdict is certain when so many have failed that the share is
                // reached, or so many have passed that it cannot be reached any more.
                let fail = failures_to_reopen(self.permits(), rate);
                Thresholds { streak, pass: self.permits() - fail + 1, fail }
            }
        }
    }

    fn lease(&self) -> Duration {
        match (self.probe_lease, self.open_for()) {
            (Some(lease), _) => lease,
            (None, wait) if wait > LONGEST => DEFAULT_LEASE,
            (None, wait) => wait.max(DEFAULT_LEASE),
        }
    }

    /// By default calls are all timed where time decides, and else drawn.
    fn timing(&self, is_custom: bool) -> Timing {
        let by_time = matches!(self.shape(is_custom), Some(Shape::Time { .. }));
        self.timing.unwrap_or(match by_time || self.slow_call.is_some() {
            true => Timing::Every,
            false => Timing::Adaptive,
        })
    }

    /// The form of the window, if there is one.
    fn shape(&self, is_custom: bool) -> Option<Shape> {
        if !self.has_window(is_custom) {
            return None;
        }
        Some(match self.count_window {
            Some(len) => Shape::Count { len },
            None => {
                let slices = self.time_slices.unwrap_or(DEFAULT_SLICES);
                let span = nanos(self.time_window.unwrap_or(DEFAULT_WINDOW));
                Shape::Time { width: span.div_ceil(slices.into()), slices }
            }
        })
    }

    fn minimum(&self) -> u32 {
        let most = self.count_window.unwrap_or(u32::MAX);
        self.minimum_calls.unwrap_or(DEFAULT_MINIMUM.min(most))
    }

    /// The numbers that follow, for a breaker of that name.
    fn rules(&self, name: &str, is_custom: bool) -> Rules {
        let lease = ticks(self.lease());
        let first = (self.open_for() <= LONGEST).then(|| nanos(self.open_for()));
        let seed = || RandomState::new().hash_one(name);
        Rules {
            thresholds: self.thresholds(is_custom),
            permits: self.permits(),
            wait: Wait {
                first,
                factor: self.backoff.map_or(1.0, |backoff| backoff.factor),
                cap: self.backoff.map_or(u64::MAX, |backoff| nanos(backoff.cap)),
                longest_given: nanos(self.longest_given_wait.unwrap_or(DEFAULT_GIVEN)),
                jitter: self.jitter.unwrap_or(0.0),
                seed: self.jitter_seed.unwrap_or_else(seed),
            },
            lease,
            lease_cap: lease.max(ticks(LEASE_CAP)),
            half_open_limit: self.half_open_limit.map(|HalfOpenLimit { limit, then }| Limit {
                ticks: ticks(limit),
                then_opens: then == State::Open,
            }),
            windowed: self.has_window(is_custom),
            counts_in_flight: self.in_flight_over().is_some(),
            slow_over: self.slow_call.map_or(u64::MAX, nanos),
            slow_probes_fail: self.slow_call_rate.is_some(),
            draw: Draw::of(self.timing(is_custom)),
            grain: Grain::within(self.latency_error()),
        }
    }

    /// Over what time calls in flight are counted as slow, in ns.
    fn in_flight_over(&self) -> Option<u64> {
        self.slow_call.filter(|_| self.counts_in_flight()).map(nanos)
    }

    fn policy(&self) -> Policy {
        Policy {
            failure_rate: self.failure_rate,
            slow_rate: self.slow_call_rate,
            minimum: self.minimum().into(),
        }
    }
}

/// Whole nanoseconds of a duration that is at most [`LONGEST`].
const fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

const fn ticks(duration: Duration) -> u64 {
    duration.as_nanos().div_ceil(TICK as u128) as u64
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::clock::{Nanos, Tick};
    use crate::word::Era;

    fn rules(config: Config) -> Rules {
        config.rules("test", false)
    }

    const SET: Config = Config::DEFAULT;

    #[test]
    fn the_static_defaults_are_what_is_worked_out_from_no_settings() {
        let worked_out = Settings::new(Config::DEFAULT, "test", None, Era(0));
        let seedless = |rules: &Rules| {
            format!("{:?}", Rules { wait: Wait { seed: 0, ..rules.wait }, ..*rules })
        };
        assert_eq!(seedless(&worked_out.rules), seedless(&DEFAULT_SETTINGS.rules));
        assert!(worked_out.judge.is_none());
    }

    #[test]
    fn a_lease_doubles_up_to_an_hour_or_to_itself_if_longer() {
        let minute = rules(SET);
        assert_eq!(minute.lease(0), 60_000);
        assert_eq!(minute.lease(1), 120_000);
        assert_eq!(minute.lease(31), 3_600_000);
        let day = Duration::from_secs(86_400);
        let long = rules(Config { probe_lease: Some(day), ..SET });
        assert_eq!((long.lease(0), long.lease(9)), (86_400_000, 86_400_000));
    }

    #[test]
    fn the_default_lease_follows_the_open_wait_from_a_minute_up() {
        let lease = |wait| rules(Config { open_for: Some(wait), ..SET }).lease(0);
        assert_eq!(lease(Duration::from_secs(1)), 60_000);
        assert_eq!(lease(Duration::from_secs(90)), 90_000);
        assert_eq!(lease(Duration::MAX), 60_000);
    }

    #[test]
    fn a_wait_of_never_has_no_deadline_and_the_longest_has_one() {
        let until = |wait, now| {
            let opening = Opening { nth: 1, era: Era(1), given: None };
            rules(Config { open_for: Some(wait), ..SET }).open_until(Nanos(now), opening)
        };
        assert_eq!(until(Duration::MAX, 0), Tick::NEVER);
        assert_eq!(until(LONGEST, 0), Tick(1 << 39));
        assert_eq!(until(LONGEST, u64::MAX), Tick::LAST);
    }

    #[test]
    fn naming_a_rate_drops_the_default_streak_unless_that_is_named_too() {
        let streak = |config: Config| config.thresholds(false).streak;
        assert_eq!(streak(SET), Some(5));
        assert_eq!(streak(Config { failure_rate: Some(0.5), ..SET }), None);
        let both = Config { failure_rate: Some(0.5), failure_threshold: Some(3), ..SET };
        assert_eq!(streak(both), Some(3));
    }

    #[test]
    fn a_share_of_probes_is_certain_when_it_is_reached_or_out_of_reach() {
        let verdict = |permits, rate| {
            let config = Config { half_open_failure_rate: Some(rate), ..SET };
            let Thresholds { pass, fail, .. } =
                Config { half_open_permits: permits, ..config }.thresholds(false);
            (pass, fail)
        };
        assert_eq!(verdict(None, 0.3), (8, 3));
        assert_eq!(verdict(Some(10), 1.0), (1, 10));
        assert_eq!(verdict(Some(1), 0.01), (1, 1));
        assert_eq!(verdict(Some(63), 0.5), (32, 32));
    }
}
