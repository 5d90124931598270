//! The public face: what a user of the crate can see and rely on.

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "contention")]
mod contention;
mod counting;
#[cfg(feature = "serde")]
mod data;
mod panics;
mod registry;
mod sequential;
mod sequential_windows;
mod timing;
mod traits;
mod trips;

use ampacity::{Builder, CircuitBreaker, ManualClock, State};
use std::sync::Arc;
use std::time::Duration;

/// What the clock shows when a sequential model begins, in ms.
const START: u64 = 1_000;

/// A breaker for a sequential model, and its clock; its history is the last transition.
fn started(settings: Builder) -> (Arc<CircuitBreaker>, ManualClock) {
    let clock = ManualClock::new();
    clock.set(Duration::from_millis(START));
    let breaker = settings.history(1).clock(clock.clone()).build();
    (Arc::new(breaker.expect("settings within bounds")), clock)
}

/// The era that its history tells of, and from where to where it went, and why.
fn told(breaker: &CircuitBreaker) -> (u64, Option<(State, State, String)>) {
    let told = breaker.history().pop();
    let era = told.as_ref().map_or(0, |event| event.era);
    (era, told.map(|event| (event.from, event.to, event.cause.to_string())))
}
