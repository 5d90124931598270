//! The policies that are played, and what makes each of them trip.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ampacity::{Cause, CircuitBreaker, Event, ManualClock, Timing, Window};

use super::EACH;
use super::model::{Batch, Form, SLICE, SLICES};
pub(super) use crate::policy::Policy;
use crate::policy::Thresholds;
use crate::program::Failure;
use crate::workload::clock::Obstacle;

/// A call is slow when it took longer.
const SLOW: Duration = Duration::from_millis(100);
/// By how much the clock is stepped to make calls slow, or to have them hang.
pub(super) const SLOW_STEP: Duration = Duration::from_millis(200);
pub(super) const OPEN_FOR: Duration = Duration::from_secs(3600);
pub(super) const SUCCESSES: u32 = 2;
const RATE: f64 = 0.5;
const MOST_MINIMUM: u64 = 100;

/// What makes a breaker trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trip {
    Streak,
    FailureRate,
    /// The same by a success, which completes the minimum of calls.
    Minimum,
    SlowRate,
    /// The one that `trip_when` was given.
    Function,
    /// Calls that hang, and one that comes.
    Hanging,
}

/// Figures that follow from the number of threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Calls of all threads in a phase.
    pub(super) calls: u64,
    /// Failures in a row that trip.
    pub(super) streak: u64,
    /// Calls without which there is no rate.
    pub(super) minimum: u64,
    /// Failures in the window at which the function says to trip.
    pub(super) limit: u64,
}

impl Sizes {
    pub(super) fn of(threads: u64) -> Self {
        let calls = threads * EACH;
        Self {
            calls,
            streak: calls / 2,
            minimum: (calls / 4).clamp(1, MOST_MINIMUM),
            limit: calls / 2,
        }
    }
}

/// What was told of a breaker.
pub(super) type Told = Arc<Mutex<Vec<Event>>>;

impl Policy {
    pub(super) fn form(self) -> Form {
        match (self, self.last_calls()) {
            (Self::Streak, _) => Form::None,
            (_, Some(calls)) => Form::Count(calls.into()),
            (_, None) => Form::Time,
        }
    }

    /// What it is made to trip by, era after era, and whether after many successes or by
    /// the first calls of the era: there the minimum of calls decides.
    pub(super) fn trips(self) -> &'static [(Trip, bool)] {
        match self {
            Self::Streak => &[(Trip::Streak, true), (Trip::Streak, false)],
            Self::Count100 | Self::Count65536 | Self::FailureRate => {
                &[(Trip::FailureRate, true), (Trip::FailureRate, false), (Trip::Minimum, false)]
            }
            Self::SlowRate => &[(Trip::SlowRate, true), (Trip::SlowRate, false)],
            // After many successes the streak is reached first, and else the rate.
            Self::Combined => {
                &[(Trip::Streak, true), (Trip::FailureRate, false), (Trip::SlowRate, false)]
            }
            Self::TripWhen => &[(Trip::Function, true), (Trip::Function, false)],
            Self::InFlight => &[(Trip::Hanging, false), (Trip::SlowRate, true)],
        }
    }

    /// How many of the last results may fail in any order without a trip.
    pub(super) fn harmless(self, sizes: Sizes) -> u64 {
        match self.form() {
            // One below half of them.
            Form::Count(len) => (sizes.calls / 4).min(len.div_ceil(2) - 1),
            _ => sizes.calls / 4,
        }
    }

    pub(super) fn build(
        self,
        sizes: Sizes,
        clock: &ManualClock,
        told: &Told,
    ) -> Result<Arc<CircuitBreaker>, Failure> {
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let told = Arc::clone(told);
        let builder = CircuitBreaker::builder(self.name())
            .open_for(OPEN_FOR)
            .success_threshold(SUCCESSES)
            .timing(Timing::Every)
            .clock(Obstacle(clock.clone()))
            .on_event(move |event| {
                told.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
            });
        let builder = match self.form() {
            Form::Time => builder.time_window(SLICE * SLICES as u32).time_slices(SLICES as u32),
            _ => builder,
        };
        let limit = sizes.limit;
        let at = Thresholds {
            streak: small(sizes.streak),
            rate: RATE,
            minimum: small(sizes.minimum),
            slow: SLOW,
            trip_when: move |window: &Window| window.failed >= limit,
        };
        let builder = self.set(builder, at);
        builder.build().map(Arc::new).map_err(|error| Failure(error.to_string()))
    }
}

