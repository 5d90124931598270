//! A panic in code that the user gives leaves the breaker as it should be: the totals add
//! up, nothing is in flight that is not, and it trips and recovers as before.
//!
//! | the code | what its panic is | where |
//! |---|---|---|
//! | the protected function, a poll | a failure, and goes on | `conformance`, `s41_…` |
//! | its captures, dropped uncalled | a rejection, and goes on | here |
//! | its future, dropped between polls | cancelled, and goes on | here |
//! | a classifier | cancelled, and goes on | `conformance`, `s11_…`; of a future, here |
//! | a fallback | a fallback, and goes on | here |
//! | a policy of `trip_when` | a no | `conformance`, `s11_…` |
//! | a listener, what it owns | counted | `conformance`, `s61_…` |
//! | a clock | the time 0 | here |
//! | a clock that is dropped | goes on to whoever drops the breaker | here |
//! | the change of `reconfigure` | no change, and goes on | here |
//! | the builder of a registry, a visitor | no breaker, and goes on | here |
//!
//! Back-off and jitter are numbers and no code. What a call returns is the caller's to drop.

use ampacity::{CircuitBreaker, Clock, ManualClock, Outcome, Reason, Registry, State};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Without a word on the terminal.
fn trouble() -> ! {
    resume_unwind(Box::new("trouble"))
}

/// That `f` panics, with the trouble it was meant to have.
#[track_caller]
fn panics<T>(f: impl FnOnce() -> T) {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("the panic goes on");
    assert_eq!(payload.downcast_ref(), Some(&"trouble"));
}

/// Whose end is a panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        trouble();
    }
}

/// Opens at 2 failures for 1 s; one probe closes it.
fn breaker_by(clock: impl Clock + 'static) -> CircuitBreaker {
    CircuitBreaker::builder("panics")
        .failure_threshold(2)
        .open_for(SECOND)
        .success_threshold(1)
        .clock(clock)
        .build()
        .expect("settings within bounds")
}

fn breaker() -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    (breaker_by(clock.clone()), clock)
}

fn open(breaker: &CircuitBreaker) {
    (0..2).for_each(|_| breaker.try_acquire().expect("closed").failure());
    assert_eq!(breaker.state(), State::Open);
}

/// Everything adds up, and a whole round of states goes as ever; from `closed`.
#[track_caller]
fn is_usable(breaker: &CircuitBreaker, clock: &ManualClock) {
    let now = breaker.snapshot();
    let settled = now.succeeded + now.failed + now.ignored + now.cancelled;
    assert_eq!((now.in_flight, now.admitted), (0, settled), "a call was lost");
    breaker.call(|| Ok::<_, ()>(())).expect("closed");
    open(breaker);
    assert_eq!(breaker.try_acquire().unwrap_err().reason(), Reason::Open);
    clock.advance(SECOND);
    breaker.call(|| Ok::<_, ()>(())).expect("due");
    assert_eq!(breaker.state(), State::Closed);
}

fn poll<T>(future: impl Future<Output = T>) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn a_call_whose_captures_panic_when_it_is_turned_away_is_a_rejection() {
    let (breaker, clock) = breaker();
    open(&breaker);
    let bomb = Bomb;
    panics(|| {
        breaker.call(move || {
            let _bomb = &bomb;
            Ok::<_, ()>(())
        })
    });
    let now = breaker.snapshot();
    assert_eq!((now.admitted, now.rejected.total(), now.panicked), (2, 1, 0));
    breaker.close();
    is_usable(&breaker, &clock);
}

#[test]
fn a_future_that_panics_when_it_is_dropped_between_polls_was_cancelled() {
    let (breaker, clock) = breaker();
    open(&breaker);
    clock.advance(SECOND);
    panics(|| {
        poll(breaker.call_async(async {
            let _bomb = Bomb;
            pending::<Result<(), ()>>().await
        }))
    });
    let now = breaker.snapshot();
    assert_eq!((now.state, now.cancelled, now.panicked), (State::HalfOpen, 1, 0));
    breaker.call(|| Ok::<_, ()>(())).expect("the place of the probe came back");
    is_usable(&breaker, &clock);
}

#[test]
fn a_classifier_of_a_future_that_panics_holds_no_permit() {
    let (breaker, clock) = breaker();
    let classified = breaker.classified(|_: &Result<(), ()>| -> Outcome { trouble() });
    panics(|| poll(classified.call_async(ready(Ok(())))));
    let permit = breaker.try_acquire().expect("closed");
    panics(|| permit.run(|| -> Result<(), ()> { trouble() }));
    let now = breaker.snapshot();
    assert_eq!((now.cancelled, now.failed, now.panicked), (1, 1, 1));
    breaker.close();
    is_usable(&breaker, &clock);
}

#[test]
fn a_fallback_that_panics_is_counted_and_holds_nothing() {
    let (breaker, clock) = breaker();
    open(&breaker);
    panics(|| breaker.call_or(|| Ok::<(), ()>(()), |_| trouble()));
    let now = breaker.snapshot();
    assert_eq!((now.fallbacks, now.rejected.total(), now.admitted), (1, 1, 2));
    breaker.close();
    is_usable(&breaker, &clock);
}

#[test]
fn a_change_of_settings_that_panics_changes_nothing() {
    let (breaker, clock) = breaker();
    let before = breaker.config();
    panics(|| breaker.reconfigure(|_| trouble()));
    assert_eq!(breaker.config(), before);
    breaker.reconfigure(|now| now.open_for(SECOND)).expect("nothing is locked");
    is_usable(&breaker, &clock);
}

