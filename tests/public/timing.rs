//! Latencies: which calls are timed, and what a snapshot makes of them.

use ampacity::{CircuitBreaker, Latency, ManualClock, Snapshot, Timing};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn breaker(timing: Timing) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let settings = CircuitBreaker::builder("timed").failure_threshold(u32::MAX).timing(timing);
    (settings.clock(clock.clone()).build().unwrap(), clock)
}

fn succeed_after(breaker: &CircuitBreaker, clock: &ManualClock, took: Duration) {
    let permit = breaker.try_acquire().unwrap();
    clock.advance(took);
    permit.success();
}

fn weights(latency: &Latency) -> u64 {
    latency.buckets().map(|(_, calls)| calls).sum()
}

#[test]
fn a_threads_first_call_is_timed_and_stands_for_itself() {
    for timing in [Timing::Every, Timing::Adaptive, Timing::Sampled(1_000_000)] {
        let (breaker, clock) = breaker(timing);
        succeed_after(&breaker, &clock, MS * 7);
        let seen = breaker.snapshot();
        assert_eq!((seen.latency.success.samples, weights(&seen.latency.success)), (1, 1));
        assert_eq!(seen.latency.success.p50, Some(MS * 7));
        assert_eq!(seen.last_success, Some(MS * 7));
    }
}

#[test]
fn samples_say_how_many_were_timed_and_weights_estimate_how_many_there_were() {
    let (breaker, clock) = breaker(Timing::Sampled(10));
    for _ in 0..100_000 {
        succeed_after(&breaker, &clock, MS);
    }
    let seen = breaker.snapshot().latency.success;
    assert!((9_500..10_500).contains(&seen.samples), "{}", seen.samples);
    assert_eq!(weights(&seen), (seen.samples - 1) * 10 + 1);
    assert_eq!((seen.p50, seen.mean), (Some(MS), Some(MS)));
}

#[test]
fn success_and_failure_are_timed_apart_and_neutral_calls_not_at_all() {
    for timing in [Timing::Every, Timing::Adaptive] {
        let (breaker, clock) = breaker(timing);
        succeed_after(&breaker, &clock, MS * 3);
        let permits = [(); 3].map(|()| breaker.try_acquire().unwrap());
        clock.advance(MS * 5);
        let [failing, ignored, dropped] = permits;
        ignored.ignore();
        drop(dropped);
        failing.failure();
        let seen = breaker.snapshot();
        assert_eq!(seen.latency.success.max, Some(MS * 3));
        assert_eq!(seen.latency.failure.min, Some(MS * 5));
        assert_eq!((seen.latency.success.samples, seen.latency.failure.samples), (1, 1));
        assert_eq!((seen.last_success, seen.last_failure), (Some(MS * 3), Some(MS * 8)));
    }
}

#[test]
fn a_finer_error_tells_apart_what_the_default_does_not() {
    let tell = |error: f64| {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("fine").timing(Timing::Every).latency_error(error);
        let breaker = settings.clock(clock.clone()).build().unwrap();
        for micros in [1_000, 1_005, 1_010, 2_000] {
            succeed_after(&breaker, &clock, Duration::from_micros(micros));
        }
        breaker.snapshot().latency.success
    };
    assert_eq!(tell(0.032).buckets().count(), 2);
    let fine = tell(0.002);
    assert_eq!(fine.buckets().count(), 4);
    let p50 = fine.p50.unwrap().as_secs_f64();
    assert!((p50 - 0.001_005).abs() <= 0.001_005 * 0.002, "{p50}");
}

#[test]
fn the_recent_past_is_the_difference_of_two_snapshots() {
    let (breaker, clock) = breaker(Timing::Every);
    (0..100).for_each(|_| succeed_after(&breaker, &clock, MS));
    let before = breaker.snapshot();
    (0..10).for_each(|_| succeed_after(&breaker, &clock, MS * 50));
    breaker.reset();
    (0..10).for_each(|_| succeed_after(&breaker, &clock, MS * 60));
    let fail = || breaker.try_acquire().unwrap().failure();
    (0..20).for_each(|_| fail());
    let now = breaker.snapshot();
    let lately = now.since(&before);
    assert_eq!((lately.admitted, lately.succeeded, lately.failed), (40, 20, 20));
    assert_eq!((lately.failure_rate, lately.transitions.total()), (Some(0.5), 1));
    let latency = &lately.latency.success;
    assert_eq!((latency.samples, latency.mean), (20, Some(MS * 55)));
    let p50 = latency.p50.unwrap().as_secs_f64();
    assert!((p50 - 0.05).abs() < 0.05 * 0.04, "{p50}");
    // Over all calls the median is that of the first hundred.
    assert_eq!(now.latency.success.p50.unwrap().as_millis(), 1);
    assert_eq!(now.since(&now).latency.success, Latency::default());
    assert_eq!(now.since(&Snapshot::default()).lifetime, now.lifetime);
    // Asked the wrong way round, nothing happened.
    assert_eq!(before.since(&now).admitted, 0);
}

/// A clock that leaps or steps back spoils figures and nothing else.
#[test]
fn no_clock_makes_a_latency_panic() {
    for timing in [Timing::Every, Timing::Adaptive, Timing::Sampled(2)] {
        let (breaker, clock) = breaker(timing);
        for at in [0, u64::MAX, 1, u64::MAX - 1, u64::MAX, 0, 1 << 50] {
            let permit = breaker.try_acquire().unwrap();
            clock.set(Duration::from_nanos(at));
            permit.success();
        }
        let seen = breaker.snapshot();
        assert_eq!(seen.succeeded, 7);
        assert!(seen.latency.success.p99.is_some());
        assert!(seen.to_string().contains("success"));
    }
}
