//! What the contract allows a window under contention, and what not.

use crate::{Story, admitted, order, settled};
use ampacity::State;
use histories::history::{Call, Rest};
use histories::model::Model;
use histories::spec::consecutive::{End, Order};
use histories::spec::windows::{Rules, Shape};

const FAILURE: Call = Call::Settle { era: 0, end: End::Failure };
const SUCCESS: Call = Call::Settle { era: 0, end: End::Success };
const CLOSED: Call = Call::State(State::Closed);
const OPEN: Call = Call::State(State::Open);

/// Half of the last 4, at least 2.
fn half_of_four() -> Story {
    let rules =
        Rules { shape: Shape::Last(4), failed: Some(50), slow: None, minimum: 2, streak: None };
    Story::from(Model::by_window(rules, 0)).then((0..6).map(|_| admitted(0)))
}

#[test]
fn in_one_thread_the_trip_is_on_the_very_result_that_reaches_it() {
    half_of_four().then([FAILURE, CLOSED, FAILURE, OPEN]).good();
    half_of_four().then([FAILURE, FAILURE, CLOSED]).bad();
    half_of_four().then([SUCCESS, SUCCESS, SUCCESS, FAILURE, CLOSED, FAILURE, OPEN]).good();
    half_of_four().then([SUCCESS, SUCCESS, SUCCESS, FAILURE, OPEN]).bad();
}

#[test]
fn a_success_that_completes_the_minimum_trips() {
    half_of_four().then([FAILURE, SUCCESS, OPEN]).good();
    half_of_four().then([FAILURE, SUCCESS, CLOSED]).bad();
}

/// More than half of the last 4, at least 2.
fn most_of_four() -> Story {
    let rules =
        Rules { shape: Shape::Last(4), failed: Some(60), slow: None, minimum: 2, streak: None };
    Story::from(Model::by_window(rules, 0)).then((0..6).map(|_| admitted(0)))
}

#[test]
fn failures_at_once_may_miss_each_other_and_the_next_may_not() {
    most_of_four().beside([FAILURE, FAILURE]).then([CLOSED, FAILURE, OPEN]).good();
    most_of_four().beside([FAILURE, FAILURE]).then([OPEN]).good();
    most_of_four().beside([FAILURE, FAILURE]).then([FAILURE, CLOSED]).bad();
}

#[test]
fn of_failures_at_once_the_later_knows_that_there_is_another() {
    // One of two calls failed, whatever the other is.
    half_of_four().beside([FAILURE, FAILURE]).then([CLOSED]).bad();
    half_of_four().beside([FAILURE, FAILURE]).then([OPEN]).good();
}

#[test]
fn a_success_sees_a_trip_that_was_missed_only_if_the_breaker_may_be_armed() {
    // Of 2 calls, the least, all that may be missing is a call: 1 failure is not enough.
    most_of_four().beside([FAILURE, FAILURE]).then([CLOSED, SUCCESS, CLOSED]).good();
    most_of_four().beside([FAILURE, FAILURE]).then([CLOSED, SUCCESS, OPEN]).bad();
    let missed = || half_of_four().beside([SUCCESS, FAILURE, SUCCESS, SUCCESS]);
    missed().then([CLOSED, FAILURE, OPEN]).good();
    missed().then([CLOSED, FAILURE, CLOSED]).good();
    missed().then([CLOSED, SUCCESS, CLOSED]).good();
}

#[test]
fn a_success_beside_each_failure_puts_no_trip_off() {
    let mut story = half_of_four().then([SUCCESS; 4]);
    for _ in 0..20 {
        story = story.beside([FAILURE, SUCCESS]);
    }
    story.then([CLOSED]).bad();
}

#[test]
fn a_chain_of_failures_each_beside_the_next_trips() {
    let mut story = half_of_four();
    let begins = story.stamp;
    for nth in 0..40 {
        // From within the one before until within the one after.
        story.push(1 + (nth % 2) as u32, begins + 4 * nth, begins + 4 * nth + 6 - nth % 2, FAILURE);
    }
    story.stamp = begins + 200;
    story.then([CLOSED]).bad();
}

