//! A storm: many threads on one breaker, round after round, all of it checked.
//!
//! Between two rounds nothing goes on. So the rounds are cut there: whatever order explains
//! the whole explains each round from the breaker that the rounds before it left behind, and
//! orders of the rounds, one behind the other, are an order of the whole. Memory is that of
//! one round. Within a round the checker cuts by era.
//!
//! A round may leave behind one of several breakers, and the search knows the one that it
//! found. If the next round does not follow from that, the two are searched as one, so that
//! the choice is open again; and only if there is no order then, the storm has failed.

mod joined;

use crate::check::{Bound, Verdict};
use crate::history::{Call, History, Operation};
use crate::model::Model;
use crate::panicked::caught;
use crate::program::{START, act_of_a_storm, rules_of_a_storm};
use crate::run::{Log, Stage};
use crate::spec::consecutive::Rules;
use fastrand::Rng;
use joined::explain;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};

/// How large a storm is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Threads.
    pub threads: usize,
    /// At least so many operations.
    pub operations: u64,
    /// What all choices are made of.
    pub seed: u64,
}

/// What a storm came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Operations, without those of the clock.
    pub operations: u64,
    /// Those of them that overlap another.
    pub beside: u64,
    /// The most that went on at once.
    pub deepest: u64,
    /// Rounds.
    pub rounds: u64,
    /// Transitions.
    pub eras: u64,
    /// Permits that were settled too late.
    pub stale: u64,
    /// Rounds that were searched together with the one before.
    pub together: u64,
    /// States that the checker looked at.
    pub states: u64,
    /// The most for one round.
    pub most_states: u64,
}

/// Why a storm failed.
#[derive(Debug)]
pub enum Broken {
    /// No order explains this, or none was found.
    History(Box<(History, Verdict)>),
    /// The library panicked, and said so.
    Panicked(String),
    /// The settings are refused.
    Settings(ampacity::ConfigError),
    /// There are not as many threads to be had.
    Threads {
        /// How many there are.
        started: usize,
        /// Why not more.
        why: std::io::Error,
    },
}

/// About so many operations a round.
const ROUND: usize = 256;

/// A new breaker, with other settings, after so many rounds.
const ROUNDS_OF_ONE: u64 = 32;

/// What the threads are told of a round.
#[derive(Clone)]
struct Round {
    stage: Arc<Stage>,
    rules: Rules,
    seed: u64,
    by_hand: bool,
}

struct Arena {
    /// Held until all threads have started; then, whether there is a storm at all. Those that
    /// have started would wait at the barrier for ever if others could not.
    begins: Mutex<bool>,
    barrier: Barrier,
    round: Mutex<Round>,
    logs: Vec<Mutex<Log>>,
    acts: usize,
    is_over: AtomicBool,
    /// What the first to panic said.
    panicked: Mutex<Option<String>>,
}

/// Nothing here is left half done by a panic: logs are of the operations that ended.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How large the stack of a thread is.
const STACK: usize = 128 << 10;

/// Runs and checks a storm.
///
/// # Errors
///
/// Why it failed.
pub fn storm(plan: Plan, bound: Bound) -> Result<Tally, Broken> {
    storm_on(|_| STACK, plan, bound)
}

/// On stacks of these sizes, by thread.
fn storm_on(stack: impl Fn(usize) -> usize, plan: Plan, bound: Bound) -> Result<Tally, Broken> {
    let mut rng = Rng::with_seed(plan.seed);
    let (round, start) = new_breaker(&mut rng)?;
    let threads = plan.threads.max(1);
    let arena = Arena {
        begins: Mutex::new(false),
        barrier: Barrier::new(threads + 1),
        round: Mutex::new(round),
        logs: (1..=threads as u32).map(|thread| Mutex::new(Log::of(thread))).collect(),
        acts: (ROUND / threads).max(1),
        is_over: AtomicBool::new(false),
        panicked: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        let mut begins = lock(&arena.begins);
        for started in 0..threads {
            let arena = &arena;
            let thread = std::thread::Builder::new().stack_size(stack(started));
            // Whoever has started is let go by the end of `begins`.
            thread
                .spawn_scoped(scope, move || take_part(arena, started))
                .map_err(|why| Broken::Threads { started, why })?;
        }
        *begins = true;
        drop(begins);
        let outcome = caught(|| lead(plan, bound, &arena, &mut rng, start));
        // Relaxed: the barrier orders it.
        arena.is_over.store(true, Ordering::Relaxed);
        // Between rounds, wherever it panicked: within one, `lead` does nothing but wait.
        arena.barrier.wait();
        outcome.unwrap_or_else(|what| Err(Broken::Panicked(what)))
    })
}

