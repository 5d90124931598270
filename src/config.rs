//! What can be set, within which bounds, and what follows from it.

use crate::breaker::CircuitBreaker;
use crate::clock::{Clock, Nanos, TICK, Tick, TimeSource};
use crate::event::Event;
use crate::event::desk::Desk;
use crate::event::listeners::Listener;
use crate::grain::Grain;
use crate::word::MOST_PROBES;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

/// Which calls are timed, for the latencies in a [`Snapshot`](crate::Snapshot).
///
/// Counts are exact whatever is timed; a clock read takes longer than the rest of a
/// call. The first call in a thread's place is timed, but for `Off`; a later thread in
/// the same place goes on with the draw of the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Timing {
    /// No call is timed, and a closed breaker never reads the clock.
    Off,
    /// Every call is timed: two clock reads a call.
    Every,
    /// Each call is timed with a probability of one in so many, from 1 to 1,000,000,
    /// independently of all others, and then stands for as many.
    Sampled(u32),
    /// All calls of a thread are timed while they come more than about a microsecond
    /// apart, and one in 16, by chance, while they come faster. A slowdown is noticed at
    /// the next timed call, sixteen calls later on average. The default.
    #[default]
    Adaptive,
}

impl Timing {
    /// As in `Sampled(16)`, while calls come fast.
    const ADAPTIVE: u32 = 16;
    const RAREST: u32 = 1_000_000;
}

/// How calls are drawn to be timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) timing: Timing,
    pub(crate) of: u32, // one in so many, from 1; in none, all ones
    /// 1 / ln(1 - 1 / of): turns the logarithm of a uniform number into a gap.
    pub(crate) scale: f64,
}

impl Draw {
    pub(crate) const ADAPTIVE: Draw = Draw {
        timing: Timing::Adaptive,
        of: Timing::ADAPTIVE,
        scale: -15.494_622_163_225_38, // no logarithm is `const`; a test computes it
    };

    pub(crate) fn of(timing: Timing) -> Draw {
        match timing {
            Timing::Sampled(of) => {
                Draw { timing, of, scale: (-1.0 / f64::from(of)).ln_1p().recip() }
            }
            Timing::Adaptive => Draw::ADAPTIVE,
            // Nothing is drawn.
            Timing::Off => Draw { timing, of: u32::MAX, scale: 0.0 },
            Timing::Every => Draw { timing, of: 1, scale: 0.0 },
        }
    }
}

/// What a person set, complete with defaults.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Config {
    failure_threshold: u32,
    open_for: Duration,
    success_threshold: u32,
    half_open_permits: Option<u32>, // None: as many as successes are needed
    probe_lease: Option<Duration>,  // None: the larger of the open wait and a minute
    timing: Timing,
    latency_error: f64,
}

/// The longest wait or lease that can be set, apart from never: 2^39 ticks, 17 years.
const LONGEST: Duration = Duration::from_millis(1 << 39);
const SHORTEST: Duration = Duration::from_nanos(TICK);
const DEFAULT_LEASE: Duration = Duration::from_secs(60);
/// The most transitions that a history keeps: 160 KiB of them.
const LONGEST_HISTORY: u32 = 4096;
/// Up to here a lease doubles for each spell in a row that ended without a verdict.
const LEASE_CAP: Duration = Duration::from_secs(3600);

impl Config {
    pub(crate) const DEFAULT: Config = Config {
        failure_threshold: 5,
        open_for: Duration::from_secs(60),
        success_threshold: 2,
        half_open_permits: None,
        probe_lease: None,
        timing: Timing::Adaptive,
        latency_error: 0.032,
    };

    fn check(&self) -> Result<(), ConfigError> {
        number("failure_threshold", self.failure_threshold, u32::MAX)?;
        number("success_threshold", self.success_threshold, MOST_PROBES)?;
        if self.open_for != Duration::MAX {
            duration("open_for", self.open_for)?;
        }
        if let Some(permits) = self.half_open_permits {
            number("half_open_permits", permits, MOST_PROBES)?;
            if permits < self.success_threshold {
                return Err(ConfigError::PermitsBelowSuccesses {
                    half_open_permits: permits,
                    success_threshold: self.success_threshold,
                });
            }
        }
        if let Some(lease) = self.probe_lease {
            duration("probe_lease", lease)?;
        }
        if let Timing::Sampled(of) = self.timing {
            number("timing", of, Timing::RAREST)?;
        }
        let (field, value, min, max) = ("latency_error", self.latency_error, 0.002, 0.25);
        if !(min..=max).contains(&value) {
            return Err(ConfigError::ShareOutOfRange { field, value, min, max });
        }
        Ok(())
    }

