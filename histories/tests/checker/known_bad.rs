//! Histories of broken breakers, each with a fault of its own: no order explains them.

use crate::{Story, admitted, order, probe, refused, rules, settled};
use ampacity::{Reason, State};
use histories::history::{Call, Rest};
use histories::spec::consecutive::{End, Order, Rules, Verdict};

/// Tripped by two failures, at time 0.
fn tripped() -> Story {
    Story::of(rules()).then([
        admitted(0),
        admitted(0),
        settled(0, End::Failure),
        settled(0, End::Failure),
    ])
}

/// Half-open in era 2, with a probe out, at time 100.
fn half_open() -> Story {
    tripped().then([Call::Clock(100), probe(2)])
}

fn rest(state: State, era: u64, streak: u64, opens: u64, stale: u64) -> Call {
    Call::Rest(Rest { state, era, streak, opens, stale })
}

#[test]
fn two_callers_who_both_begin_a_half_open_spell() {
    tripped().then([Call::Clock(100)]).beside([probe(2), probe(3)]).bad();
}

#[test]
fn a_call_after_the_trip_that_is_admitted_by_the_era_before() {
    tripped().then([admitted(0)]).bad();
}

#[test]
fn a_probe_beyond_the_permits() {
    half_open().beside([probe(2), probe(2)]).bad();
}

#[test]
fn a_refusal_though_a_place_is_free() {
    half_open().then([refused(Reason::HalfOpenFull, 300)]).bad();
}

#[test]
fn a_stale_failure_that_counts() {
    let stale = Story::of(rules()).then([admitted(0), order(Order::Reset), admitted(1)]);
    let both = stale.then([settled(0, End::Failure), settled(1, End::Failure)]);
    both.then([refused(Reason::Open, 100)]).bad();
}

#[test]
fn a_stale_failure_that_is_not_told_as_stale() {
    let stale = Story::of(rules()).then([admitted(0), order(Order::Reset)]);
    stale.then([settled(0, End::Failure), rest(State::Closed, 1, 0, 0, 0)]).bad();
}

#[test]
fn a_failure_in_time_that_is_told_as_stale() {
    let one = Story::of(rules()).then([admitted(0), settled(0, End::Failure)]);
    one.then([rest(State::Closed, 0, 1, 0, 1)]).bad();
}

#[test]
fn a_dropped_probe_that_keeps_its_place() {
    let full = half_open().then([probe(2), settled(2, End::Drop)]);
    full.then([refused(Reason::HalfOpenFull, 300)]).bad();
}

#[test]
fn a_probe_that_passed_and_makes_room_for_another() {
    let passed = half_open().then([probe(2), settled(2, End::Success)]);
    passed.then([probe(2)]).bad();
}

#[test]
fn an_era_that_is_left_out() {
    tripped().then([Call::Clock(100), probe(3)]).bad();
}

#[test]
fn an_era_that_goes_back() {
    let closed = Story::of(rules()).then([order(Order::Reset), Call::Era(1)]);
    closed.then([Call::Era(0)]).bad();
}

#[test]
fn a_verdict_that_is_reached_twice() {
    let closed = half_open().then([probe(2)]);
    let closed = closed.beside([settled(2, End::Success), settled(2, End::Success)]);
    closed.then([admitted(3), admitted(4)]).bad();
}

#[test]
fn a_success_and_a_failure_that_both_decide() {
    let once = Rules { verdict: Verdict::Successes(1), ..rules() };
    let out = Story::of(once).then([order(Order::Trip), Call::Clock(100), probe(2), probe(2)]);
    out.beside([settled(2, End::Success), settled(2, End::Failure)])
        .then([rest(State::Open, 4, 0, 1, 0)])
        .bad();
}

#[test]
fn a_trip_below_the_threshold() {
    let one = Story::of(rules()).then([admitted(0), settled(0, End::Failure)]);
    one.then([refused(Reason::Open, 100)]).bad();
}

#[test]
fn no_trip_at_the_threshold_and_a_later_call_admitted() {
    let out = Story::of(rules()).then([admitted(0), admitted(0)]);
    out.beside([settled(0, End::Failure), settled(0, End::Failure)]).then([admitted(0)]).bad();
}

#[test]
fn a_success_between_two_failures_that_is_forgotten() {
    let out = Story::of(rules()).then([admitted(0), admitted(0), admitted(0)]);
    out.then([settled(0, End::Failure), settled(0, End::Success), settled(0, End::Failure)])
        .then([refused(Reason::Open, 100)])
        .bad();
}

#[test]
fn two_orders_that_take_effect_in_the_wrong_order() {
    let ordered = Story::of(rules()).then([order(Order::Disable), order(Order::ForceOpen)]);
    ordered.then([Call::State(State::Disabled)]).bad();
}

#[test]
fn an_order_that_a_probe_overrules() {
    let once = Rules { verdict: Verdict::Successes(1), ..rules() };
    let out = Story::of(once).then([order(Order::Trip), Call::Clock(100), probe(2)]);
    out.then([order(Order::ForceOpen), settled(2, End::Success)])
        .then([Call::State(State::Closed)])
        .bad();
}

#[test]
fn a_probe_before_the_wait_is_over() {
    tripped().then([Call::Clock(99), probe(2)]).bad();
}

#[test]
fn no_probe_though_the_wait_is_over() {
    tripped().then([Call::Clock(100), refused(Reason::Open, 0)]).bad();
}

#[test]
fn a_wait_that_is_not_what_is_left() {
    tripped().then([Call::Clock(40), refused(Reason::Open, 61)]).bad();
}

#[test]
fn a_state_that_was_neither_before_nor_after() {
    let beside = [order(Order::Disable), Call::State(State::ForcedOpen)];
    Story::of(rules()).beside(beside).bad();
}

#[test]
fn two_who_see_two_orders_the_other_way_round() {
    // Each answer is possible, and both together are not.
    let orders = [order(Order::Disable), order(Order::ForceOpen)];
    let seen = [Call::State(State::ForcedOpen), Call::State(State::Disabled)];
    Story::of(rules()).beside(orders).then(seen).bad();
}

#[test]
fn a_spell_that_goes_on_after_its_lease() {
    let full = half_open().then([probe(2), Call::Clock(400)]);
    full.then([refused(Reason::HalfOpenFull, 0)]).bad();
}

#[test]
fn a_plain_permit_of_a_half_open_era() {
    half_open().then([admitted(2)]).bad();
}

#[test]
fn an_opening_that_is_counted_twice() {
    tripped().then([rest(State::Open, 1, 0, 2, 0)]).bad();
}
