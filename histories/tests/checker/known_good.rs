//! Histories that look wrong and that one order explains.

use crate::{Story, admitted, order, probe, refused, rules, settled};
use ampacity::{Reason, State};
use histories::check::{Bound, Verdict, check};
use histories::history::{Call, History, Operation};
use histories::model::Model;
use histories::spec::consecutive::{End, Order, Rules, Verdict as Probes};

#[test]
fn a_call_that_is_admitted_beside_the_trip_and_one_that_is_not() {
    let out = Story::of(rules()).then([admitted(0), settled(0, End::Failure), admitted(0)]);
    out.beside([refused(Reason::Open, 100), settled(0, End::Failure), admitted(0)]).good();
}

#[test]
fn a_success_that_must_come_between_two_failures_that_began_after_it() {
    let out = Story::of(rules()).then([admitted(0), admitted(0), admitted(0)]);
    let three = [End::Success, End::Failure, End::Failure].map(|end| settled(0, end));
    out.beside(three).then([Call::Glance { era: 0, streak: 1 }]).good();
}

#[test]
fn a_verdict_that_is_stale_in_the_one_order_that_explains_the_rest() {
    let once = Rules { verdict: Probes::Successes(1), ..rules() };
    let out = Story::of(once).then([order(Order::Trip), Call::Clock(100), probe(2), probe(2)]);
    out.beside([settled(2, End::Failure), settled(2, End::Success), admitted(3)]).good();
}

#[test]
fn a_probe_whose_place_is_given_back_by_one_who_began_later() {
    let full = Story::of(rules()).then([order(Order::Trip), Call::Clock(100), probe(2), probe(2)]);
    full.beside([probe(2), settled(2, End::Drop)]).good();
}

#[test]
fn orders_whose_effects_are_seen_in_the_reverse_of_how_they_returned() {
    let orders = [order(Order::Disable), order(Order::ForceOpen)];
    Story::of(rules()).beside(orders).then([Call::State(State::Disabled)]).good();
}

#[test]
fn a_trip_between_an_order_and_its_repetition() {
    let beside = [order(Order::Reset), order(Order::Reset), Call::Era(1), Call::Era(2)];
    Story::of(rules()).beside(beside).then([Call::Era(2)]).good();
}

#[test]
fn a_clock_that_is_moved_beside_a_call_may_have_been_read_before_or_after() {
    let open = || Story::of(rules()).then([order(Order::Trip)]);
    open().beside([Call::Clock(100), refused(Reason::Open, 100)]).good();
    open().beside([Call::Clock(100), probe(2)]).good();
    open().then([Call::Clock(100)]).then([refused(Reason::Open, 100)]).bad();
}

#[test]
fn a_spell_that_lapses_beside_a_late_verdict() {
    let once = Rules { verdict: Probes::Successes(1), permits: 1, ..rules() };
    let out = || {
        let begun = Story::of(once).then([order(Order::Trip), Call::Clock(100), probe(2)]);
        begun.then([Call::Clock(400)])
    };
    out().beside([settled(2, End::Success), admitted(3)]).good();
    out().beside([settled(2, End::Success), probe(3)]).good();
}

/// A hundred threads at once: what is alike is tried once.
#[test]
fn many_equal_operations_at_once_are_few_states() {
    let many = Rules { failure_threshold: 60, ..rules() };
    let out = Story::of(many).then((0..100).map(|_| admitted(0)));
    let ends = (0..100).map(|nth| if nth < 60 { End::Failure } else { End::Success });
    let history =
        out.beside(ends.map(|end| settled(0, end))).then([Call::State(State::Open)]).told();
    match check(&history, Bound::default()) {
        Verdict::Linearizable(found) => assert!(found.states < 20_000, "{} states", found.states),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn a_search_that_reaches_its_bound_gives_up_and_does_not_pass() {
    let history = Story::of(rules()).beside((0..6).map(|_| order(Order::Reset))).told();
    assert_eq!(check(&history, Bound(2)), Verdict::GaveUp { states: 3 });
    assert!(check(&history, Bound::default()).is_linearizable());
}

#[test]
fn a_history_without_operations_is_explained_by_no_order_of_them() {
    let history = History { start: Model::by_streak(rules(), 0), operations: vec![] };
    assert!(check(&history, Bound(0)).is_linearizable());
}

#[test]
fn what_no_recorder_writes_is_senseless() {
    let history = |operations: &[(u32, u64, u64)]| {
        let operation = |&(thread, invoked, returned)| Operation {
            thread,
            invoked,
            returned,
            call: Call::Era(0),
        };
        let operations = operations.iter().map(operation).collect();
        History { start: Model::by_streak(rules(), 0), operations }
    };
    for senseless in
        [&[(0, 1, 1)][..], &[(0, 2, 1)], &[(0, 1, 3), (1, 3, 4)], &[(0, 1, 3), (0, 2, 4)]]
    {
        let verdict = check(&history(senseless), Bound::default());
        assert!(matches!(verdict, Verdict::Senseless(_)), "{senseless:?}: {verdict:?}");
    }
}
