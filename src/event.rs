//! What a transition tells, and to whom. Never read to decide anything.

pub(crate) mod desk;
mod history;
pub(crate) mod listeners;

use crate::clock::Nanos;
use crate::window::Window;
use crate::word::{Order, State, Turn, Word};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;

/// One transition of a breaker, as a listener is told of it.
///
/// See [`Builder::on_event`](crate::Builder::on_event) and
/// [`CircuitBreaker::history`](crate::CircuitBreaker::history).
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Event {
    /// The breaker's name, whole.
    pub breaker: Arc<str>,
    /// The number of the transition: one more than that of the one before.
    pub era: u64,
    /// The state that was left.
    pub from: State,
    /// The state that began.
    pub to: State,
    /// What made the breaker change.
    pub cause: Cause,
    /// When that was decided, since the start of the breaker's clock.
    #[cfg_attr(feature = "serde", serde(rename = "at_ns", with = "crate::nanos"))]
    pub at: Duration,
}

impl Event {
    fn new(breaker: &Arc<str>, change: &Change) -> Self {
        let Change { turn: Turn { from, to, era }, cause, at } = *change;
        let at = Duration::from_nanos(at.0);
        Event { breaker: Arc::clone(breaker), era: era.0, from, to, cause, at }
    }

    /// Whether a breaker that is set to metrics only says that it would have opened. It
    /// stays as it is, under a new era, and says so again only when all rates have been
    /// below their thresholds in between.
    pub fn would_open(&self) -> bool {
        self.from == State::MetricsOnly
            && self.to == State::MetricsOnly
            && !matches!(self.cause, Cause::Restore)
    }
}

/// One line for people.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { breaker, era, from, to, cause, at } = self;
        write!(f, "circuit breaker '{breaker}' ")?;
        match self.would_open() {
            true => write!(f, "would have opened: {cause}")?,
            false => write!(f, "went from {from} to {to}: {cause}")?,
        }
        write!(f, " (era {era}, at {at:.3?})")
    }
}

/// What made a breaker change its state, with the figures that the deciding swap saw.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Cause {
    /// So many calls failed in a row.
    #[non_exhaustive]
    ConsecutiveFailures {
        /// The failures, the one that tripped included.
        failures: u32,
    },
    /// The share of failures in the window reached its threshold.
    #[non_exhaustive]
    FailureRate {
        /// What the window held, the result that tripped included.
        window: Window,
    },
    /// The share of slow calls in the window reached its threshold.
    #[non_exhaustive]
    SlowCallRate {
        /// What the window held, the result that tripped included.
        window: Window,
    },
    /// The policy that [`trip_when`](crate::Builder::trip_when) set said so.
    #[non_exhaustive]
    TripWhen {
        /// What the policy was shown.
        window: Window,
    },
    /// A result said for how long to stay away; see
    /// [`Outcome::OpenFor`](crate::Outcome::OpenFor).
    #[non_exhaustive]
    WaitGiven {
        /// For how long, as it was given.
        #[cfg_attr(feature = "serde", serde(rename = "wait_ns", with = "crate::nanos"))]
        wait: Duration,
    },
    /// A call came after the open wait, and is the first probe.
    WaitOver,
    /// Enough probes succeeded.
    #[non_exhaustive]
    ProbesSucceeded {
        /// The successes, the one that closed included.
        successes: u32,
    },
    /// Enough probes failed, or were slow.
    #[non_exhaustive]
    ProbesFailed {
        /// The failures, the one that reopened included.
        failures: u32,
    },
    /// A call came after the lease of probes that are still out, and begins anew.
    LeaseOver,
    /// A call came when the breaker had been half-open for as long as it may be.
    HalfOpenLimit,
    /// By hand: [`restore`](crate::CircuitBreaker::restore).
    Restore,
    /// By hand: [`reset`](crate::CircuitBreaker::reset).
    Reset,
    /// By hand: [`close`](crate::CircuitBreaker::close).
    Close,
    /// By hand: [`trip`](crate::CircuitBreaker::trip).
    Trip,
    /// By hand: [`force_open`](crate::CircuitBreaker::force_open).
    ForceOpen,
    /// By hand: [`disable`](crate::CircuitBreaker::disable).
    Disable,
    /// By hand: [`metrics_only`](crate::CircuitBreaker::metrics_only).
    MetricsOnly,
}

