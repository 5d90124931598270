//! J. Events and observers.

use super::*;
use ampacity::{ConfigError, EventCounts};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{OnceLock, Weak, mpsc};
use std::thread;

fn eras(told: &Told) -> Vec<u64> {
    told.lock().unwrap().iter().map(|event| event.era).collect()
}

/// A breaker whose one listener notes what it is told.
fn noted() -> (Arc<CircuitBreaker>, ManualClock, Told) {
    let told = Told::default();
    let (breaker, clock) = breaker_with(|builder| builder.on_event(note(&told)));
    (breaker, clock, told)
}

/// Snapshots until nothing is left to tell.
fn at_rest(breaker: &CircuitBreaker) -> EventCounts {
    loop {
        let seen = breaker.snapshot().events;
        if breaker.snapshot().events == seen {
            return seen;
        }
    }
}

fn has_failures(cause: Cause, wanted: u32) -> bool {
    matches!(cause, Cause::ConsecutiveFailures { failures, .. } if failures == wanted)
}

#[test]
fn every_transition_is_told_with_its_cause_its_figures_and_its_time() {
    let (breaker, clock, told) = noted();
    clock.advance(MS * 7);
    fail(&breaker, 3);
    clock.advance(SECOND);
    succeed(&breaker, 3);
    make_due(&breaker, &clock);
    fail(&breaker, 1);
    breaker.force_open();
    breaker.disable();
    breaker.metrics_only();
    breaker.close();
    breaker.trip();
    breaker.reset();

    let told = told.lock().unwrap();
    let mut last = State::Closed;
    for (nth, event) in told.iter().enumerate() {
        assert_eq!((&*event.breaker, event.era), ("conformance", nth as u64 + 1));
        assert_eq!(event.from, last);
        last = event.to;
    }
    let names: Vec<&str> = told.iter().map(|event| event.cause.as_str()).collect();
    assert_eq!(
        names,
        [
            "consecutive_failures",
            "wait_over",
            "probes_succeeded",
            "consecutive_failures",
            "wait_over",
            "probes_failed",
            "force_open",
            "disable",
            "metrics_only",
            "close",
            "trip",
            "reset"
        ]
    );
    assert!(has_failures(told[0].cause, 3), "{}", told[0]);
    assert!(matches!(told[2].cause, Cause::ProbesSucceeded { successes: 3, .. }));
    let times = [MS * 7, MS * 1007, MS * 1007, MS * 1007, MS * 2007, MS * 2007];
    assert_eq!(told.iter().map(|event| event.at).collect::<Vec<_>>()[..6], times);
    assert_eq!(
        told[0].to_string(),
        "circuit breaker 'conformance' went from closed to open: \
         3 failures in a row (era 1, at 7.000ms)"
    );
    let counts = breaker.snapshot().events;
    assert_eq!((counts.told, counts.dropped, counts.panics), (12, 0, 0));
}

#[test]
fn s08_the_event_of_a_trip_names_its_policy_and_the_figures_it_saw() {
    let (breaker, _, told) = noted();
    fail(&breaker, 2);
    breaker.reconfigure(|now| now.failure_threshold(2)).unwrap();
    fail(&breaker, 1);
    assert!(has_failures(causes(&told)[0], 3), "what was seen, and not what was set");
}

#[test]
fn s09_many_threads_that_meet_the_condition_at_once_make_one_event() {
    for _ in 0..50 {
        let (breaker, _, told) = noted();
        let permits: Vec<_> = (0..8).map(|_| breaker.try_acquire_owned().unwrap()).collect();
        let threads: Vec<_> =
            permits.into_iter().map(|permit| thread::spawn(|| permit.failure())).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        at_rest(&breaker);
        assert_eq!((eras(&told), breaker.era()), (vec![1], 1));
        assert!(has_failures(causes(&told)[0], 3));
    }
}

#[test]
fn s57_an_order_that_changes_nothing_has_no_event() {
    let (breaker, _, told) = noted();
    breaker.close();
    breaker.trip();
    breaker.trip();
    breaker.force_open();
    breaker.force_open();
    assert_eq!(causes(&told), [Cause::Trip, Cause::ForceOpen]);
}

