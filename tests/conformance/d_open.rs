//! D. Open state.

use super::*;
use ampacity::{CallError, Outcome, Reason};
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
fn s30_a_million_rejections_change_no_total_but_their_own_and_no_window() {
    for (breaker, failures) in [(breaker().0, 3), (rated().0, 10)] {
        fail(&breaker, failures);
        let before = breaker.snapshot();
        for _ in 0..1_000_000 {
            assert!(breaker.try_acquire().is_err());
        }
        let mut after = breaker.snapshot();
        assert_eq!(after.rejected.open, 1_000_000);
        assert_eq!(after.window.calls, if failures == 10 { 10 } else { 0 });
        after.rejected = before.rejected;
        after.lifetime.rejected = before.lifetime.rejected;
        assert_eq!(after, before);
    }
}

/// How long the next caller is told to wait.
fn wait_of(breaker: &CircuitBreaker) -> Duration {
    refusal(breaker).retry_after().expect("open")
}

#[test]
fn s26_waits_grow_with_each_opening_in_a_row_and_begin_anew_after_a_full_close() {
    let (breaker, clock) = breaker_with(|builder| builder.backoff(2.0, SECOND * 5));
    for _ in 0..2 {
        fail(&breaker, 3);
        for (opens, seconds) in [1, 2, 4, 5, 5, 5].into_iter().enumerate() {
            assert_eq!(wait_of(&breaker), SECOND * seconds);
            assert_eq!(breaker.snapshot().opens, opens as u32 + 1);
            clock.advance(SECOND * seconds);
            succeed(&breaker, 2);
            assert_eq!(breaker.snapshot().opens, opens as u32 + 1, "it has not closed yet");
            fail(&breaker, 1);
        }
        clock.advance(SECOND * 5);
        succeed(&breaker, 3);
        assert_eq!((breaker.state(), breaker.snapshot().opens), (State::Closed, 0));
    }
}

#[test]
fn s26_a_spell_without_a_verdict_keeps_the_step_and_a_trip_by_hand_counts() {
    let (breaker, clock) =
        breaker_with(|builder| builder.backoff(3.0, SECOND * 100).probe_lease(SECOND));
    fail(&breaker, 3);
    clock.advance(SECOND);
    let _abandoned: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    clock.advance(SECOND);
    let fresh = breaker.try_acquire().unwrap();
    assert_eq!((fresh.era(), breaker.snapshot().opens), (3, 1));
    fresh.failure();
    assert_eq!(wait_of(&breaker), SECOND * 3);
    breaker.trip(); // which changes nothing
    assert_eq!(breaker.snapshot().opens, 2);
    clock.advance(SECOND * 3);
    breaker.trip();
    assert_eq!((wait_of(&breaker), breaker.snapshot().opens), (SECOND * 9, 3));
    for order in [CircuitBreaker::force_open, CircuitBreaker::disable, CircuitBreaker::reset] {
        order(&breaker);
        assert_eq!(breaker.snapshot().opens, 0);
        breaker.trip();
        assert_eq!(wait_of(&breaker), SECOND, "an order breaks the row");
        clock.advance(SECOND);
        fail(&breaker, 1);
        assert_eq!(wait_of(&breaker), SECOND * 3);
    }
}

#[test]
fn s26_an_open_wait_of_never_stays_never_and_the_longest_grows_no_further() {
    let longest = Duration::from_millis(1 << 39);
    let (breaker, clock) = breaker_with(|builder| builder.open_for(Duration::MAX).jitter(1.0));
    for _ in 0..3 {
        breaker.trip();
        for later in [SECOND, longest, longest * 2, Duration::MAX] {
            clock.set(later);
            assert_eq!((breaker.state(), wait_of(&breaker)), (State::Open, Duration::MAX));
        }
        breaker.force_open();
    }
    // And the longest wait there is, lengthened as far as it goes, panics nowhere.
    let (breaker, clock) =
        breaker_with(|builder| builder.open_for(longest).backoff(100.0, longest).jitter(1.0));
    for _ in 0..20 {
        breaker.trip();
        assert!(wait_of(&breaker) >= longest);
        clock.set(Duration::from_millis(1 << 40));
        assert_eq!(breaker.state(), State::HalfOpen);
        clock.set(Duration::ZERO);
        breaker.force_open();
    }
}

#[test]
fn s27_the_waits_of_a_thousand_breakers_tripped_at_one_instant_are_spread_within_the_bounds() {
    let clock = ManualClock::new();
    let waits: Vec<Duration> = (0..1_000)
        .map(|nth| {
            let settings = CircuitBreaker::builder(format!("jitter-{nth}")).open_for(SECOND);
            let breaker = settings.jitter(0.2).clock(clock.clone()).build().unwrap();
            breaker.trip();
            wait_of(&breaker)
        })
        .collect();
    assert!(waits.iter().all(|wait| (SECOND..=SECOND + MS * 200).contains(wait)));
    for tenth in 0..10 {
        let part = SECOND + MS * 20 * tenth..SECOND + MS * 20 * (tenth + 1);
        let here = waits.iter().filter(|wait| part.contains(wait)).count();
        assert!((50..150).contains(&here), "{here} in tenth {tenth}"); // 100, 5 deviations
    }
}

