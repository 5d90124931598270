//! Totals are exact at rest, whichever threads counted.

use ampacity::{CircuitBreaker, Outcome, OwnedPermit, Snapshot, Timing};
use std::cell::RefCell;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

fn assert_settled(seen: &Snapshot, admitted: u64) {
    assert_eq!(seen.admitted, admitted);
    assert_eq!(seen.in_flight, 0);
    let settled = seen.succeeded + seen.failed + seen.ignored + seen.cancelled;
    assert_eq!(settled, admitted);
}

#[test]
fn ten_thousand_short_lived_threads_lose_no_call() {
    let breaker = CircuitBreaker::new("short lives");
    for _ in 0..100 {
        thread::scope(|scope| {
            for _ in 0..100 {
                let life = || (0..100).for_each(|_| breaker.call(|| Ok::<_, ()>(())).unwrap());
                thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, life).unwrap();
            }
        });
    }
    let seen = breaker.snapshot();
    assert_settled(&seen, 1_000_000);
    assert_eq!(seen.succeeded, 1_000_000);
}

/// 600 threads at once are more than have shards of their own up to 149 cores.
#[test]
fn totals_are_exact_with_more_threads_than_shards() {
    let settings = CircuitBreaker::builder("crowd").failure_threshold(u32::MAX);
    let breaker = settings.timing(Timing::Every).build().unwrap();
    let all_alive = Barrier::new(600);
    thread::scope(|scope| {
        for nth in 0..600 {
            let work = || {
                all_alive.wait();
                for call in 0..100 {
                    let permit = breaker.try_acquire().unwrap();
                    match call % 4 {
                        0 => permit.success(),
                        1 => permit.failure(),
                        2 => permit.ignore(),
                        _ => drop(permit),
                    }
                }
                all_alive.wait();
            };
            let name = format!("crowd {nth}");
            let builder = thread::Builder::new().name(name).stack_size(128 << 10);
            builder.spawn_scoped(scope, work).unwrap();
        }
    });
    let seen = breaker.snapshot();
    assert_settled(&seen, 60_000);
    for count in [seen.succeeded, seen.failed, seen.ignored, seen.cancelled] {
        assert_eq!(count, 15_000);
    }
    assert_eq!(seen.latency.success.samples, 15_000);
    assert_eq!(seen.latency.failure.samples, 15_000);
}

#[test]
fn totals_outlive_the_threads_that_counted_them() {
    let breaker = CircuitBreaker::builder("waves").timing(Timing::Off).build().unwrap();
    for wave in 1..=50 {
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| breaker.call(|| Ok::<_, ()>(())).unwrap());
            }
        });
        assert_settled(&breaker.snapshot(), wave * 20);
    }
}

#[test]
fn a_permit_may_be_settled_by_another_thread_than_took_it() {
    let breaker = Arc::new(CircuitBreaker::new("travels"));
    let permits: Vec<_> = (0..100).map(|_| breaker.try_acquire_owned().unwrap()).collect();
    assert_eq!(breaker.snapshot().in_flight, 100);
    thread::spawn(move || permits.into_iter().for_each(|permit| permit.success())).join().unwrap();
    assert_settled(&breaker.snapshot(), 100);
}

/// Calls a breaker when its thread ends.
struct CallsAtExit(Arc<CircuitBreaker>);

impl Drop for CallsAtExit {
    fn drop(&mut self) {
        self.0.call(|| Ok::<_, ()>(())).unwrap();
    }
}

thread_local! {
    static FIRST: RefCell<Option<CallsAtExit>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<CallsAtExit>> = const { RefCell::new(None) };
}

#[test]
fn destructors_that_call_before_or_after_the_slot_is_given_back_are_counted() {
    let breaker = Arc::new(CircuitBreaker::new("at exit"));
    for _ in 0..200 {
        let theirs = Arc::clone(&breaker);
        thread::spawn(move || {
            // Whatever the order in which destructors run, the slot's is between.
            FIRST.set(Some(CallsAtExit(Arc::clone(&theirs))));
            theirs.call(|| Ok::<_, ()>(())).unwrap();
            LAST.set(Some(CallsAtExit(theirs)));
        })
        .join()
        .unwrap();
    }
    assert_settled(&breaker.snapshot(), 600);
}

#[test]
fn a_thread_whose_only_calls_come_from_its_destructors_is_counted() {
    let breaker = Arc::new(CircuitBreaker::new("only at exit"));
    let theirs = Arc::clone(&breaker);
    thread::spawn(move || FIRST.set(Some(CallsAtExit(theirs)))).join().unwrap();
    assert_settled(&breaker.snapshot(), 1);
}

