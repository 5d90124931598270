//! Each transition is told once and in order, by whoever delivers. Invariants 34, 35.

use ampacity::{Builder, CircuitBreaker, Event, State};
use loom_tests::{Bounds, Note, Raced, Reached, Stage, race, race_within, settings};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Weak};

/// Where shuttle's schedules are too many as well.
const A_FEW: Bounds = Bounds { preemptions: Some(2), all_schedules: false, ..Bounds::NONE };

/// A stage with somebody who listens.
struct House {
    stage: Stage,
    told: Arc<Told>,
}

/// What a listener was told.
struct Told {
    /// Of the standard library: no part of the model, and orders nothing in it.
    eras: Mutex<Vec<u64>>,
    /// The last era, without an ordering of its own: whoever delivers next finds it.
    last: Note,
}

impl Told {
    fn new() -> Arc<Self> {
        Arc::new(Told { eras: Mutex::default(), last: Note::new(0) })
    }

    fn listener(self: &Arc<Self>) -> impl Fn(&Event) + Send + Sync + use<> {
        let told = Arc::clone(self);
        move |event| {
            let last = told.last.read();
            told.last.write(event.era);
            // Locked for no step of the model. A panic here would be contained: 0 is no
            // era, and fails the test at its end.
            let mut eras = told.eras.lock().unwrap();
            let known = last == eras.last().copied().unwrap_or(0);
            eras.push(if known { event.era } else { 0 });
        }
    }

    fn eras(&self) -> Vec<u64> {
        self.eras.lock().unwrap().clone()
    }
}

fn house(settings: impl FnOnce(Builder) -> Builder) -> House {
    let told = Told::new();
    let stage = Stage::new(settings(settings_of_models()).on_event(told.listener()));
    House { stage, told }
}

fn settings_of_models() -> Builder {
    settings().failure_threshold(1)
}

/// A listener and a transition at once: it is told of the transition, or not owed it.
fn a_listener_comes(setup: fn() -> House, end: fn(&House, (), u64)) -> Raced {
    race(
        setup,
        |h| h.stage.breaker.trip(),
        |h| {
            h.stage.breaker.add_listener(h.told.listener());
            h.stage.breaker.era()
        },
        end,
    )
}

/// Returns whether the listener was told of the transition.
fn is_told_what_it_is_owed(h: &House, since: u64) -> bool {
    let told = h.told.eras();
    assert!(since > 0 || told == [1], "a listener missed what came after it");
    h.stage.breaker.force_open();
    let all = [told, vec![2]].concat();
    assert_eq!(h.told.eras(), all, "a listener is owed what nobody told");
    all.len() == 2
}

/// The edge `attached -> turned`, for the first listener of all.
#[test]
fn a_first_listener_is_told_of_every_transition_after_it_came() {
    static TOLD: Reached = Reached::new();
    static BEFORE: Reached = Reached::new();
    a_listener_comes(
        || House { stage: Stage::new(settings_of_models()), told: Told::new() },
        |h, (), since| {
            let told = is_told_what_it_is_owed(h, since);
            TOLD.hit_if(told);
            BEFORE.hit_if(!told);
        },
    )
    .met([&TOLD, &BEFORE]);
}

/// The same, where listeners have come and gone.
#[test]
fn a_listener_that_comes_to_an_empty_list_is_told_of_every_transition_after_it_came() {
    static TOLD: Reached = Reached::new();
    static BEFORE: Reached = Reached::new();
    a_listener_comes(
        || {
            let house = House { stage: Stage::new(settings_of_models()), told: Told::new() };
            let id = house.stage.breaker.add_listener(|_| ());
            assert!(house.stage.breaker.remove_listener(id));
            house
        },
        |h, (), since| {
            let told = is_told_what_it_is_owed(h, since);
            TOLD.hit_if(told);
            BEFORE.hit_if(!told);
        },
    )
    .met([&TOLD, &BEFORE]);
}

/// Invariant 35: the listener resets the breaker, and then panics.
#[test]
fn a_listener_that_calls_back_and_panics_leaves_the_breaker_usable() {
    static INSIDE: Reached = Reached::new();
    fn contained(call: impl FnOnce()) {
        let call = catch_unwind(AssertUnwindSafe(call));
        assert!(call.is_ok(), "a listener's panic reached a caller");
    }
    race_within(
        A_FEW,
        || {
            let mut house = house(|settings| settings);
            house.stage = house.stage.with_permits(1);
            let weak: Weak<CircuitBreaker> = Arc::downgrade(&house.stage.breaker);
            house.stage.breaker.add_listener(move |event| {
                if event.to == State::Open {
                    weak.upgrade().into_iter().for_each(|breaker| breaker.reset());
                    resume_unwind(Box::new("trouble"));
                }
            });
            house
        },
        |h| contained(|| h.stage.take().failure()),
        |h| contained(|| h.stage.breaker.disable()),
        |h, (), ()| {
            let told = h.told.eras();
            let now = h.stage.at_rest();
            assert_eq!(told, (1..=now.era).collect::<Vec<_>>(), "told in order, and all");
            let tripped = now.transitions.between(State::Closed, State::Open);
            assert_eq!(now.events.panics, tripped);
            assert_eq!(now.transitions.total(), 1 + 2 * tripped);
            INSIDE.hit_if(tripped == 1);
            h.stage.breaker.close();
            h.stage.acquire().success();
        },
    )
    .met([&INSIDE]);
}

