//! What the models in `loom-tests` need beyond the public face.

pub use crate::slot::model::{assign_slot, forget_slot, give_slot_back, slot};
#[cfg(ampacity_shuttle)]
pub use crate::sync::model::stepped::set_few_steps;
pub use crate::sync::model::{lost_swaps, set_rmw_loads, set_spurious_failures, spurious_failures};

use crate::breaker::CircuitBreaker;
use crate::clock::{Nanos, Tick};
use crate::config::{Draw, Timing};
use crate::metrics::pace::Pace;
use crate::metrics::shard::Writer;
use crate::sync::{Bits, Kept, OnceBox};
use crate::word::{Admission, AtomicWord, Judgement};

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
        let _ = word.update(|word| ((), Some(word.open(Tick(0)))));
        let spell = Spell(word);
        assert!(spell.probe(1));
        spell
    }

    /// Asks for a probe, where the spell hands out `permits`.
    pub fn probe(&self, permits: u32) -> bool {
        let update = self.0.update(|word| word.admit(Tick(0), permits, false));
        update.out == Admission::Pass
    }

    /// Gives a place back, whether or not one was taken; says if it did.
    pub fn give_back(&self) -> bool {
        let update = self.0.update(|word| match word.give_back() {
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
#[derive(Debug)]
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
