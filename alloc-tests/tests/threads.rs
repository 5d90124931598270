//! What a breaker holds does not grow with the threads that have used it.

use alloc_tests::{Heap, crowd, shards};
use ampacity::{CircuitBreaker, Timing};
use std::sync::Arc;

const KIB: usize = 1 << 10;
/// 10,000 threads in all, and always more at once than can have counters of their own,
/// up to 250 cores.
const WAVES: usize = 10;
const THREADS: usize = 1_000;

fn use_once(breaker: &CircuitBreaker) {
    breaker.call(|| Ok::<_, ()>(())).unwrap();
    breaker.call(|| Err::<(), _>(())).unwrap_err();
    breaker.call(|| Ok::<_, ()>(())).unwrap();
}

/// What it frees when it is dropped.
fn held(heap: &Heap, breaker: Arc<CircuitBreaker>) -> usize {
    let before = heap.bytes();
    drop(breaker);
    before - heap.bytes()
}

fn main() {
    let heap = Heap::watched();

    let idle = held(&heap, Arc::new(CircuitBreaker::new("idle")));
    let name = String::from("of twenty characters");
    let set_up = CircuitBreaker::builder(name).failure_threshold(3).build().unwrap();
    let set_up = held(&heap, Arc::new(set_up));
    println!("idle: {idle} B with the defaults, {set_up} B with a name and settings of its own");
    assert!(idle <= 512);

    // The most threads at once, so that what the process keeps for them is there.
    let settled = Arc::new(CircuitBreaker::new("settled"));
    crowd(THREADS, move || use_once(&settled));

    // What calls add to an idle breaker. A lone core is granted what two have. Tested with
    // the workspace, the library counts its swaps by site as well, in 8 stripes of 384 B.
    let own = THREADS.min(shards());
    let shared = 96 * KIB + 512 * num_cpus::get().max(2) + 4 * KIB;
    // No trip: thousands of failures could be in a row.
    let settings = || CircuitBreaker::builder("waves").failure_threshold(u32::MAX);
    let rate = || settings().failure_rate(1.0);
    let timed = 12 * KIB * own;
    for (case, settings, most) in [
        ("Off", settings().timing(Timing::Off), shared),
        ("Sampled(16)", settings().timing(Timing::Sampled(16)), shared),
        ("Adaptive", settings(), shared),
        ("Every", settings().timing(Timing::Every), timed),
        ("a count window of 100", rate().count_window(100), shared + KIB),
        ("a time window", rate(), timed),
        ("a time window, untimed", rate().timing(Timing::Off), shared),
    ] {
        let breaker = settings.build();
        let breaker = Arc::new(breaker.unwrap());
        let before = heap.bytes();
        use_once(&breaker);
        let by_one = heap.bytes() - before;
        let mut by_all = None;
        for wave in 1..=WAVES {
            let theirs = Arc::clone(&breaker);
            crowd(THREADS, move || use_once(&theirs));
            let now = heap.bytes() - before;
            let first = *by_all.get_or_insert(now);
            assert_eq!(now, first, "{case}: after wave {wave} and after the first");
        }
        let by_all = by_all.unwrap();
        assert_eq!(breaker.snapshot().admitted, (1 + WAVES * THREADS) as u64 * 3);
        println!(
            "{case}: calls of one thread add {by_one} B, of {} threads {by_all} B; at most {most} B",
            WAVES * THREADS
        );
        assert!(by_all <= most, "{case}");
        // And all of it goes with the breaker.
        assert!(held(&heap, breaker) >= by_all, "{case}");
    }
}
