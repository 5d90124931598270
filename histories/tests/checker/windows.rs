//! What the contract allows a window under contention, and what not.

use crate::{Story, admitted, order, settled};
use ampacity::State;
use histories::history::Call;
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

#[test]
fn failures_at_once_may_miss_each_other_and_the_next_may_not() {
    half_of_four().beside([FAILURE, FAILURE]).then([CLOSED, FAILURE, OPEN]).good();
    half_of_four().beside([FAILURE, FAILURE]).then([OPEN]).good();
    half_of_four().beside([FAILURE, FAILURE]).then([FAILURE, CLOSED]).bad();
}

#[test]
fn a_success_after_a_trip_that_was_missed_may_see_it() {
    half_of_four().beside([FAILURE, FAILURE]).then([SUCCESS, CLOSED]).good();
    half_of_four().beside([FAILURE, FAILURE]).then([SUCCESS, OPEN]).good();
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