#[test]
fn s59_a_reset_has_one_event_and_a_listener_finds_the_totals_empty() {
    for &from in State::ALL {
        let (breaker, _) = bring_to(from);
        let told = Told::default();
        breaker.add_listener(note(&told));
        let weak = Arc::downgrade(&breaker);
        let failed = Arc::new(AtomicU64::new(7));
        let seen = Arc::clone(&failed);
        breaker.add_listener(move |_| {
            let failed = weak.upgrade().unwrap().snapshot().failed;
            seen.store(failed, Ordering::Relaxed);
        });
        breaker.reset();
        assert_eq!(causes(&told), [Cause::Reset], "from {from}");
        assert_eq!(failed.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn s60_a_listener_may_read_settle_reset_and_force() {
    let (breaker, clock, told) = noted();
    let weak: Weak<CircuitBreaker> = Arc::downgrade(&breaker);
    let seen = Told::default();
    let later = note(&seen);
    breaker.add_listener(move |event| {
        let breaker = weak.upgrade().expect("somebody is calling it");
        assert_eq!(breaker.era(), event.era, "nothing has happened since");
        assert_eq!(breaker.snapshot().state, breaker.state());
        match event.era {
            1 => breaker.reset(),
            2 => fail(&breaker, 3),
            3 => breaker.force_open(),
            4 => breaker.close(),
            5 => {
                let late = note(&Told::default());
                let id = breaker.add_listener(late);
                assert!(breaker.remove_listener(id));
                assert!(breaker.reconfigure(|now| now.failure_threshold(1)).is_ok());
                fail(&breaker, 1);
            }
            _ => {}
        }
        later(event);
    });
    fail(&breaker, 3);
    assert_eq!(eras(&told), [1, 2, 3, 4, 5, 6]);
    assert_eq!(eras(&seen), eras(&told), "each is told after the one it answers");
    assert!(has_failures(causes(&told)[2], 3) && has_failures(causes(&told)[5], 1));
    let now = breaker.snapshot();
    assert_eq!((now.state, now.era, now.failed), (State::Open, 6, 4));
    assert_eq!((now.events.told, now.events.panics), (6, 0));
    clock.advance(SECOND);
    succeed(&breaker, 3);
    assert_eq!(eras(&told).len(), 8);
}

#[test]
fn s60_a_listener_that_trips_for_ever_holds_nobody_up() {
    static BREAKER: OnceLock<CircuitBreaker> = OnceLock::new();
    let swing = |_: &Event| {
        let breaker = BREAKER.get().expect("set below");
        if breaker.state() == State::Closed { breaker.trip() } else { breaker.reset() }
    };
    let breaker = CircuitBreaker::builder("swing").on_event(swing).build().unwrap();
    let breaker = BREAKER.get_or_init(|| breaker);
    breaker.trip();
    assert_eq!((breaker.era(), breaker.snapshot().events.dropped), (65, 0));
    assert_eq!(breaker.snapshot().events.told, 64 * 3, "a snapshot tells as many");
    breaker.force_open();
    assert!(breaker.era() < 64 * 5);
}

#[test]
fn s60_a_listener_may_remove_itself() {
    let (breaker, _) = breaker();
    let id = Arc::new(OnceLock::new());
    let told = Told::default();
    let (mine, weak, later) = (Arc::clone(&id), Arc::downgrade(&breaker), note(&told));
    id.set(breaker.add_listener(move |event| {
        later(event);
        let breaker = weak.upgrade().unwrap();
        assert!(breaker.remove_listener(*mine.get().unwrap()));
        breaker.reset();
    }))
    .unwrap();
    breaker.trip();
    breaker.trip();
    assert_eq!(eras(&told), [1]);
    assert!(!breaker.remove_listener(*id.get().unwrap()), "gone");
}

#[test]
fn s60_a_listener_that_another_removes_is_not_called_any_more() {
    let (breaker, _) = breaker();
    let next = Arc::new(OnceLock::new());
    let told = Told::default();
    let (theirs, weak) = (Arc::clone(&next), Arc::downgrade(&breaker));
    breaker.add_listener(move |_| {
        let removed = weak.upgrade().unwrap().remove_listener(*theirs.get().unwrap());
        assert!(removed);
    });
    next.set(breaker.add_listener(note(&told))).unwrap();
    breaker.trip();
    assert_eq!((eras(&told), breaker.snapshot().events.panics), (vec![], 0));
}

#[test]
fn s61_a_listener_that_panics_harms_neither_the_call_nor_the_breaker_nor_the_others() {
    let told = Told::default();
    let bad = |_: &Event| resume_unwind(Box::new("a listener's own trouble"));
    let (breaker, clock) = breaker_with(|builder| builder.on_event(bad).on_event(note(&told)));
    fail(&breaker, 3);
    clock.advance(SECOND);
    let value = breaker.call(|| Ok::<_, ()>(7));
    assert_eq!(value.unwrap(), 7, "the probe whose admission was told is made and counts");
    succeed(&breaker, 2);
    assert_eq!(eras(&told), [1, 2, 3]);
    let now = breaker.snapshot();
    assert_eq!((now.state, now.in_flight, now.panicked), (State::Closed, 0, 0));
    assert_eq!((now.events.told, now.events.panics), (3, 3));
}

#[test]
fn s61_a_listener_may_panic_while_its_thread_unwinds() {
    let told = Told::default();
    let bad = |_: &Event| resume_unwind(Box::new("a listener's own trouble"));
    let (breaker, _) =
        breaker_with(|builder| builder.failure_threshold(1).on_event(bad).on_event(note(&told)));
    let call = || breaker.call(|| -> Result<(), ()> { resume_unwind(Box::new("the call's")) });
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("it goes on");
    assert_eq!(panic.downcast_ref(), Some(&"the call's"));
    assert_eq!((eras(&told), breaker.state()), (vec![1], State::Open));
    assert_eq!(breaker.snapshot().events.panics, 1);
}

#[test]
fn s62_without_a_listener_nothing_is_told_and_nothing_is_kept() {
    let (breaker, clock) = breaker();
    make_due(&breaker, &clock);
    succeed(&breaker, 3);
    assert_eq!(breaker.snapshot().events, EventCounts::default());
    assert_eq!(breaker.history(), []);

    let told = Told::default();
    let id = breaker.add_listener(note(&told));
    breaker.trip();
    assert!(breaker.remove_listener(id));
    breaker.reset();
    breaker.trip();
    assert_eq!((eras(&told), breaker.snapshot().events.told), (vec![4], 1));
    breaker.add_listener(note(&told));
    breaker.reset();
    assert_eq!((eras(&told), breaker.snapshot().events.told), (vec![4, 7], 2));
    assert_eq!(breaker.snapshot().events.dropped, 0, "what nobody was owed is not dropped");
}

#[test]
fn s63_a_live_change_keeps_listeners_and_refuses_new_ones() {
    let (breaker, _, told) = noted();
    breaker.reconfigure(|now| now.failure_threshold(1)).unwrap();
    fail(&breaker, 1);
    assert_eq!(eras(&told), [1]);
    let refused = breaker.reconfigure(|now| now.on_event(|_| ()));
    assert_eq!(refused, Err(ConfigError::FixedAtBuild { field: "on_event" }));
    let refused = breaker.reconfigure(|now| now.history(9));
    assert_eq!(refused, Err(ConfigError::FixedAtBuild { field: "history" }));
}

#[test]
fn s68_a_history_too_long_to_keep_is_refused() {
    let build = |history| CircuitBreaker::builder("long").history(history).build();
    assert!(build(4096).is_ok());
    let refused = build(4097).expect_err("too long");
    assert_eq!(refused.to_string(), "history is 4097, must be from 0 to 4096");
}

#[test]
fn a_history_keeps_the_last_transitions_the_oldest_first() {
    let (breaker, _) = breaker_with(|builder| builder.history(3));
    assert_eq!(breaker.history(), []);
    fail(&breaker, 3);
    for _ in 0..5 {
        breaker.reset();
    }
    breaker.force_open();
    let kept = breaker.history();
    let of = |event: &Event| (event.era, event.cause);
    assert_eq!(
        kept.iter().map(of).collect::<Vec<_>>(),
        [(5, Cause::Reset), (6, Cause::Reset), (7, Cause::ForceOpen)]
    );
    assert_eq!((kept[2].from, kept[2].to), (State::Closed, State::ForcedOpen));
}

/// Some threads make transitions, others come and go as listeners.
#[test]
fn each_listener_sees_eras_in_order_and_what_is_not_told_is_counted() {
    const ORDERS: u64 = 4_000;
    let last = Arc::new(AtomicU64::new(0));
    let told = Arc::new(AtomicU64::new(0));
    let in_order = |last: Arc<AtomicU64>, told: Arc<AtomicU64>| {
        let busy = AtomicBool::new(false);
        move |event: &Event| {
            assert!(!busy.swap(true, Ordering::Relaxed), "twice at once");
            let before = last.swap(event.era, Ordering::Relaxed);
            assert!(before < event.era, "{} after {before}", event.era);
            told.fetch_add(1, Ordering::Relaxed);
            busy.store(false, Ordering::Relaxed);
        }
    };
    let always = in_order(Arc::clone(&last), Arc::clone(&told));
    let (breaker, _) = breaker_with(|builder| builder.on_event(always).history(16));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let orders = [0, 1, 2, 3].map(|_| {
            scope.spawn(|| {
                for _ in 0..ORDERS {
                    breaker.reset();
                    breaker.trip();
                }
            })
        });
        let comers = [0, 1].map(|_| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let first = Arc::new(AtomicU64::new(breaker.era()));
                    let told = Arc::new(AtomicU64::new(0));
                    let id = breaker.add_listener(in_order(first, Arc::clone(&told)));
                    while told.load(Ordering::Relaxed) < 8 && !over.load(Ordering::Relaxed) {
                        for pair in breaker.history().windows(2) {
                            assert!(pair[0].era < pair[1].era);
                        }
                        thread::yield_now();
                    }
                    assert!(breaker.remove_listener(id));
                }
            })
        });
        orders.into_iter().for_each(|order| order.join().unwrap());
        over.store(true, Ordering::Relaxed);
        comers.into_iter().for_each(|comer| comer.join().unwrap());
    });
    let counts = at_rest(&breaker);
    assert_eq!(counts.panics, 0);
    assert_eq!(counts.told + counts.dropped, breaker.era(), "{counts:?}");
    assert_eq!(told.load(Ordering::Relaxed), counts.told);
    assert_eq!(last.load(Ordering::Relaxed), breaker.era(), "the present state is known");
    assert_eq!(breaker.history().last().unwrap().era, breaker.era());
}

