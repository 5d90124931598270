//! K. The registry.

use super::*;
use ampacity::{Clock, Registry, RegistryError};
use std::any::Any;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A clock whose first reading, when its breaker is built, waits for all the others.
struct Meeting {
    readings: AtomicUsize,
    all: Arc<Barrier>,
}

impl Clock for Meeting {
    fn now(&self) -> u64 {
        if self.readings.fetch_add(1, Ordering::Relaxed) == 0 {
            self.all.wait();
        }
        0
    }
}

/// Nobody gets past the building of a breaker of their own before everybody is there:
/// so all have found none.
#[test]
fn s65_many_threads_that_found_no_breaker_of_a_name_get_one_and_the_same() {
    const THREADS: usize = 32;
    let registry = Registry::new();
    for round in 0..20 {
        let name = format!("round {round}");
        let all = Arc::new(Barrier::new(THREADS));
        let got: Vec<_> = thread::scope(|scope| {
            let ask = || {
                let clock = Meeting { readings: AtomicUsize::new(0), all: Arc::clone(&all) };
                let breaker = registry.get_or_create(&name, |builder| builder.clock(clock));
                let breaker = breaker.expect("the same settings");
                breaker.try_acquire().unwrap().success();
                breaker
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(got.iter().all(|breaker| Arc::ptr_eq(breaker, &got[0])));
        assert!(Arc::ptr_eq(&got[0], &registry.get(&name).unwrap()));
        assert_eq!(got[0].snapshot().succeeded, THREADS as u64);
        assert_eq!(registry.len(), round + 1);
    }
}

#[test]
fn s65_of_many_threads_that_want_different_settings_one_wins_and_all_others_are_told() {
    const THREADS: usize = 32;
    let registry = Registry::new();
    let all = Arc::new(Barrier::new(THREADS));
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = |failures| {
            let clock = Meeting { readings: AtomicUsize::new(0), all: Arc::clone(&all) };
            registry.get_or_create("one", |b| b.failure_threshold(failures).clock(clock))
        };
        let threads: Vec<_> =
            (1..=THREADS as u32).map(|nth| scope.spawn(move || ask(nth))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let only = registry.get("one").unwrap();
    let mut winners = 0;
    for answer in answers {
        match answer {
            Ok(breaker) => {
                assert!(Arc::ptr_eq(&breaker, &only));
                winners += 1;
            }
            Err(RegistryError::Conflict { existing, setting, .. }) => {
                assert!(Arc::ptr_eq(&existing, &only));
                assert_eq!(setting, "failure_threshold");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners, 1);
}

/// Something that keeps a breaker from being evicted, and what it is over by.
struct Reason {
    why: &'static str,
    /// Returns what it holds.
    begin: fn(&Arc<CircuitBreaker>, &ManualClock) -> Box<dyn Any>,
    end: fn(&CircuitBreaker),
}

#[test]
fn s66_a_full_registry_evicts_no_breaker_that_is_in_use_or_has_something_to_say() {
    fn nothing() -> Box<dyn Any> {
        Box::new(())
    }
    let close: fn(&CircuitBreaker) = |breaker| breaker.close();
    let let_go: fn(&CircuitBreaker) = |_| {};
    let reasons = [
        Reason { why: "open", begin: |b, _| (fail(b, 3), nothing()).1, end: close },
        Reason { why: "due", begin: |b, clock| (make_due(b, clock), nothing()).1, end: close },
        Reason {
            why: "half-open",
            begin: |b, clock| {
                make_due(b, clock);
                succeed(b, 1);
                nothing()
            },
            end: close,
        },
        Reason { why: "forced open", begin: |b, _| (b.force_open(), nothing()).1, end: close },
        Reason { why: "disabled", begin: |b, _| (b.disable(), nothing()).1, end: close },
        Reason { why: "metrics only", begin: |b, _| (b.metrics_only(), nothing()).1, end: close },
        Reason { why: "a streak", begin: |b, _| (fail(b, 1), nothing()).1, end: |b| succeed(b, 1) },
        Reason {
            why: "other settings since",
            begin: |b, _| (b.reconfigure(|now| now.failure_threshold(9)).unwrap(), nothing()).1,
            end: |b| b.reconfigure(|now| now.failure_threshold(3)).unwrap(),
        },
        Reason { why: "held", begin: |b, _| Box::new(Arc::clone(b)), end: let_go },
        Reason { why: "weakly held", begin: |b, _| Box::new(Arc::downgrade(b)), end: let_go },
        Reason {
            why: "a call in flight",
            begin: |b, _| Box::new(b.try_acquire_owned().unwrap()),
            end: let_go,
        },
    ];
    for Reason { why, begin, end } in reasons {
        let registry = Registry::bounded(1).unwrap();
        let clock = ManualClock::new();
        let settings = |b: Builder| b.failure_threshold(3).open_for(SECOND).success_threshold(2);
        let old = registry.get_or_create("old", |b| settings(b).clock(clock.clone())).unwrap();
        let held = begin(&old, &clock);
        let (state, address) = (old.state(), Arc::as_ptr(&old));
        drop(old);
        for _ in 0..3 {
            let full = registry.get_or_create("new", settings).expect_err(why);
            assert!(matches!(full, RegistryError::Full { capacity: 1 }), "{why}: {full}");
            assert!(registry.get("new").is_none());
            let old = registry.get("old").expect(why);
            assert_eq!((Arc::as_ptr(&old), old.state()), (address, state), "{why}");
        }
        // And that was the only reason.
        drop(held);
        end(&registry.get("old").unwrap());
        registry.get_or_create("new", settings).expect(why);
        assert!(registry.get("old").is_none(), "{why}");
        assert_eq!(registry.len(), 1);
    }
}

#[test]
fn s66_a_full_registry_evicts_the_idle_ones_among_many() {
    let registry = Registry::bounded(64).unwrap();
    let breaker = |nth: usize| registry.get_or_create(&format!("{nth}"), |b| b).unwrap();
    let held: Vec<_> = (0..60).map(breaker).collect();
    for nth in 60..1_000 {
        breaker(nth).try_acquire().unwrap().success();
        assert!(registry.len() <= 64);
    }
    assert_eq!(registry.len(), registry.to_vec().len());
    for (nth, breaker) in held.iter().enumerate() {
        let found = registry.get(&format!("{nth}")).expect("held");
        assert!(Arc::ptr_eq(&found, breaker));
    }
}
