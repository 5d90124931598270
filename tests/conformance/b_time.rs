//! B and C. Clocks that step, waits that never end, calls that are not timed.

use super::*;
use ampacity::{Clock, Timing};
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn s15_a_clock_that_steps_back_an_hour_neither_panics_nor_reopens_nor_wedges() {
    let (breaker, clock) = breaker();
    clock.set(Duration::from_secs(7_200));
    fail(&breaker, 3);
    clock.set(Duration::from_secs(3_600));
    let refused = refusal(&breaker);
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(3_601)));
    // A timed call across the step has no negative latency.
    let (timed, its_clock) = super::breaker();
    its_clock.set(Duration::from_secs(7_200));
    let permit = timed.try_acquire().unwrap();
    its_clock.set(Duration::from_secs(3_600));
    permit.success();
    assert_eq!(timed.snapshot().latency.success.max, Some(Duration::ZERO));
    // It shows the deadline again, and the breaker recovers.
    clock.set(Duration::from_secs(7_201));
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s15_a_clock_that_steps_back_in_a_spell_does_not_end_its_lease_early() {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(1));
    clock.set(Duration::from_secs(7_200));
    make_due(&breaker, &clock);
    let probe = breaker.try_acquire().unwrap();
    clock.set(Duration::from_secs(3_600));
    assert_eq!(refusal(&breaker).reason(), ampacity::Reason::HalfOpenFull);
    drop(probe);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s16_a_clock_that_jumps_a_year_makes_an_open_breaker_due() {
    let (breaker, clock) = breaker();
    fail(&breaker, 3);
    clock.advance(Duration::from_secs(366 * 86_400));
    assert_eq!(breaker.state(), State::HalfOpen);
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn s16_past_the_last_tick_of_a_deadline_waits_and_leases_are_over_at_once() {
    let (breaker, clock) = breaker();
    for beyond in [Duration::from_millis(1 << 40), Duration::MAX] {
        clock.set(beyond);
        fail(&breaker, 3);
        // No time can be counted there: no probe is waited for.
        let abandoned: Vec<_> = (0..9).map(|_| breaker.try_acquire().unwrap()).collect();
        assert!(abandoned.iter().all(Permit::is_probe));
        drop(abandoned);
        succeed(&breaker, 3);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn s17_an_open_wait_of_duration_max_never_half_opens() {
    let (breaker, clock) = breaker_with(|builder| builder.open_for(Duration::MAX));
    clock.set(Duration::from_secs(1 << 30));
    fail(&breaker, 3);
    for later in [SECOND, Duration::from_secs(1 << 40), Duration::MAX] {
        clock.advance(later);
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(refusal(&breaker).retry_after(), Some(Duration::MAX));
    }
    breaker.close();
    succeed(&breaker, 1);
}

/// A clock that counts how often it is asked.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

impl Clock for Counting {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[test]
fn s22_with_timing_off_a_closed_breaker_never_reads_the_clock() {
    let clock = Counting::default();
    let reads = || clock.0.load(Ordering::Relaxed);
    let breaker = CircuitBreaker::builder("untimed")
        .timing(Timing::Off)
        .clock(clock.clone())
        .build()
        .unwrap();
    let built = reads();
    for _ in 0..100 {
        succeed(&breaker, 1);
        fail(&breaker, 4);
        breaker.try_acquire().unwrap().ignore();
        assert!(breaker.would_admit());
        let _ = (breaker.state(), breaker.era());
    }
    assert_eq!(reads(), built);
    fail(&breaker, 1);
    assert!(reads() > built, "a trip needs the time");
}

#[test]
fn s22_with_every_call_timed_each_reads_the_clock_twice() {
    let clock = Counting::default();
    let settings = CircuitBreaker::builder("timed").timing(Timing::Every);
    let breaker = settings.clock(clock.clone()).build().unwrap();
    let built = clock.0.load(Ordering::Relaxed);
    succeed(&breaker, 10);
    assert_eq!(clock.0.load(Ordering::Relaxed), built + 20);
    assert_eq!(breaker.snapshot().latency.success.samples, 10);
}

#[test]
fn s22_by_default_one_call_in_sixteen_reads_the_clock_when_calls_come_fast() {
    // Calls are a nanosecond apart by this clock, those that do not read it no time.
    let clock = Counting::default();
    let breaker = CircuitBreaker::builder("adaptive").clock(clock.clone()).build().unwrap();
    let built = clock.0.load(Ordering::Relaxed);
    succeed(&breaker, 160_000);
    let timed = (clock.0.load(Ordering::Relaxed) - built) / 2;
    assert!((9_600..10_400).contains(&timed), "{timed} of 160,000"); // 4 standard deviations
    let seen = breaker.snapshot();
    assert_eq!((seen.succeeded, seen.latency.success.samples), (160_000, timed));
}

#[test]
fn s22_by_default_every_call_is_timed_when_calls_come_slowly() {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("adaptive").clock(clock.clone()).build().unwrap();
    for ms in [10, 20, 30, 40, 50] {
        let permit = breaker.try_acquire().unwrap();
        clock.advance(Duration::from_millis(ms));
        permit.success();
    }
    let seen = breaker.snapshot().latency.success;
    assert_eq!((seen.samples, seen.mean), (5, Some(Duration::from_millis(30))));
    assert_eq!(
        (seen.min, seen.max),
        (Some(Duration::from_millis(10)), Some(Duration::from_millis(50)))
    );
}

#[test]
fn s22_a_change_of_timing_applies_to_the_next_call() {
    let (breaker, _) = breaker_with(|builder| builder.timing(Timing::Off));
    let samples = || breaker.snapshot().latency.success.samples;
    succeed(&breaker, 100);
    assert_eq!(samples(), 0);
    breaker.reconfigure(|now| now.timing(Timing::Every)).unwrap();
    succeed(&breaker, 3);
    assert_eq!(samples(), 3);
    breaker.reconfigure(|now| now.timing(Timing::Off)).unwrap();
    succeed(&breaker, 100);
    assert_eq!(samples(), 3);
}
