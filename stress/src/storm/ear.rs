//! What a listener hears of the breaker's transitions: each later than the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ampacity::{CircuitBreaker, Event, State};

/// One listener's notes.
///
/// Relaxed throughout: it is told of one event at a time, whoever tells, and the breaker
/// puts one after the other. Notes that are older than they should be are a fault, too.
#[derive(Debug, Default)]
pub(super) struct Ear {
    heard: AtomicU64,
    /// The era of the last event, and the state that it began.
    last: AtomicU64,
    /// Events in another order than their eras'.
    back: AtomicU64,
    /// Events that leave another state than the one before began.
    torn: AtomicU64,
}

/// Lanes of `last`.
fn note(era: u64, state: State) -> u64 {
    era << 8 | state as u64
}

impl Ear {
    /// Lets a new one listen.
    pub(super) fn open(breaker: &CircuitBreaker) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        let its = Arc::clone(&ear);
        breaker.add_listener(move |event: &Event| its.hear(event.era, event.from, event.to));
        ear
    }

    fn hear(&self, era: u64, from: State, to: State) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        let last = self.last.swap(note(era, to), Ordering::Relaxed);
        if era <= last >> 8 {
            self.back.fetch_add(1, Ordering::Relaxed);
        }
        // Era 0 is closed, and its note is the one that nobody wrote.
        if era == (last >> 8) + 1 && note(era - 1, from) != last {
            self.torn.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What became of the events, in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Listeners that heard another number of events than were told.
    pub(super) wrong_number: u64,
    pub(super) back: u64,
    pub(super) torn: u64,
}

impl Heard {
    /// Of all listeners, where `told` events were told.
    pub(super) fn of(ears: &[Arc<Ear>], told: u64) -> Self {
        let sum = |count: fn(&Ear) -> &AtomicU64| -> u64 {
            ears.iter().map(|ear| count(ear).load(Ordering::Relaxed)).sum()
        };
        let wrong = ears.iter().filter(|ear| ear.heard.load(Ordering::Relaxed) != told);
        Self {
            wrong_number: wrong.count() as u64,
            back: sum(|ear| &ear.back),
            torn: sum(|ear| &ear.torn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Closed, HalfOpen, Open};

    #[test]
    fn eras_that_go_on_or_leap_ahead_are_let_be() {
        let ear = Arc::new(Ear::default());
        ear.hear(1, Closed, Open);
        ear.hear(2, Open, HalfOpen);
        ear.hear(9, Closed, Open);
        assert_eq!(Heard::of(&[Arc::clone(&ear)], 3), Heard::default());
        assert_eq!(Heard::of(&[ear], 2).wrong_number, 1);
    }

    #[test]
    fn an_era_twice_or_a_state_that_nobody_began_is_found() {
        let ear = Arc::new(Ear::default());
        ear.hear(1, Closed, Open);
        ear.hear(1, Closed, Open);
        ear.hear(2, Closed, Open);
        assert_eq!(Heard::of(&[ear], 3), Heard { wrong_number: 0, back: 1, torn: 1 });
    }

    #[test]
    fn an_ear_hears_what_the_breaker_does() {
        let breaker = CircuitBreaker::new("ear");
        let ear = Ear::open(&breaker);
        breaker.trip();
        breaker.close();
        let events = breaker.snapshot().events;
        assert_eq!((events.told, events.dropped), (2, 0));
        assert_eq!(Heard::of(&[ear], 2), Heard::default());
    }
}
