//! H. Classification.

use super::*;
use ampacity::{CallError, Outcome};
use std::cell::Cell;

#[test]
fn s51_an_ignored_error_feeds_and_breaks_no_streak() {
    let (breaker, _) = breaker();
    fail(&breaker, 2);
    let ignoring = breaker.classified(|_: &Result<(), &str>| Outcome::Ignore);
    assert_eq!(ignoring.call(|| Err("not theirs")), Err(CallError::Failed("not theirs")));
    let seen = breaker.snapshot();
    assert_eq!((seen.streak, seen.ignored, seen.failed), (2, 1, 2));
    assert_eq!(seen.latency.failure.samples, 2, "and is not timed as one");
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s51_an_ignored_call_is_in_no_window_however_slow_it_was() {
    for window in WINDOWS {
        let (breaker, clock) =
            rated_with(|builder| window(builder).slow_call(SLOW).slow_call_rate(0.5));
        play(&breaker, &clock, "ffSS");
        let ignoring = breaker.classified(|_: &Result<(), ()>| Outcome::Ignore);
        for _ in 0..20 {
            let _ = ignoring.call(|| {
                clock.advance(SLOW * 2);
                Err(())
            });
            let dropped = breaker.try_acquire().unwrap();
            clock.advance(SLOW * 2);
            drop(dropped);
        }
        assert_eq!((held(&breaker), breaker.state()), ((4, 2, 2), State::Closed));
        assert_eq!(breaker.snapshot().window.failure_rate, None, "nor do they make up the minimum");
    }
}

#[test]
fn s52_a_value_classified_as_failure_counts_and_is_returned_unchanged() {
    let (breaker, _) = breaker();
    let unavailable = |result: &Result<u16, ()>| match result {
        Ok(503) => Outcome::Failure,
        _ => Outcome::Success,
    };
    for _ in 0..3 {
        assert_eq!(breaker.classified(unavailable).call(|| Ok(503)), Ok(503));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn s53_a_classifier_runs_once_for_each_call_made_and_never_for_a_rejection() {
    let (breaker, _) = breaker();
    let runs = Cell::new(0);
    let counting = |result: &Result<(), ()>| {
        runs.set(runs.get() + 1);
        ampacity::classify::plain(result)
    };
    let view = breaker.classified(&counting);
    let _ = view.call(|| Ok(()));
    assert_eq!(runs.get(), 1);
    for calls in 2..=4 {
        let _ = view.call(|| Err(()));
        assert_eq!(runs.get(), calls);
    }
    assert!(matches!(view.call(|| Ok(())), Err(CallError::Rejected(_))));
    assert_eq!(view.call_or(|| Ok(()), |_| Ok(())), Ok(()));
    assert_eq!(runs.get(), 4);
}

#[test]
fn s53_a_fallback_answers_rejections_only_and_is_counted() {
    let (breaker, _) = breaker();
    let failed = breaker.call_or(|| Err::<u32, _>("failed"), |_| Ok(1));
    assert_eq!(failed, Err("failed"));
    fail(&breaker, 2);
    let stood_in = breaker.call_or(
        || Err("called"),
        |rejected| {
            assert_eq!(rejected.to_string(), "circuit breaker 'conformance' is open");
            Ok(2)
        },
    );
    assert_eq!(stood_in, Ok(2));
    let seen = breaker.snapshot();
    assert_eq!((seen.fallbacks, seen.rejected.open, seen.admitted), (1, 1, 3));
}

#[test]
fn s54_a_cancelled_caller_is_neutral_and_an_upstream_timeout_is_a_failure() {
    #[derive(Debug, PartialEq)]
    enum Error {
        ClientGone,
        UpstreamTimeout,
    }
    let (breaker, _) = breaker();
    let view = breaker.classified(|result: &Result<(), Error>| match result {
        Ok(()) => Outcome::Success,
        Err(Error::ClientGone) => Outcome::Ignore,
        Err(Error::UpstreamTimeout) => Outcome::Failure,
    });
    for _ in 0..10 {
        let _ = view.call(|| Err(Error::ClientGone));
    }
    assert_eq!((breaker.state(), breaker.snapshot().streak), (State::Closed, 0));
    for _ in 0..3 {
        let _ = view.call(|| Err(Error::UpstreamTimeout));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn one_breaker_serves_calls_of_different_types_at_the_same_time() {
    let (breaker, _) = breaker();
    assert_eq!(breaker.call(|| Ok::<_, ()>("text")), Ok("text"));
    assert_eq!(breaker.call(|| Err::<u8, _>(3)), Err(CallError::Failed(3)));
    let mut later = Box::pin(breaker.call_async(async { Ok::<_, String>(vec![1]) }));
    assert_eq!(poll_once(&mut later), Poll::Ready(Ok(vec![1])));
    assert_eq!(breaker.snapshot().admitted, 3);
}