#[test]
fn a_failure_that_reaches_the_share_whatever_is_beside_it_trips() {
    half_of_four().then([FAILURE]).beside([FAILURE, SUCCESS]).then([CLOSED]).bad();
    half_of_four().then([FAILURE]).beside([FAILURE, SUCCESS]).then([OPEN]).good();
    // The success may have pushed the earlier failure out, or not; this one always does.
    let rules =
        Rules { shape: Shape::Last(4), failed: Some(50), slow: None, minimum: 4, streak: None };
    let early = |earlier: [Call; 4]| Story::from(Model::by_window(rules, 0)).then(earlier);
    let second = || early([SUCCESS, FAILURE, SUCCESS, SUCCESS]).beside([FAILURE, SUCCESS]);
    second().then([OPEN]).good();
    second().then([CLOSED]).good();
    let first = early([FAILURE, SUCCESS, SUCCESS, SUCCESS]).beside([FAILURE, SUCCESS]);
    first.then([OPEN]).bad();
}

#[test]
fn of_an_armed_breaker_the_success_that_completes_the_minimum_trips_whatever_is_beside_it() {
    half_of_four().then([FAILURE]).beside([SUCCESS, SUCCESS]).then([CLOSED]).good();
    let third =
        Rules { shape: Shape::Last(4), failed: Some(25), slow: None, minimum: 3, streak: None };
    let armed = || Story::from(Model::by_window(third, 0)).then([admitted(0), FAILURE]);
    armed().beside([SUCCESS, SUCCESS]).then([CLOSED]).bad();
    armed().beside([SUCCESS, SUCCESS]).then([OPEN]).good();
    let beside = Story::from(Model::by_window(third, 0)).then([admitted(0)]);
    beside.beside([FAILURE, SUCCESS, SUCCESS]).then([OPEN]).good();
}

#[test]
fn a_failure_may_be_pushed_out_before_it_looks() {
    let rules =
        Rules { shape: Shape::Last(1), failed: Some(100), slow: None, minimum: 1, streak: None };
    let last = || Story::from(Model::by_window(rules, 0)).then([admitted(0), admitted(0)]);
    last().beside([FAILURE, SUCCESS]).then([CLOSED]).good();
    last().beside([FAILURE, admitted(0)]).then([CLOSED]).bad();
}

#[test]
fn a_trip_that_is_late_has_seen_what_others_have_pushed_out_since() {
    let rules =
        Rules { shape: Shape::Last(2), failed: Some(75), slow: None, minimum: 2, streak: None };
    let one = Story::from(Model::by_window(rules, 0)).then([admitted(0), FAILURE]);
    let late = Call::Rest(Rest { state: State::Open, era: 1, streak: 0, opens: 1, stale: 0 });
    one.beside([FAILURE, SUCCESS, SUCCESS]).then([late]).good();
}

#[test]
fn results_beside_a_trip_are_in_its_window_or_not_yet() {
    // Two of the last four failed only if none of the successes has pushed one out.
    let full = || half_of_four().then([SUCCESS, SUCCESS, SUCCESS]);
    full().beside([FAILURE, SUCCESS]).then([OPEN]).bad();
    full().then([FAILURE]).beside([FAILURE, SUCCESS]).then([OPEN]).good();
}

#[test]
fn a_result_of_an_era_that_is_over_is_in_no_window() {
    let stale = half_of_four().then([order(Order::Reset), admitted(1), admitted(1)]);
    let both = stale.then([FAILURE, settled(1, End::Failure)]);
    both.then([Call::Era(2)]).bad();
}

#[test]
fn a_window_that_holds_a_result_is_closed_anew_and_an_empty_one_is_not() {
    half_of_four().then([SUCCESS, order(Order::Close), Call::Era(1)]).good();
    half_of_four().then([order(Order::Close), Call::Era(1)]).bad();
    half_of_four().beside([SUCCESS, order(Order::Close)]).then([Call::Era(0)]).good();
    half_of_four().beside([SUCCESS, order(Order::Close)]).then([Call::Era(1)]).good();
}
