//! Where transitions are handed in and told, each once and in order.
//!
//! Whoever wins a transition puts it on a pile, without waiting, and asks for its
//! delivery. If nobody delivers, that is now their part: they take the pile, tell what
//! is next and put back what has to wait for an earlier era. If somebody does, that one
//! looks again before leaving, and the winner goes on. So listeners never run twice at
//! once, and nobody ever waits for one who was not chosen by this turn to run it.

use super::history::History;
use super::listeners::{Listener, ListenerId, Listeners, Seat, owed_after};
use super::{Change, Event, EventCounts};
use crate::contained::contained;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Ordering, Pile};
use crate::word::Era;
use std::sync::Arc;

/// How many eras back an event is waited for, and at least how many of the newest
/// survive listeners that are too slow.
const WINDOW: u64 = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 2 } else { 64 };

/// How many events one caller delivers before going on; the rest goes with the next
/// transition or snapshot.
const SHIFT: u64 = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 8 } else { 64 };

/// The events of a breaker; made with its first listener or for its history.
pub(crate) struct Desk {
    name: Arc<str>,
    listeners: Listeners,
    history: Option<History>,
    pile: Pile<Change>,
    /// How many callers have asked for delivery since somebody took it on; 0 if nobody
    /// has. Changed by read-modify-writes only, so that none is overlooked.
    asked: Atomic<u64>,
    // Written only by whoever delivers.
    /// The era to tell next, unless nobody is owed it.
    next: Atomic<u64>,
    told: Atomic<u64>,
    dropped: Atomic<u64>,
    panics: Atomic<u64>,
}

impl Desk {
    pub(crate) fn new(name: &str, history: u32, listeners: Vec<Listener>) -> Self {
        Self {
            name: name.into(),
            listeners: Listeners::new(listeners),
            history: (history > 0).then(|| History::new(history)),
            pile: Pile::new(),
            asked: Atomic::new(0),
            next: Atomic::new(0),
            told: Atomic::new(0),
            dropped: Atomic::new(0),
            panics: Atomic::new(0),
        }
    }

    /// Adds a listener, which is told of every transition after this call.
    ///
    /// Everybody's `now` is the era at a swap of the word: whoever wins a later one sees
    /// what the caller of `now` wrote before.
    pub(crate) fn add(&self, listener: Listener, now: &impl Fn() -> Era) -> ListenerId {
        self.listeners.add(listener, now)
    }

    /// Removes a listener; says if it was there.
    pub(crate) fn remove(&self, id: ListenerId) -> bool {
        self.listeners.remove(id)
    }

    /// Whether one is here that the breaker was not made with.
    pub(crate) fn has_newcomers(&self) -> bool {
        self.listeners.has_newcomers()
    }

    pub(crate) fn counts(&self) -> EventCounts {
        // Relaxed: statistics; nothing is read on the strength of them.
        let load = |count: &Atomic<u64>| count.load(Ordering::Relaxed);
        let (told, dropped, panics) = (&self.told, &self.dropped, &self.panics);
        EventCounts { told: load(told), dropped: load(dropped), panics: load(panics) }
    }

    /// The last changes that were told, the oldest first.
    pub(crate) fn history(&self) -> Vec<Event> {
        let kept = self.history.as_ref().map(History::read).unwrap_or_default();
        kept.iter().map(|change| Event::new(&self.name, change)).collect()
    }

    /// Takes a transition from the caller who won it, and sees to its being told.
    pub(crate) fn hand_in(&self, change: Change, now: &impl Fn() -> Era) {
        if self.history.is_none() && self.listeners.is_empty() {
            return;
        }
        self.pile.push(change);
        self.deliver(now);
    }

