//! K. Configuration.

use super::*;
use ampacity::{Clock, ConfigError, Timing};
use std::sync::Barrier;

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
fn s63_new_thresholds_judge_the_window_that_there_is_at_the_next_failure() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        let told = listen(&breaker);
        play(&breaker, &clock, "sssssssfff");
        breaker.reconfigure(|now| now.failure_rate(0.3)).unwrap();
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (10, 3, 0)));
        play(&breaker, &clock, "f");
        assert_eq!((breaker.state(), cause_names(&told)), (State::Open, vec!["failure_rate"]));
        assert_eq!(breaker.snapshot().failed, 4);

        // The other way: what was about to open does not.
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "sssssffff");
        breaker.reconfigure(|now| now.failure_rate(0.6)).unwrap();
        play(&breaker, &clock, "f");
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn s63_a_lower_minimum_opens_with_the_result_that_completes_it() {
    for window in WINDOWS {
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "ffss");
        breaker.reconfigure(|now| now.minimum_calls(5)).unwrap();
        play(&breaker, &clock, "s");
        assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (5, 2, 0)));
        let (breaker, clock) = rated_with(window);
        play(&breaker, &clock, "fffs");
        breaker.reconfigure(|now| now.minimum_calls(5)).unwrap();
        play(&breaker, &clock, "s");
        assert_eq!(breaker.state(), State::Open, "3 of 5");
    }
}

#[test]
fn s63_a_policy_that_comes_starts_with_nothing_and_one_that_goes_leaves_the_streak() {
    let (breaker, clock) = breaker();
    play(&breaker, &clock, "ffsff");
    breaker.reconfigure(|now| now.failure_rate(0.5).count_window(10).minimum_calls(4)).unwrap();
    assert_eq!((held(&breaker), breaker.snapshot().streak), ((0, 0, 0), 2));
    play(&breaker, &clock, "sfsf");
    assert_eq!(breaker.state(), State::Open);

    let (breaker, clock) = rated();
    let told = listen(&breaker);
    play(&breaker, &clock, "fffff");
    assert_eq!(breaker.snapshot().streak, 0, "no policy asks for it");
    breaker.reconfigure(|now| now.failure_threshold(3)).unwrap();
    play(&breaker, &clock, "ff");
    assert_eq!((breaker.state(), held(&breaker)), (State::Closed, (7, 7, 0)));
    play(&breaker, &clock, "f");
    assert_eq!(cause_names(&told), ["consecutive_failures"]);
}

#[test]
fn s63_a_count_window_of_another_length_keeps_the_newest_results() {
    let (breaker, clock) = rated_with(|builder| builder.failure_rate(1.0).count_window(20));
    let told = listen(&breaker);
    play(&breaker, &clock, "sfffffffffssssffsff");
    breaker.reconfigure(|now| now.count_window(10)).unwrap();
    assert_eq!(held(&breaker), (10, 5, 0));
    // The oldest of them is the first to go: `f`, and then the four `s`.
    for failed in [5, 6, 7, 8] {
        play(&breaker, &clock, "f");
        assert_eq!(held(&breaker), (10, failed, 0));
    }
    breaker.reconfigure(|now| now.count_window(64)).unwrap();
    assert_eq!((held(&breaker), breaker.era()), ((10, 8, 0), 0));
    play(&breaker, &clock, "ss");
    assert_eq!(held(&breaker), (12, 8, 0), "there is room now");
    assert_eq!(breaker.snapshot().succeeded + breaker.snapshot().failed, 25);
    breaker.trip();
    assert_eq!(cause_names(&told), ["trip"], "the listener is still there");
}

#[test]
fn s63_a_time_window_of_other_slices_keeps_results_at_their_age() {
    let (breaker, clock) = rated_with(|builder| builder.time_window(SECOND * 10));
    for _ in 0..6 {
        play(&breaker, &clock, "s");
        clock.advance(SECOND * 2);
    }
    // They ended at 0, 2, 4, 6, 8 and 10 s, and it is 12 s.
    assert_eq!(held(&breaker).0, 4);
    breaker.reconfigure(|now| now.time_window(SECOND * 5)).unwrap();
    assert_eq!(held(&breaker).0, 2, "8 and 10 s");
    clock.advance(SECOND);
    assert_eq!(held(&breaker).0, 2);
    clock.advance(SECOND);
    assert_eq!(held(&breaker).0, 1);
    // A longer one has no more than was kept, and keeps it for as long.
    breaker.reconfigure(|now| now.time_window(SECOND * 60).time_slices(60)).unwrap();
    assert_eq!(held(&breaker).0, 1);
    play(&breaker, &clock, "f");
    clock.set(SECOND * 70 - NS);
    assert_eq!(held(&breaker), (2, 1, 0));
    clock.set(SECOND * 71);
    assert_eq!(held(&breaker), (1, 1, 0));
}

