//! K. Configuration, as far as it goes without windows.

use super::*;
use ampacity::{Clock, ConfigError, Timing};

#[test]
fn s63_a_live_change_applies_to_the_next_decision_and_keeps_state_and_totals() {
    let (breaker, clock) = breaker();
    fail(&breaker, 2);
    breaker.reconfigure(|now| now.failure_threshold(10).open_for(SECOND * 5)).unwrap();
    fail(&breaker, 7);
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 9));
    breaker.reconfigure(|now| now.failure_threshold(3)).unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().failed), (State::Closed, 9));
    fail(&breaker, 1);
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND * 5));
    // A deadline that is set stays; successes needed are read at each verdict.
    breaker.reconfigure(|now| now.open_for(SECOND).success_threshold(1)).unwrap();
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND * 5));
    clock.advance(SECOND * 5);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s63_a_change_that_is_refused_changes_nothing() {
    let (breaker, _) = breaker();
    let zero = breaker.reconfigure(|now| now.failure_threshold(1).success_threshold(0));
    assert_eq!(zero.unwrap_err().field(), "success_threshold");
    let error = breaker.reconfigure(|now| now.failure_threshold(1).latency_error(0.1));
    assert_eq!(error.unwrap_err(), ConfigError::FixedAtBuild { field: "latency_error" });
    let clock = breaker.reconfigure(|now| now.failure_threshold(1).clock(ManualClock::new()));
    assert_eq!(clock.unwrap_err(), ConfigError::FixedAtBuild { field: "clock" });
    let other = breaker.reconfigure(|_| CircuitBreaker::builder("other").failure_threshold(1));
    assert_eq!(other.unwrap_err(), ConfigError::FixedAtBuild { field: "name" });
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s64_fewer_permits_in_a_running_spell_let_no_more_out_than_the_new_number() {
    let (breaker, clock) =
        breaker_with(|builder| builder.success_threshold(2).half_open_permits(5));
    make_due(&breaker, &clock);
    let out: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    breaker.reconfigure(|now| now.half_open_permits(2)).unwrap();
    assert!(breaker.try_acquire().is_err());
    out.into_iter().take(2).for_each(drop);
    drop(breaker.try_acquire().expect("one place under the new number"));
}

#[test]
fn s64_fewer_successes_needed_in_a_running_spell_wait_for_no_lease() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 2);
    breaker.reconfigure(|now| now.success_threshold(1)).unwrap();
    // No probe is out, so there is nothing to wait for.
    assert!(breaker.would_admit());
    let last = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err());
    last.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s63_a_change_may_itself_change_the_breaker() {
    let (breaker, _) = breaker();
    let changes = std::cell::Cell::new(0);
    let outer = breaker.reconfigure(|now| {
        changes.set(changes.get() + 1);
        if changes.get() == 1 {
            breaker.reconfigure(|now| now.failure_threshold(1)).unwrap();
        }
        now.open_for(SECOND * 9)
    });
    assert_eq!((outer, changes.get()), (Ok(()), 2));
    fail(&breaker, 1);
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND * 9));
}

#[test]
fn s68_settings_that_cannot_be_are_refused_by_name_and_with_their_value() {
    type Change = fn(Builder) -> Builder;
    let refused = |change: Change| {
        let error = change(CircuitBreaker::builder("refused")).build().unwrap_err();
        (error.field(), error.to_string())
    };
    let cases: [(Change, &str, &str); 14] = [
        (|b| b.failure_threshold(0), "failure_threshold", "is 0"),
        (|b| b.success_threshold(0), "success_threshold", "is 0"),
        (|b| b.success_threshold(64), "success_threshold", "is 64"),
        (|b| b.half_open_permits(0), "half_open_permits", "is 0"),
        (|b| b.half_open_permits(u32::MAX), "half_open_permits", "is 4294967295"),
        (|b| b.half_open_permits(1), "half_open_permits", "success_threshold of 2"),
        (|b| b.open_for(Duration::from_micros(999)), "open_for", "is 999µs"),
        (|b| b.open_for(Duration::MAX - MS), "open_for", "must be from 1ms to"),
        (|b| b.probe_lease(Duration::ZERO), "probe_lease", "is 0ns"),
        (|b| b.timing(Timing::Sampled(0)), "timing", "is 0"),
        (|b| b.timing(Timing::Sampled(1_000_001)), "timing", "is 1000001"),
        (|b| b.latency_error(0.0), "latency_error", "is 0"),
        (|b| b.latency_error(0.3), "latency_error", "must be from 0.002 to 0.25"),
        (|b| b.latency_error(f64::NAN), "latency_error", "is NaN"),
    ];
    for (change, field, text) in cases {
        let (named, said) = refused(change);
        assert_eq!(named, field);
        assert!(said.starts_with(field) && said.contains(text), "{said}");
    }
}

#[test]
fn s68_a_clock_that_counts_from_1970_is_refused() {
    struct Epoch(u64);
    impl Clock for Epoch {
        fn now(&self) -> u64 {
            self.0
        }
    }
    let at = |ms: u64| CircuitBreaker::builder("clock").clock(Epoch(ms * 1_000_000)).build();
    assert!(at(1 << 39).is_ok());
    assert_eq!(at((1 << 39) + 1).unwrap_err().field(), "clock");
    assert_eq!(at(1_700_000_000_000).unwrap_err().field(), "clock");
}