    /// Tells what can be told, unless somebody does already, who then looks again.
    pub(crate) fn deliver(&self, now: &impl Fn() -> Era) {
        loop {
            // Acquire, edge `left -> entered`: pairs with the Release in `Shift::leave`;
            // what the one before us told and counted is visible. Release, edge
            // `asked -> told`: pairs with the Acquire of a `leave` that fails; what we
            // put on the pile is found by whoever stays for it.
            let asked = self.asked.fetch_add(1, Ordering::AcqRel);
            if asked == 0 {
                return self.take_a_shift(now);
            }
            while planted(Bug::DeliveryAwaited) && self.asked.load(Ordering::Relaxed) > 0 {}
            // Whoever delivers may be in a slow listener: the pile grows by one for each
            // who asks at the most, and is shortened once a window.
            if !asked.is_multiple_of(WINDOW) {
                return;
            }
            self.shorten();
        }
    }

    fn take_a_shift(&self, now: &impl Fn() -> Era) {
        let mut shift = Shift { desk: self, asked: 1, over: false };
        let mut left = SHIFT;
        loop {
            // A round that finds nothing counts too: others may ask for ever.
            left = left.saturating_sub(self.round(left, now).max(1));
            if left == 0 || shift.leave() || planted(Bug::LeaveUnasked) {
                return;
            }
        }
    }

    /// Takes the pile, tells at most `most` events and puts the rest back. Returns how
    /// many were told.
    fn round(&self, most: u64, now: &impl Fn() -> Era) -> u64 {
        let early = planted(Bug::ListFirst).then(|| self.listeners.read());
        let mut changes = self.pile.take();
        // After the pile: who won one of these saw at least the listeners it is owed to,
        // so they are found here.
        let seats = early.unwrap_or_else(|| self.listeners.read());
        let owed_after = match self.history {
            Some(_) => Some(0),
            None => owed_after(&seats, now),
        };
        // Without a listener nobody is owed anything: what was handed in is forgotten.
        let Some(owed_after) = owed_after else { return 0 };
        changes.sort_unstable_by_key(|change| change.turn.era);
        let Some(latest) = changes.last().map(|change| change.turn.era.0) else { return 0 };

        // Relaxed, here and below: only whoever delivers uses it, see `left -> entered`.
        let mut next = self.next.load(Ordering::Relaxed).max(owed_after + 1);
        let mut told = 0;
        for change in changes {
            let era = change.turn.era.0;
            if era < next {
                // It has been counted as dropped, or is owed to nobody.
                if !planted(Bug::LateIsTold) {
                    continue;
                }
                next = era;
            }
            if told == most {
                self.pile.push(change);
                continue;
            }
            // What is missing before this one is not waited for if it lies a window back.
            let given_up = next..era.min((latest + 1).saturating_sub(WINDOW));
            if !given_up.is_empty() {
                // Relaxed: a statistic.
                self.dropped.fetch_add(given_up.end - given_up.start, Ordering::Relaxed);
                next = given_up.end;
                self.next.store(next, Ordering::Relaxed);
            }
            if era == next || planted(Bug::TellAtOnce) {
                next = era + 1;
                self.next.store(next, Ordering::Relaxed);
                told += 1;
                self.tell(&change, &seats, now);
            } else {
                self.pile.push(change);
            }
        }
        told
    }

