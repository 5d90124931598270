//! The number of transitions. Invariants 8, 10.

use ampacity::State;
use loom_tests::{Reached, Stage, alone, closed, race};

/// Invariant 8.
#[test]
fn two_transitions_take_two_eras() {
    static OPEN: Reached = Reached::new();
    static FORCED: Reached = Reached::new();
    race(
        || closed(1),
        |s| s.breaker.trip(),
        |s| s.breaker.force_open(),
        |s, (), ()| {
            let now = s.at_rest();
            OPEN.hit_if(now.state == State::Open);
            FORCED.hit_if(now.state == State::ForcedOpen);
            assert_eq!(now.era, 2, "a trip and an order are two eras");
        },
    )
    .met([&OPEN, &FORCED]);
}

/// Invariant 8, through every order from every state, past the wrap of the era.
#[test]
fn every_order_takes_one_era_or_changes_nothing() {
    type Order = fn(&Stage);
    const ORDERS: [Order; 9] = [
        |s| s.breaker.trip(),
        |s| s.breaker.force_open(),
        |s| s.breaker.disable(),
        |s| s.breaker.metrics_only(),
        |s| s.breaker.close(),
        |s| s.breaker.reset(),
        |s| drop(s.try_acquire()),
        |s| s.try_acquire().into_iter().for_each(|call| call.failure()),
        |s| s.wait(),
    ];
    alone(|| {
        let stage = closed(1);
        for (first, second) in ORDERS.iter().flat_map(|a| ORDERS.map(|b| (a, b))) {
            for order in [*first, second] {
                let before = (stage.breaker.era(), stage.breaker.state());
                order(&stage);
                let after = (stage.breaker.era(), stage.breaker.state());
                let steps = after.0 - before.0;
                // A call can do two things: become a probe, and fail.
                assert!(steps <= 2, "{before:?} to {after:?}");
                // Time alone makes an open breaker look half-open.
                let due = (State::Open, State::HalfOpen);
                assert!(
                    steps > 0 || before.1 == after.1 || (before.1, after.1) == due,
                    "{before:?} to {after:?} without an era"
                );
            }
        }
        assert!(stage.at_rest().era > 32, "two laps of 16");
    });
}

/// Invariant 10.
#[test]
fn a_word_that_has_been_left_does_not_come_back() {
    static STALE: Reached = Reached::new();
    race(
        || closed(2).with_permits(1),
        |s| s.take().failure(),
        |s| {
            let mut words = vec![word(s)];
            s.breaker.trip();
            words.push(word(s));
            s.wait();
            let probe = s.acquire();
            words.push(word(s));
            probe.success();
            words.push(word(s));
            words
        },
        |s, (), words| {
            for (nth, word) in words.iter().enumerate() {
                assert!(!words[..nth].contains(word), "{word:#x} came back");
            }
            let now = s.at_rest();
            STALE.hit_if(now.stale == 1);
            assert_eq!((now.state, now.era, now.streak), (State::Closed, 3, 0));
        },
    )
    .met([&STALE]);
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
fn word(s: &Stage) -> u64 {
    ampacity::model::word_bits(&s.breaker)
}

/// The word is not public: the era stands for it.
#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
fn word(s: &Stage) -> u64 {
    s.breaker.era()
}