/// Whatever runs inside a call may call: nothing is lost between two accesses of a counter.
#[test]
fn calls_inside_of_calls_and_of_classifiers_are_counted() {
    for timing in [Timing::Off, Timing::Every, Timing::Adaptive] {
        let breaker = CircuitBreaker::builder("inside").timing(timing).build().unwrap();
        let other = CircuitBreaker::builder("other").timing(timing).build().unwrap();
        let call = || breaker.call(|| other.call(|| breaker.call(|| Ok::<_, ()>(())))).unwrap();
        let view = breaker.classified(|_: &Result<(), ()>| {
            call();
            Outcome::Success
        });
        for _ in 0..1_000 {
            view.call(|| {
                call();
                Ok(())
            })
            .unwrap();
        }
        assert_settled(&breaker.snapshot(), 5_000);
        assert_settled(&other.snapshot(), 2_000);
    }
}

#[test]
fn breakers_come_and_go_while_threads_that_called_them_live() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for nth in 0..2_000 {
                    let breaker = Arc::new(CircuitBreaker::new("passing"));
                    let permit = breaker.try_acquire_owned().unwrap();
                    let elsewhere = Arc::clone(&breaker);
                    if nth % 100 == 0 {
                        thread::spawn(move || drop(permit)).join().unwrap();
                    } else {
                        permit.success();
                    }
                    assert_settled(&elsewhere.snapshot(), 1);
                }
            });
        }
    });
}

#[test]
fn rates_of_small_totals_are_exact_and_of_none_unknown() {
    let breaker = CircuitBreaker::new("rates");
    let seen = breaker.snapshot();
    assert_eq!((seen.failure_rate, seen.success_rate), (None, None));
    breaker.try_acquire().unwrap().success();
    for _ in 0..3 {
        breaker.try_acquire().unwrap().failure();
    }
    breaker.try_acquire().unwrap().ignore();
    let seen = breaker.snapshot();
    assert_eq!((seen.failure_rate, seen.success_rate), (Some(0.75), Some(0.25)));
}

#[test]
fn a_snapshot_prints_what_happened_for_people() {
    let breaker = CircuitBreaker::builder("model-api").timing(Timing::Off).build().unwrap();
    breaker.try_acquire().unwrap().success();
    for _ in 0..5 {
        breaker.try_acquire().unwrap().failure();
    }
    breaker.call_or(|| Ok::<_, ()>(()), |_| Ok(())).unwrap();
    assert_eq!(
        breaker.snapshot().to_string(),
        "circuit breaker 'model-api' is open (era 1)\n\
         \x20 admitted  6: 1 succeeded, 5 failed, 0 ignored, 0 cancelled, 0 in flight; 0 stale\n\
         \x20 failures  83.3 %\n\
         \x20 rejected  1: 1 open, 0 half-open, 0 forced open; 1 fallbacks\n\
         \x20 changes   1: 1 closed -> open\n"
    );
}

/// A registry evicts only what nobody holds, and what is held by nobody must be freed.
#[test]
fn however_an_owned_permit_ends_it_lets_go_of_its_breaker() {
    type End = (&'static str, fn(OwnedPermit));
    let ends: [End; 11] = [
        ("success", OwnedPermit::success),
        ("failure", OwnedPermit::failure),
        ("ignore", OwnedPermit::ignore),
        ("open_for", |permit| permit.open_for(Duration::from_millis(1))),
        ("settle, failure", |permit| permit.settle(Outcome::Failure)),
        ("settle, open for", |permit| permit.settle(Outcome::OpenFor(Duration::ZERO))),
        ("run", |permit| permit.run(|| Ok::<_, ()>(())).unwrap()),
        ("run, panic", |permit| {
            let run =
                || permit.run(|| -> Result<(), ()> { std::panic::resume_unwind(Box::new(0)) });
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }),
        ("run_async", |permit| {
            let mut context = Context::from_waker(Waker::noop());
            let run = pin!(permit.run_async(ready(Err::<(), ()>(()))));
            assert!(run.poll(&mut context).is_ready());
        }),
        ("run_async, never polled", |permit| drop(permit.run_async(ready(Ok::<(), ()>(()))))),
        ("drop", drop),
    ];
    let breaker = Arc::new(CircuitBreaker::new("held"));
    for (how, end) in ends {
        breaker.reset();
        let permit = breaker.try_acquire_owned().unwrap();
        assert_eq!(Arc::strong_count(&breaker), 2, "{how}");
        end(permit);
        assert_eq!(Arc::strong_count(&breaker), 1, "{how} keeps its breaker");
    }
}
