//! What a call costs around a protected operation that does nothing.
//!
//! One iteration is one `call`: admission, the empty operation, settling.

use ampacity::{CircuitBreaker, Timing};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn operation() -> Result<u64, u64> {
    black_box(Ok(black_box(7)))
}

fn call(c: &mut Criterion) {
    let timed = CircuitBreaker::new("timed");
    c.bench_function("call/closed/1", |b| b.iter(|| timed.call(operation)));

    let untimed = CircuitBreaker::builder("untimed").timing(Timing::Off).build().unwrap();
    c.bench_function("call/closed_untimed/1", |b| b.iter(|| untimed.call(operation)));

    let open = CircuitBreaker::new("open");
    open.trip();
    c.bench_function("call/open/1", |b| b.iter(|| black_box(open.call(operation))));
}

criterion_group!(benches, call);
criterion_main!(benches);