#[test]
fn what_a_registry_is_given_may_panic_and_locks_nothing() {
    let registry = Registry::bounded(1).expect("room for one");
    panics(|| registry.get_or_create("db", |_| trouble()));
    assert!(registry.is_empty());
    let clock = ManualClock::new();
    let settings = |builder: ampacity::Builder| {
        let builder = builder.failure_threshold(2).open_for(SECOND).success_threshold(1);
        builder.clock(clock.clone())
    };
    let made = registry.get_or_create("db", settings).expect("room for one");
    panics(|| registry.get_or_create("db", |_| trouble()));
    panics(|| registry.for_each(|_| trouble()));
    assert_eq!((registry.len(), registry.to_vec().len()), (1, 1));
    is_usable(&made, &clock);
    drop(made);
    let other = registry.get_or_create("other", |builder| builder).expect("one is idle");
    assert_eq!((registry.len(), other.name()), (1, "other"));
}

/// A clock whose last reader, by number, it fails.
struct Moody {
    clock: ManualClock,
    readings_left: Arc<AtomicU64>, // 0 is no panic
}

impl Clock for Moody {
    fn now(&self) -> u64 {
        // Relaxed, as everywhere below: one thread does all of this.
        let left = self.readings_left.load(Ordering::Relaxed);
        self.readings_left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 1 {
            // Not the trouble that its caller's code may have, and that goes on.
            resume_unwind(Box::new("the clock"));
        }
        self.clock.now()
    }
}

#[test]
fn a_clock_that_panics_shows_0() {
    let readings_left = Arc::new(AtomicU64::new(0));
    let clock = ManualClock::new();
    clock.advance(SECOND);
    let moody = Moody { clock, readings_left: Arc::clone(&readings_left) };
    let breaker = breaker_by(moody);
    breaker.trip();
    assert_eq!(breaker.snapshot().last_transition, Some(SECOND));
    readings_left.store(1, Ordering::Relaxed);
    breaker.force_open();
    assert_eq!(readings_left.load(Ordering::Relaxed), 0);
    assert_eq!(breaker.snapshot().last_transition, Some(Duration::ZERO));
}

/// At each reading in turn, of all that a breaker does; also while its caller unwinds.
#[test]
fn a_clock_that_panics_at_any_reading_loses_no_call() {
    let (mut nth, mut fired) = (0, true);
    while fired {
        nth += 1;
        let (clock, readings_left) = (ManualClock::new(), Arc::new(AtomicU64::new(0)));
        let moody = Moody { clock: clock.clone(), readings_left: Arc::clone(&readings_left) };
        clock.advance(SECOND);
        let breaker = breaker_by(moody);
        readings_left.store(nth, Ordering::Relaxed);
        breaker.call(|| Ok::<_, ()>(())).expect("closed");
        panics(|| breaker.call(|| -> Result<(), ()> { trouble() }));
        breaker.call(|| Err::<(), _>(())).expect_err("it failed");
        clock.advance(SECOND);
        breaker.state();
        breaker.call(|| Err::<(), _>(())).expect_err("whether or not it was admitted");
        clock.advance(SECOND);
        drop(breaker.try_acquire());
        breaker.trip();
        drop(breaker.snapshot());
        breaker.reset();
        fired = readings_left.load(Ordering::Relaxed) == 0;
        readings_left.store(0, Ordering::Relaxed);
        is_usable(&breaker, &clock);
    }
    assert!(nth > 10, "{nth} readings are not all there are");
}

#[test]
fn a_clock_that_panics_when_it_is_dropped_is_dropped_by_the_breakers_last_owner() {
    struct Last(Bomb);
    impl Clock for Last {
        fn now(&self) -> u64 {
            let Last(_) = self;
            0
        }
    }
    let breaker = Arc::new(breaker_by(Last(Bomb)));
    let permit = breaker.try_acquire_owned().expect("closed");
    drop(breaker);
    panics(|| permit.success());
    let registry = Registry::bounded(1).expect("room for one");
    let made = registry.get_or_create("db", |builder| builder.clock(Last(Bomb)));
    drop(made.expect("room for one"));
    panics(|| registry.get_or_create("other", |builder| builder));
    let other = registry.get_or_create("other", |builder| builder).expect("nothing is locked");
    assert_eq!((registry.len(), other.name()), (1, "other"));
    assert_eq!(Arc::strong_count(&other), 2, "the registry's and this one: none is lost");
}

/// Whoever asks it makes a breaker called `db` first, if there is none.
struct Faster(Arc<Registry>, Bomb);

impl Clock for Faster {
    fn now(&self) -> u64 {
        let Self(registry, _) = self;
        drop(registry.get_or_create("db", |builder| builder));
        0
    }
}

#[test]
fn a_clock_that_panics_when_it_is_dropped_unused_holds_no_breaker_that_was_there() {
    let registry = Arc::new(Registry::new());
    // First one that another is faster to make, then one that is there.
    for _ in 0..2 {
        let clock = Faster(Arc::clone(&registry), Bomb);
        panics(|| registry.get_or_create("db", |builder| builder.clock(clock)));
        let found = registry.get("db").expect("made by the clock");
        assert_eq!(Arc::strong_count(&found), 2, "the registry's and this one");
    }
}
