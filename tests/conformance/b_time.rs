//! B and C. Time windows, clocks that step, waits that never end, calls that are not timed.

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

/// Sees the window and never trips: a second a slice.
fn watched(change: impl FnOnce(Builder) -> Builder) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let settings = CircuitBreaker::builder("watched").trip_when(|_| false);
    let settings = change(settings.time_window(SECOND * 10)).clock(clock.clone());
    (settings.build().unwrap(), clock)
}

#[test]
fn s12_results_leave_a_time_window_with_their_slice() {
    let (breaker, clock) = watched(|builder| builder);
    clock.set(MS * 500);
    fail(&breaker, 2);
    clock.set(SECOND - NS);
    fail(&breaker, 1);
    clock.set(SECOND);
    fail(&breaker, 4);
    for (at, calls) in [(SECOND * 10 - NS, 7), (SECOND * 10, 4), (SECOND * 11 - NS, 4)] {
        clock.set(at);
        assert_eq!(held(&breaker), (calls, calls, 0), "at {at:?}");
    }
    clock.set(SECOND * 11);
    assert_eq!(held(&breaker), (0, 0, 0));

    for (at, state) in [(SECOND * 10 - NS, State::Open), (SECOND * 10, State::Closed)] {
        let (breaker, clock) =
            rated_with(|builder| builder.time_window(SECOND * 10).minimum_calls(5));
        fail(&breaker, 4);
        clock.set(at);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), state, "at {at:?}");
    }
}