/// Others go on while a listener is stuck, and in the end it knows the present.
#[test]
fn nobody_waits_for_a_listener_that_is_stuck_and_it_is_told_the_newest_at_last() {
    let (go_on, stuck) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    let stuck = Mutex::new(stuck);
    let told = Told::default();
    let later = note(&told);
    let (breaker, _) = breaker_with(|builder| {
        builder.on_event(move |event| {
            if event.era == 1 {
                enter.send(()).unwrap();
                let _ = stuck.lock().unwrap().recv();
            }
            later(event);
        })
    });
    thread::scope(|scope| {
        let first = scope.spawn(|| breaker.trip());
        entered.recv().unwrap();
        for _ in 0..10_000 {
            breaker.reset();
            breaker.trip();
        }
        assert_eq!(breaker.snapshot().events.told, 1, "a snapshot does not wait either");
        drop(go_on);
        first.join().unwrap();
    });
    let counts = at_rest(&breaker);
    assert_eq!(counts.told + counts.dropped, 20_001);
    assert!(counts.dropped > 19_000, "{counts:?}");
    let told = eras(&told);
    assert_eq!((told.first(), told.last()), (Some(&1), Some(&20_001)));
    assert_eq!(told[told.len() - 64..], (19_938..=20_001).collect::<Vec<_>>());
    assert!(told.is_sorted());
}