#[test]
fn s27_jitter_follows_from_its_seed_and_the_era() {
    let waits = |seed: Option<u64>, change: bool| {
        let (breaker, clock) = breaker_with(|builder| {
            let builder = builder.jitter(1.0);
            seed.into_iter().fold(builder, Builder::jitter_seed)
        });
        if change {
            breaker.reconfigure(|now| now.success_threshold(1)).unwrap();
        }
        let wait = || {
            breaker.trip();
            let wait = wait_of(&breaker);
            clock.advance(wait);
            wait
        };
        [wait(), wait(), wait()]
    };
    let first = waits(Some(7), false);
    assert_eq!((first, first), (waits(Some(7), false), waits(Some(7), true)));
    assert_ne!(first, waits(Some(8), false));
    assert_ne!(waits(None, false), waits(None, false));
    assert!(first[0] != first[1] && first[1] != first[2], "{first:?}");
}

#[test]
fn s28_a_result_that_says_for_how_long_opens_at_once_and_for_that_opening_only() {
    let (breaker, clock) = breaker_with(|builder| builder.backoff(2.0, SECOND * 60));
    let told = listen(&breaker);
    let busy = breaker.classified(|result: &Result<(), u64>| match result {
        Ok(()) => Outcome::Success,
        Err(seconds) => Outcome::OpenFor(SECOND * *seconds as u32),
    });
    assert_eq!(busy.call(|| Err(30)), Err(CallError::Failed(30)));
    assert_eq!((breaker.state(), wait_of(&breaker)), (State::Open, SECOND * 30));
    assert!(matches!(causes(&told)[0], Cause::WaitGiven { wait, .. } if wait == SECOND * 30));
    clock.advance(SECOND * 30 - MS);
    assert_eq!(wait_of(&breaker), MS);
    clock.advance(MS);
    fail(&breaker, 1);
    assert_eq!(wait_of(&breaker), SECOND * 2, "the second in a row, by its own wait");
    clock.advance(SECOND * 2);
    succeed(&breaker, 3);
    fail(&breaker, 3);
    assert_eq!(wait_of(&breaker), SECOND);
}

#[test]
fn s28_a_given_wait_has_a_maximum_and_zero_is_a_failure_like_any_other() {
    let year = SECOND * 86_400 * 365;
    for (set, given, wait) in [
        (None, SECOND * 3_599, SECOND * 3_599),
        (None, Duration::MAX, SECOND * 3_600),
        (Some(SECOND * 5), SECOND * 6, SECOND * 5),
        (Some(year), Duration::MAX, year),
        (None, NS, MS),
    ] {
        let (breaker, _) =
            breaker_with(|builder| set.into_iter().fold(builder, Builder::longest_given_wait));
        breaker.try_acquire().unwrap().open_for(given);
        assert_eq!((breaker.state(), wait_of(&breaker)), (State::Open, wait), "{given:?}");
        assert_eq!(breaker.snapshot().failed, 1);
    }
    let (breaker, _) = breaker();
    breaker.try_acquire().unwrap().open_for(Duration::ZERO);
    fail(&breaker, 1);
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 2));
    breaker.try_acquire().unwrap().settle(Outcome::OpenFor(Duration::ZERO));
    assert_eq!((breaker.state(), wait_of(&breaker)), (State::Open, SECOND));
}

#[test]
fn s28_a_given_wait_is_lengthened_by_jitter_and_never_shortened() {
    for seed in 0..50 {
        let (breaker, _) = breaker_with(|builder| builder.jitter(0.5).jitter_seed(seed));
        breaker.try_acquire().unwrap().open_for(SECOND * 10);
        assert!((SECOND * 10..=SECOND * 15).contains(&wait_of(&breaker)));
    }
}

#[test]
fn s28_a_probe_that_is_told_to_stay_away_reopens_alone() {
    let clock = ManualClock::new();
    let settings = CircuitBreaker::builder("ratio").half_open_failure_rate(1.0).open_for(SECOND);
    let breaker = settings.clock(clock.clone()).build().unwrap();
    breaker.trip();
    clock.advance(SECOND);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::HalfOpen, "it takes all ten");
    breaker.try_acquire().unwrap().open_for(SECOND * 20);
    assert_eq!((breaker.state(), wait_of(&breaker)), (State::Open, SECOND * 20));
}

#[test]
fn s28_a_given_wait_that_is_stale_or_not_judged_changes_nothing() {
    let (breaker, clock) = breaker();
    let late = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    fail(&breaker, 3);
    let [first, second] = late;
    first.open_for(SECOND * 99);
    assert_eq!(wait_of(&breaker), SECOND);
    clock.advance(SECOND);
    succeed(&breaker, 3);
    second.open_for(SECOND * 99);
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::Closed, 2));

    breaker.disable();
    breaker.try_acquire().unwrap().open_for(SECOND * 99);
    assert_eq!(breaker.state(), State::Disabled);
    breaker.metrics_only();
    let told = listen(&breaker);
    breaker.try_acquire().unwrap().open_for(SECOND * 99);
    assert_eq!((breaker.state(), cause_names(&told)), (State::MetricsOnly, vec!["wait_given"]));
    assert!(told.lock().unwrap()[0].would_open());
}
