//! A thousand threads.

use crate::reached::Raced;
use crate::search::{at_random, is_deep};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Runner, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many there are.
pub const CROWD: usize = 1_000;

/// Has as many threads as [`CROWD`] do `act`, each with its number, on what `setup` makes,
/// and then `end`: in random schedules, uniform ones and by priority, and in such in which
/// weak swaps fail without a reason.
pub fn crowd<S: Send + Sync + 'static>(setup: fn() -> S, act: fn(&S, usize), end: fn(&S)) -> Raced {
    let schedules = if is_deep() { 100 } else { 10 };
    let seed = 0x5eed;
    let random = || RandomScheduler::new_from_seed(seed, schedules);
    Raced::of(|| {
        run("random", random(), setup, act, end);
        let by_priority = PctScheduler::new_from_seed(seed, 3, schedules);
        run("by priority", by_priority, setup, act, end);
        ampacity::model::set_spurious_failures(true);
        run("spurious", random(), setup, act, end);
        ampacity::model::set_spurious_failures(false);
    })
}

fn run<S: Send + Sync + 'static>(
    how: &str,
    scheduler: impl Scheduler + 'static,
    setup: fn() -> S,
    act: fn(&S, usize),
    end: fn(&S),
) {
    // Relaxed: all threads of shuttle take turns on this one.
    let executions = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&executions);
    let mut config = shuttle::Config::new();
    // A thousand who take turns at one word lose many swaps each.
    config.max_steps = shuttle::MaxSteps::FailAfter(20_000_000);
    Runner::new(scheduler, config).run(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        let stage = Arc::new(setup());
        let threads: Vec<_> = (0..CROWD)
            .map(|nth| {
                let stage = Arc::clone(&stage);
                thread::spawn(move || act(&stage, nth))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("an actor failed"));
        end(&stage);
    });
    let (how, executions) = (at_random(how), executions.load(Ordering::Relaxed));
    println!("explored {how}, {CROWD} threads: {executions}");
}
