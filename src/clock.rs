//! Time: injected, counted in nanoseconds, compared in ticks of 1 ms.

use crate::contained::contained;
use crate::sync::{OnceLock, Ordering, PlainU64};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

/// Nanoseconds since a clock's own start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Nanos(pub(crate) u64);

impl Nanos {
    /// How long ago `earlier` was; zero if the clock stepped back meanwhile.
    pub(crate) fn since(self, earlier: Nanos) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A point in time in whole milliseconds: the unit of every deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Tick(pub(crate) u64);

/// Nanoseconds in a tick.
pub(crate) const TICK: u64 = 1_000_000;

impl Tick {
    /// The deadline that never comes: all ones in the 40 bits a deadline has.
    pub(crate) const NEVER: Tick = Tick((1 << 40) - 1);

    /// The last deadline that comes; later finite ones are drawn back to it.
    /// It is 34 years after the clock's start, and a clock that claims to be
    /// past it finds every finite deadline due and every lease over.
    pub(crate) const LAST: Tick = Tick(Self::NEVER.0 - 1);

    /// The tick that `now` is in: what a deadline is compared with.
    pub(crate) fn of(now: Nanos) -> Tick {
        Tick(now.0 / TICK)
    }

    /// The first tick that begins at or after `now`: what a deadline becomes.
    pub(crate) fn at_or_after(now: Nanos) -> Tick {
        Tick(now.0.div_ceil(TICK)).min(Tick::LAST)
    }

    pub(crate) fn plus(self, ticks: u64) -> Tick {
        Tick(self.0.saturating_add(ticks)).min(Tick::LAST)
    }

    /// The time from `now` to this tick.
    pub(crate) fn remaining(self, now: Nanos) -> Duration {
        Duration::from_nanos((self.0 * TICK).saturating_sub(now.0))
    }
}

/// A source of time for a breaker.
///
/// Give one to [`Builder::clock`](crate::Builder::clock) to replace the built-in
/// clock. The breaker asks it from whichever threads call, and never waits on it.
/// A clock should run forward. One that steps back or leaps does no lasting harm:
/// a wait in progress then takes until the clock shows its deadline again.
///
/// `now` must not call the breaker that it serves: it is asked in the middle of a call. It
/// had better not panic, either: the breaker takes that for a step back to 0, so that the
/// call is settled and counted all the same. A call that begins at that reading is as slow
/// as the clock is old, and a wait that begins at it may be over at once.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the clock's own start.
    ///
    /// [`build`](crate::Builder::build) refuses a clock that shows more than
    /// 2^39 ms (17 years), so count from a start of your own and not from 1970.
    fn now(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

/// The operating system's monotonic clock, counted from its first use in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdClock;

impl Clock for StdClock {
    fn now(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let elapsed = START.get_or_init(Instant::now).elapsed();
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The processor's own counter where it is steady, else the operating system's clock.
///
/// Counted from its first use in this process, which calibrates it and takes
/// some hundreds of microseconds.
#[cfg(feature = "fast-clock")]
#[derive(Clone, Copy, Debug, Default)]
pub struct FastClock;

#[cfg(feature = "fast-clock")]
impl Clock for FastClock {
    #[inline]
    fn now(&self) -> u64 {
        static START: OnceLock<(quanta::Clock, u64)> = OnceLock::new();
        let (clock, start) = START.get_or_init(|| {
            let clock = quanta::Clock::new();
            let start = clock.raw();
            (clock, start)
        });
        clock.delta_as_nanos(*start, clock.raw())
    }
}

/// A clock that moves when told to: for tests, yours and ours.
///
/// Clones share one time, so a test keeps one and gives the other away.
///
/// # Examples
///
/// ```
/// use ampacity::{CircuitBreaker, ManualClock, State};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let breaker = CircuitBreaker::builder("db")
///     .failure_threshold(1)
///     .open_for(Duration::from_secs(1))
///     .clock(clock.clone())
///     .build()?;
/// breaker.try_acquire()?.failure();
/// assert_eq!(breaker.state(), State::Open);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(breaker.state(), State::HalfOpen);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    now: Arc<PlainU64>,
}

impl ManualClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward; it stops at `u64::MAX` nanoseconds (584 years).
    pub fn advance(&self, by: Duration) {
        let by = saturated_nanos(by);
        // Relaxed: a number that stands alone. Whoever must see the step after
        // another event is told of that event by other means.
        let step = |now: u64| Some(now.saturating_add(by));
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).ok();
    }

    /// Sets the clock to `at` after its start, forward or back.
    pub fn set(&self, at: Duration) {
        // Relaxed: as in `advance`.
        self.now.store(saturated_nanos(at), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        // Relaxed: as in `advance`.
        self.now.load(Ordering::Relaxed)
    }
}

fn saturated_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where a breaker takes its time from.
#[derive(Clone, Default)]
pub(crate) enum TimeSource {
    /// The fast clock where it is built in, else the standard one.
    #[default]
    BuiltIn,
    Custom(Arc<dyn Clock>),
}

impl TimeSource {
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        Nanos(match self {
            #[cfg(feature = "fast-clock")]
            TimeSource::BuiltIn => FastClock.now(),
            #[cfg(not(feature = "fast-clock"))]
            TimeSource::BuiltIn => StdClock.now(),
            // A panic must not unwind through a settling call, which may itself be part of
            // an unwind.
            TimeSource::Custom(clock) => contained(|| clock.now()).unwrap_or(0),
        })
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeSource::BuiltIn => "built-in clock",
            TimeSource::Custom(_) => "custom clock",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_rounds_up_and_the_present_rounds_down() {
        assert_eq!(Tick::at_or_after(Nanos(0)), Tick(0));
        assert_eq!(Tick::at_or_after(Nanos(1)), Tick(1));
        assert_eq!(Tick::at_or_after(Nanos(TICK)), Tick(1));
        assert_eq!(Tick::of(Nanos(TICK - 1)), Tick(0));
        assert_eq!(Tick::of(Nanos(TICK)), Tick(1));
    }

    #[test]
    fn a_finite_deadline_never_becomes_never() {
        assert_eq!(Tick::at_or_after(Nanos(u64::MAX)), Tick::LAST);
        assert_eq!(Tick::LAST.plus(u64::MAX), Tick::LAST);
        assert!(Tick::of(Nanos(u64::MAX)) > Tick::LAST);
    }

    #[test]
    fn a_manual_clock_stops_at_its_end_instead_of_wrapping() {
        let clock = ManualClock::new();
        clock.advance(Duration::MAX);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), u64::MAX);
        clock.set(Duration::from_nanos(5));
        assert_eq!(clock.now(), 5);
    }

    #[test]
    fn the_built_in_clocks_run_forward_from_near_zero() {
        let source = TimeSource::default();
        let first = source.now();
        assert!(first <= source.now());
        assert!(first.0 < 3_600_000_000_000, "starts with the process, not in 1970");
        assert!(StdClock.now() <= StdClock.now());
    }
}