    const fn never_probes(&self) -> bool {
        self.open_for.as_nanos() > LONGEST.as_nanos()
    }

    const fn permits(&self) -> u32 {
        match self.half_open_permits {
            Some(permits) => permits,
            None => self.success_threshold,
        }
    }

    const fn lease(&self) -> Duration {
        match self.probe_lease {
            Some(lease) => lease,
            None if self.never_probes() => DEFAULT_LEASE,
            None if self.open_for.as_nanos() < DEFAULT_LEASE.as_nanos() => DEFAULT_LEASE,
            None => self.open_for,
        }
    }

    /// The first setting that `other` has otherwise, by the builder's method, with this
    /// value and that one. A default counts as its value.
    pub(crate) fn first_difference(
        &self,
        other: &Config,
    ) -> Option<(&'static str, String, String)> {
        if self == other {
            return None; // as good as always, and nothing to format
        }
        let pairs = core::iter::zip(self.settings(), other.settings());
        pairs
            .map(|((setting, mine), (_, theirs))| (setting, mine, theirs))
            .find(|(_, mine, theirs)| mine != theirs)
    }

    /// Every setting, for people. Taken apart by fields so that none is forgotten.
    fn settings(&self) -> [(&'static str, String); 7] {
        let Config {
            failure_threshold,
            open_for,
            success_threshold,
            half_open_permits: _,
            probe_lease: _,
            timing,
            latency_error,
        } = self;
        [
            ("failure_threshold", failure_threshold.to_string()),
            ("open_for", format!("{open_for:?}")),
            ("success_threshold", success_threshold.to_string()),
            ("half_open_permits", self.permits().to_string()),
            ("probe_lease", format!("{:?}", self.lease())),
            ("timing", format!("{timing:?}")),
            ("latency_error", latency_error.to_string()),
        ]
    }

    const fn rules(&self, draw: Draw, grain: Grain) -> Rules {
        let lease = ticks(self.lease());
        let cap = ticks(LEASE_CAP);
        Rules {
            failure_threshold: self.failure_threshold,
            success_threshold: self.success_threshold,
            permits: self.permits(),
            open_for: if self.never_probes() {
                None
            } else {
                Some(self.open_for.as_nanos() as u64)
            },
            lease,
            lease_cap: if lease > cap { lease } else { cap },
            draw,
            grain,
        }
    }
}

const fn ticks(duration: Duration) -> u64 {
    duration.as_nanos().div_ceil(TICK as u128) as u64
}

fn number(field: &'static str, value: u32, max: u32) -> Result<(), ConfigError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::NumberOutOfRange { field, value: value.into(), min: 1, max: max.into() })
}

fn duration(field: &'static str, value: Duration) -> Result<(), ConfigError> {
    if (SHORTEST..=LONGEST).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::DurationOutOfRange { field, value, min: SHORTEST, max: LONGEST })
}

/// What follows from a valid configuration: the numbers that decisions use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) failure_threshold: u32, // at least 1
    pub(crate) success_threshold: u32, // in 1..=permits
    pub(crate) permits: u32,           // in 1..=63
    open_for: Option<u64>,             // ns, None is never
    lease: u64,                        // ticks, at least 1
    lease_cap: u64,                    // ticks, at least the lease
    pub(crate) draw: Draw,
    pub(crate) grain: Grain,
}

impl Rules {
    /// When a breaker that opens at `now` may probe.
    pub(crate) fn open_until(&self, now: Nanos) -> Tick {
        match self.open_for {
            Some(wait) => Tick::at_or_after(Nanos(now.0.saturating_add(wait))),
            None => Tick::NEVER,
        }
    }

    /// How many ticks a spell may take that follows `lapsed` in a row without a verdict.
    pub(crate) fn lease(&self, lapsed: u32) -> u64 {
        // At most 2^39 ticks, doubled at most 31 times: saturates.
        self.lease.saturating_mul(1 << lapsed).min(self.lease_cap)
    }
}

