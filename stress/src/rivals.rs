//! What is measured: an empty call, the floors, two breakers behind a mutex, and this crate's.

pub(crate) mod floors;
mod naive;
pub(crate) mod single_atomic;
pub(crate) mod window;

use std::hint::black_box;
use std::time::Duration;

use ampacity::{Builder, CallError, CircuitBreaker, ConfigError, Timing};

use floors::{Floor, Work};
use naive::{Alone, Naive};

/// Longer than any run.
const OPEN_FOR: Duration = Duration::from_secs(24 * 3600);
/// What no run reaches: where calls fail in turn, the breakers must not trip, though
/// many threads' failures may fall in a row.
const NEVER: u32 = u32::MAX;

/// What calls do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// The breaker is closed and the call succeeds.
    Success,
    /// The breaker is open and turns the call away.
    Rejected,
    /// The breaker is closed; a failure and a success, in turn.
    Failing,
}

impl Path {
    pub(crate) const ALL: [Self; 3] = [Self::Success, Self::Rejected, Self::Failing];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Rejected => "rejected",
            Self::Failing => "failing",
        }
    }

    /// In words, for a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Success => "success on a closed breaker",
            Self::Rejected => "turned away by an open breaker",
            Self::Failing => "failure and success in turn",
        }
    }
}

/// What this crate's breaker trips by, other than failures in a row.
///
/// No rate is ever reached: where calls fail in turn, half of them do. But each is within
/// reach, so that what it takes to tell is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// The failure rate of the last 100 calls.
    Count,
    /// The failure rate of the last 10 s.
    Time,
    /// The rate of slow calls of the last 10 s.
    Slow,
    /// The same, with calls in flight counted.
    InFlight,
}

impl Policy {
    /// Not reached by threads of which each fails first and then in turn, however many of
    /// them are put to sleep in between.
    const RATE: f64 = 0.95;
    const MINIMUM: u32 = 100;
    const SLOW: Duration = Duration::from_secs(3);

    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Count => "failure rate, last 100",
            Self::Time => "failure rate, 10 s",
            Self::Slow => "slow-call rate, 10 s",
            Self::InFlight => "calls in flight",
        }
    }

    fn builder(self) -> Builder {
        let builder = CircuitBreaker::builder("glance").minimum_calls(Self::MINIMUM);
        match self {
            Self::Count => builder.failure_rate(Self::RATE).count_window(100),
            Self::Time => builder.failure_rate(Self::RATE),
            Self::Slow => builder.slow_call(Self::SLOW).slow_call_rate(Self::RATE),
            Self::InFlight => {
                builder.slow_call(Self::SLOW).slow_call_rate(Self::RATE).count_in_flight(true)
            }
        }
    }
}

/// Who makes the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Empty,
    Floor(Work),
    StdMutex,
    ParkingLot,
    Adaptive,
    Every,
    Off,
    Policy(Policy),
}

impl Who {
    pub(crate) const ALL: [Self; 13] = [
        Self::Empty,
        Self::Floor(Work::A),
        Self::Floor(Work::B),
        Self::Floor(Work::C),
        Self::StdMutex,
        Self::ParkingLot,
        Self::Adaptive,
        Self::Every,
        Self::Off,
        Self::Policy(Policy::Count),
        Self::Policy(Policy::Time),
        Self::Policy(Policy::Slow),
        Self::Policy(Policy::InFlight),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Floor(Work::A) => "floor_a_untimed",
            Self::Floor(Work::B) => "floor_b_sampled",
            Self::Floor(Work::C) => "floor_c_timed",
            Self::StdMutex => "std_mutex",
            Self::ParkingLot => "parking_lot_mutex",
            Self::Adaptive => "ampacity_timing_adaptive",
            Self::Every => "ampacity_timing_every",
            Self::Off => "ampacity_timing_off",
            Self::Policy(Policy::Count) => "ampacity_failure_rate_count_100",
            Self::Policy(Policy::Time) => "ampacity_failure_rate_time",
            Self::Policy(Policy::Slow) => "ampacity_slow_call_rate_time",
            Self::Policy(Policy::InFlight) => "ampacity_in_flight",
        }
    }

    /// In words, for a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Empty => "empty call",
            Self::Floor(Work::A) => "floor A, untimed",
            Self::Floor(Work::B) => "floor B, 1 call in 16 timed",
            Self::Floor(Work::C) => "floor C, every call timed",
            Self::StdMutex => "std Mutex breaker",
            Self::ParkingLot => "parking_lot Mutex breaker",
            Self::Adaptive => "ampacity, Timing::Adaptive",
            Self::Every => "ampacity, Timing::Every",
            Self::Off => "ampacity, Timing::Off",
            Self::Policy(Policy::Count) => "ampacity, failure rate, last 100",
            Self::Policy(Policy::Time) => "ampacity, failure rate, 10 s",
            Self::Policy(Policy::Slow) => "ampacity, slow-call rate, 10 s",
            Self::Policy(Policy::InFlight) => "ampacity, calls in flight",
        }
    }

    /// Whether its callers wait for each other.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::StdMutex | Self::ParkingLot)
    }

    /// Whether it is this crate's with its default policy.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Adaptive | Self::Every | Self::Off)
    }

    /// Whether it is to be measured on this path: an empty call turns nobody away, and
    /// a call that was turned away is not timed in any case.
    pub(crate) fn takes(self, path: Path) -> bool {
        match path {
            Path::Success | Path::Failing => true,
            Path::Rejected => {
                !matches!(self, Self::Empty | Self::Floor(Work::A) | Self::Every | Self::Off)
            }
        }
    }

    /// Sets it up for a path.
    pub(crate) fn build(self, path: Path) -> Result<Box<dyn Caller>, ConfigError> {
        Ok(match self {
            Self::Empty => Box::new(Empty),
            Self::Floor(work) => Box::new(Floor::new(work, path)),
            Self::StdMutex => Box::new(Alone(std::sync::Mutex::new(Naive::for_path(path)))),
            Self::ParkingLot => Box::new(Alone(parking_lot::Mutex::new(Naive::for_path(path)))),
            Self::Adaptive => Box::new(ours(path, Timing::Adaptive)?),
            Self::Every => Box::new(ours(path, Timing::Every)?),
            Self::Off => Box::new(ours(path, Timing::Off)?),
            Self::Policy(policy) => Box::new(set_up(policy.builder(), path)?),
        })
    }
}

