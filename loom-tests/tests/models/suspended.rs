//! A thread that stops for ever, at whatever step, holds up nobody. Invariant 32.
//!
//! It stops before each of its accesses in turn, and with each lock in its hands. Two
//! others run beside it. Then one comes who brings the breaker to `closed`, by calls and
//! by waiting alone, has it trip, and brings it back. At last the one who had stopped
//! goes on, and does no harm.
//!
//! A thread's first call and a change of listeners or settings lock; whoever stops there
//! would hold up the next who comes for the same, and nobody else: so in these tests the
//! others have called before, and change nothing.

use ampacity::{Builder, Event, State, Timing};
use loom_tests::{NOTHING_SHOWN, Stage, closed, due, half_open, settings, stop_at_every_step};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Failures that suffice for every policy here, whatever has been recorded or is being.
const PLENTY: u32 = 8;

/// Calls until the breaker is closed; from a state that no call ends, by an order.
fn recovers(s: &Stage) {
    for _ in 0..6 {
        match (s.breaker.state(), s.try_acquire()) {
            (State::Disabled | State::ForcedOpen, _) => s.breaker.close(),
            (State::Closed, Some(call)) => return call.ignore(),
            (_, Some(probe)) => probe.success(),
            (State::Open, None) => s.wait(),
            (_, None) => s.outlive_lease(),
        }
    }
    panic!("it does not recover: {:?}", s.breaker);
}

/// Fails until the breaker is open.
fn trips(s: &Stage) {
    for _ in 0..PLENTY {
        match s.try_acquire() {
            Some(call) => call.failure(),
            None => return,
        }
    }
    panic!("it does not trip: {:?}", s.breaker);
}

fn goes_on(s: &Stage) {
    recovers(s);
    trips(s);
    assert_eq!(s.breaker.state(), State::Open);
    recovers(s);
}

/// With nobody stopped any more.
fn all_is_well(s: &Stage) {
    goes_on(s);
    assert_eq!(s.at_rest().in_flight, 0, "a call was lost");
}

fn succeed(s: &Stage) {
    if let Some(call) = s.try_acquire() {
        call.success();
    }
}

fn fail(s: &Stage) {
    if let Some(call) = s.try_acquire() {
        call.failure();
    }
}

/// Stops whoever does `stopped`, while one fails and one succeeds; in so many places at the
/// least.
#[track_caller]
fn holds_up_nobody(places: u64, setup: fn() -> Stage, stopped: fn(&Stage)) {
    let stops = stop_at_every_step(setup, stopped, [fail, succeed], goes_on, all_is_well);
    in_all_places(stops, places);
}

/// `places` is what the library does now. With fewer accesses it is to be lowered, by whoever
/// knows which are gone; else the models do not see them any more.
#[track_caller]
fn in_all_places(stops: u64, places: u64) {
    assert!(stops >= places, "{NOTHING_SHOWN}it stopped in {stops} places only");
}

#[test]
fn in_a_call_that_succeeds() {
    holds_up_nobody(13, || closed(2), succeed);
}

#[test]
fn in_a_call_that_succeeds_and_is_timed() {
    holds_up_nobody(
        26,
        || Stage::new(settings().failure_threshold(2).timing(Timing::Every)),
        succeed,
    );
}

#[test]
fn in_a_failure_that_trips() {
    holds_up_nobody(25, || closed(1), fail);
}

#[test]
fn in_a_probe_that_closes() {
    holds_up_nobody(39, || due(2, 1), succeed);
}

#[test]
fn in_a_probe_that_reopens() {
    holds_up_nobody(38, || due(2, 1), fail);
}

#[test]
fn in_a_probe_beside_others_of_its_spell() {
    holds_up_nobody(32, || half_open(2, 1), succeed);
}

#[test]
fn in_a_probe_that_is_dropped() {
    holds_up_nobody(22, || half_open(1, 1), |s| drop(s.try_acquire()));
}

