//! What windows cost, by form.
//!
//! One iteration of `success` is one `call` that succeeds, of `failing` one that fails and
//! one that succeeds, below the threshold, and of `look` one bad result that adds the
//! window up and says that nothing follows.

use ampacity::{Builder, CircuitBreaker};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn ok() -> Result<u64, u64> {
    Ok(black_box(7))
}

fn err() -> Result<u64, u64> {
    Err(black_box(7))
}

fn forms(settings: &Builder) -> [(&'static str, Builder); 5] {
    let settings = || settings.clone();
    let slow = || settings().slow_call(Duration::from_secs(1)).slow_call_rate(0.9);
    [
        ("count_100", settings().count_window(100)),
        ("count_65536", settings().count_window(65_536)),
        ("time", settings()),
        ("slow", slow()),
        ("in_flight", slow().count_in_flight(true)),
    ]
}

fn window(c: &mut Criterion) {
    let rate = CircuitBreaker::builder("rate").failure_rate(0.9);
    for (form, builder) in forms(&rate) {
        let breaker = builder.build().unwrap();
        (0..100).for_each(|_| assert!(breaker.call(ok).is_ok()));
        c.bench_function(&format!("window/success/{form}/1"), |b| b.iter(|| breaker.call(ok)));
        c.bench_function(&format!("window/failing/{form}/1"), |b| {
            b.iter(|| (breaker.call(err), breaker.call(ok)));
        });
    }
    // A policy of one's own is asked each time.
    let own = CircuitBreaker::builder("own").trip_when(|window| window.calls == u64::MAX);
    for (form, builder) in forms(&own) {
        let breaker = builder.build().unwrap();
        (0..100_000).for_each(|_| assert!(breaker.call(ok).is_ok()));
        c.bench_function(&format!("window/look/{form}/1"), |b| b.iter(|| breaker.call(err)));
    }
}

criterion_group!(benches, window);
criterion_main!(benches);
