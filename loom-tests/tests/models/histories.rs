//! Histories of random programs, held against the sequential model. Invariant 38.
//!
//! The checker is that of the member `histories`. There it reads what threads of the operating
//! system do; here it is shuttle that chooses when they meet: a few schedules of each program,
//! uniform and by priority.

use ampacity::State;
use histories::check::{Bound, check};
use histories::history::{Call, History, Operation, Rest};
use histories::program::{Program, Size};
use histories::report::account;
use histories::run::run;
use histories::spec::consecutive::End;
use loom_tests::{Reached, Stage, race, settings};
use std::sync::Arc;

/// How many programs, and how many schedules of each, either way.
const PROGRAMS: u64 = 400;
/// Those of windows; fewer of them meet where a window could be wrong.
const OF_WINDOWS: u64 = 600;
#[cfg(ampacity_shuttle)]
const SCHEDULES: usize = 12;

/// Invariant 38.
#[test]
fn every_history_of_a_small_program_is_explained_by_one_order() {
    static OVERLAPPED: Reached = Reached::new();
    static LATE: Reached = Reached::new();
    explore_all(
        PROGRAMS,
        |seed| Program::of(seed, Size::TINY),
        |history| {
            OVERLAPPED.hit_if(history.overlaps().operations > 0);
            LATE.hit_if(history.settled_late() > 0);
        },
    );
    OVERLAPPED.assert_some();
    LATE.assert_some();
}

/// Invariant 38, of breakers that open by the failure rate of their last calls.
#[test]
fn every_history_of_a_small_program_of_a_window_is_explained_by_one_order() {
    static TOGETHER: Reached = Reached::new();
    static TRIPPED: Reached = Reached::new();
    explore_all(
        OF_WINDOWS,
        |seed| Program::by_window(seed, Size::TINY),
        |history| {
            TOGETHER.hit_if(are_results_together(history));
            TRIPPED.hit_if(is_open_at_rest(history));
        },
    );
    TOGETHER.assert_some();
    TRIPPED.assert_some();
}

/// What a history of these programs has shown: the new result, which is still being written,
/// has pushed out the one before. There is no moment at which the window is empty.
#[test]
fn a_window_is_closed_anew_whoever_is_replacing_its_only_result() {
    static BEFORE: Reached = Reached::new();
    static AFTER: Reached = Reached::new();
    race(
        || {
            let last_call = settings().failure_rate(0.5).count_window(1).minimum_calls(1);
            let stage = Stage::new(last_call);
            stage.acquire().success();
            stage.with_permits(1)
        },
        |s| s.breaker.close(),
        |s| s.take().success(),
        |s, (), ()| {
            let now = s.at_rest();
            assert_eq!(now.era, 1, "the window held a result throughout");
            BEFORE.hit_if(now.stale == 0);
            AFTER.hit_if(now.stale == 1);
        },
    )
    .met([&BEFORE, &AFTER]);
}

/// Whether two failures of one era were being settled at once.
fn are_results_together(history: &History) -> bool {
    let failures =
        |operation: &&Operation| matches!(operation.call, Call::Settle { end: End::Failure, .. });
    let failures: Vec<&Operation> = history.operations.iter().filter(failures).collect();
    let mut others = failures.iter().enumerate();
    others.any(|(at, one)| {
        failures[at + 1..].iter().any(|other| other.call == one.call && other.overlaps(one))
    })
}

fn is_open_at_rest(history: &History) -> bool {
    let is_open = |operation: &Operation| {
        matches!(operation.call, Call::Rest(Rest { state: State::Open, .. }))
    };
    history.operations.iter().any(is_open)
}

/// Checks histories of the programs of so many seeds, and shows them.
fn explore_all(programs: u64, program: fn(u64) -> Program, show: fn(&History)) {
    for seed in 0..programs {
        let program = Arc::new(program(seed));
        explore(seed, move || {
            let history = run(&program).expect("a program's settings are legal");
            show(&history);
            let verdict = check(&history, Bound::default());
            assert!(verdict.is_linearizable(), "program {seed}\n{}", account(&history, &verdict));
        });
    }
    #[cfg(ampacity_shuttle)]
    for how in ["random", "by priority"] {
        println!("explored shuttle, {how}, all programs: {}", programs * SCHEDULES as u64);
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