#[test]
fn in_a_spell_that_follows_abandoned_probes() {
    // At last the one that was abandoned comes back, and is stale.
    fn none_is_lost(s: &Stage) {
        s.take().failure();
        all_is_well(s);
        assert!(s.at_rest().stale >= 1);
    }
    let abandoned = || {
        let stage = due(1, 1).with_permits(1);
        stage.outlive_lease();
        stage
    };
    let others = [fail as fn(&Stage), succeed];
    let stops = stop_at_every_step(abandoned, succeed, others, goes_on, none_is_lost);
    in_all_places(stops, 39);
}

/// Half of the last four calls, or of what there was in the last second.
fn half(settings: Builder) -> Builder {
    settings.failure_rate(0.5).minimum_calls(2)
}

#[test]
fn in_a_look_at_the_last_calls() {
    holds_up_nobody(34, || Stage::new(half(settings()).count_window(4)), fail);
}

#[test]
fn in_a_look_at_the_last_time() {
    holds_up_nobody(
        55,
        || Stage::new(half(settings()).time_window(Duration::from_secs(1)).time_slices(2)),
        fail,
    );
}

#[test]
fn in_a_look_at_calls_in_flight() {
    holds_up_nobody(
        214,
        || {
            let hanging = half(settings().timing(Timing::Every))
                .time_window(Duration::from_secs(1))
                .time_slices(2)
                .slow_call(Duration::from_millis(50))
                .slow_call_rate(0.5)
                .count_in_flight(true);
            Stage::new(hanging)
        },
        fail,
    );
}

/// A stage whose listener wants eras to rise, and counts what it is told.
fn heard() -> Stage {
    let last = Arc::new(AtomicU64::new(0)); // of the standard library: no part of the model
    let listener = move |event: &Event| {
        let before = last.swap(event.era, Ordering::Relaxed);
        assert!(before < event.era, "told out of order"); // contained, counted, found below
    };
    Stage::new(settings().failure_threshold(1).history(4).on_event(listener))
}

#[test]
fn in_telling_of_a_transition() {
    fn every_era_is_accounted_for(s: &Stage) {
        all_is_well(s);
        s.breaker.history(); // delivers what is left
        let events = s.at_rest().events;
        assert_eq!(events.told + events.dropped, s.breaker.era(), "told or dropped, once each");
        assert_eq!(events.panics, 0);
    }
    let others = [fail as fn(&Stage), succeed];
    let stops = stop_at_every_step(
        heard,
        |s| s.breaker.trip(),
        others,
        goes_on,
        every_era_is_accounted_for,
    );
    in_all_places(stops, 35);
}

#[test]
fn in_an_order() {
    holds_up_nobody(13, || closed(1), |s| s.breaker.trip());
    holds_up_nobody(11, || closed(1), |s| s.breaker.disable());
    holds_up_nobody(11, || half_open(1, 1), |s| s.breaker.force_open());
}

#[test]
fn in_a_reset() {
    holds_up_nobody(73, || closed(1), |s| s.breaker.reset());
}

#[test]
fn in_a_snapshot() {
    holds_up_nobody(115, || closed(1), |s| drop(s.breaker.snapshot()));
}

/// Which locks, while it leases a slot.
#[test]
fn in_the_first_call_of_a_thread() {
    holds_up_nobody(
        15,
        || closed(1),
        |s| {
            ampacity::model::forget_slot();
            succeed(s);
            ampacity::model::give_slot_back();
        },
    );
}

/// Which locks.
#[test]
fn in_a_change_of_settings() {
    holds_up_nobody(
        7,
        || closed(1),
        |s| s.breaker.reconfigure(|now| now.failure_threshold(2)).expect("legal"),
    );
}

/// Which locks.
#[test]
fn in_a_change_of_listeners() {
    holds_up_nobody(17, heard, |s| {
        let id = s.breaker.add_listener(|_| ());
        assert!(s.breaker.remove_listener(id));
    });
}