fn new_breaker(rng: &mut Rng) -> Result<(Round, Model), Broken> {
    let rules = rules_of_a_storm(rng);
    let start = Model::by_streak(rules, START);
    let stage = Arc::new(Stage::new(&start, true).map_err(Broken::Settings)?);
    Ok((Round { stage, rules, seed: 0, by_hand: false }, start))
}

/// One thread of the storm.
fn take_part(arena: &Arena, thread: usize) {
    if !*lock(&arena.begins) {
        return;
    }
    loop {
        arena.barrier.wait();
        if arena.is_over.load(Ordering::Relaxed) {
            return;
        }
        let Round { stage, rules, seed, by_hand } = lock(&arena.round).clone();
        let mut rng = Rng::with_seed(seed ^ (thread as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut log = lock(&arena.logs[thread]);
        let acted = caught(|| {
            for _ in 0..arena.acts {
                let act = act_of_a_storm(&mut rng, &rules, by_hand, thread == 0);
                stage.act(act, &mut log);
            }
        });
        if let Err(what) = acted {
            lock(&arena.panicked).get_or_insert(what);
        }
        drop(log);
        arena.barrier.wait();
    }
}

fn lead(
    plan: Plan,
    bound: Bound,
    arena: &Arena,
    rng: &mut Rng,
    mut start: Model,
) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    let mut before: Option<History> = None;
    while tally.operations < plan.operations {
        if tally.rounds % ROUNDS_OF_ONE == ROUNDS_OF_ONE - 1 {
            arena.logs.iter().for_each(|log| lock(log).let_go());
            let (round, new) = new_breaker(rng)?;
            *lock(&arena.round) = round;
            (start, before) = (new, None);
        }
        let stage = {
            let mut round = lock(&arena.round);
            round.seed = rng.u64(..);
            round.by_hand = rng.bool();
            round.stage.pass(rng.u64(0..=round.rules.open_for));
            Arc::clone(&round.stage)
        };
        let stale = stage.stale();
        start = start.at(stage.clock_ms()).afresh();
        arena.barrier.wait();
        arena.barrier.wait();
        if let Some(what) = lock(&arena.panicked).take() {
            return Err(Broken::Panicked(what));
        }
        let mut log = Log::of(0);
        stage.rest(&mut log, stale);
        let mut operations = log.operations;
        for log in &arena.logs {
            operations.append(&mut lock(log).operations);
        }
        let history = History { start, operations };
        tally.note(&history);
        let era = history.start.era();
        let (found, explained) = explain(history, before, bound, &mut tally)?;
        tally.states += found.states;
        tally.most_states = tally.most_states.max(found.states);
        tally.eras += found.end.era() - era;
        start = found.end;
        before = explained;
    }
    Ok(tally)
}

impl Tally {
    fn note(&mut self, history: &History) {
        let overlaps = history.overlaps();
        let is_call = |operation: &&Operation| !matches!(operation.call, Call::Clock(_));
        self.operations += history.operations.iter().filter(is_call).count() as u64;
        self.beside += overlaps.operations;
        self.deepest = self.deepest.max(overlaps.deepest);
        self.rounds += 1;
        self.stale += history.settled_late();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { threads: 8, operations: 100, seed: 1 };

    #[test]
    fn a_storm_for_which_there_are_not_enough_threads_ends_and_says_how_many_there_are() {
        for most in [0, 1, 7] {
            // No machine has room for such a stack.
            let stack = |thread| if thread < most { STACK } else { 1 << 60 };
            let outcome = storm_on(stack, PLAN, Bound::default());
            assert!(
                matches!(outcome, Err(Broken::Threads { started, .. }) if started == most),
                "{outcome:?}"
            );
        }
    }
}
