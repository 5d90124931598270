//! What users of circuit breakers have been hurt by: one test a scenario, a module
//! a section. The index is `README.md` beside this file.

mod a_trip;
mod b_time;
mod c_slow;
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

use ampacity::{Builder, Cause, CircuitBreaker, Event, ManualClock, Permit, Rejected, State};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
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

/// What makes a call slow where slow calls matter: one nanosecond more.
const SLOW: Duration = Duration::from_millis(100);
const NS: Duration = Duration::from_nanos(1);

/// Half of the calls in the window, at least 10; the rest as [`breaker`].
fn rated_with(change: impl FnOnce(Builder) -> Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("conformance")
        .failure_rate(0.5)
        .minimum_calls(10)
        .open_for(SECOND)
        .success_threshold(3)
        .clock(clock.clone());
    (Arc::new(change(builder).build().expect("settings within bounds")), clock)
}

/// Half of the last 10 calls.
fn rated() -> (Arc<CircuitBreaker>, ManualClock) {
    rated_with(|builder| builder.count_window(10))
}

/// A window of either form.
const WINDOWS: [fn(Builder) -> Builder; 2] =
    [|builder| builder.count_window(10), |builder| builder.time_window(SECOND * 10)];

/// Makes calls one after the other: `s` succeeds, `f` fails, and capitals are slow.
fn play(breaker: &CircuitBreaker, clock: &ManualClock, results: &str) {
    for result in results.chars() {
        let permit = breaker.try_acquire().expect("admitted");
        if result.is_ascii_uppercase() {
            clock.advance(SLOW + NS);
        }
        match result.to_ascii_lowercase() {
            's' => permit.success(),
            'f' => permit.failure(),
            other => panic!("{other} is no result"),
        }
    }
}

/// What the window holds: calls, failed, slow.
fn held(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let window = breaker.snapshot().window;
    (window.calls, window.failed, window.slow)
}

/// What a listener was told.
type Told = Arc<Mutex<Vec<Event>>>;

fn note(told: &Told) -> impl Fn(&Event) + Send + Sync + use<> {
    let told = Arc::clone(told);
    move |event| told.lock().unwrap().push(event.clone())
}

fn causes(told: &Told) -> Vec<Cause> {
    told.lock().unwrap().iter().map(|event| event.cause).collect()
}

/// Hears what a breaker does from now on.
fn listen(breaker: &CircuitBreaker) -> Told {
    let told = Told::default();
    breaker.add_listener(note(&told));
    told
}

fn cause_names(told: &Told) -> Vec<&'static str> {
    causes(told).into_iter().map(Cause::as_str).collect()
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