/// The desk alone, so that all its schedules can be searched.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod at_the_desk {
    use super::Told;
    use ampacity::model::Office;
    use loom_tests::{Bounds, Reached, race, race_within};
    use std::sync::Arc;

    /// Where loom takes minutes to search everything.
    const THREE_PREEMPTIONS: Bounds = Bounds { preemptions: Some(3), ..Bounds::NONE };
    /// loom lets a read-modify-write beside a plain store read an older value.
    const PLAIN_LOADS: Bounds = Bounds { rmw_loads: false, ..Bounds::NONE };

    struct Desk {
        office: Office,
        told: Arc<Told>,
    }

    fn desk() -> Desk {
        let told = Told::new();
        Desk { office: Office::new(0, told.listener()), told }
    }

    /// Invariant 34, and the edges `asked -> told`, `left -> entered`: nothing is left
    /// untold when both are gone, and whoever delivers knows what was told before.
    #[test]
    fn two_transitions_at_once_are_told_once_each_and_in_order() {
        static BY_ONE: Reached = Reached::new();
        static BY_EACH: Reached = Reached::new();
        race(
            desk,
            |d| {
                d.office.hand_in(1);
                d.told.eras().len()
            },
            |d| {
                d.office.hand_in(2);
                d.told.eras().len()
            },
            |d, left, right| {
                assert_eq!(d.told.eras(), [1, 2], "not told once each and in order");
                assert_eq!(d.office.counts(), [2, 0, 0]);
                BY_ONE.hit_if(left.min(right) == 0);
                BY_EACH.hit_if(left == 1);
            },
        )
        .met([&BY_ONE, &BY_EACH]);
    }

    /// Invariant 34, for a winner who is late by a whole window (two eras in models).
    #[test]
    fn an_era_whose_winner_is_too_late_is_dropped_once_and_not_told() {
        static DROPPED: Reached = Reached::new();
        static TOLD: Reached = Reached::new();
        race_within(
            THREE_PREEMPTIONS,
            desk,
            |d| d.office.hand_in(1),
            |d| {
                d.office.hand_in(2);
                d.office.hand_in(3);
            },
            |d, (), ()| {
                let told = d.told.eras();
                assert!(told.is_sorted_by(|a, b| a < b), "told out of order: {told:?}");
                let [counted, dropped, _] = d.office.counts();
                assert_eq!(counted, told.len() as u64);
                assert_eq!(counted + dropped, 3, "an era was lost or counted twice");
                DROPPED.hit_if(dropped == 1);
                TOLD.hit_if(dropped == 0);
            },
        )
        .met([&DROPPED, &TOLD]);
    }

    /// The edges `written -> read` and `retagged -> reread`.
    #[test]
    fn a_history_shows_whole_events_while_others_are_told() {
        static FIRST: Reached = Reached::new();
        static LAST: Reached = Reached::new();
        race_within(
            Bounds { preemptions: Some(3), ..PLAIN_LOADS },
            || Office::new(1, |_| ()),
            |office| (1..=3).for_each(|era| office.hand_in(era)),
            |office| {
                for event in office.history() {
                    assert!(Office::is_whole(&event), "half of one, half of another: {event}");
                    FIRST.hit_if(event.era == 1);
                    LAST.hit_if(event.era == 3);
                }
            },
            |office, (), ()| assert_eq!(office.history().len(), 1),
        )
        .met([&FIRST, &LAST]);
    }
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod behind_a_pointer {
    use ampacity::model::Heap;
    use loom_tests::{Note, Reached, race};

    /// Release and Acquire of `pushed -> taken`, also through another push.
    #[test]
    fn whoever_takes_the_pile_finds_what_was_pushed_whole() {
        static BOTH: Reached = Reached::new();
        race(
            Heap::new,
            |heap| {
                heap.push(Note::written(7));
                read(heap)
            },
            |heap| {
                heap.push(Note::written(7));
                read(heap)
            },
            |heap, left, right| {
                assert_eq!(left + right, 2, "taken once each");
                assert!(heap.take().is_empty());
                BOTH.hit_if(left == 2 || right == 2);
            },
        )
        .met([&BOTH]);
    }

    fn read(heap: &Heap<Note>) -> usize {
        let taken = heap.take();
        taken.iter().for_each(|note| assert_eq!(note.read(), 7, "taken before it was written"));
        taken.len()
    }
}

/// Invariant 34, for a newcomer that makes a transition itself, beside one who delivers and
/// began to before it came.
#[test]
fn a_newcomer_is_told_by_whoever_began_to_deliver_before_it_came() {
    static BY_ITSELF: Reached = Reached::new();
    static BY_THE_OTHER: Reached = Reached::new();
    race_within(
        A_FEW,
        || house(|settings| settings),
        |h| h.stage.breaker.trip(),
        |h| {
            let late = Told::new();
            h.stage.breaker.add_listener(late.listener());
            let since = h.stage.breaker.era();
            h.stage.breaker.force_open();
            let told = late.eras().contains(&2);
            (since, late, told)
        },
        |h, (), (since, late, told)| {
            BY_ITSELF.hit_if(told);
            BY_THE_OTHER.hit_if(since == 0 && !told);
            assert_eq!((h.stage.breaker.era(), h.told.eras()), (2, vec![1, 2]));
            let owed: Vec<u64> = (since + 1..=2).collect();
            assert!(late.eras().ends_with(&owed), "not told of what came after it");
        },
    )
    .met([&BY_ITSELF, &BY_THE_OTHER]);
}
