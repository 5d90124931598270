//! Who is told of transitions.

use super::Event;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Current, Ordering};
use crate::word::Era;
use core::fmt;
use std::sync::Arc;

/// A function to call with each event.
#[derive(Clone)]
pub(crate) struct Listener(Arc<dyn Fn(&Event) + Send + Sync>);

impl Listener {
    pub(crate) fn new(f: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Listener(Arc::new(f))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Names a listener of one breaker: from
/// [`add_listener`](crate::CircuitBreaker::add_listener), for
/// [`remove_listener`](crate::CircuitBreaker::remove_listener).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ListenerId(u64);

/// A listener and the era it came in.
#[derive(Debug)]
pub(super) struct Seat {
    id: ListenerId,
    /// The last era that it is not told of.
    since: Atomic<u64>,
    listener: Listener,
}

/// Not known yet: whoever needs it finds out.
const PENDING: u64 = u64::MAX;
/// Removed: told of nothing any more.
const GONE: u64 = u64::MAX - 1;

impl Seat {
    /// The last era that this listener is not told of. `now` is the era that is current
    /// after all that the caller has seen.
    fn since(&self, now: &impl Fn() -> Era) -> u64 {
        // Relaxed: a number; only whoever adds the listener learns more from it, and
        // does not ask here.
        match self.since.load(Ordering::Relaxed) {
            PENDING => self.settle(now),
            since => since,
        }
    }

    /// Finds that era out, if nobody has. The listener is published already, so every
    /// era after `now` is owed to it.
    fn settle(&self, now: &impl Fn() -> Era) -> u64 {
        loop {
            let era = now().0;
            // Release, edge `settled -> owed`, and Acquire on failure: they pair with each
            // other. Whoever finds it settled by another finds the word of that era too,
            // so that nobody who adds a listener sees an older era than it misses.
            match self.since.compare_exchange_weak(
                PENDING,
                era,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return era,
                Err(PENDING) => {}
                Err(since) => return since,
            }
        }
    }

    /// The listener, if it is owed `era`.
    pub(super) fn wants(&self, era: Era, now: &impl Fn() -> Era) -> Option<impl Fn(&Event)> {
        (self.since(now) < era.0).then_some(|event: &Event| (self.listener.0)(event))
    }
}

/// The listeners of a breaker, in the order they came.
#[derive(Debug)]
pub(super) struct Listeners {
    seats: Current<Vec<Arc<Seat>>>,
    issued: Atomic<u64>,
}

impl Listeners {
    /// With listeners that are told of every era.
    pub(super) fn new(first: Vec<Listener>) -> Self {
        let seat =
            |(id, listener)| Arc::new(Seat { id: ListenerId(id), since: Atomic::new(0), listener });
        let seats: Vec<_> = (0..).zip(first).map(seat).collect();
        let issued = Atomic::new(seats.len() as u64);
        Self { seats: Current::new(seats), issued }
    }

    pub(super) fn read(&self) -> Arc<Vec<Arc<Seat>>> {
        self.seats.read()
    }

    /// Adds a listener, which is told of every transition after this call.
    pub(super) fn add(&self, listener: Listener, now: &impl Fn() -> Era) -> ListenerId {
        // Relaxed: every caller gets another number, and that is all.
        let id = ListenerId(self.issued.fetch_add(1, Ordering::Relaxed));
        let since = if planted(Bug::AskedTooEarly) { now().0 } else { PENDING };
        let seat = Arc::new(Seat { id, since: Atomic::new(since), listener });
        let with = |seats: &Vec<Arc<Seat>>| seats.iter().chain([&seat]).cloned().collect();
        self.seats.replace(|seats| Some(with(seats)));
        // Published first, then asked for the era: a transition that is not counted in
        // finds the listener.
        seat.settle(now);
        id
    }

    /// Removes a listener; says if it was there.
    pub(super) fn remove(&self, id: ListenerId) -> bool {
        let seats = self.read();
        let Some(seat) = seats.iter().find(|seat| seat.id == id) else { return false };
        let without = |seats: &Vec<Arc<Seat>>| -> Vec<_> {
            seats.iter().filter(|seat| seat.id != id).cloned().collect()
        };
        let removed = self.seats.replace(|seats| {
            let rest = without(seats);
            (rest.len() < seats.len()).then_some(rest)
        });
        // Relaxed: whoever still has the old list sees it when it sees it; for a
        // transition after this call, its winner's swap orders it.
        seat.since.store(GONE, Ordering::Relaxed);
        removed
    }
}

/// The last era that is not owed to any of `seats`; `None` if there is no one.
pub(super) fn owed_after(seats: &[Arc<Seat>], now: &impl Fn() -> Era) -> Option<u64> {
    seats.iter().map(|seat| seat.since(now)).filter(|&since| since != GONE).min()
}