/// A configuration and its rules, replaced as one by
/// [`reconfigure`](CircuitBreaker::reconfigure).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
}

impl Settings {
    fn of(config: Config) -> Settings {
        let (draw, grain) = (Draw::of(config.timing), Grain::within(config.latency_error));
        Settings { config, rules: config.rules(draw, grain) }
    }
}

pub(crate) static DEFAULT_SETTINGS: Settings = Settings {
    config: Config::DEFAULT,
    rules: Config::DEFAULT.rules(Draw::ADAPTIVE, Grain::DEFAULT),
};

/// Sets up a [`CircuitBreaker`]. Made by [`CircuitBreaker::builder`].
///
/// # Examples
///
/// ```
/// use ampacity::CircuitBreaker;
/// use std::time::Duration;
///
/// let breaker = CircuitBreaker::builder("model-api")
///     .failure_threshold(3)
///     .open_for(Duration::from_secs(10))
///     .success_threshold(2)
///     .build()?;
/// # Ok::<(), ampacity::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    name: Cow<'static, str>,
    config: Config,
    clock: Option<TimeSource>,
    listeners: Vec<Listener>,
    history: Option<u32>,
}

// A builder is plain values, a clock that nobody has asked yet, and functions that
// nobody has called yet.
impl UnwindSafe for Builder {}
impl RefUnwindSafe for Builder {}

