//! What a full cycle of transitions costs.
//!
//! One iteration is closed -> open -> half-open -> closed: a failure that trips, a
//! step of the manual clock past the wait, and a probe that closes.

use ampacity::{CircuitBreaker, ManualClock, Timing};
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn cycle(c: &mut Criterion) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("cycle")
        .failure_threshold(1)
        .open_for(Duration::from_millis(1))
        .success_threshold(1)
        .timing(Timing::Off)
        .clock(clock.clone())
        .build()
        .unwrap();
    c.bench_function("state_churn/cycle/1", |b| {
        b.iter(|| {
            breaker.try_acquire().unwrap().failure();
            clock.advance(Duration::from_millis(1));
            breaker.try_acquire().unwrap().success();
        });
    });
}

criterion_group!(benches, cycle);
criterion_main!(benches);
