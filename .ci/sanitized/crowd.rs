//! Two thousand threads on one breaker, for a sanitizer that sees the order that atomics make
//! and not what the standard library makes by itself: its locks where two threads meet,
//! its scopes, barriers and channels. So these threads wait for each other by an atomic only;
//! and one after the other they come, go, and change what a lock guards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ampacity::{CircuitBreaker, Config, ManualClock};

const THREADS: usize = 2_000;
const CALLS: usize = 40;

/// Threads that have come, that have made their calls, and that may go. Each is raised with
/// Release, and `wait_for` pairs with that: who sees a turn sees what was done before it.
static HERE: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicUsize = AtomicUsize::new(0);
static LEAVE: AtomicUsize = AtomicUsize::new(0);

/// Until `turn` is `number`, which says that all that was done before it said so is done.
fn wait_for(turn: &AtomicUsize, number: usize) {
    // Acquire: pairs with the Release of whoever raised `turn`.
    while turn.load(Ordering::Acquire) < number {
        thread::yield_now();
    }
}

/// The calls of one thread: all that may be done by many at once without a lock.
fn calls(breaker: &CircuitBreaker, clock: &ManualClock, thread: usize) {
    for call in 0..CALLS {
        match (thread + 7 * call) % 40 {
            0 => breaker.trip(),
            1 => breaker.reset(),
            2 => drop(breaker.try_acquire()),
            3 => assert!(breaker.snapshot().name.len() == 5 && breaker.history().len() <= 16),
            4 => assert!(breaker.config() != Config::new()),
            5..8 => clock.advance(Duration::from_millis(400)),
            choice => {
                let _ = breaker.call(|| if choice % 3 == 0 { Err(()) } else { Ok(()) });
            }
        }
        // A turn for another: with few processors they would not meet.
        thread::yield_now();
    }
}

fn main() {
    let told = Arc::new(AtomicU64::new(0));
    let clock = ManualClock::new();
    let hears = Arc::clone(&told);
    let breaker = CircuitBreaker::builder("crowd")
        .failure_threshold(3)
        .failure_rate(0.5)
        .slow_call(Duration::from_millis(300))
        .slow_call_rate(0.5)
        .time_window(Duration::from_secs(1))
        .minimum_calls(20)
        .open_for(Duration::from_secs(1))
        .half_open_permits(3)
        .history(16)
        .clock(clock.clone())
        // Relaxed here and below: a number that is read when all threads have been joined.
        .on_event(move |_| drop(hears.fetch_add(1, Ordering::Relaxed)))
        .build();
    let breaker = Arc::new(breaker.expect("a valid configuration"));

    // One of each alone, so that what is made once, by whoever comes first, is made.
    calls(&breaker, &clock, 0);
    let crowd: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (breaker, clock) = (Arc::clone(&breaker), clock.clone());
            let body = move || {
                // Its place among the breaker's counters is given out under a lock.
                drop(breaker.try_acquire());
                // Release: pairs with `wait_for`. One thread at a time comes, so a store does.
                HERE.store(thread + 1, Ordering::Release);
                wait_for(&HERE, THREADS);
                calls(&breaker, &clock, thread);
                // Release: pairs with the Acquire in `main`; additions carry each other on.
                DONE.fetch_add(1, Ordering::Release);
                wait_for(&LEAVE, thread + 1);
            };
            let spawned = thread::Builder::new().stack_size(256 << 10).spawn(body);
            wait_for(&HERE, thread + 1);
            spawned.expect("a thread")
        })
        .collect();
    // Meanwhile one alone changes the settings, and adds and removes listeners.
    // Acquire: pairs with the additions, so that what the calls did is seen by the end.
    while DONE.load(Ordering::Acquire) < THREADS {
        let hears = Arc::clone(&told);
        let id = breaker.add_listener(move |_| drop(hears.fetch_add(1, Ordering::Relaxed)));
        breaker.reconfigure(|now| now.failure_threshold(4)).expect("a valid change");
        thread::yield_now();
        assert!(breaker.remove_listener(id));
        thread::sleep(Duration::from_micros(100));
    }
    for (thread, ended) in crowd.into_iter().enumerate() {
        // Release: pairs with `wait_for`.
        LEAVE.store(thread + 1, Ordering::Release);
        ended.join().expect("no panic");
    }

    let end = breaker.snapshot();
    let heard = told.load(Ordering::Relaxed);
    let (told, dropped) = (end.events.told, end.events.dropped);
    println!("{THREADS} threads, {} transitions, {told} told, {dropped} not", end.era);
    // A storm that never was one proves nothing.
    assert!(end.era > 100 && heard > 100);
    let settled = end.succeeded + end.failed + end.ignored + end.cancelled;
    assert_eq!((end.admitted, end.in_flight), (settled, 0));
}