impl Builder {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self::of(name, Config::DEFAULT)
    }

    pub(crate) fn of(name: Cow<'static, str>, config: Config) -> Self {
        Self { name, config, clock: None, listeners: Vec::new(), history: None }
    }

    /// Opens the breaker at this many failures in a row. The default is 5.
    ///
    /// A success in between starts the count anew. [`build`](Self::build)
    /// refuses 0.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = failures;
        self
    }

    /// Sets how long an open breaker turns calls away. The default is 60 s.
    ///
    /// Counted from the end of the call that opened it, if that was timed, and
    /// rounded up to whole milliseconds. After this time the next call becomes a
    /// probe: nothing happens without a call. `Duration::MAX`
    /// means never. [`build`](Self::build) refuses less than 1 ms and more than
    /// 2^39 ms (17 years).
    pub fn open_for(mut self, wait: Duration) -> Self {
        self.config.open_for = wait;
        self
    }

    /// Closes a half-open breaker after this many successes. The default is 2.
    ///
    /// One failure opens it again. [`build`](Self::build) refuses 0 and more
    /// than 63.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.config.success_threshold = successes;
        self
    }

    /// Admits at most this many probes while half-open. The default is the
    /// success threshold.
    ///
    /// A probe that ends without a verdict (ignored or cancelled) gives its
    /// place back. [`build`](Self::build) refuses 0, more than 63, and fewer
    /// than the success threshold.
    pub fn half_open_permits(mut self, probes: u32) -> Self {
        self.config.half_open_permits = Some(probes);
        self
    }

    /// Sets how long a half-open breaker waits for probes that are out before the
    /// next call starts over with fresh ones. The default is the larger of the
    /// open wait and 60 s.
    ///
    /// While none is out there is nothing to wait for: successes add up however
    /// rarely calls come.
    ///
    /// It doubles for each time in a row that it runs out, up to an hour or the
    /// value set here if that is longer, so that probes which are slow, yet
    /// succeed, can still close the breaker. [`build`](Self::build) refuses less
    /// than 1 ms and more than 2^39 ms (17 years).
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.config.probe_lease = Some(lease);
        self
    }

    /// Sets which calls are timed. The default is [`Timing::Adaptive`].
    ///
    /// [`build`](Self::build) refuses `Timing::Sampled(0)` and one in more than a million.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.config.timing = timing;
        self
    }

    /// Sets how far a percentile may be from the exact one, relatively. The default
    /// is 0.032.
    ///
    /// The memory of a histogram grows with its precision: 5 KiB at the default, 1 KiB
    /// at 0.25, 70 KiB at 0.002. A breaker has up to 16 of them, and with
    /// [`Timing::Every`] two more for each thread up to the larger of 128 and four a
    /// core. [`build`](Self::build) refuses what is not
    /// from 0.002 to 0.25, and [`reconfigure`](CircuitBreaker::reconfigure) any change.
    pub fn latency_error(mut self, error: f64) -> Self {
        self.config.latency_error = error;
        self
    }

    /// Takes the time from `clock` instead of the built-in one: a
    /// [`ManualClock`](crate::ManualClock) in tests, [`StdClock`](crate::StdClock),
    /// or a clock of your own.
    ///
    /// [`build`](Self::build) refuses a clock that already shows more than 2^39
    /// ms, and [`reconfigure`](CircuitBreaker::reconfigure) refuses any.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(TimeSource::Custom(Arc::new(clock)));
        self
    }

    /// Calls `listener` with each transition of the breaker; may be given several times.
    ///
    /// A listener runs on the thread of whoever makes a transition, after it and outside
    /// of all loops and locks: keep it short, or hand the [`Event`] to a channel. It sees
    /// eras in strictly increasing order and never runs twice at once; a transition that
    /// happens meanwhile on another thread, or inside the listener, is told by whoever is
    /// telling already, up to 64 events in a row, and the rest goes with the next
    /// transition or [`snapshot`](CircuitBreaker::snapshot). While a listener is slow the
    /// newest 64 transitions at least are kept for it, and older ones may be dropped: see
    /// [`EventCounts`](crate::EventCounts).
    ///
    /// It may call the breaker in every way, but must not wait for a lock that a caller of
    /// the breaker may hold. Its panic is contained and counted, and the other listeners
    /// still run (where a program is built to abort on panic, it aborts). One that never
    /// returns ends events for this breaker. One that owns an [`Arc`] of its own breaker
    /// keeps both for ever: give it a [`Weak`](std::sync::Weak).
    ///
    /// A breaker without listeners and without a [`history`](Self::history) builds no
    /// events. [`reconfigure`](CircuitBreaker::reconfigure) keeps listeners and refuses
    /// new ones; see [`add_listener`](CircuitBreaker::add_listener) for those.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    /// use std::sync::mpsc;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let breaker = CircuitBreaker::builder("db")
    ///     .failure_threshold(1)
    ///     .on_event(move |event| drop(tell.send(event.clone())))
    ///     .build()?;
    ///
    /// let _ = breaker.call(|| Err::<(), _>("no answer"));
    /// let event = told.try_recv().unwrap();
    /// assert!(event.to_string().starts_with("circuit breaker 'db' went from closed to open: 1 failure"));
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Listener::new(listener));
        self
    }

    /// Keeps the last `transitions` for [`history`](CircuitBreaker::history). The default
    /// is 0.
    ///
    /// [`build`](Self::build) refuses more than 4,096, and
    /// [`reconfigure`](CircuitBreaker::reconfigure) refuses any.
    pub fn history(mut self, transitions: u32) -> Self {
        self.history = Some(transitions);
        self
    }

    /// Makes the breaker, closed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot be and carries its value.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        self.config.check()?;
        let history = self.history.unwrap_or(0);
        if history > LONGEST_HISTORY {
            return Err(ConfigError::NumberOutOfRange {
                field: "history",
                value: history.into(),
                min: 0,
                max: LONGEST_HISTORY.into(),
            });
        }
        let clock = self.clock.unwrap_or_default();
        let now = clock.now();
        if Tick::of(now).0 > 1 << 39 {
            return Err(ConfigError::ClockTooFar { shows: Duration::from_nanos(now.0) });
        }
        let is_told = history > 0 || !self.listeners.is_empty();
        let desk = is_told.then(|| Desk::new(&self.name, history, self.listeners));
        Ok(CircuitBreaker::assemble(self.name, Settings::of(self.config), clock, desk))
    }

    /// The name and the settings, if they can be.
    pub(crate) fn checked(&self) -> Result<(&str, Config), ConfigError> {
        self.config.check()?;
        Ok((&self.name, self.config))
    }

    /// The settings for the breaker called `name`, which runs already with those of `now`.
    pub(crate) fn live(self, name: &str, now: &Config) -> Result<Settings, ConfigError> {
        self.config.check()?;
        if self.config.latency_error != now.latency_error {
            return Err(ConfigError::FixedAtBuild { field: "latency_error" });
        }
        if self.name != name {
            return Err(ConfigError::FixedAtBuild { field: "name" });
        }
        if self.clock.is_some() {
            return Err(ConfigError::FixedAtBuild { field: "clock" });
        }
        if !self.listeners.is_empty() {
            return Err(ConfigError::FixedAtBuild { field: "on_event" });
        }
        if self.history.is_some() {
            return Err(ConfigError::FixedAtBuild { field: "history" });
        }
        Ok(Settings::of(self.config))
    }
}

