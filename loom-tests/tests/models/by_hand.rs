//! Orders that race outcomes: the later of the two wins. Invariant 20.

use ampacity::State;
use loom_tests::{Bounds, Reached, Stage, half_open_with_probes_out, race, race_of_three_within};

/// Invariant 20: the order does not overwrite a verdict that it did not see.
#[test]
fn an_order_and_a_closing_probe_are_two_steps_or_one() {
    static AFTER: Reached = Reached::new();
    static BEFORE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| s.take().success(),
        |s| s.breaker.force_open(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!(now.state, State::ForcedOpen, "the order was overruled");
            assert_eq!(now.era, 4 - now.stale, "the order overwrote a verdict");
            AFTER.hit_if(now.stale == 0);
            BEFORE.hit_if(now.stale == 1);
        },
    )
    .met([&AFTER, &BEFORE]);
}

/// Invariant 20: the verdict does not overwrite an order that it did not see.
#[test]
fn a_reopening_probe_does_not_overrule_an_order() {
    static AFTER: Reached = Reached::new();
    static BEFORE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| s.take().failure(),
        |s| s.breaker.force_open(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!(now.state, State::ForcedOpen, "the order was overruled");
            AFTER.hit_if(now.stale == 0);
            BEFORE.hit_if(now.stale == 1);
        },
    )
    .met([&AFTER, &BEFORE]);
}

/// Invariant 20, for two orders and a verdict.
#[test]
fn of_two_orders_and_a_closing_probe_the_later_order_wins() {
    static FORCED: Reached = Reached::new();
    static DISABLED: Reached = Reached::new();
    race_of_three_within(
        // With one more it takes half a minute.
        Bounds { preemptions: Some(1), ..Bounds::THREE_THREADS },
        || half_open_with_probes_out(1, 1, 1),
        [
            |s: &Stage| s.take().success(),
            |s: &Stage| s.breaker.force_open(),
            |s: &Stage| s.breaker.disable(),
        ],
        |s, _| {
            let now = s.at_rest();
            FORCED.hit_if(now.state == State::ForcedOpen);
            DISABLED.hit_if(now.state == State::Disabled);
            assert!([State::ForcedOpen, State::Disabled].contains(&now.state), "{}", now.state);
            assert_eq!(now.era, 5 - now.stale, "an order overwrote a verdict or an order");
        },
    )
    .met([&FORCED, &DISABLED]);
}

/// Invariant 20, for a reset.
#[test]
fn a_reset_ends_closed_whatever_the_probe_says() {
    static BEFORE: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| s.take().failure(),
        |s| s.breaker.reset(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!((now.state, now.streak), (State::Closed, 0));
            BEFORE.hit_if(now.lifetime.stale == 1);
        },
    )
    .met([&BEFORE]);
}
