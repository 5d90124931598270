//! What users of circuit breakers have been hurt by: one test a scenario, a module
//! a section. The index is `README.md` beside this file.

mod a_trip;
mod b_time;
mod d_open;
mod e_probes;
mod f_no_wedge;
mod g_stale;
mod h_classification;
mod i_by_hand;
mod j_events;
mod k_registry;
#[cfg(feature = "serde")]
mod k_saved;
mod k_settings;
mod l_nested;

use ampacity::{Builder, CircuitBreaker, ManualClock, Permit, Rejected, State};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Opens at 3 failures in a row for 1 s; 3 probes, all of which must succeed.
fn breaker() -> (Arc<CircuitBreaker>, ManualClock) {
    breaker_with(|builder| builder)
}

fn breaker_with(change: impl FnOnce(Builder) -> Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("conformance")
        .failure_threshold(3)
        .open_for(SECOND)
        .success_threshold(3)
        .clock(clock.clone());
    (Arc::new(change(builder).build().expect("settings within bounds")), clock)
}

fn fail(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("admitted").failure();
    }
}

fn succeed(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("admitted").success();
    }
}

/// Trips the breaker and lets its wait pass: the next call begins a spell.
fn make_due(breaker: &CircuitBreaker, clock: &ManualClock) {
    fail(breaker, 3);
    clock.advance(SECOND);
    assert_eq!(breaker.state(), State::HalfOpen);
}

fn refusal(breaker: &CircuitBreaker) -> Rejected {
    breaker.try_acquire().map(Permit::ignore).expect_err("turned away")
}

/// Brings a fresh breaker into `state`.
fn bring_to(state: State) -> (Arc<CircuitBreaker>, ManualClock) {
    let (breaker, clock) = breaker();
    match state {
        State::Closed => {}
        State::Open => fail(&breaker, 3),
        State::HalfOpen => {
            make_due(&breaker, &clock);
            succeed(&breaker, 1);
        }
        State::ForcedOpen => breaker.force_open(),
        State::Disabled => breaker.disable(),
        State::MetricsOnly => breaker.metrics_only(),
        _ => unreachable!("all states are listed"),
    }
    assert_eq!(breaker.state(), state);
    (breaker, clock)
}

/// Polls once, with a waker that wakes nobody.
fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
