//! Who is told of transitions.

use super::Event;
use crate::contained::contained;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Current, Mutex, Ordering, PlainU64, lock};
use crate::word::Era;
use core::fmt;
use std::sync::{Arc, Weak};

/// A function to call with each event.
#[derive(Clone)]
pub(crate) struct Listener(Option<Arc<Function>>); // `None` in `drop` only

type Function = dyn Fn(&Event) + Send + Sync;

impl Listener {
    pub(crate) fn new(f: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Listener(Some(Arc::new(f)))
    }

    fn call(&self, event: &Event) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl Drop for Listener {
    /// Whoever happens to hold it last did not write it: a panic of what it owns ends here.
    fn drop(&mut self) {
        let listener = self.0.take();
        let _ = contained(|| drop(listener));
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

impl ListenerId {
    /// One that no listener of any breaker has.
    fn new() -> Self {
        static ISSUED: PlainU64 = PlainU64::new(0);
        // Relaxed: every caller gets another number, and that is all.
        ListenerId(ISSUED.fetch_add(1, Ordering::Relaxed))
    }
}

/// A listener and the era it came in.
#[derive(Debug)]
pub(super) struct Seat {
    id: ListenerId,
    /// Whether the breaker was made without it.
    is_newcomer: bool,
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
        (self.since(now) < era.0).then_some(|event: &Event| self.listener.call(event))
    }
}

/// The listeners of a breaker, in the order they came.
///
/// Callers find them in a list that is replaced whole and reclaimed some time later, by
/// whoever comes by. So the list does not own them: what a listener owns is dropped when
/// it is removed, or when its last call returns.
pub(super) struct Listeners {
    list: Current<Vec<Weak<Seat>>>,
    /// Locked by whoever adds or removes one, and never while a listener runs or is dropped.
    owned: Mutex<Vec<Arc<Seat>>>,
}

impl Listeners {
    /// With listeners that are told of every era.
    pub(super) fn new(first: Vec<Listener>) -> Self {
        let seat = |listener| {
            let since = Atomic::new(0);
            Arc::new(Seat { id: ListenerId::new(), is_newcomer: false, since, listener })
        };
        let owned: Vec<_> = first.into_iter().map(seat).collect();
        Self { list: Current::new(list(&owned)), owned: Mutex::new(owned) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.read().is_empty()
    }

    pub(super) fn read(&self) -> Vec<Arc<Seat>> {
        self.list.read().iter().filter_map(Weak::upgrade).collect()
    }

    /// Adds a listener, which is told of every transition after this call.
    pub(super) fn add(&self, listener: Listener, now: &impl Fn() -> Era) -> ListenerId {
        let id = ListenerId::new();
        let since = Atomic::new(if planted(Bug::AskedTooEarly) { now().0 } else { PENDING });
        let seat = Arc::new(Seat { id, is_newcomer: true, since, listener });
        let mut owned = lock(&self.owned);
        owned.push(Arc::clone(&seat));
        self.list.replace(|_| Some(list(&owned)));
        drop(owned);
        // Published first, then asked for the era: a transition that is not counted in
        // finds the listener.
        seat.settle(now);
        id
    }

    /// Whether one is here that the breaker was not made with.
    pub(super) fn has_newcomers(&self) -> bool {
        lock(&self.owned).iter().any(|seat| seat.is_newcomer)
    }

    /// Removes a listener; says if it was there.
    pub(super) fn remove(&self, id: ListenerId) -> bool {
        let mut owned = lock(&self.owned);
        let Some(at) = owned.iter().position(|seat| seat.id == id) else { return false };
        let seat = owned.remove(at);
        self.list.replace(|_| Some(list(&owned)));
        // Before the listener is dropped, which may call the breaker.
        drop(owned);
        // Relaxed: whoever has taken it from the old list sees it when it sees it; for a
        // transition after this call, its winner's swap orders it.
        seat.since.store(GONE, Ordering::Relaxed);
        true
    }
}

fn list(owned: &[Arc<Seat>]) -> Vec<Weak<Seat>> {
    owned.iter().map(Arc::downgrade).collect()
}

/// The last era that is not owed to any of `seats`; `None` if there is no one.
pub(super) fn owed_after(seats: &[Arc<Seat>], now: &impl Fn() -> Era) -> Option<u64> {
    // What is gone is owed nothing, and need not be waited for.
    seats.iter().map(|seat| seat.since(now)).filter(|&since| since != GONE).min()
}
