//! The hand that moves the clock: callers who are turned away lend it.
//!
//! A thread of its own would wait its turn among ten thousand; so whoever is turned
//! away moves the clock, one at a time. It moves it past an open era only after it has
//! seen that era open, so that every open era is seen: it cannot end before.
//!
//! That needs every open era to begin with its deadline still ahead. Whoever opens the
//! breaker reads the clock after its own era began; until somebody has seen the new
//! era open, the clock moves on only by steps that were meant for a half-open era:
//! those of its own, if that is half-open, and one step of an earlier one that comes
//! late. They are shorter together than the open wait, which is all that is asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ampacity::{CircuitBreaker, ManualClock, State};

use super::history::History;

/// How long the breaker stays open.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(20);
/// How long it waits for probes before it starts over; doubles while that goes on.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
const LEASE_STEP: Duration = Duration::from_secs(4);
const MOST_STEPS: u32 = 2; // a half-open era

/// By how much the clock moves, at most, in an era that is not open.
pub(crate) const MOST_IN_AN_ERA: Duration =
    Duration::from_secs((MOST_STEPS as u64 + 1) * LEASE_STEP.as_secs());

const _: () = assert!(
    MOST_IN_AN_ERA.as_secs() < OPEN_FOR.as_secs(),
    "an open era must begin with its deadline ahead"
);

/// The clock and what is needed to move it.
#[derive(Debug)]
pub(crate) struct Hand {
    clock: ManualClock,
    spell: Mutex<Spell>,
}

/// The half-open era that the last steps were for.
#[derive(Debug, Default)]
struct Spell {
    era: u64,
    steps: u32,
}

impl Hand {
    pub(crate) fn new(clock: ManualClock) -> Self {
        Self { clock, spell: Mutex::default() }
    }

    /// Makes an open breaker due, if it is open now and nobody else is at it.
    pub(crate) fn pass_open(&self, breaker: &Arc<CircuitBreaker>, history: &History) {
        let Ok(_alone) = self.spell.try_lock() else {
            return;
        };
        if let Some((era, State::Open)) = steady(breaker) {
            history.saw(era, State::Open);
            self.clock.advance(OPEN_FOR);
        }
    }

    /// Lets the lease of a half-open breaker's probes run out, likewise.
    pub(crate) fn pass_lease(&self, breaker: &Arc<CircuitBreaker>, history: &History) {
        let Ok(mut spell) = self.spell.try_lock() else {
            return;
        };
        let Some((era, State::HalfOpen)) = steady(breaker) else {
            return;
        };
        // An open breaker that is due calls itself half-open: nothing to wait for.
        if history.was(era, State::Open) {
            return;
        }
        if spell.era != era {
            *spell = Spell { era, steps: 0 };
        }
        if spell.steps < MOST_STEPS {
            spell.steps += 1;
            history.saw(era, State::HalfOpen);
            self.clock.advance(LEASE_STEP);
        }
    }
}

/// An era and the state that the breaker called itself in, both of one time.
pub(crate) fn steady(breaker: &CircuitBreaker) -> Option<(u64, State)> {
    let era = breaker.era();
    let state = breaker.state();
    (breaker.era() == era).then_some((era, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_breaker() -> (Arc<CircuitBreaker>, Hand) {
        let clock = ManualClock::new();
        let breaker = CircuitBreaker::builder("hand")
            .failure_threshold(1)
            .open_for(OPEN_FOR)
            .probe_lease(LEASE)
            .clock(clock.clone())
            .build()
            .unwrap();
        breaker.try_acquire().unwrap().failure();
        (Arc::new(breaker), Hand::new(clock))
    }

    #[test]
    fn an_open_era_is_noted_before_it_is_made_due_and_moved_past_once() {
        let (breaker, hand) = open_breaker();
        let history = History::new();
        hand.pass_open(&breaker, &history);
        assert!(history.was(1, State::Open));
        assert_eq!(breaker.state(), State::HalfOpen);
        hand.pass_open(&breaker, &history);
        hand.pass_lease(&breaker, &history);
        assert!(!history.was(1, State::HalfOpen));
    }

    #[test]
    fn a_spell_is_outlived_by_steps_that_come_to_an_end() {
        let (breaker, hand) = open_breaker();
        let history = History::new();
        hand.pass_open(&breaker, &history);
        let held = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
        assert!(breaker.try_acquire().is_err());
        for _ in 0..10 {
            hand.pass_lease(&breaker, &history);
        }
        assert!(history.was(2, State::HalfOpen));
        assert_eq!(breaker.try_acquire().unwrap().era(), 3);
        drop(held);
    }
}
