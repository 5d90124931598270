//! Which configurations there can be: the bounds of each value, and what goes with what.

use super::{
    Config, ConfigError, DEFAULT_SLICES, HalfOpenLimit, LONGEST, LONGEST_HISTORY, SHORTEST, Timing,
    Value,
};
use crate::window::{MOST_RESULTS, MOST_SLICES};
use crate::word::{MOST_PROBES, State};
use core::time::Duration;

impl Config {
    /// Refuses values that cannot be and combinations that make no sense; `is_custom`
    /// says that a policy was given as a function.
    pub(super) fn check(&self, is_custom: bool) -> Result<(), ConfigError> {
        self.check_values()?;
        self.check_window(is_custom)?;
        self.check_half_open()
    }

    /// Each value by itself.
    fn check_values(&self) -> Result<(), ConfigError> {
        optional(self.failure_threshold, |n| number("failure_threshold", n, u32::MAX))?;
        optional(self.failure_rate, |share| rate("failure_rate", share))?;
        optional(self.slow_call, |over| {
            duration("slow_call", over, Duration::from_nanos(1), LONGEST)
        })?;
        optional(self.slow_call_rate, |share| rate("slow_call_rate", share))?;
        optional(self.count_window, |n| number("count_window", n, MOST_RESULTS))?;
        optional(self.time_slices, |n| number("time_slices", n, MOST_SLICES))?;
        let slices = self.time_slices.unwrap_or(DEFAULT_SLICES);
        optional(self.time_window, |span| {
            duration("time_window", span, SHORTEST * slices, LONGEST)
        })?;
        optional(self.minimum_calls, |n| number("minimum_calls", n, u32::MAX))?;
        if self.open_for() != Duration::MAX {
            duration("open_for", self.open_for(), SHORTEST, LONGEST)?;
        }
        optional(self.backoff, |backoff| {
            within("backoff", backoff.factor, 1.0, 100.0)?;
            let first = self.open_for();
            if first > LONGEST {
                return Ok(()); // refused below, with its reason
            }
            duration("backoff", backoff.cap, first, LONGEST)
        })?;
        optional(self.jitter, |jitter| within("jitter", jitter, 0.0, 1.0))?;
        optional(self.longest_given_wait, |wait| {
            duration("longest_given_wait", wait, SHORTEST, LONGEST)
        })?;
        optional(self.success_threshold, |n| number("success_threshold", n, MOST_PROBES))?;
        optional(self.half_open_failure_rate, |share| rate("half_open_failure_rate", share))?;
        optional(self.half_open_permits, |n| number("half_open_permits", n, MOST_PROBES))?;
        optional(self.half_open_limit, |limit| {
            duration("half_open_limit", limit.limit, SHORTEST, LONGEST)
        })?;
        optional(self.probe_lease, |lease| duration("probe_lease", lease, SHORTEST, LONGEST))?;
        if let Some(Timing::Sampled(of)) = self.timing {
            number("timing", of, Timing::RAREST)?;
        }
        within("latency_error", self.latency_error(), 0.002, 0.25)?;
        if self.history() > LONGEST_HISTORY {
            let (field, value) = ("history", self.history().into());
            let max = LONGEST_HISTORY.into();
            return Err(ConfigError::NumberOutOfRange { field, value, min: 0, max });
        }
        Ok(())
    }

    /// What says when a closed breaker opens.
    fn check_window(&self, is_custom: bool) -> Result<(), ConfigError> {
        let needs = |field, value, needs| Err(ConfigError::Needs { field, value, needs });
        if let (Some(_), Some(span)) = (self.count_window, self.time_window) {
            let (field, value) = ("time_window", Value::Duration(span));
            return Err(ConfigError::Excluded { field, value, by: "count_window" });
        }
        if let (Some(_), Some(slices)) = (self.count_window, self.time_slices) {
            let (field, value) = ("time_slices", Value::Number(slices.into()));
            return Err(ConfigError::Excluded { field, value, by: "count_window" });
        }
        const POLICY: &str = "failure_rate, slow_call_rate or trip_when";
        if !self.has_window(is_custom) {
            let numbers = [
                ("count_window", self.count_window),
                ("time_slices", self.time_slices),
                ("minimum_calls", self.minimum_calls),
            ];
            for (field, value) in numbers {
                if let Some(value) = value {
                    return needs(field, Value::Number(value.into()), POLICY);
                }
            }
            if let Some(span) = self.time_window {
                return needs("time_window", Value::Duration(span), POLICY);
            }
        }
        match (self.slow_call, self.slow_call_rate) {
            (None, Some(rate)) => return needs("slow_call_rate", Value::Share(rate), "slow_call"),
            (Some(over), None) if !is_custom => {
                let value = Value::Duration(over);
                return needs("slow_call", value, "slow_call_rate or trip_when");
            }
            // A slow call that stands for sixteen is no measure of a window of twenty.
            (Some(_), _) => {
                if let Some(timing) = self.timing.filter(|&timing| timing != Timing::Every) {
                    let (field, value) = ("timing", Value::Timing(timing));
                    return Err(ConfigError::Excluded { field, value, by: "slow_call" });
                }
            }
            _ => {}
        }
        if self.counts_in_flight() && self.slow_call.is_none() {
            return needs("count_in_flight", Value::Flag(true), "slow_call");
        }
        if let (Some(seed), None) = (self.jitter_seed, self.jitter) {
            return needs("jitter_seed", Value::Number(seed), "jitter");
        }
        if let Some(backoff) = self.backoff
            && self.open_for() > LONGEST
        {
            let (field, value) = ("backoff", Value::Duration(backoff.cap));
            return Err(ConfigError::Excluded { field, value, by: "open_for" });
        }
        if let (Some(minimum_calls), Some(count_window)) = (self.minimum_calls, self.count_window)
            && minimum_calls > count_window
        {
            return Err(ConfigError::MinimumAboveWindow { minimum_calls, count_window });
        }
        Ok(())
    }

    /// What decides a half-open spell.
    fn check_half_open(&self) -> Result<(), ConfigError> {
        if let (Some(_), Some(rate)) = (self.success_threshold, self.half_open_failure_rate) {
            let (field, value) = ("half_open_failure_rate", Value::Share(rate));
            return Err(ConfigError::Excluded { field, value, by: "success_threshold" });
        }
        if let Some(half_open_permits) = self.half_open_permits
            && self.half_open_failure_rate.is_none()
            && half_open_permits < self.passes()
        {
            let success_threshold = self.passes();
            return Err(ConfigError::PermitsBelowSuccesses {
                half_open_permits,
                success_threshold,
            });
        }
        if let Some(HalfOpenLimit { then, .. }) = self.half_open_limit
            && !matches!(then, State::Open | State::Closed)
        {
            return Err(ConfigError::NoEndOfHalfOpen { state: then });
        }
        Ok(())
    }
}

fn optional<T>(
    value: Option<T>,
    check: impl FnOnce(T) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    value.map_or(Ok(()), check)
}

fn number(field: &'static str, value: u32, max: u32) -> Result<(), ConfigError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::NumberOutOfRange { field, value: value.into(), min: 1, max: max.into() })
}

fn rate(field: &'static str, value: f64) -> Result<(), ConfigError> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::RateOutOfRange { field, value })
}

fn within(field: &'static str, value: f64, min: f64, max: f64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::ShareOutOfRange { field, value, min, max })
}

fn duration(
    field: &'static str,
    value: Duration,
    min: Duration,
    max: Duration,
) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::DurationOutOfRange { field, value, min, max })
}
