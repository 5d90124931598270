//! What the models in `loom-tests` need beyond the public face.
#![allow(missing_debug_implementations)] // nobody prints them

pub use crate::slot::model::{assign_slot, forget_slot, give_slot_back, slot};
#[cfg(ampacity_shuttle)]
pub use crate::sync::model::stepped::set_few_steps;
#[cfg(ampacity_shuttle)]
pub use crate::sync::model::suspended::{is_stopped, let_go_on, stop_before_access};
pub use crate::sync::model::{lost_swaps, set_rmw_loads, set_spurious_failures, spurious_failures};
#[cfg(all(ampacity_loom, crossbeam_loom))]
pub use crate::sync::pinned::collected::Collected;
pub use crate::window::model::{Found, InFlight, Jury, LastCalls, Owned, Recent, Slices};

use crate::breaker::CircuitBreaker;
use crate::clock::{Nanos, Tick};
use crate::config::{Draw, Timing};
use crate::contention::By;
use crate::event::desk::Desk;
use crate::event::listeners::Listener;
use crate::event::{Cause, Change, Event};
use crate::metrics::pace::Pace;
use crate::metrics::shard::Writer;
use crate::sync::{Bits, Kept, OnceBox, Pile};
use crate::word::{self, Admission, AtomicWord, Era, Judgement, State, Turn};

/// A breaker's packed word, all 64 bits.
pub fn word_bits(breaker: &CircuitBreaker) -> u64 {
    breaker.word().bits()
}

/// A half-open word in its cell, for what no public call can ask of it: giving
/// back more than was taken.
#[derive(Debug)]
pub struct Spell(AtomicWord);

impl Spell {
    /// A spell that has issued one probe.
    pub fn with_one_probe() -> Self {
        let word = AtomicWord::new();
        let _ = word.update(By::Order, |word| ((), Some(word.open(Tick(0)))));
        let spell = Spell(word);
        assert!(spell.probe(1));
        spell
    }

    /// Asks for a probe, where the spell hands out `permits`.
    pub fn probe(&self, permits: u32) -> bool {
        let update = self
            .0
            .update(By::Admission, |word| word.admit(Tick(0), permits, word::Spell::InTime, || 0));
        update.out == Admission::Pass
    }

    /// Gives a place back, whether or not one was taken; says if it did.
    pub fn give_back(&self) -> bool {
        let update = self.0.update(By::GiveBack, |word| match word.give_back() {
            Judgement::Count(next) => (true, Some(next)),
            _ => (false, None),
        });
        update.out
    }
}

/// A plan of timed calls that threads share, with one call to skip and then one to time.
#[derive(Debug)]
pub struct SharedPlan(Pace);

impl SharedPlan {
    /// The plan after its first call, which is always timed.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let plan = SharedPlan(Pace::new());
        assert!(plan.call(), "the first call of a plan is timed");
        plan
    }

    /// Takes part with one call; says if it is timed.
    pub fn call(&self) -> bool {
        let half = || u64::MAX / 2; // a draw of one in two: one call is skipped
        let draw = Draw::of(Timing::Sampled(2));
        self.0.start(Writer::Shared, &draw, half, || Nanos(0)).is_timed()
    }
}

/// The cell behind each edge `made -> used`.
pub struct Once<T: Send + Sync>(OnceBox<T>);

impl<T: Send + Sync> Once<T> {
    /// Not made yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Once(OnceBox::new())
    }

    /// What was made, if it was.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// What was made, by us if need be.
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_make(make)
    }
}

/// The cell behind the edge `replaced -> read`.
#[derive(Debug)]
pub struct Replaceable<T: Send + Sync + 'static>(Kept<T>);

impl<T: Send + Sync> Replaceable<T> {
    /// Holds `first`.
    pub fn new(first: T) -> Self {
        Replaceable(Kept::owning(first))
    }

    /// The present value.
    pub fn get(&self) -> &T {
        self.0.get()
    }

    /// Replaces the value.
    pub fn replace(&self, next: impl Fn() -> T) {
        let replaced: Result<(), ()> = self.0.replace(|_| Ok(next()));
        assert_eq!(replaced, Ok(()));
    }
}

/// The pile behind the edge `pushed -> taken`.
pub struct Heap<T: Send>(Pile<T>);

impl<T: Send> Heap<T> {
    /// Holds nothing.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Heap(Pile::new())
    }

    /// Adds a value.
    pub fn push(&self, value: T) {
        self.0.push(value);
    }

    /// Everything, the latest first.
    pub fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

/// The desk of a breaker without the breaker: transitions are handed in by their era.
pub struct Office(Desk);

impl Office {
    /// Keeps the last `history` events and tells `listener` of all.
    pub fn new(history: u32, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Office(Desk::new("office", history, vec![Listener::new(listener)]))
    }

    /// As the winner of `era` does; each word of a history's entry says which it was.
    pub fn hand_in(&self, era: u64) {
        let from = State::ALL[era as usize % State::ALL.len()];
        let turn = Turn { from, to: from, era: Era(era) };
        let cause = Cause::ConsecutiveFailures { failures: era as u32 };
        self.0.hand_in(Change { turn, cause, at: Nanos(era) }, &|| Era(era));
    }

    /// Whether `event` is what [`hand_in`](Self::hand_in) made of its era.
    pub fn is_whole(event: &Event) -> bool {
        let from = State::ALL[event.era as usize % State::ALL.len()];
        let cause = Cause::ConsecutiveFailures { failures: event.era as u32 };
        let Event { era, from: was, to, cause: because, at, .. } = event;
        (*was, *to, *because, at.as_nanos()) == (from, from, cause, u128::from(*era))
    }

    /// The last events.
    pub fn history(&self) -> Vec<Event> {
        self.0.history()
    }

    /// Events told, dropped, and listeners' panics.
    pub fn counts(&self) -> [u64; 3] {
        let counts = self.0.counts();
        [counts.told, counts.dropped, counts.panics]
    }
}
