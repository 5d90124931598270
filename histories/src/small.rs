//! Many small histories on real threads: each a random program, run once and checked.

use crate::check::{Bound, Verdict, check};
use crate::history::{Call, History};
use crate::program::{Program, Size};
use crate::run::run;
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

/// A history that is not as it must be.
#[derive(Debug)]
pub struct Broken {
    /// The program's seed.
    pub seed: u64,
    /// What happened.
    pub history: History,
    /// What is wrong with it.
    pub verdict: Verdict,
}

/// Runs and checks the programs of `histories` seeds from `seed` on; stops at the first
/// history that is not linearizable.
///
/// # Errors
///
/// That history.
pub fn check_many(seed: u64, histories: u64, bound: Bound) -> Result<Tally, Box<Broken>> {
    let mut tally = Tally::default();
    for nth in 0..histories {
        let seed = seed.wrapping_add(nth);
        let program = Program::of(seed, Size::SMALL);
        let history = run(&program).expect("a program's settings are legal");
        match check(&history, bound) {
            Verdict::Linearizable(order) => tally.note(&history, order.states),
            verdict => return Err(Box::new(Broken { seed, history, verdict })),
        }
    }
    Ok(tally)
}
