//! Many small histories on real threads: each a random program, run once and checked.

use crate::check::{Bound, Verdict, check};
use crate::history::{Call, History};
use crate::panicked::caught;
use crate::program::{Program, Size};
use crate::run::run;
use ampacity::ConfigError;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a number of histories came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many were checked.
    pub histories: u64,
    /// How many had operations of two threads that overlap.
    pub overlapping: u64,
    /// All operations, without those of the clock.
    pub operations: u64,
    /// Those of them that overlap another.
    pub beside: u64,
    /// States that the checker looked at.
    pub states: u64,
    /// The most for one history.
    pub most_states: u64,
    /// Different sets of answers, each with its program.
    outcomes: HashSet<u64>,
}

impl Tally {
    /// How many programs and answers to them differed.
    pub fn outcomes(&self) -> u64 {
        self.outcomes.len() as u64
    }

    fn note(&mut self, history: &History, states: u64) {
        let overlaps = history.overlaps();
        self.histories += 1;
        self.overlapping += u64::from(overlaps.operations > 0);
        self.beside += overlaps.operations;
        let is_clock = |call: &Call| matches!(call, Call::Clock(_));
        let calls = history.operations.iter().map(|operation| (operation.thread, operation.call));
        let calls: Vec<_> = calls.filter(|(_, call)| !is_clock(call)).collect();
        self.operations += calls.len() as u64;
        self.states += states;
        self.most_states = self.most_states.max(states);
        let mut hasher = DefaultHasher::new();
        (&history.start, calls).hash(&mut hasher);
        self.outcomes.insert(hasher.finish());
    }
}

/// A program that did not end as it must.
#[derive(Debug)]
pub struct Broken {
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a program's run.
#[derive(Debug)]
pub enum Why {
    /// What happened is not as it must be.
    History(Box<(History, Verdict)>),
    /// The library panicked, and said so.
    Panicked(String),
    /// Its settings are refused.
    Settings(ConfigError),
}

/// Runs and checks the programs of `histories` seeds from `seed` on; stops at the first
/// history that is not linearizable.
///
/// # Errors
///
/// That history, or a panic.
pub fn check_many(seed: u64, histories: u64, bound: Bound) -> Result<Tally, Broken> {
    check_each(seed, histories, bound, run)
}

fn check_each(
    seed: u64,
    histories: u64,
    bound: Bound,
    run: impl Fn(&Program) -> Result<History, ConfigError>,
) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    for nth in 0..histories {
        let seed = seed.wrapping_add(nth);
        let program = Program::of(seed, Size::SMALL);
        let why = match caught(|| run(&program)) {
            Ok(Ok(history)) => match check(&history, bound) {
                Verdict::Linearizable(order) => {
                    tally.note(&history, order.states);
                    continue;
                }
                verdict => Why::History(Box::new((history, verdict))),
            },
            Ok(Err(why)) => Why::Settings(why),
            Err(what) => Why::Panicked(what),
        };
        return Err(Broken { seed, why });
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_a_finding_with_its_seed_and_what_it_said() {
        let second = Program::of(8, Size::SMALL);
        let broken = check_each(7, 9, Bound::default(), |program| {
            assert!(*program != second, "the {}nd is broken", 2);
            run(program)
        });
        let Broken { seed, why } = broken.expect_err("it panics");
        assert_eq!(seed, 8);
        assert!(matches!(&why, Why::Panicked(what) if what == "the 2nd is broken"), "{why:?}");
    }
}
