//! D. Open state.

use super::*;
use ampacity::{CallError, Reason};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn s23_while_open_nothing_is_called_and_the_remaining_wait_never_grows() {
    let (breaker, clock) = breaker();
    fail(&breaker, 3);
    let mut last = Duration::MAX;
    for _ in 0..1_000 {
        let refused = match breaker.call(|| -> Result<(), ()> { panic!("called") }) {
            Err(CallError::Rejected(refused)) => refused,
            other => panic!("{other:?}"),
        };
        assert_eq!((refused.reason(), refused.name()), (Reason::Open, "conformance"));
        let wait = refused.retry_after().unwrap();
        assert!(wait > Duration::ZERO && wait <= last);
        last = wait;
        clock.advance(Duration::from_micros(999));
    }
}

#[test]
fn s24_a_tick_before_the_deadline_rejects_and_at_the_deadline_admits() {
    let (breaker, clock) = breaker();
    fail(&breaker, 3);
    clock.advance(SECOND - MS);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(refusal(&breaker).retry_after(), Some(MS));
    clock.advance(MS);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn s24_waiting_for_retry_after_is_enough() {
    let (breaker, clock) = breaker();
    clock.set(Duration::from_nanos(123_456_789));
    fail(&breaker, 3);
    let wait = refusal(&breaker).retry_after().unwrap();
    assert!(wait >= SECOND, "a deadline is rounded up");
    clock.advance(wait);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn s24_reading_the_state_of_a_due_breaker_says_half_open_and_writes_nothing() {
    let (breaker, clock) = breaker();
    fail(&breaker, 3);
    clock.advance(SECOND);
    let before = breaker.snapshot();
    for _ in 0..3 {
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.would_admit());
    }
    assert_eq!(breaker.era(), 1);
    assert_eq!(breaker.snapshot(), before);
    clock.set(Duration::ZERO);
    assert_eq!(breaker.state(), State::Open, "nothing was decided by looking");
}

#[test]
fn s25_successes_that_arrive_while_open_do_not_close() {
    let (breaker, _) = breaker();
    let late: Vec<_> = (0..5).map(|_| breaker.try_acquire().unwrap()).collect();
    fail(&breaker, 3);
    late.into_iter().for_each(Permit::success);
    assert_eq!((breaker.state(), breaker.era()), (State::Open, 1));
    assert_eq!(breaker.snapshot().stale, 5);
}

#[test]
fn s25_failures_that_arrive_while_open_do_not_extend_the_wait() {
    let (breaker, clock) = breaker();
    let late: Vec<_> = (0..5).map(|_| breaker.try_acquire().unwrap()).collect();
    fail(&breaker, 3);
    clock.advance(SECOND - MS);
    late.into_iter().for_each(Permit::failure);
    clock.advance(MS);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn s29_whoever_sees_an_open_breaker_sees_no_older_transition_time() {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(1));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = || {
            let mut seen_open = 0;
            while !done.load(Ordering::Relaxed) || seen_open == 0 {
                let seen = breaker.snapshot();
                // Era 3n + 1 opens at 10 s times n + 1.
                if seen.era % 3 == 1 {
                    let opened = Duration::from_secs(10 * (seen.era / 3 + 1));
                    let last = seen.last_transition.unwrap();
                    assert!(last >= opened, "{last:?} in an era that began at {opened:?}");
                    seen_open += 1;
                }
            }
            seen_open
        };
        let watchers: Vec<_> = (0..2).map(|_| scope.spawn(watch)).collect();
        for cycle in 1..=2_000 {
            clock.set(Duration::from_secs(10 * cycle));
            breaker.trip();
            clock.advance(SECOND);
            succeed(&breaker, 1);
        }
        clock.set(Duration::from_secs(20_010));
        breaker.trip();
        done.store(true, Ordering::Relaxed);
        for watcher in watchers {
            assert!(watcher.join().unwrap() > 0, "never met an open breaker");
        }
    });
}

#[test]
fn s30_a_million_rejections_change_no_total_but_their_own() {
    let (breaker, _) = breaker();
    fail(&breaker, 3);
    let before = breaker.snapshot();
    for _ in 0..1_000_000 {
        assert!(breaker.try_acquire().is_err());
    }
    let mut after = breaker.snapshot();
    assert_eq!(after.rejected.open, 1_000_000);
    after.rejected = before.rejected;
    after.lifetime.rejected = before.lifetime.rejected;
    assert_eq!(after, before);
}