impl Trip {
    /// How many failures or slow calls trip a breaker whose window holds `has`, of which
    /// all that failed or were slow are younger than the others.
    pub(super) fn needs(self, has: Batch, form: Form, sizes: Sizes) -> u64 {
        match self {
            Self::Streak => sizes.streak,
            Self::Function => sizes.limit - has.failed,
            Self::Hanging => sizes.minimum,
            Self::FailureRate | Self::Minimum => least(has.failed, has.calls, form, sizes),
            Self::SlowRate => least(has.slow, has.calls, form, sizes),
        }
    }

    /// What is wrong with the cause of a trip, which found no fewer than `least` bad
    /// results in its window and no more than `most`.
    pub(super) fn fault(
        self,
        cause: &Cause,
        least: u64,
        most: u64,
        sizes: Sizes,
    ) -> Option<String> {
        let saw = match (self, cause) {
            (Self::Streak, Cause::ConsecutiveFailures { failures, .. }) => {
                u64::from(*failures) == sizes.streak
            }
            // A failure that is being written counts as a call, and not yet as failed.
            (Self::FailureRate | Self::Minimum, Cause::FailureRate { window, .. }) => {
                window.failed <= most
                    && window.calls >= least
                    && window.failure_rate.is_some_and(|rate| rate >= RATE)
            }
            (Self::SlowRate, Cause::SlowCallRate { window, .. }) => {
                (least..=most).contains(&window.slow)
                    && window.slow_call_rate.is_some_and(|rate| rate >= RATE)
            }
            (Self::Function, Cause::TripWhen { window, .. }) => {
                (least..=most).contains(&window.failed)
            }
            (Self::Hanging, Cause::SlowCallRate { window, .. }) => {
                (least..=most).contains(&window.hanging) && window.slow >= window.hanging
            }
            _ => false,
        };
        (!saw).then(|| format!("{cause:?}, where {least} to {most} were there"))
    }
}

/// The fewest more bad results that bring `bad` of `calls` to the rate.
fn least(bad: u64, calls: u64, form: Form, sizes: Sizes) -> u64 {
    let most = if let Form::Count(len) = form { len } else { u64::MAX };
    let trips = |more: u64| {
        let calls = (calls + more).min(most);
        calls >= sizes.minimum && (bad + more) as f64 / calls as f64 >= RATE
    };
    (1..).find(|&more| trips(more)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_the_fewest_that_reach_the_rate() {
        let sizes = Sizes::of(100);
        let has = |calls, failed| Batch { calls, failed, slow: 0 };
        let needs = |has, form| Trip::FailureRate.needs(has, form, sizes);
        assert_eq!(needs(has(0, 0), Form::Time), 100, "the minimum");
        assert_eq!(needs(has(1_000, 0), Form::Time), 1_000);
        assert_eq!(needs(has(1_000, 100), Form::Time), 800);
        assert_eq!(needs(has(100, 0), Form::Count(100)), 50);
        assert_eq!(needs(has(100, 49), Form::Count(100)), 1);
    }

    #[test]
    fn a_policy_can_be_built_for_any_number_of_threads() {
        for threads in [1, 2, 10_000, 1_000_000] {
            for policy in Policy::ALL {
                let sizes = Sizes::of(threads);
                policy.build(sizes, &ManualClock::new(), &Told::default()).unwrap();
            }
        }
    }
}
