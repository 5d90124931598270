//! Listeners and history: transitions as they are told.

use super::CircuitBreaker;
use crate::circuit::Decision;
use crate::event::Event;
use crate::event::desk::Desk;
use crate::event::listeners::{Listener, ListenerId};
use crate::word::Era;

impl CircuitBreaker {
    /// Calls `listener` with each transition from now on, as
    /// [`Builder::on_event`](crate::Builder::on_event) says.
    ///
    /// Every transition that begins after this call is told; one that happens at the same
    /// time may be.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    ///
    /// static DB: CircuitBreaker = CircuitBreaker::new("db");
    ///
    /// let id = DB.add_listener(|event| eprintln!("{event}"));
    /// DB.trip();
    /// assert!(DB.remove_listener(id));
    /// ```
    pub fn add_listener(&self, listener: impl Fn(&Event) + Send + Sync + 'static) -> ListenerId {
        let desk = self.desk.get_or_make(|| Desk::new(&self.name, 0, Vec::new()));
        desk.add(Listener::new(listener), &|| self.era_from_now_on())
    }

    /// Removes a listener of this breaker; says whether it was there.
    ///
    /// No later transition is told to it. A call of it that is in progress on another
    /// thread goes on and may end after this one returns. What the listener owns is
    /// dropped here, or when that call ends.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.desk.get().is_some_and(|desk| desk.remove(id))
    }

    /// The last transitions, the oldest first: as many as
    /// [`Builder::history`](crate::Builder::history) asked for, none by default. Eras are
    /// missing only where they were dropped, as
    /// [`Snapshot::events`](crate::Snapshot::events) counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{Cause, CircuitBreaker};
    ///
    /// let breaker = CircuitBreaker::builder("db").history(16).build()?;
    /// breaker.trip();
    /// breaker.reset();
    /// let causes: Vec<Cause> = breaker.history().iter().map(|event| event.cause).collect();
    /// assert_eq!(causes, [Cause::Trip, Cause::Reset]);
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn history(&self) -> Vec<Event> {
        let Some(desk) = self.desk.get() else { return Vec::new() };
        desk.deliver(&|| self.era_from_now_on());
        desk.history()
    }

    /// Sees to it that a transition is told, if the caller won one and anybody listens:
    /// the last thing that a caller does.
    #[inline(always)]
    pub(super) fn tell<T>(&self, decision: &Decision<T>) {
        if let Some(change) = decision.change
            && let Some(desk) = self.desk.get()
        {
            desk.hand_in(change, &|| self.era_from_now_on());
        }
    }

    pub(super) fn era_from_now_on(&self) -> Era {
        self.circuit.era_from_now_on()
    }
}