    fn tell(&self, change: &Change, seats: &[Arc<Seat>], now: &impl Fn() -> Era) {
        if let Some(history) = &self.history {
            history.write(change);
        }
        // Relaxed, here and below: statistics. Counted before anybody hears of it, and not
        // if nobody does: those who did not want it are owed later eras only.
        let told = || self.told.fetch_add(1, Ordering::Relaxed);
        let mut is_told = self.history.is_some();
        if is_told {
            told();
        }
        let event = Event::new(&self.name, change);
        for seat in seats {
            let Some(listener) = seat.wants(change.turn.era, now) else { continue };
            if !is_told {
                is_told = true;
                told();
            }
            if planted(Bug::PanicEscapes) {
                listener(&event);
            } else if contained(|| listener(&event)).is_none() {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Frees what lies too deep, while whoever delivers is in a slow listener: those eras
    /// will be counted as dropped, and the latest stay.
    fn shorten(&self) {
        let changes = self.pile.take();
        let latest = changes.iter().map(|change| change.turn.era.0).max().unwrap_or(0);
        for change in changes {
            if change.turn.era.0 > latest.saturating_sub(WINDOW) {
                self.pile.push(change);
            }
        }
    }
}

/// The part of whoever delivers, given up when it is dropped.
struct Shift<'a> {
    desk: &'a Desk,
    asked: u64, // at least 1
    over: bool,
}

impl Shift<'_> {
    /// Gives the part up, unless somebody has asked since the last look.
    fn leave(&mut self) -> bool {
        // Release, edge `left -> entered`: pairs with the Acquire in `deliver`. Acquire on
        // failure, edge `asked -> told`: pairs with the Release in `deliver`.
        let left = self.desk.asked.compare_exchange_weak(
            self.asked,
            0,
            Ordering::Release,
            Ordering::Acquire,
        );
        match left {
            Ok(_) => self.over = true,
            Err(asked) => self.asked = asked,
        }
        self.over
    }
}

impl Drop for Shift<'_> {
    /// Whoever has asked since the last look goes without: the next transition or snapshot
    /// goes on. Each try that fails is one who asked just then, and went on.
    fn drop(&mut self) {
        while !self.over {
            self.leave();
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::event::Cause;
    use crate::word::{State, Turn};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    /// A desk whose only listener notes the eras it is told of.
    fn desk() -> (Desk, Arc<Mutex<Vec<u64>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&told);
        let listener = Listener::new(move |event| noted.lock().unwrap().push(event.era));
        (Desk::new("desk", 0, vec![listener]), told)
    }

    fn change(era: u64) -> Change {
        let turn = Turn { from: State::Closed, to: State::Open, era: Era(era) };
        Change { turn, cause: Cause::Trip, at: Nanos(0) }
    }

    fn hand_in(desk: &Desk, eras: impl IntoIterator<Item = u64>) {
        eras.into_iter().for_each(|era| desk.hand_in(change(era), &|| Era(era)));
    }

    fn counts(desk: &Desk) -> (u64, u64) {
        let counts = desk.counts();
        (counts.told, counts.dropped)
    }

    #[test]
    fn an_early_era_waits_for_a_late_one_and_its_caller_does_not() {
        let (desk, told) = desk();
        hand_in(&desk, [2, 4, 3]);
        assert_eq!(*told.lock().unwrap(), []);
        hand_in(&desk, [1]);
        assert_eq!(*told.lock().unwrap(), [1, 2, 3, 4]);
        assert_eq!(counts(&desk), (4, 0));
    }

    #[test]
    fn a_history_is_owed_all_eras_whenever_listeners_come() {
        let desk = Desk::new("desk", 4, Vec::new());
        hand_in(&desk, [2]);
        desk.add(Listener::new(|_| ()), &|| Era(2));
        hand_in(&desk, [1]);
        let eras: Vec<u64> = desk.history().iter().map(|event| event.era).collect();
        assert_eq!(eras, [1, 2]);
    }

    #[test]
    fn a_gap_is_dropped_when_the_queue_is_full_and_the_latecomer_with_it() {
        let (desk, told) = desk();
        hand_in(&desk, 3..3 + WINDOW - 1);
        assert_eq!(counts(&desk), (0, 1), "of two gaps the first is a window away");
        hand_in(&desk, [1]);
        assert_eq!((counts(&desk), told.lock().unwrap().len()), ((0, 1), 0), "too late");
        hand_in(&desk, [WINDOW + 2]);
        assert_eq!(counts(&desk), (WINDOW, 2));
        hand_in(&desk, [2, 1]);
        assert_eq!(counts(&desk), (WINDOW, 2), "counted once");
        assert_eq!(*told.lock().unwrap(), (3..=WINDOW + 2).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_in_hand_is_told_however_far_ahead_the_queue_is() {
        let (desk, told) = desk();
        desk.pile.push(change(3 * WINDOW));
        (2..=9).for_each(|era| desk.pile.push(change(era)));
        desk.deliver(&|| Era(3 * WINDOW));
        assert_eq!(*told.lock().unwrap(), (2..=9).collect::<Vec<_>>());
        assert_eq!(counts(&desk), (8, 1 + (2 * WINDOW - 9)));
    }

    #[test]
    fn one_caller_delivers_a_bounded_number_and_the_next_goes_on() {
        let (desk, told) = desk();
        (1..=SHIFT + 2).for_each(|era| desk.pile.push(change(era)));
        desk.deliver(&|| Era(SHIFT + 2));
        assert_eq!((counts(&desk), told.lock().unwrap().len()), ((SHIFT, 0), SHIFT as usize));
        desk.deliver(&|| Era(SHIFT + 2));
        assert_eq!(counts(&desk), (SHIFT + 2, 0));
        assert_eq!(*told.lock().unwrap(), (1..=SHIFT + 2).collect::<Vec<_>>());
    }

    /// As while somebody is in a slow listener: they have the part and take nothing.
    #[test]
    fn while_nobody_takes_the_queue_is_bounded_and_the_newest_survive() {
        let (desk, told) = desk();
        desk.asked.store(1, Ordering::Relaxed);
        // So that the last one does not shorten the pile.
        let many = WINDOW + 100 * (WINDOW - 1);
        for era in 1..=many {
            hand_in(&desk, [era]);
            if era % 7 == 0 {
                let lies = desk.pile.take();
                assert!(lies.len() as u64 <= 2 * WINDOW, "{era}: {}", lies.len());
                lies.into_iter().for_each(|change| desk.pile.push(change));
            }
        }
        desk.asked.store(0, Ordering::Relaxed);
        (0..3).for_each(|_| desk.deliver(&|| Era(many)));
        let told = told.lock().unwrap();
        assert!(told.len() as u64 >= WINDOW && told.is_sorted());
        assert_eq!(*told.last().unwrap(), many);
        assert_eq!(counts(&desk), (told.len() as u64, many - told.len() as u64));
    }

    #[test]
    fn a_listener_is_told_of_what_came_after_it_and_of_nothing_once_removed() {
        let (desk, first) = desk();
        hand_in(&desk, [1, 2]);
        let latest = Arc::new(AtomicU64::new(0));
        let noted = Arc::clone(&latest);
        let note = move |event: &Event| {
            assert!(event.era > 3, "older than the listener");
            noted.store(event.era, Ordering::Relaxed);
        };
        let id = desk.add(Listener::new(note), &|| Era(3));
        hand_in(&desk, [4, 3]);
        assert_eq!(latest.load(Ordering::Relaxed), 4);
        assert_eq!((desk.remove(id), desk.remove(id)), (true, false));
        hand_in(&desk, [5]);
        assert_eq!(latest.load(Ordering::Relaxed), 4);
        assert_eq!(*first.lock().unwrap(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn eras_without_a_listener_are_owed_to_nobody() {
        let desk = Desk::new("desk", 0, Vec::new());
        hand_in(&desk, 1..=9);
        assert_eq!((counts(&desk), desk.pile.take()), ((0, 0), vec![]));
        let told = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&told);
        let note = move |event: &Event| noted.lock().unwrap().push(event.era);
        let id = desk.add(Listener::new(note), &|| Era(9));
        hand_in(&desk, [11, 10]);
        assert!(desk.remove(id));
        hand_in(&desk, 12..=99);
        let noted = Arc::clone(&told);
        let note = move |event: &Event| noted.lock().unwrap().push(event.era);
        desk.add(Listener::new(note), &|| Era(99));
        hand_in(&desk, [100]);
        assert_eq!(*told.lock().unwrap(), [10, 11, 100]);
        assert_eq!(counts(&desk), (3, 0));
    }

    #[test]
    fn a_panic_whose_payload_panics_when_dropped_is_contained_too() {
        struct Worse;
        impl Drop for Worse {
            fn drop(&mut self) {
                std::panic::resume_unwind(Box::new(()));
            }
        }
        let bad = Listener::new(|_| std::panic::resume_unwind(Box::new(Worse)));
        let desk = Desk::new("desk", 0, vec![bad]);
        hand_in(&desk, [1, 2]);
        assert_eq!((counts(&desk), desk.counts().panics), ((2, 0), 2));
    }
}
