//! The registry's two locks. Invariant 39: of one name there are never two breakers in
//! use, nor more in all than there is room for.
//!
//! Its map is the real one. shuttle switches threads at the locks around it, which is
//! where the protocol is; loom does not see that what a reader found depends on them, and
//! takes one order. One entry, so that the order of iteration is always the same.

use ampacity::{CircuitBreaker, Clock, Registry};
use loom_tests::{Reached, race};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn get_or_create(registry: &Registry, name: &str) -> Option<Arc<CircuitBreaker>> {
    registry.get_or_create(name, |builder| builder).ok()
}

/// With room for one, which nobody holds.
fn full() -> Registry {
    let registry = Registry::bounded(1).expect("not 0");
    drop(get_or_create(&registry, "one").expect("there is room"));
    registry
}

/// What a reader holds stays in the registry: nobody can make another of its name.
#[test]
fn a_breaker_that_a_reader_has_found_is_not_evicted() {
    static FOUND: Reached = Reached::new();
    static EVICTED: Reached = Reached::new();
    race(
        full,
        |registry| {
            let found = registry.get("one");
            if let Some(breaker) = &found {
                let again = registry.get("one").expect("evicted while it was held");
                assert!(Arc::ptr_eq(breaker, &again), "two breakers of one name");
            }
            found.is_some()
        },
        |registry| get_or_create(registry, "other").is_some(),
        |registry, found, evicted| {
            FOUND.hit_if(found && !evicted);
            EVICTED.hit_if(!found && evicted);
            assert_eq!(registry.get("one").is_none(), evicted, "evicted and kept");
            assert_eq!((registry.len(), registry.to_vec().len()), (1, 1), "miscounted");
        },
    )
    .met([&FOUND, &EVICTED]);
}

/// A clock that knows whether it was asked, as whoever makes a breaker does.
struct Asked(Arc<AtomicBool>); // of the standard library: no part of the model

impl Clock for Asked {
    fn now(&self) -> u64 {
        self.0.store(true, Ordering::Relaxed);
        0
    }
}

#[test]
fn of_two_who_find_no_breaker_both_get_the_same() {
    static MADE_TWICE: Reached = Reached::new();
    /// Returns whether it made one as well, having found none.
    fn get(registry: &Registry) -> (Option<Arc<CircuitBreaker>>, bool) {
        let is_asked = Arc::new(AtomicBool::new(false));
        let clock = Asked(Arc::clone(&is_asked));
        let got = registry.get_or_create("one", |builder| builder.clock(clock));
        (got.ok(), is_asked.load(Ordering::Relaxed))
    }
    race(Registry::new, get, get, |registry, (left, left_made), (right, right_made)| {
        MADE_TWICE.hit_if(left_made && right_made);
        let (left, right) = (left.expect("made or found"), right.expect("made or found"));
        assert!(Arc::ptr_eq(&left, &right), "two breakers of one name");
        assert_eq!(registry.len(), 1, "miscounted");
    })
    .met([&MADE_TWICE]);
}

/// Two who want the only place, which is in nobody's use: one after the other has it.
#[test]
fn a_full_registry_stays_within_its_bound_whoever_comes_at_once() {
    static BOTH: Reached = Reached::new();
    static ONE: Reached = Reached::new();
    race(
        full,
        |registry| get_or_create(registry, "left").is_some(),
        |registry| get_or_create(registry, "right").is_some(),
        |registry, left, right| {
            assert!(left || right, "there was room for one");
            BOTH.hit_if(left && right);
            ONE.hit_if(left != right);
            assert_eq!((registry.len(), registry.to_vec().len()), (1, 1), "over the bound");
        },
    )
    .met([&BOTH, &ONE]);
}