/// Why a configuration was refused.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is too small or does not fit.
    NumberOutOfRange {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: u64,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// A share is too small, too large, or not a number.
    ShareOutOfRange {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: f64,
        /// The smallest value allowed.
        min: f64,
        /// The largest value allowed.
        max: f64,
    },
    /// A duration is too short to count or too long to hold.
    DurationOutOfRange {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: Duration,
        /// The shortest duration allowed.
        min: Duration,
        /// The longest duration allowed.
        max: Duration,
    },
    /// A spell would end without the successes it needs.
    PermitsBelowSuccesses {
        /// The probes a spell may have.
        half_open_permits: u32,
        /// The successes it needs.
        success_threshold: u32,
    },
    /// The clock has run for longer than deadlines can be counted.
    ClockTooFar {
        /// The time it shows.
        shows: Duration,
    },
    /// The setting cannot change once the breaker is built.
    FixedAtBuild {
        /// The builder's method.
        field: &'static str,
    },
}

impl ConfigError {
    /// The setting whose value was refused: a method of the builder, or `capacity`.
    pub fn field(&self) -> &'static str {
        match self {
            ConfigError::NumberOutOfRange { field, .. }
            | ConfigError::ShareOutOfRange { field, .. }
            | ConfigError::DurationOutOfRange { field, .. }
            | ConfigError::FixedAtBuild { field } => field,
            ConfigError::PermitsBelowSuccesses { .. } => "half_open_permits",
            ConfigError::ClockTooFar { .. } => "clock",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::NumberOutOfRange { field, value, min, max } => {
                write!(f, "{field} is {value}, must be from {min} to {max}")
            }
            ConfigError::ShareOutOfRange { field, value, min, max } => {
                write!(f, "{field} is {value}, must be from {min} to {max}")
            }
            ConfigError::DurationOutOfRange { field, value, min, max } => {
                write!(f, "{field} is {value:?}, must be from {min:?} to {max:?}")
            }
            ConfigError::PermitsBelowSuccesses { half_open_permits, success_threshold } => write!(
                f,
                "half_open_permits is {half_open_permits}, \
                 must be at least the success_threshold of {success_threshold}"
            ),
            ConfigError::ClockTooFar { shows } => {
                write!(f, "clock shows {shows:?}, must be at most {LONGEST:?} after its start")
            }
            ConfigError::FixedAtBuild { field } => {
                write!(f, "{field} cannot change once the breaker is built")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_doubles_up_to_an_hour_or_to_itself_if_longer() {
        let minute = Settings::of(Config::DEFAULT).rules;
        assert_eq!(minute.lease(0), 60_000);
        assert_eq!(minute.lease(1), 120_000);
        assert_eq!(minute.lease(31), 3_600_000);
        let day = Duration::from_secs(86_400);
        let long = Settings::of(Config { probe_lease: Some(day), ..Config::DEFAULT }).rules;
        assert_eq!((long.lease(0), long.lease(9)), (86_400_000, 86_400_000));
    }

    #[test]
    fn the_default_lease_follows_the_open_wait_from_a_minute_up() {
        let lease = |open_for| Settings::of(Config { open_for, ..Config::DEFAULT }).rules.lease(0);
        assert_eq!(lease(Duration::from_secs(1)), 60_000);
        assert_eq!(lease(Duration::from_secs(90)), 90_000);
        assert_eq!(lease(Duration::MAX), 60_000);
    }

    #[test]
    fn a_wait_of_never_has_no_deadline_and_the_longest_has_one() {
        let rules = |open_for| Settings::of(Config { open_for, ..Config::DEFAULT }).rules;
        assert_eq!(rules(Duration::MAX).open_until(Nanos(0)), Tick::NEVER);
        assert_eq!(rules(LONGEST).open_until(Nanos(0)), Tick(1 << 39));
        assert_eq!(rules(LONGEST).open_until(Nanos(u64::MAX)), Tick::LAST);
    }
}
