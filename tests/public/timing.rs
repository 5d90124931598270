//! Latencies: which calls are timed, and what a snapshot makes of them.

use ampacity::{CircuitBreaker, Latency, ManualClock, Snapshot, Timing};
use std::sync::Barrier;
use std::thread;
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
fn a_breakers_first_call_is_timed_and_stands_for_itself() {
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

/// A mean of unequal latencies needs each sample as often as it stands for others.
#[test]
fn means_of_samples_are_those_of_all_calls() {
    let (breaker, clock) = breaker(Timing::Sampled(10));
    for nth in 0..200_000_u64 {
        let permit = breaker.try_acquire().unwrap();
        let slow = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0;
        clock.advance(MS * if slow { 9 } else { 1 });
        if nth < 100_000 { permit.success() } else { permit.failure() }
    }
    let seen = breaker.snapshot().latency;
    for latency in [seen.success, seen.failure] {
        let mean = latency.mean.unwrap().as_secs_f64();
        assert!((mean / 0.005 - 1.0).abs() < 0.04, "{mean}");
        let sum = latency.sum().as_secs_f64() / weights(&latency) as f64;
        assert!((sum / mean - 1.0).abs() < 1e-6, "{sum} for {mean}");
    }
}

/// Of more threads than have shards of their own, too: all record in eight stripes.
#[test]
fn threads_that_share_histograms_lose_no_sample() {
    let cases = [(Timing::Sampled(1), 8), (Timing::Sampled(1), 200), (Timing::Every, 200)];
    for (timing, threads) in cases {
        let (breaker, _) = breaker(timing);
        let all_alive = Barrier::new(threads);
        let work = || {
            all_alive.wait();
            for nth in 0..4_000 {
                let permit = breaker.try_acquire().unwrap();
                if nth % 2 == 0 { permit.success() } else { permit.failure() }
            }
            all_alive.wait();
        };
        thread::scope(|scope| {
            for _ in 0..threads {
                let builder = thread::Builder::new().stack_size(128 << 10);
                builder.spawn_scoped(scope, work).unwrap();
            }
        });
        let calls = threads as u64 * 2_000;
        let seen = breaker.snapshot();
        assert_eq!((seen.succeeded, seen.failed), (calls, calls));
        for latency in [seen.latency.success, seen.latency.failure] {
            assert_eq!((latency.samples, weights(&latency)), (calls, calls));
        }
    }
}

#[test]
fn the_last_times_are_those_of_whichever_thread_came_last() {
    for timing in [Timing::Every, Timing::Adaptive] {
        let (breaker, clock) = breaker(timing);
        let (breaker, clock) = (&breaker, &clock);
        for nth in 1..=20 {
            thread::scope(|scope| {
                scope.spawn(move || succeed_after(breaker, clock, MS * 2)).join().unwrap();
            });
            assert_eq!(breaker.snapshot().last_success, Some(MS * 2 * nth), "{timing:?}");
        }
        // Where it may lag it does by less than a millisecond.
        succeed_after(breaker, clock, MS / 2);
        assert!(breaker.snapshot().last_success.unwrap() >= MS * 40);
    }
}

#[test]
fn a_call_is_recorded_by_how_it_began_whatever_is_timed_when_it_ends() {
    let (breaker, clock) = breaker(Timing::Every);
    let (timed, samples) =
        (breaker.try_acquire().unwrap(), || breaker.snapshot().latency.success.samples);
    breaker.reconfigure(|now| now.timing(Timing::Off)).unwrap();
    let untimed = breaker.try_acquire().unwrap();
    clock.advance(MS * 3);
    timed.success();
    breaker.reconfigure(|now| now.timing(Timing::Sampled(1))).unwrap();
    untimed.success();
    assert_eq!((samples(), breaker.snapshot().latency.success.p50), (1, Some(MS * 3)));
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
    let tell = |timing, error: f64| {
        let clock = ManualClock::new();
        let settings = CircuitBreaker::builder("fine").timing(timing).latency_error(error);
        let breaker = settings.clock(clock.clone()).build().unwrap();
        for micros in [1_000, 1_005, 1_010, 2_000] {
            succeed_after(&breaker, &clock, Duration::from_micros(micros));
        }
        breaker.snapshot().latency.success
    };
    for timing in [Timing::Every, Timing::Adaptive] {
        assert_eq!(tell(timing, 0.032).buckets().count(), 2);
        let fine = tell(timing, 0.002);
        assert_eq!(fine.buckets().count(), 4);
        let p50 = fine.p50.unwrap().as_secs_f64();
        assert!((p50 - 0.001_005).abs() <= 0.001_005 * 0.002, "{p50}");
    }
}

#[test]
fn the_recent_past_is_the_difference_of_two_snapshots() {
    let (breaker, clock) = breaker(Timing::Every);
    (0..100).for_each(|_| succeed_after(&breaker, &clock, MS));
    let fail = || breaker.try_acquire().unwrap().failure();
    (0..5).for_each(|_| fail());
    let before = breaker.snapshot();
    (0..10).for_each(|_| succeed_after(&breaker, &clock, MS * 50));
    breaker.reset();
    (0..10).for_each(|_| succeed_after(&breaker, &clock, MS * 60));
    (0..20).for_each(|_| fail());
    let stale = breaker.try_acquire().unwrap();
    breaker.force_open();
    stale.ignore();
    breaker.call_or(|| Ok::<_, ()>(()), |_| Ok(())).unwrap();
    let now = breaker.snapshot();
    let lately = now.since(&before);
    assert_eq!((lately.admitted, lately.succeeded, lately.failed), (41, 20, 20));
    assert_eq!((lately.stale, lately.ignored, lately.fallbacks), (1, 1, 1));
    assert_eq!((lately.rejected.forced_open, lately.rejected.total()), (1, 1));
    assert_eq!((lately.failure_rate, lately.transitions.total()), (Some(0.5), 2));
    assert_eq!((before.latency.failure.samples, lately.latency.failure.samples), (5, 20));
    let ends = |latency: &Latency| (latency.min.unwrap() >= MS * 48, latency.max);
    assert_eq!(ends(&lately.latency.success), (true, Some(MS * 60)));
    assert_eq!(now.since(&now).lifetime, now.lifetime);
    assert_eq!((now.since(&now).stale, now.since(&now).rejected.total()), (0, 0));
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
        for _ in 0..50 {
            for at in [0, u64::MAX, 1, u64::MAX - 1, u64::MAX, 0, 1 << 50] {
                let permit = breaker.try_acquire().unwrap();
                clock.set(Duration::from_nanos(at));
                permit.success();
            }
        }
        let seen = breaker.snapshot();
        assert_eq!(seen.succeeded, 350);
        assert!(seen.latency.success.p99.is_some());
        assert!(seen.to_string().contains("success"));
    }
}