impl Who {
    /// The same for the counter of instructions, under which calls come so slowly that
    /// `Timing::Adaptive` would time them all, and not the one in 16 it is to show.
    pub(crate) fn build_to_count(self, path: Path) -> Result<Box<dyn Caller>, ConfigError> {
        match self {
            Self::Adaptive => Ok(Box::new(ours(path, Timing::Sampled(16))?)),
            // The default of a window that does not ask for times.
            Self::Policy(Policy::Count) => {
                let builder = Policy::Count.builder().timing(Timing::Sampled(16));
                Ok(Box::new(set_up(builder, path)?))
            }
            _ => self.build(path),
        }
    }
}

fn ours(path: Path, timing: Timing) -> Result<CircuitBreaker, ConfigError> {
    let builder = CircuitBreaker::builder("glance").timing(timing);
    let builder = match path {
        Path::Failing => builder.failure_threshold(NEVER),
        _ => builder,
    };
    set_up(builder, path)
}

fn set_up(builder: Builder, path: Path) -> Result<CircuitBreaker, ConfigError> {
    let breaker = builder.open_for(OPEN_FOR).build()?;
    if path == Path::Rejected {
        breaker.trip();
    }
    Ok(breaker)
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Rejected,
}

/// What makes one call.
pub(crate) trait Subject {
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End;
}

/// What makes many calls on a path, and says how many did not end as they should.
pub(crate) trait Caller: Send + Sync {
    /// For the clock.
    fn timed(&self, path: Path, calls: u64) -> u64;
    /// The same, under a name that the counter of instructions knows.
    fn counted(&self, path: Path, calls: u64) -> u64;
}

impl<S: Subject + Send + Sync> Caller for S {
    fn timed(&self, path: Path, calls: u64) -> u64 {
        batch(self, path, calls)
    }

    fn counted(&self, path: Path, calls: u64) -> u64 {
        counted_batch(self, path, calls)
    }
}

#[inline(never)]
pub(crate) fn counted_batch<S: Subject>(subject: &S, path: Path, calls: u64) -> u64 {
    batch(subject, path, calls)
}

/// The protected operation is nothing but a result that the compiler cannot foresee.
#[inline(always)]
pub(crate) fn batch<S: Subject>(subject: &S, path: Path, calls: u64) -> u64 {
    let good = || black_box(Ok(black_box(7)));
    let bad = || black_box(Err(black_box(7)));
    let mut wrong = 0;
    match path {
        Path::Success => {
            for _ in 0..calls {
                wrong += u64::from(subject.call(good) != End::Succeeded);
            }
        }
        Path::Rejected => {
            for _ in 0..calls {
                wrong += u64::from(subject.call(good) != End::Rejected);
            }
        }
        Path::Failing => {
            for _ in 0..calls / 2 {
                wrong += u64::from(subject.call(bad) != End::Failed);
                wrong += u64::from(subject.call(good) != End::Succeeded);
            }
        }
    }
    wrong
}

#[inline(always)]
pub(crate) fn end(result: Result<u64, u64>) -> End {
    match result {
        Ok(_) => End::Succeeded,
        Err(_) => End::Failed,
    }
}

struct Empty;

impl Subject for Empty {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        end(op())
    }
}

impl Subject for CircuitBreaker {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        match self.call(op) {
            Ok(_) => End::Succeeded,
            Err(CallError::Failed(_)) => End::Failed,
            Err(CallError::Rejected(_)) => End::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_does_on_each_path_what_the_path_says() {
        for path in Path::ALL {
            for who in Who::ALL.into_iter().filter(|who| who.takes(path)) {
                let caller = who.build(path).unwrap();
                assert_eq!(caller.timed(path, 1_000), 0, "{who:?} {path:?}");
                assert_eq!(caller.counted(path, 10), 0, "{who:?} {path:?}");
            }
        }
    }

    #[test]
    fn calls_that_end_otherwise_are_counted() {
        let open = Who::Adaptive.build(Path::Rejected).unwrap();
        assert_eq!(open.timed(Path::Success, 10), 10);
        let closed = Who::StdMutex.build(Path::Success).unwrap();
        assert_eq!(closed.timed(Path::Rejected, 10), 10);
        // Five failures in a row trip a breaker that was not told otherwise.
        let naive = Alone(std::sync::Mutex::new(Naive::for_path(Path::Success)));
        let ends: Vec<End> = (0..6).map(|_| naive.call(|| Err(7))).collect();
        assert_eq!(ends[4..], [End::Failed, End::Rejected]);
    }
}