/// What a listener owns, and what dropping that does.
struct Owned(Arc<AtomicU64>, bool);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "in the drop of what a listener owns");
    }
}

/// A listener that removes itself is held last by whoever is telling: a caller.
#[test]
fn s61_a_panic_in_the_drop_of_what_a_listener_owns_reaches_no_caller() {
    let (breaker, clock) = breaker_with(|builder| builder.success_threshold(1));
    let (breaker, drops) = (Arc::new(breaker), Arc::new(AtomicU64::new(0)));
    for nth in 1..=3 {
        let id = Arc::new(OnceLock::new());
        let (mine, weak) = (Arc::clone(&id), Arc::downgrade(&breaker));
        let owned = Owned(Arc::clone(&drops), true);
        let listener = move |_: &Event| {
            let _ = &owned;
            weak.upgrade().unwrap().remove_listener(*mine.get().unwrap());
        };
        id.set(breaker.add_listener(listener)).unwrap();
        breaker.trip();
        clock.advance(SECOND);
        assert_eq!(breaker.call(|| Ok::<_, ()>(7)), Ok(7));
        assert_eq!(drops.load(Ordering::Relaxed), nth);
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.state, seen.admitted, seen.in_flight), (State::Closed, 3, 0));
}

#[test]
fn what_a_listener_owns_is_dropped_with_it_and_not_by_strangers_later() {
    let drops = Arc::new(AtomicU64::new(0));
    let owned = || Owned(Arc::clone(&drops), false);
    let listener = |owned: Owned| {
        move |_: &Event| {
            let _ = &owned;
        }
    };
    // Somebody elsewhere who is pinned holds up memory, and nothing of a user's.
    let pinned = crossbeam_epoch::pin();
    let breaker = CircuitBreaker::builder("made with").on_event(listener(owned())).build().unwrap();
    let id = breaker.add_listener(listener(owned()));
    breaker.trip();
    assert!(breaker.remove_listener(id));
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    drop(breaker);
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    drop(pinned);
}