impl Cause {
    /// The name that logs and metrics use: `consecutive_failures`, `wait_over` and so
    /// on, the variant's own in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::ConsecutiveFailures { .. } => "consecutive_failures",
            Cause::FailureRate { .. } => "failure_rate",
            Cause::SlowCallRate { .. } => "slow_call_rate",
            Cause::TripWhen { .. } => "trip_when",
            Cause::WaitGiven { .. } => "wait_given",
            Cause::WaitOver => "wait_over",
            Cause::ProbesSucceeded { .. } => "probes_succeeded",
            Cause::ProbesFailed { .. } => "probes_failed",
            Cause::LeaseOver => "lease_over",
            Cause::HalfOpenLimit => "half_open_limit",
            Cause::Restore => "restore",
            Cause::Reset => "reset",
            Cause::Close => "close",
            Cause::Trip => "trip",
            Cause::ForceOpen => "force_open",
            Cause::Disable => "disable",
            Cause::MetricsOnly => "metrics_only",
        }
    }

    /// Why a call that is to be admitted makes a transition.
    pub(crate) fn of_admission(turn: Turn) -> Self {
        match (turn.from, turn.to) {
            (State::HalfOpen, State::HalfOpen) => Cause::LeaseOver,
            (State::HalfOpen, _) => Cause::HalfOpenLimit,
            _ => Cause::WaitOver,
        }
    }

    /// Why one more failure in a row opens the breaker that `word` is of.
    pub(crate) fn of_streak(word: Word) -> Self {
        // A streak has 32 bits and stops at the last of them.
        Cause::ConsecutiveFailures { failures: (word.streak() as u32).saturating_add(1) }
    }

    /// Why one more failed probe opens the breaker that `word` is of.
    pub(crate) fn of_reopening(word: Word) -> Self {
        Cause::ProbesFailed { failures: word.failed() as u32 + 1 }
    }

    /// Why a success closes the breaker that `word` is of.
    pub(crate) fn of_closing(word: Word) -> Self {
        Cause::ProbesSucceeded { successes: word.passed() as u32 + 1 }
    }

    pub(crate) fn of_order(order: Order) -> Self {
        match order {
            Order::Reset => Cause::Reset,
            Order::Close => Cause::Close,
            Order::Trip => Cause::Trip,
            Order::ForceOpen => Cause::ForceOpen,
            Order::Disable => Cause::Disable,
            Order::MetricsOnly => Cause::MetricsOnly,
        }
    }
}

/// A few words for people, to follow "because" or a colon.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ConsecutiveFailures { failures: 1 } => f.pad("1 failure"),
            Cause::ConsecutiveFailures { failures } => write!(f, "{failures} failures in a row"),
            Cause::FailureRate { window } => {
                write!(f, "{} of {} calls failed", window.failed, window.calls)
            }
            Cause::SlowCallRate { window } => {
                write!(f, "{} of {} calls were slow", window.slow, window.calls)?;
                match window.hanging {
                    0 => Ok(()),
                    hanging => write!(f, ", {hanging} of them not finished"),
                }
            }
            Cause::TripWhen { window } => write!(
                f,
                "its policy said so, of {} calls, {} failed, {} slow",
                window.calls, window.failed, window.slow
            ),
            Cause::WaitGiven { wait } => write!(f, "a result asked to stay away for {wait:?}"),
            Cause::WaitOver => f.pad("the open wait is over"),
            Cause::ProbesSucceeded { successes: 1 } => f.pad("1 probe succeeded"),
            Cause::ProbesSucceeded { successes } => write!(f, "{successes} probes succeeded"),
            Cause::ProbesFailed { failures: 1 } => f.pad("a probe failed"),
            Cause::ProbesFailed { failures } => write!(f, "{failures} probes failed"),
            Cause::LeaseOver => f.pad("the lease of its probes is over"),
            Cause::HalfOpenLimit => f.pad("it was half-open for as long as it may be"),
            Cause::Restore => f.pad("restored from what was saved"),
            Cause::Reset => f.pad("reset by hand"),
            Cause::Close => f.pad("closed by hand"),
            Cause::Trip => f.pad("tripped by hand"),
            Cause::ForceOpen => f.pad("forced open by hand"),
            Cause::Disable => f.pad("disabled by hand"),
            Cause::MetricsOnly => f.pad("set to metrics only by hand"),
        }
    }
}

/// What became of a breaker's events, in a [`Snapshot`](crate::Snapshot).
///
/// Counted while anybody listens, and with a history always. Then every transition is
/// told or dropped in the end; what waits for delivery is neither yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct EventCounts {
    /// Transitions that were told to a listener or kept in the history.
    pub told: u64,
    /// Transitions that nobody was told of, because listeners were too slow or the
    /// caller who made them was held up for too long.
    pub dropped: u64,
    /// Panics of listeners, each contained.
    pub panics: u64,
}

/// A transition as its winner decided it: an [`Event`] but for the breaker's name.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Change {
    pub(crate) turn: Turn,
    pub(crate) cause: Cause,
    pub(crate) at: Nanos,
}