#[test]
fn s12_results_that_become_too_old_open_nothing_and_the_next_failure_does() {
    let (breaker, clock) = rated_with(|builder| builder.time_window(SECOND * 10).minimum_calls(4));
    play(&breaker, &clock, "ssssss");
    clock.set(SECOND * 5);
    play(&breaker, &clock, "fffss");
    clock.set(SECOND * 10);
    assert_eq!((held(&breaker), breaker.state()), ((5, 3, 0), State::Closed));
    play(&breaker, &clock, "s");
    assert_eq!((held(&breaker), breaker.state()), ((6, 3, 0), State::Closed));
    play(&breaker, &clock, "f");
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s13_a_gap_of_a_slice_less_than_the_window_keeps_what_one_of_the_window_drops() {
    for slices in [1, 2, 3, 10, 360] {
        for gap in [slices - 1, slices, slices + 1] {
            for start in [0, 1, slices * 7 - 1] {
                let span = SECOND * slices;
                let (breaker, clock) =
                    watched(|builder| builder.time_window(span).time_slices(slices));
                clock.set(SECOND * start);
                fail(&breaker, 3);
                clock.advance(SECOND * gap);
                let kept = if gap < slices { 3 } else { 0 };
                assert_eq!(held(&breaker), (kept, kept, 0), "{gap} of {slices} from {start}");
                succeed(&breaker, 1);
                assert_eq!(held(&breaker), (kept + 1, kept, 0), "{gap} of {slices} from {start}");
            }
        }
    }
}

#[test]
fn s13_no_gap_of_a_power_of_two_brings_old_results_back() {
    for shift in 4..44 {
        let (breaker, clock) = watched(|builder| builder.time_window(MS * 10));
        fail(&breaker, 3);
        clock.advance(Duration::from_millis(1 << shift));
        assert_eq!(held(&breaker), (0, 0, 0), "2^{shift} slices");
        fail(&breaker, 1);
        assert_eq!(held(&breaker), (1, 1, 0), "2^{shift} slices");
    }
}

#[test]
fn s14_a_result_counts_when_its_call_ends_and_not_when_it_began() {
    for timing in [Timing::Every, Timing::Off, Timing::Sampled(1_000_000)] {
        let (breaker, clock) = watched(|builder| builder.timing(timing));
        succeed(&breaker, 1); // the first is timed
        let long = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
        clock.set(SECOND * 9);
        long.into_iter().for_each(Permit::failure);
        clock.set(SECOND * 19 - NS);
        assert_eq!(held(&breaker), (2, 2, 0), "{timing:?}");
        clock.set(SECOND * 19);
        assert_eq!(held(&breaker), (0, 0, 0), "{timing:?}");
    }
}

#[test]
fn s15_after_a_step_back_results_count_in_the_newest_slice() {
    let (breaker, clock) = rated_with(|builder| builder.time_window(SECOND * 10).minimum_calls(5));
    clock.set(SECOND * 7_200);
    fail(&breaker, 3);
    clock.set(SECOND * 3_600);
    // Also of a thread that has not called before.
    std::thread::scope(|scope| drop(scope.spawn(|| fail(&breaker, 1))));
    assert_eq!((held(&breaker), breaker.state()), ((4, 4, 0), State::Closed));
    clock.set(SECOND * 7_209);
    assert_eq!(held(&breaker), (4, 4, 0));
    clock.set(Duration::ZERO);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(refusal(&breaker).retry_after(), Some(SECOND));
    // It recovers, and its window begins anew by the clock that is now.
    clock.advance(SECOND);
    succeed(&breaker, 3);
    fail(&breaker, 4);
    assert_eq!((held(&breaker), breaker.state()), ((4, 4, 0), State::Closed));
    clock.set(SECOND * 11);
    assert_eq!(held(&breaker), (0, 0, 0));
}

#[test]
fn s16_a_jump_of_a_year_empties_the_window_and_so_does_the_end_of_time() {
    for jump in [SECOND * 86_400 * 366, Duration::from_millis(1 << 40), Duration::MAX] {
        let (breaker, clock) =
            rated_with(|builder| builder.time_window(SECOND * 10).minimum_calls(5));
        fail(&breaker, 4);
        clock.advance(jump);
        assert_eq!(held(&breaker), (0, 0, 0));
        fail(&breaker, 4);
        assert_eq!((held(&breaker), breaker.era()), ((4, 4, 0), 0));
        fail(&breaker, 1);
        assert_eq!(breaker.era(), 1);
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

/// A breaker, and how often it has asked for the time since it was built.
fn counted(change: impl FnOnce(Builder) -> Builder) -> (CircuitBreaker, impl Fn() -> u64) {
    let clock = Counting::default();
    let settings = change(CircuitBreaker::builder("counted")).clock(clock.clone());
    let breaker = settings.build().unwrap();
    let built = clock.0.load(Ordering::Relaxed);
    (breaker, move || clock.0.load(Ordering::Relaxed) - built)
}

#[test]
fn s22_with_timing_off_a_closed_breaker_never_reads_the_clock() {
    let (breaker, reads) = counted(|builder| builder.timing(Timing::Off));
    for _ in 0..100 {
        succeed(&breaker, 1);
        fail(&breaker, 4);
        breaker.try_acquire().unwrap().ignore();
        assert!(breaker.would_admit());
        let _ = (breaker.state(), breaker.era());
    }
    assert_eq!(reads(), 0);
    fail(&breaker, 1);
    assert!(reads() > 0, "a trip needs the time");
}

#[test]
fn s22_a_count_window_of_untimed_calls_never_reads_the_clock() {
    let (breaker, reads) =
        counted(|builder| builder.failure_rate(0.5).count_window(10).timing(Timing::Off));
    for _ in 0..100 {
        succeed(&breaker, 6);
        fail(&breaker, 4);
        breaker.try_acquire().unwrap().ignore();
    }
    assert_eq!((reads(), breaker.era()), (0, 0));
}

#[test]
fn s22_with_every_call_timed_each_reads_the_clock_twice() {
    let (breaker, reads) = counted(|builder| builder.timing(Timing::Every));
    succeed(&breaker, 10);
    assert_eq!(reads(), 20);
    assert_eq!(breaker.snapshot().latency.success.samples, 10);
}

#[test]
fn s22_by_default_one_call_in_sixteen_reads_the_clock_when_calls_come_fast() {
    // Calls are a nanosecond apart by this clock, those that do not read it no time.
    let (breaker, reads) = counted(|builder| builder);
    succeed(&breaker, 160_000);
    let timed = reads() / 2;
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