#[test]
fn a_listener_finds_the_first_probe_counted() {
    let (breaker, clock, _) = noted();
    breaker.trip();
    clock.advance(SECOND);
    let (seen, weak) = (Arc::new(AtomicU64::new(99)), Arc::downgrade(&breaker));
    let in_flight = Arc::clone(&seen);
    breaker.add_listener(move |_| {
        in_flight.store(weak.upgrade().unwrap().snapshot().in_flight, Ordering::Relaxed);
    });
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    probe.success();
}

#[test]
fn a_history_shows_the_newest_though_its_teller_has_told_enough() {
    let breaker = Arc::new(CircuitBreaker::builder("long").history(8).build().unwrap());
    let weak = Arc::downgrade(&breaker);
    breaker.add_listener(move |event| {
        if event.era <= 64 {
            weak.upgrade().unwrap().reset();
        }
    });
    breaker.reset();
    assert_eq!((breaker.era(), breaker.history().last().unwrap().era), (65, 65));
}

#[test]
fn an_id_of_another_breakers_listener_removes_nobody() {
    let [a, b] = ["a", "b"].map(CircuitBreaker::new);
    let (id, other) = (a.add_listener(|_| ()), b.add_listener(|_| ()));
    assert!(!b.remove_listener(id) && !a.remove_listener(other));
    assert!(a.remove_listener(id) && b.remove_listener(other));
}

#[test]
fn only_what_somebody_heard_counts_as_told() {
    let lonely = CircuitBreaker::new("lonely");
    let id = lonely.add_listener(|_| ());
    lonely.reset();
    lonely.remove_listener(id);
    lonely.reset();
    lonely.add_listener(|_| ());
    lonely.reset();
    let events = lonely.snapshot().events;
    assert_eq!((events.told, events.dropped, lonely.era()), (2, 0, 3));

    // Its four transitions are on the way when the only listener goes at the second.
    let breaker = Arc::new(CircuitBreaker::new("heard"));
    let (id, heard) = (Arc::new(OnceLock::new()), Arc::new(AtomicU64::new(0)));
    let (mine, weak, count) = (Arc::clone(&id), Arc::downgrade(&breaker), Arc::clone(&heard));
    let listener = move |event: &Event| {
        count.fetch_add(1, Ordering::Relaxed);
        let breaker = weak.upgrade().unwrap();
        match event.era {
            1 => (0..3).for_each(|_| breaker.reset()),
            _ => assert!(breaker.remove_listener(*mine.get().unwrap())),
        }
    };
    id.set(breaker.add_listener(listener)).unwrap();
    breaker.reset();
    assert_eq!((heard.load(Ordering::Relaxed), breaker.snapshot().events.told), (2, 2));
}

#[test]
fn an_event_has_the_whole_name_and_a_lapsed_lease_its_own_cause() {
    let (clock, told) = (ManualClock::new(), Told::default());
    let name = String::from("a name that is longer than thirty bytes by far");
    let breaker = CircuitBreaker::builder(name.clone())
        .half_open_permits(2)
        .clock(clock.clone())
        .on_event(note(&told))
        .build()
        .unwrap();
    breaker.trip();
    clock.advance(Duration::from_secs(60));
    let _abandoned = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    clock.advance(Duration::from_secs(61));
    let _fresh = breaker.try_acquire().unwrap();
    let told = told.lock().unwrap();
    assert_eq!((told[2].from, told[2].to), (State::HalfOpen, State::HalfOpen));
    assert_eq!((told[2].cause, &*told[2].breaker), (Cause::LeaseOver, name.as_str()));
}
