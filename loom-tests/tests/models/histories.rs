//! Histories of random programs, held against the sequential model. Invariant 38.
//!
//! The checker is that of the member `histories`. There it reads what threads of the operating
//! system do; here it is shuttle that chooses when they meet: a few schedules of each program,
//! uniform and by priority.

use histories::check::{Bound, check};
use histories::program::{Program, Size};
use histories::report::account;
use histories::run::run;
use loom_tests::Reached;
use std::sync::Arc;

/// How many programs, and how many schedules of each, either way.
const PROGRAMS: u64 = 400;
#[cfg(ampacity_shuttle)]
const SCHEDULES: usize = 12;

/// Invariant 38.
#[test]
fn every_history_of_a_small_program_is_explained_by_one_order() {
    static OVERLAPPED: Reached = Reached::new();
    static LATE: Reached = Reached::new();
    for seed in 0..PROGRAMS {
        let program = Arc::new(Program::of(seed, Size::TINY));
        explore(seed, move || {
            let history = run(&program).expect("a program's settings are legal");
            OVERLAPPED.hit_if(history.overlaps().operations > 0);
            LATE.hit_if(history.settled_late() > 0);
            let verdict = check(&history, Bound::default());
            assert!(verdict.is_linearizable(), "program {seed}\n{}", account(&history, &verdict));
        });
    }
    OVERLAPPED.assert_some();
    LATE.assert_some();
    #[cfg(ampacity_shuttle)]
    for how in ["random", "by priority"] {
        println!("explored shuttle, {how}, all programs: {}", PROGRAMS * SCHEDULES as u64);
    }
}

/// Shuttle, with schedules that are the same each time.
#[cfg(ampacity_shuttle)]
fn explore(seed: u64, scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    let again = Arc::clone(&scenario);
    shuttle::check_random_with_seed(move || scenario(), seed, SCHEDULES);
    let scheduler = shuttle::scheduler::PctScheduler::new_from_seed(seed, 3, SCHEDULES);
    shuttle::Runner::new(scheduler, shuttle::Config::default()).run(move || again());
}

/// Real threads, once: the member `histories` does more of that.
#[cfg(not(ampacity_shuttle))]
fn explore(_seed: u64, scenario: impl Fn()) {
    scenario();
}
