//! Effects belong to the winner. Invariant 34.

use crate::trip::two_failures_at_once;
use ampacity::State;
use loom_tests::{closed, contended, race};

/// Invariant 34.
#[test]
fn a_trip_is_told_once_however_many_swaps_it_took() {
    two_failures_at_once(
        || closed(2).with_permits(2),
        |s, (), ()| {
            let told = s.turns(State::Closed, State::Open);
            assert_eq!(told, 1, "a lost swap told of a transition");
            assert_eq!(s.breaker.snapshot().transitions.total(), 1);
        },
    );
}

/// Invariant 34, for callers who lose to an order.
#[test]
fn two_orders_at_once_are_told_once_each() {
    contended(|| {
        race(
            || closed(1),
            |s| s.breaker.disable(),
            |s| s.breaker.force_open(),
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!((now.era, now.transitions.total()), (2, 2));
            },
        );
    });
}
