//! Sets up a breaker, setting by setting.

use super::{Backoff, Config, ConfigError, HalfOpenLimit, Preset, Settings, Timing};
use crate::breaker::CircuitBreaker;
use crate::clock::{Clock, Nanos, Tick, TimeSource};
use crate::event::Event;
use crate::event::desk::Desk;
use crate::event::listeners::Listener;
use crate::window::{TripWhen, Window};
use crate::word::{Era, State};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

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
    trip_when: Option<TripWhen>,
    clock: Option<TimeSource>,
    listeners: Vec<Listener>,
}

// A builder is plain values, a clock that nobody has asked yet, and functions that
// nobody has called yet.
impl UnwindSafe for Builder {}
impl RefUnwindSafe for Builder {}

impl Builder {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self::of(name, Config::DEFAULT, None)
    }

    fn of(name: Cow<'static, str>, config: Config, trip_when: Option<TripWhen>) -> Self {
        Self { name, config, trip_when, clock: None, listeners: Vec::new() }
    }

    /// One with the settings of a breaker that runs.
    pub(crate) fn of_settings(name: Cow<'static, str>, now: &Settings) -> Self {
        let trip_when = now.judge.as_ref().and_then(|judge| judge.trip_when().cloned());
        Self::of(name, now.config.clone(), trip_when)
    }

    /// Replaces all settings that are data by those of `config`; methods called after this
    /// change them. Clock, listeners and the function of [`trip_when`](Self::trip_when)
    /// stay.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Replaces all settings that are data by those for a kind of dependency; methods called
    /// after this change them.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, Preset};
    ///
    /// let breaker = CircuitBreaker::builder("model-api")
    ///     .preset(Preset::Llm)
    ///     .minimum_calls(5)
    ///     .build()?;
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn preset(self, preset: Preset) -> Self {
        self.config(preset.config())
    }

    /// Opens the breaker at this many failures in a row. The default is 5, or no such
    /// policy if [`failure_rate`](Self::failure_rate),
    /// [`slow_call_rate`](Self::slow_call_rate) or [`trip_when`](Self::trip_when) is named
    /// and this is not.
    ///
    /// A success in between starts the count anew. [`build`](Self::build)
    /// refuses 0.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = Some(failures);
        self
    }

    /// Opens the breaker when this share of the calls in the window has failed, from
    /// above 0 to 1; the threshold belongs to it.
    ///
    /// The window is the last 10 s unless [`time_window`](Self::time_window) or
    /// [`count_window`](Self::count_window) says otherwise, and must hold at least
    /// [`minimum_calls`](Self::minimum_calls). It holds results of the present closed era:
    /// a breaker that closes begins with an empty one. A result belongs to the time at
    /// which its call ended; ignored and cancelled calls do not count.
    ///
    /// A failure or a slow call opens the breaker; any call does that completes the
    /// minimum; none does by becoming too old. Calls that follow each other, from whatever
    /// thread, open it with the very one that reaches the threshold; among calls that end
    /// at the same time it may be a later failure, at the latest the next one. Of several
    /// policies any one suffices.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, State};
    ///
    /// let breaker = CircuitBreaker::builder("db")
    ///     .failure_rate(0.5)
    ///     .count_window(10)
    ///     .minimum_calls(4)
    ///     .build()?;
    /// for failed in [true, false, false, true] {
    ///     let permit = breaker.try_acquire()?;
    ///     if failed { permit.failure() } else { permit.success() }
    /// }
    /// assert_eq!(breaker.state(), State::Open);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure_rate(mut self, share: f64) -> Self {
        self.config.failure_rate = Some(share);
        self
    }

    /// Says when a call is slow: when it took longer than this. One that took exactly as
    /// long is not.
    ///
    /// All calls are timed then: two clock reads each. [`build`](Self::build) refuses zero,
    /// more than 2^39 ms (17 years), a [`timing`](Self::timing) other than `Every`, and a
    /// threshold that no policy asks for.
    pub fn slow_call(mut self, longer_than: Duration) -> Self {
        self.config.slow_call = Some(longer_than);
        self
    }

    /// Opens the breaker when this share of the calls in the window was slow, from above 0
    /// to 1; the threshold belongs to it. For the rest see
    /// [`failure_rate`](Self::failure_rate).
    ///
    /// A slow failure counts in both shares. A probe of a half-open breaker that is slow
    /// counts as failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    /// use std::time::Duration;
    ///
    /// let breaker = CircuitBreaker::builder("search")
    ///     .slow_call(Duration::from_millis(200))
    ///     .slow_call_rate(0.8)
    ///     .build()?;
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn slow_call_rate(mut self, share: f64) -> Self {
        self.config.slow_call_rate = Some(share);
        self
    }

    /// Opens the breaker when `policy` says so of what is in the window.
    ///
    /// It is asked after each failed or slow call, and now and then while
    /// [calls hang](Self::count_in_flight). It must be a pure and quick function:
    /// it runs on the thread of the caller, at the same time on several, and each question
    /// adds up all threads' results. What it is shown is consistent. If it panics, that
    /// counts as no. [`reconfigure`](CircuitBreaker::reconfigure) keeps it; given again,
    /// the last one counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, State};
    ///
    /// let breaker = CircuitBreaker::builder("db")
    ///     .count_window(100)
    ///     .trip_when(|window| window.failed >= 3 && window.failed * 10 > window.calls)
    ///     .build()?;
    /// for _ in 0..3 {
    ///     breaker.try_acquire()?.failure();
    /// }
    /// assert_eq!(breaker.state(), State::Open);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trip_when(mut self, policy: impl Fn(&Window) -> bool + Send + Sync + 'static) -> Self {
        self.trip_when = Some(TripWhen::new(policy));
        self
    }

    /// Judges the last so many calls.
    ///
    /// Each call then writes memory that all threads share, twice: some tens of
    /// nanoseconds, more where many threads call at once. A
    /// [`time_window`](Self::time_window) does not. Exact whatever threads do, except that
    /// a result being written is not counted yet. Memory is 8 bytes a call.
    /// [`build`](Self::build) refuses 0 and more than 65,536.
    pub fn count_window(mut self, calls: u32) -> Self {
        self.config.count_window = Some(calls);
        self
    }

    /// Judges the calls that ended within this time. The default is 10 s.
    ///
    /// It slides by [slices](Self::time_slices), aligned to the clock's zero: it is the
    /// slice that is now, and the nine before it. Times all calls unless
    /// [`timing`](Self::timing) says otherwise; an untimed one reads the clock when it
    /// ends. [`build`](Self::build) refuses slices shorter than 1 ms, and more than 2^39 ms
    /// (17 years) in all.
    pub fn time_window(mut self, span: Duration) -> Self {
        self.config.time_window = Some(span);
        self
    }

    /// Divides the [time window](Self::time_window) into so many slices. The default is
    /// 10.
    ///
    /// More of them let results leave more evenly, and take 32 bytes each for each thread
    /// up to the larger of 128 and four a core. [`build`](Self::build) refuses 0 and more
    /// than 360.
    pub fn time_slices(mut self, slices: u32) -> Self {
        self.config.time_slices = Some(slices);
        self
    }

    /// Judges no window that holds fewer calls: below that its rates are not known. The
    /// default is 20, or the [count window](Self::count_window) if that is shorter.
    ///
    /// [`build`](Self::build) refuses 0, and more than a count window holds.
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.config.minimum_calls = Some(calls);
        self
    }

    /// Counts calls that have been running for longer than [`slow_call`](Self::slow_call)
    /// says as slow ones, though they have not ended. Off by default.
    ///
    /// For calls that hang: if none ends, nothing is recorded, and only those that are
    /// still running can open the breaker. It happens when a call is admitted, in its
    /// place, and is looked at eight times in the time that makes a call slow; by as much
    /// it may be late. Such a call is counted once: while it runs, or when it has ended.
    /// Admission and end then each write memory that threads share.
    ///
    /// [`build`](Self::build) refuses it without `slow_call`, and with a
    /// [`timing`](Self::timing) other than `Every`.
    pub fn count_in_flight(mut self, on: bool) -> Self {
        self.config.count_in_flight = Some(on);
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
        self.config.open_for = Some(wait);
        self
    }

    /// Makes the wait `factor` times as long with each opening in a row, up to `cap`. The
    /// default is the same wait each time.
    ///
    /// A breaker that closes begins anew with [`open_for`](Self::open_for).
    /// [`build`](Self::build) refuses factors below 1 and above 100, and a cap below the
    /// first wait or above 2^39 ms (17 years).
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    /// use std::time::Duration;
    ///
    /// // 1 s, 2 s, 4 s and so on, up to a minute, each up to a fifth longer.
    /// let breaker = CircuitBreaker::builder("model-api")
    ///     .open_for(Duration::from_secs(1))
    ///     .backoff(2.0, Duration::from_secs(60))
    ///     .jitter(0.2)
    ///     .build()?;
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn backoff(mut self, factor: f64, cap: Duration) -> Self {
        self.config.backoff = Some(Backoff { factor, cap });
        self
    }

    /// Lengthens each wait by up to this share of it, from 0 to 1, so that breakers which
    /// opened together do not all probe together. The default is 0.
    ///
    /// A wait is never shorter than without it. How much longer follows from a
    /// [seed](Self::jitter_seed) and the number of the transition.
    pub fn jitter(mut self, share: f64) -> Self {
        self.config.jitter = Some(share);
        self
    }

    /// Fixes what [`jitter`](Self::jitter) follows from, for tests. By default it is a
    /// random number of this process and the breaker's name.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.config.jitter_seed = Some(seed);
        self
    }

    /// Bounds the waits that results give; see [`Outcome::OpenFor`](crate::Outcome::OpenFor).
    /// The default is an hour.
    ///
    /// [`build`](Self::build) refuses less than 1 ms and more than 2^39 ms (17 years).
    pub fn longest_given_wait(mut self, wait: Duration) -> Self {
        self.config.longest_given_wait = Some(wait);
        self
    }

    /// Closes a half-open breaker after this many successes. The default is 2.
    ///
    /// One failure opens it again. [`build`](Self::build) refuses 0 and more
    /// than 63.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.config.success_threshold = Some(successes);
        self
    }

    /// Judges a half-open breaker by the share of its probes that failed, from above 0 to
    /// 1, of as many as [`half_open_permits`](Self::half_open_permits) says, 10 by default.
    ///
    /// It opens again as soon as that share has failed, and closes as soon as it cannot
    /// fail any more: of 10 probes and a share of 0.3, with the third failure or the
    /// eighth success. [`build`](Self::build) refuses it together with
    /// [`success_threshold`](Self::success_threshold).
    pub fn half_open_failure_rate(mut self, share: f64) -> Self {
        self.config.half_open_failure_rate = Some(share);
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

    /// Lets a breaker be half-open for so long at the most, and then be `then`, which is
    /// [`State::Open`] or [`State::Closed`]. No limit by default.
    ///
    /// For probes that never bring a verdict, or calls that are too rare for one. The next
    /// call after that time finds the breaker closed, or opens it for its wait and is
    /// turned away. Spells that follow each other because [leases](Self::probe_lease) ran
    /// out count together, each with its lease. [`build`](Self::build) refuses less than
    /// 1 ms, more than 2^39 ms (17 years), and other states.
    pub fn half_open_limit(mut self, limit: Duration, then: State) -> Self {
        self.config.half_open_limit = Some(HalfOpenLimit { limit, then });
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

    /// Sets which calls are timed. The default is [`Timing::Adaptive`], and
    /// [`Timing::Every`] where a time window or slow calls decide.
    ///
    /// [`build`](Self::build) refuses `Timing::Sampled(0)`, one in more than a million, and
    /// anything but `Every` beside [`slow_call`](Self::slow_call).
    pub fn timing(mut self, timing: Timing) -> Self {
        self.config.timing = Some(timing);
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
        self.config.latency_error = Some(error);
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
    /// [`reconfigure`](CircuitBreaker::reconfigure) refuses any change.
    pub fn history(mut self, transitions: u32) -> Self {
        self.config.history = Some(transitions);
        self
    }

    /// Makes the breaker, closed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot be and carries its value.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        self.check()?;
        let history = self.config.history();
        let clock = self.clock.unwrap_or_default();
        let now = clock.now();
        if Tick::of(now).0 > 1 << 39 {
            return Err(ConfigError::ClockTooFar { shows: Duration::from_nanos(now.0) });
        }
        let is_told = history > 0 || !self.listeners.is_empty();
        let desk = is_told.then(|| Desk::new(&self.name, history, self.listeners));
        let settings = Settings::new(self.config, &self.name, self.trip_when, Era(0));
        Ok(CircuitBreaker::assemble(self.name, settings, clock, desk))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.config.check(self.trip_when.is_some())
    }

    /// The name and the settings, if they can be.
    pub(crate) fn checked(&self) -> Result<(&str, Config), ConfigError> {
        self.check()?;
        Ok((&self.name, self.config.clone()))
    }

    /// The settings for the breaker called `name`, which runs already with those of `now`,
    /// in this era and at this time.
    pub(crate) fn live(
        self,
        name: &str,
        now: &Settings,
        when: (Era, Nanos),
    ) -> Result<Settings, ConfigError> {
        self.check()?;
        if self.config.latency_error() != now.config.latency_error() {
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
        if self.config.history() != now.config.history() {
            return Err(ConfigError::FixedAtBuild { field: "history" });
        }
        Ok(Settings::after(now, self.config, name, self.trip_when, when))
    }
}
