//! Settings that cannot be, each with the field that its error must name.

use crate::spec::NAME;
use ampacity::{Builder, CircuitBreaker, ManualClock, State};
use std::time::Duration;

type Wrong = (&'static str, fn(Builder) -> Builder);

const WRONG: &[Wrong] = &[
    ("failure_threshold", |b| b.failure_threshold(0)),
    ("failure_rate", |b| b.failure_rate(f64::NAN)),
    ("failure_rate", |b| b.failure_rate(1.01)),
    ("slow_call_rate", |b| b.slow_call(Duration::from_secs(1)).slow_call_rate(-0.5)),
    ("slow_call", |b| b.slow_call(Duration::ZERO).slow_call_rate(0.5)),
    ("slow_call", |_| plain().slow_call(Duration::from_secs(1))),
    ("count_window", |_| plain().failure_rate(0.5).count_window(65_537)),
    ("time_window", |_| plain().failure_rate(0.5).time_window(Duration::from_millis(9))),
    ("time_window", |_| {
        plain().failure_rate(0.5).count_window(9).time_window(Duration::from_secs(1))
    }),
    ("minimum_calls", |_| plain().failure_rate(0.5).count_window(9).minimum_calls(10)),
    ("count_in_flight", |_| plain().count_in_flight(true)),
    ("open_for", |b| b.open_for(Duration::from_nanos(999_999))),
    ("backoff", |_| plain().backoff(0.9, Duration::from_secs(100))),
    ("backoff", |_| plain().backoff(2.0, Duration::from_secs(1))),
    ("longest_given_wait", |b| b.longest_given_wait(Duration::ZERO)),
    ("success_threshold", |_| plain().success_threshold(64)),
    ("half_open_permits", |_| plain().half_open_permits(1).success_threshold(2)),
    ("half_open_failure_rate", |_| plain().half_open_failure_rate(0.0)),
    ("half_open_limit", |b| b.half_open_limit(Duration::from_secs(1), State::Disabled)),
    ("probe_lease", |b| b.probe_lease(Duration::MAX)),
    ("jitter", |b| b.jitter(f64::INFINITY)),
    ("latency_error", |b| b.latency_error(0.1)),
    ("history", |b| b.history(77)),
    ("clock", |b| b.clock(ManualClock::new())),
    ("on_event", |b| b.on_event(|_| ())),
    ("name", |_| CircuitBreaker::builder("another")),
];

fn plain() -> Builder {
    CircuitBreaker::builder(NAME)
}

/// What cannot be set, and by what.
pub(super) fn illegal(which: u8) -> Wrong {
    WRONG[usize::from(which) % WRONG.len()]
}
