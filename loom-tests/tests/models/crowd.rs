//! What holds for two holds for a thousand. Invariants 1, 2, 4, 8, 11, 22, 27, 30, 34.
//!
//! Threads lease their slots, as in life: four have counters of their own here, the others
//! share a stripe.

use ampacity::model::{give_slot_back, slot};
use ampacity::{Event, OwnedPermit, State};
use loom_tests::{CROWD, Reached, Stage, closed, crowd, due, half_open, settings};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A stage, and what the crowd shares beside it: of the standard library, and locked for
/// no step of the model.
struct Hall<T> {
    stage: Stage,
    shared: Mutex<T>,
}

fn hall<T: Default>(stage: Stage) -> Hall<T> {
    Hall { stage, shared: Mutex::default() }
}

/// Invariants 1 and 2.
#[test]
fn of_all_who_come_to_a_due_breaker_as_many_are_probes_as_there_are_permits() {
    crowd(
        || hall::<Vec<OwnedPermit>>(due(10, 10)),
        |h, _| {
            if let Some(probe) = h.stage.try_acquire() {
                h.shared.lock().unwrap().push(probe);
            }
        },
        |h| {
            let now = h.stage.at_rest();
            let probes = std::mem::take(&mut *h.shared.lock().unwrap());
            assert_eq!(probes.len(), 10, "probes of 10 permits");
            assert_eq!(h.stage.turns(State::Open, State::HalfOpen), 1, "begun once");
            assert_eq!((now.era, now.in_flight), (2, 10));
            assert_eq!(now.rejected.total(), CROWD as u64 - 10);
            probes.into_iter().for_each(|probe| probe.success());
            assert_eq!(h.stage.breaker.state(), State::Closed);
        },
    )
    .contended();
}

/// Invariants 2 and 11: places come back and go to others, and never to two.
#[test]
fn there_are_never_more_probes_out_than_permits_however_often_they_come_back() {
    static FULL: Reached = Reached::new();
    let raced = crowd(
        || hall::<u32>(half_open(7, 7)),
        |h, nth| {
            let Some(probe) = h.stage.try_acquire() else { return FULL.hit() };
            let out = {
                let mut out = h.shared.lock().unwrap();
                *out += 1;
                *out
            };
            assert!(out <= 7, "{out} probes of 7 are out");
            shuttle_yields();
            *h.shared.lock().unwrap() -= 1;
            if nth % 2 == 0 { probe.ignore() } else { drop(probe) }
        },
        |h| {
            h.stage.at_rest();
            let probes: Vec<_> = (0..8).filter_map(|_| h.stage.try_acquire()).collect();
            assert_eq!(probes.len(), 7, "a place was lost or doubled");
        },
    );
    raced.contended();
    raced.met([&FULL]);
}

/// Lets others come between.
fn shuttle_yields() {
    loom_tests::tool::thread::yield_now();
}

/// Invariants 4 and 30: however many swaps each of them loses.
#[test]
fn of_failures_in_a_row_the_one_at_the_threshold_trips_and_the_rest_is_stale() {
    crowd(
        || closed(500).with_permits(CROWD),
        |s, _| s.take().failure(),
        |s| {
            let now = s.at_rest();
            assert_eq!(s.turns(State::Closed, State::Open), 1, "trips");
            assert_eq!((now.state, now.era), (State::Open, 1), "1,000 failures of 500");
            assert_eq!((now.failed, now.stale), (1_000, 500), "one was lost");
        },
    )
    .contended();
}

/// Invariants 22 and 27.
#[test]
fn threads_that_come_and_go_lose_no_call_and_never_share_a_slot() {
    static REUSED: Reached = Reached::new();
    crowd(
        || hall::<HashSet<u32>>(closed(1)),
        |h, nth| {
            h.stage.acquire().success();
            let mine = slot().expect("a thread that called has a slot");
            assert!(h.shared.lock().unwrap().insert(mine), "slot {mine} is somebody else's");
            REUSED.hit_if((mine as usize) < nth / 2);
            h.stage.acquire().ignore();
            assert!(h.shared.lock().unwrap().remove(&mine));
            give_slot_back();
            h.stage.acquire().success();
        },
        |h| {
            let now = h.stage.at_rest();
            // The stage made the counters by a call that it ignored.
            let (calls, ignored) = (2 * CROWD as u64, 1 + CROWD as u64);
            let seen = (now.admitted, now.succeeded, now.ignored);
            assert_eq!(seen, (calls + ignored, calls, ignored), "a call was lost");
        },
    )
    .met([&REUSED]);
}

/// A stage whose listener wants eras to rise.
fn heard() -> Stage {
    let last = Arc::new(AtomicU64::new(0)); // of the standard library: no part of the model
    let listener = move |event: &Event| {
        // Relaxed: listeners are told by one thread at a time, and shuttle's take turns.
        let before = last.swap(event.era, Ordering::Relaxed);
        assert!(before < event.era, "told out of order"); // contained, counted, found below
    };
    Stage::new(settings().failure_threshold(3).on_event(listener))
}

/// Invariant 8, of all that calls and time can do: few enough transitions that whoever sleeps
/// between the two halves of an era puts it together right. It has four bits in these models.
#[test]
fn every_era_follows_the_one_before() {
    static RECOVERED: Reached = Reached::new();
    let raced = crowd(
        || closed(3),
        |s, nth| {
            let before = s.breaker.era();
            match (s.try_acquire(), nth % 8) {
                (None, _) if nth % 500 == 499 => s.wait(),
                (None, _) => {}
                (Some(call), 0 | 1) => call.failure(),
                (Some(call), 2) => call.ignore(),
                (Some(call), 3) => drop(call),
                (Some(call), _) => call.success(),
            }
            assert!(before <= s.breaker.era(), "an era came back");
        },
        |s| {
            let now = s.at_rest();
            let turns = |from, to| s.turns(from, to);
            let opened = turns(State::Closed, State::Open) + turns(State::HalfOpen, State::Open);
            let begun = turns(State::Open, State::HalfOpen);
            RECOVERED.hit_if(turns(State::HalfOpen, State::Closed) > 0);
            let alternate = begun <= opened && opened <= begun + 1;
            assert!(alternate, "a state that was entered without an era");
            assert!(now.era < 8, "{} transitions: half a lap of eras", now.era);
            // The stage made the counters by a call of its own.
            assert_eq!(now.admitted + now.rejected.total(), 1 + CROWD as u64);
        },
    );
    raced.contended();
    raced.met([&RECOVERED]);
}

/// Invariant 34, for as many orders as there are eras, all given by those who come first.
#[test]
fn orders_of_many_are_told_or_dropped_once_each_and_in_order() {
    static TOLD: Reached = Reached::new();
    crowd(
        heard,
        |s, nth| match nth {
            0 | 3 | 6 | 9 | 12 => s.breaker.force_open(),
            1 | 4 | 7 | 10 | 13 => s.breaker.disable(),
            2 | 5 | 8 | 11 | 14 => s.breaker.close(),
            _ => drop(s.try_acquire()),
        },
        |s| {
            s.at_rest();
            // A last transition delivers what is left.
            s.breaker.metrics_only();
            let events = s.breaker.snapshot().events;
            TOLD.hit_if(events.told > 1);
            assert_eq!(events.panics, 0, "told out of order");
            assert_eq!(events.told + events.dropped, s.breaker.era(), "once each");
        },
    )
    .met([&TOLD]);
}
