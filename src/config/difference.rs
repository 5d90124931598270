//! In which setting two configurations differ, for people.

use super::{Config, DEFAULT_GIVEN};
use crate::window::Shape;
use core::time::Duration;

impl Config {
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
    fn settings(&self) -> [(&'static str, String); 22] {
        let Config {
            failure_threshold: _,
            failure_rate,
            slow_call,
            slow_call_rate,
            count_window,
            time_window,
            time_slices,
            minimum_calls,
            count_in_flight: _,
            open_for: _,
            backoff,
            jitter,
            jitter_seed,
            longest_given_wait,
            success_threshold: _,
            half_open_failure_rate,
            half_open_permits: _,
            half_open_limit,
            probe_lease: _,
            timing: _,
            latency_error: _,
            history: _,
        } = self;
        let shape = self.shape(false);
        let (span, slices) = match shape {
            Some(Shape::Time { width, slices }) => {
                (Some(Duration::from_nanos(width.saturating_mul(slices.into()))), Some(slices))
            }
            Some(Shape::Count { .. }) => (None, None),
            // What a function of the user's own may want.
            None => (*time_window, *time_slices),
        };
        let minimum = if shape.is_some() { Some(self.minimum()) } else { *minimum_calls };
        let passes = half_open_failure_rate.is_none().then(|| self.passes());
        let longest_given = longest_given_wait.unwrap_or(DEFAULT_GIVEN);
        [
            ("failure_threshold", text(self.streak(false))),
            ("failure_rate", text(*failure_rate)),
            ("slow_call", text(*slow_call)),
            ("slow_call_rate", text(*slow_call_rate)),
            ("count_window", text(*count_window)),
            ("time_window", text(span)),
            ("time_slices", text(slices)),
            ("minimum_calls", text(minimum)),
            ("count_in_flight", self.counts_in_flight().to_string()),
            ("open_for", format!("{:?}", self.open_for())),
            ("backoff", text(*backoff)),
            ("jitter", jitter.unwrap_or(0.0).to_string()),
            ("jitter_seed", text(*jitter_seed)),
            ("longest_given_wait", format!("{longest_given:?}")),
            ("success_threshold", text(passes)),
            ("half_open_failure_rate", text(*half_open_failure_rate)),
            ("half_open_permits", self.permits().to_string()),
            ("half_open_limit", text(*half_open_limit)),
            ("probe_lease", format!("{:?}", self.lease())),
            ("timing", format!("{:?}", self.timing(false))),
            ("latency_error", self.latency_error().to_string()),
            ("history", self.history().to_string()),
        ]
    }
}

fn text(setting: Option<impl core::fmt::Debug>) -> String {
    setting.map_or_else(|| "none".to_owned(), |setting| format!("{setting:?}"))
}
