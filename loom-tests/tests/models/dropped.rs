//! A breaker that is dropped frees what it owns, once, whoever comes last. Invariant 28.

use crate::counting::PLAIN_LOADS;
use ampacity::{CircuitBreaker, Clock};
use loom_tests::{Reached, race_within, settings};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Values that are alive, over all executions of one test. Of the standard library, and Relaxed:
/// a number, no part of the model, whose threads take turns.
#[derive(Debug)]
struct Alive(AtomicI64);

impl Alive {
    /// At the start of an execution the last one must have left nothing behind.
    #[track_caller]
    fn none(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "something was leaked or freed twice");
    }

    fn one(&'static self) -> Life {
        self.0.fetch_add(1, Ordering::Relaxed);
        Life(self)
    }
}

#[derive(Debug)]
struct Life(&'static Alive);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A clock that is counted.
struct Still(Life);

impl Clock for Still {
    fn now(&self) -> u64 {
        let Life(_) = self.0;
        0
    }
}

/// Invariant 28: whoever lets go of a breaker last frees it, once.
#[test]
fn a_breaker_dropped_by_threads_that_end_is_freed_once() {
    static ALIVE: Alive = Alive(AtomicI64::new(0));
    static OUTLIVED: Reached = Reached::new();
    /// Returns whether it is gone then.
    fn call_and_let_go(owners: &Mutex<Vec<Arc<CircuitBreaker>>>) -> bool {
        let breaker = owners.lock().unwrap().pop().expect("one for each");
        let permit = breaker.try_acquire_owned().expect("closed");
        drop(breaker);
        permit.success();
        ALIVE.0.load(Ordering::Relaxed) == 0
    }
    race_within(
        PLAIN_LOADS,
        || {
            ALIVE.none();
            let breaker = Arc::new(settings().clock(Still(ALIVE.one())).build().unwrap());
            breaker.try_acquire().unwrap().ignore(); // makes the counters
            Mutex::new(vec![Arc::clone(&breaker), breaker])
        },
        call_and_let_go,
        call_and_let_go,
        |_, left, right| {
            OUTLIVED.hit_if(left != right);
            assert!(left || right, "it was leaked");
            ALIVE.none();
        },
    )
    .met([&OUTLIVED]);
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod made {
    use super::*;
    use ampacity::model::{Once, forget_slot, give_slot_back};
    use loom_tests::{Bounds, race, race_of_three_within};

    /// Invariant 28, for what is made on first use.
    #[test]
    fn what_is_made_twice_is_freed_twice() {
        static ALIVE: Alive = Alive(AtomicI64::new(0));
        static TWICE: Reached = Reached::new();
        fn make(once: &Once<Life>) {
            once.get_or_make(|| {
                TWICE.hit_if(ALIVE.0.load(Ordering::Relaxed) == 1);
                ALIVE.one()
            });
        }
        race(
            || {
                ALIVE.none();
                Once::new()
            },
            make,
            make,
            |_, (), ()| assert_eq!(ALIVE.0.load(Ordering::Relaxed), 1, "one was left behind"),
        )
        .met([&TWICE]);
        ALIVE.none();
    }

    /// Invariant 28: of three threads that end, one has the last permit in its hands, and
    /// gives its slot back after that. The clock, a listener and one that came later are
    /// each freed once.
    #[test]
    fn all_that_a_breaker_owns_is_freed_once_by_the_last_of_three_threads_that_end() {
        static ALIVE: Alive = Alive(AtomicI64::new(0));
        static TOLD: Reached = Reached::new();
        fn end(owners: &Mutex<Vec<Arc<CircuitBreaker>>>) {
            forget_slot();
            let breaker = owners.lock().unwrap().pop().expect("one for each");
            let permit = breaker.try_acquire_owned();
            drop(breaker);
            if let Ok(permit) = permit {
                permit.failure();
            }
            give_slot_back();
        }
        // Loom does not know what the standard library's count of owners orders. Further on it
        // lets the last of them find what is long gone, and free it again.
        race_of_three_within(
            Bounds { preemptions: Some(1), deeper: false, ..Bounds::THREE_THREADS },
            || {
                ALIVE.none();
                let lives = [ALIVE.one(), ALIVE.one()];
                let told = move |_: &_| {
                    let [Life(alive), _] = &lives;
                    assert!(alive.0.load(Ordering::Relaxed) > 0);
                    TOLD.hit();
                };
                let settings = settings().failure_threshold(1).on_event(told);
                let breaker = Arc::new(settings.clock(Still(ALIVE.one())).build().unwrap());
                let life = ALIVE.one();
                breaker.add_listener(move |_| {
                    let Life(_) = life;
                });
                breaker.try_acquire().unwrap().ignore(); // makes the counters
                Mutex::new(vec![Arc::clone(&breaker), Arc::clone(&breaker), breaker])
            },
            [end; 3],
            |_, _| ALIVE.none(),
        )
        .met([&TOLD]);
    }
}
