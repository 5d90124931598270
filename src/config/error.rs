//! Why a configuration was refused.

use super::{LONGEST, Timing};
use core::fmt;
use core::time::Duration;

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
    /// A share or a factor is too small, too large, or not a number.
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
    /// A rate is not above 0, above 1, or not a number.
    RateOutOfRange {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: f64,
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
    /// The window would never hold enough calls.
    MinimumAboveWindow {
        /// The calls without which no rate is known.
        minimum_calls: u32,
        /// The calls that the window holds.
        count_window: u32,
    },
    /// Two settings that exclude each other.
    Excluded {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: Value,
        /// The builder's method that says otherwise.
        by: &'static str,
    },
    /// A setting that does nothing, or nothing that makes sense, without another.
    Needs {
        /// The builder's method.
        field: &'static str,
        /// What was given.
        value: Value,
        /// What is missing: a method of the builder, or one of several.
        needs: &'static str,
    },
    /// A half-open breaker can end open or closed and in no other state.
    NoEndOfHalfOpen {
        /// The state that was given.
        state: crate::State,
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

/// The value of a setting that was refused because of another one.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Number(u64),
    /// A share, from 0 to 1.
    Share(f64),
    /// A duration.
    Duration(Duration),
    /// Which calls are timed.
    Timing(Timing),
    /// A yes or a no.
    Flag(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Share(share) => share.fmt(f),
            Value::Duration(duration) => fmt::Debug::fmt(duration, f),
            Value::Timing(timing) => fmt::Debug::fmt(timing, f),
            Value::Flag(flag) => flag.fmt(f),
        }
    }
}

impl ConfigError {
    /// The setting whose value was refused: a method of the builder, or `capacity`.
    pub fn field(&self) -> &'static str {
        match self {
            ConfigError::NumberOutOfRange { field, .. }
            | ConfigError::ShareOutOfRange { field, .. }
            | ConfigError::RateOutOfRange { field, .. }
            | ConfigError::DurationOutOfRange { field, .. }
            | ConfigError::Excluded { field, .. }
            | ConfigError::Needs { field, .. }
            | ConfigError::FixedAtBuild { field } => field,
            ConfigError::PermitsBelowSuccesses { .. } => "half_open_permits",
            ConfigError::MinimumAboveWindow { .. } => "minimum_calls",
            ConfigError::NoEndOfHalfOpen { .. } => "half_open_limit",
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
            ConfigError::RateOutOfRange { field, value } => {
                write!(f, "{field} is {value}, must be above 0 and at most 1")
            }
            ConfigError::ShareOutOfRange { field, value, min, max } => {
                write!(f, "{field} is {value}, must be from {min} to {max}")
            }
            ConfigError::DurationOutOfRange { field, value: Duration::MAX, min, max } => {
                write!(f, "{field} is never, must be from {min:?} to {max:?}")
            }
            ConfigError::DurationOutOfRange { field, value, min, max } => {
                write!(f, "{field} is {value:?}, must be from {min:?} to {max:?}")
            }
            ConfigError::PermitsBelowSuccesses { half_open_permits, success_threshold } => write!(
                f,
                "half_open_permits is {half_open_permits}, \
                 must be at least the success_threshold of {success_threshold}"
            ),
            ConfigError::MinimumAboveWindow { minimum_calls, count_window } => write!(
                f,
                "minimum_calls is {minimum_calls}, \
                 must be at most the count_window of {count_window}"
            ),
            ConfigError::Excluded { field, value, by } => {
                write!(f, "{field} is {value}, which excludes {by}: name one of the two")
            }
            ConfigError::Needs { field, value, needs } => {
                write!(f, "{field} is {value}, which needs {needs}")
            }
            ConfigError::NoEndOfHalfOpen { state } => {
                write!(f, "half_open_limit ends in {state}, must end in open or closed")
            }
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
