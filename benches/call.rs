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
    // By the default timing: a few calls in a hundred read the clock when they come fast.
    let adaptive = CircuitBreaker::new("adaptive");
    c.bench_function("call/closed/1", |b| b.iter(|| adaptive.call(operation)));

    for (name, timing) in
        [("call/closed_untimed/1", Timing::Off), ("call/closed_every/1", Timing::Every)]
    {
        let breaker = CircuitBreaker::builder("timing").timing(timing).build().unwrap();
        c.bench_function(name, |b| b.iter(|| breaker.call(operation)));
    }

    let open = CircuitBreaker::new("open");
    open.trip();
    c.bench_function("call/open/1", |b| b.iter(|| black_box(open.call(operation))));
}

criterion_group!(benches, call);
criterion_main!(benches);