#[test]
fn s63_between_calls_and_time_a_window_starts_empty() {
    for [first, second] in [WINDOWS, [WINDOWS[1], WINDOWS[0]]] {
        // A builder cannot unset a setting, so a new one is made, of the same name.
        let (breaker, clock) = rated_with(first);
        let told = listen(&breaker);
        play(&breaker, &clock, "fffffffff");
        breaker
            .reconfigure(|_| {
                let anew = CircuitBreaker::builder("conformance");
                second(anew.failure_rate(0.5).minimum_calls(10).open_for(SECOND * 2))
            })
            .unwrap();
        assert_eq!((held(&breaker), breaker.state()), ((0, 0, 0), State::Closed));
        assert_eq!(breaker.snapshot().failed, 9);
        play(&breaker, &clock, "fffffffff");
        assert_eq!((held(&breaker), breaker.era()), ((9, 9, 0), 0));
        play(&breaker, &clock, "f");
        assert_eq!(refusal(&breaker).retry_after(), Some(SECOND * 2));
        assert_eq!(cause_names(&told), ["failure_rate"]);
    }
}

#[test]
fn s63_an_open_breaker_that_is_changed_keeps_its_deadline_and_closes_by_the_new_rules() {
    let (breaker, clock) = rated();
    fail(&breaker, 10);
    breaker.reconfigure(|now| now.count_window(20).minimum_calls(2).open_for(SECOND * 9)).unwrap();
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND));
    clock.advance(SECOND);
    succeed(&breaker, 3);
    assert_eq!(held(&breaker), (0, 0, 0));
    fail(&breaker, 2);
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND * 9));
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
fn s64_after_permits_are_lowered_threads_that_race_get_no_more_than_the_new_number() {
    for _ in 0..50 {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("permits").half_open_failure_rate(1.0);
        let settings = settings.half_open_permits(20).open_for(SECOND).clock(clock.clone());
        let breaker = settings.build().unwrap();
        breaker.trip();
        clock.advance(SECOND);
        let early = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
        breaker.reconfigure(|now| now.half_open_permits(5)).unwrap();
        let start = Barrier::new(8);
        let granted: usize = std::thread::scope(|scope| {
            let race = || {
                start.wait();
                (0..5).filter_map(|_| breaker.try_acquire().ok()).map(std::mem::forget).count()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(granted, 3);
        drop(early);
        assert!(breaker.try_acquire().is_ok());
    }
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
fn s68_settings_of_windows_waits_and_verdicts_are_refused_by_name_and_with_their_value() {
    type Change = fn(Builder) -> Builder;
    const YEARS_18: Duration = Duration::from_secs(18 * 366 * 86_400);
    let rate = "must be above 0 and at most 1";
    let cases: [(Change, &str, &str); 48] = [
        (|b| b.failure_rate(0.0), "failure_rate", "is 0, must be above 0 and at most 1"),
        (|b| b.failure_rate(-0.5), "failure_rate", "is -0.5"),
        (|b| b.failure_rate(1.0 + f64::EPSILON), "failure_rate", rate),
        (|b| b.failure_rate(f64::NAN), "failure_rate", "is NaN"),
        (|b| b.failure_rate(f64::INFINITY), "failure_rate", "is inf"),
        (|b| b.slow_call(SLOW).slow_call_rate(0.0), "slow_call_rate", rate),
        (|b| b.slow_call(SLOW).slow_call_rate(1.1), "slow_call_rate", "is 1.1"),
        (|b| b.slow_call(SLOW).slow_call_rate(f64::NAN), "slow_call_rate", "is NaN"),
        (|b| b.slow_call_rate(0.5), "slow_call_rate", "is 0.5, which needs slow_call"),
        (|b| b.slow_call(SLOW), "slow_call", "is 100ms, which needs slow_call_rate or trip_when"),
        (
            |b| b.slow_call(Duration::ZERO).slow_call_rate(0.5),
            "slow_call",
            "is 0ns, must be from 1ns",
        ),
        (|b| b.jitter_seed(7), "jitter_seed", "is 7, which needs jitter"),
        (
            |b| b.open_for(Duration::MAX).backoff(2.0, YEARS_18),
            "backoff",
            "which excludes open_for",
        ),
        (|b| b.slow_call(YEARS_18).slow_call_rate(0.5), "slow_call", "must be from 1ns to"),
        (|b| rate_of(b).count_window(0), "count_window", "is 0, must be from 1 to 65536"),
        (|b| rate_of(b).count_window(65_537), "count_window", "is 65537"),
        (|b| b.count_window(9), "count_window", "is 9, which needs failure_rate, slow_call_rate"),
        (|b| b.time_window(SECOND), "time_window", "is 1s, which needs failure_rate"),
        (|b| b.time_slices(9), "time_slices", "is 9, which needs failure_rate"),
        (|b| b.minimum_calls(9), "minimum_calls", "is 9, which needs failure_rate"),
        (|b| rate_of(b).time_window(MS * 9), "time_window", "is 9ms, must be from 10ms to"),
        (|b| rate_of(b).time_window(YEARS_18), "time_window", "must be from 10ms to"),
        (|b| rate_of(b).time_window(MS).time_slices(2), "time_window", "is 1ms, must be from 2ms"),
        (|b| rate_of(b).time_slices(0), "time_slices", "is 0, must be from 1 to 360"),
        (|b| rate_of(b).time_slices(361), "time_slices", "is 361"),
        (
            |b| rate_of(b).count_window(9).time_window(SECOND),
            "time_window",
            "is 1s, which excludes count_window: name one of the two",
        ),
        (
            |b| rate_of(b).count_window(9).time_slices(3),
            "time_slices",
            "is 3, which excludes count_window",
        ),
        (|b| rate_of(b).minimum_calls(0), "minimum_calls", "is 0"),
        (
            |b| rate_of(b).count_window(9).minimum_calls(10),
            "minimum_calls",
            "is 10, must be at most the count_window of 9",
        ),
        (
            |b| b.slow_call(SLOW).slow_call_rate(0.5).timing(Timing::Off),
            "timing",
            "is Off, which excludes slow_call",
        ),
        (|b| rate_of(b).count_in_flight(true), "count_in_flight", "is true, which needs slow_call"),
        (
            |b| {
                let hanging = b.slow_call(SLOW).slow_call_rate(0.5).count_in_flight(true);
                hanging.timing(Timing::Sampled(2))
            },
            "timing",
            "is Sampled(2), which excludes slow_call",
        ),
        (|b| b.backoff(0.99, SECOND * 90), "backoff", "is 0.99, must be from 1 to 100"),
        (|b| b.backoff(100.5, SECOND * 90), "backoff", "is 100.5"),
        (|b| b.backoff(f64::NAN, SECOND * 90), "backoff", "is NaN"),
        (|b| b.backoff(2.0, SECOND * 59), "backoff", "is 59s, must be from 60s to"),
        (|b| b.backoff(2.0, Duration::MAX), "backoff", "must be from 60s to"),
        (|b| b.jitter(-0.1), "jitter", "is -0.1, must be from 0 to 1"),
        (|b| b.jitter(1.5), "jitter", "is 1.5"),
        (|b| b.jitter(f64::NAN), "jitter", "is NaN"),
        (|b| b.longest_given_wait(NS), "longest_given_wait", "is 1ns, must be from 1ms to"),
        (|b| b.longest_given_wait(Duration::MAX), "longest_given_wait", "must be from 1ms to"),
        (|b| b.half_open_failure_rate(0.0), "half_open_failure_rate", rate),
        (|b| b.half_open_failure_rate(f64::NAN), "half_open_failure_rate", "is NaN"),
        (
            |b| b.half_open_failure_rate(0.5).success_threshold(2),
            "half_open_failure_rate",
            "is 0.5, which excludes success_threshold",
        ),
        (|b| b.half_open_limit(NS, State::Open), "half_open_limit", "is 1ns, must be from 1ms to"),
        (
            |b| b.half_open_limit(Duration::MAX, State::Closed),
            "half_open_limit",
            "must be from 1ms to",
        ),
        (
            |b| b.half_open_limit(SECOND, State::Disabled),
            "half_open_limit",
            "ends in disabled, must end in open or closed",
        ),
    ];
    for (change, field, text) in cases {
        let error = change(CircuitBreaker::builder("refused")).build().unwrap_err();
        let said = error.to_string();
        assert_eq!(error.field(), field, "{said}");
        assert!(said.starts_with(field) && said.contains(text), "{said}");
        // A breaker that runs refuses it, too, and goes on as it was.
        let breaker = CircuitBreaker::builder("refused").build().unwrap();
        let live = breaker.reconfigure(change).unwrap_err();
        assert_eq!(live.to_string(), said);
        fail(&breaker, 5);
        assert_eq!(breaker.state(), State::Open);
    }
}

fn rate_of(builder: Builder) -> Builder {
    builder.failure_rate(0.5)
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
