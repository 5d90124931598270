//! What it costs to look at a breaker.
//!
//! One iteration is one snapshot of a breaker that 64 threads have used, at rest: the
//! sum over all shards, and the latencies of each thread or of the shared stripes.

use ampacity::{CircuitBreaker, Timing};
use criterion::{Criterion, criterion_group, criterion_main};
use std::sync::Barrier;

fn snapshot(c: &mut Criterion) {
    for (name, timing) in [
        ("snapshot/untimed/64", Timing::Off),
        ("snapshot/adaptive/64", Timing::Adaptive),
        ("snapshot/every/64", Timing::Every),
    ] {
        let breaker = CircuitBreaker::builder("snapshot").timing(timing).build().unwrap();
        let all_alive = Barrier::new(64); // so that each has a slot of its own
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        breaker.call(|| Ok::<_, ()>(())).unwrap();
                    }
                    all_alive.wait();
                });
            }
        });
        c.bench_function(name, |b| b.iter(|| breaker.snapshot()));
    }
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
