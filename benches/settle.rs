//! What it costs to report a failure that does not trip.
//!
//! One iteration is one permit taken and settled as a failure: one swap of the
//! shared word. The streak would take 2^32 of them to trip.

use ampacity::{CircuitBreaker, Timing};
use criterion::{Criterion, criterion_group, criterion_main};

fn settle(c: &mut Criterion) {
    let breaker = CircuitBreaker::builder("settle")
        .failure_threshold(u32::MAX)
        .timing(Timing::Off)
        .build()
        .unwrap();
    c.bench_function("settle/failure/1", |b| {
        b.iter(|| breaker.try_acquire().unwrap().failure());
    });
}

criterion_group!(benches, settle);
criterion_main!(benches);
