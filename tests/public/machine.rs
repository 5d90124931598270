//! Random operations over the whole public face of a breaker, against the sequential model.
//!
//! | face | by what operation of `histories::drive` |
//! |---|---|
//! | `call`, `call_or`, `classified` with either | `Op::Call`, whose code, classifier and fallback may panic and call the breaker |
//! | `call_async`, `classified(..).call_async`, `run_async` | `Op::Begin`, `Op::Poll`, `Op::Abandon` |
//! | `try_acquire`, `try_acquire_owned`, both permits' `run`, `era`, `is_probe` | `Act::Quick`, `Act::Acquire`, `Form::Run`, `Form::RunOwned` |
//! | `success`, `failure`, `ignore`, `open_for`, `settle`, and a permit dropped | `Act::Settle`, later, elsewhere, and while unwinding: `By` |
//! | `reset`, `close`, `trip`, `force_open`, `disable`, `metrics_only` | `Act::Order` |
//! | `reconfigure`, `config` | `Act::Change`, `Act::Illegal`, `Act::PanickyChange` |
//! | `save`, `restore` | `Act::Save`, `Act::Restore`, `Act::RestoreForeign`, into a new breaker: `Op::Replace` |
//! | `on_event`, `add_listener`, `remove_listener`, `history` | `Act::Listen`, `Act::Unlisten`; listeners call the breaker and panic: `Op::Prime` |
//! | `state`, `era`, `name`, `would_admit`, `snapshot`, `Snapshot::since` | looked at after each operation; `Act::Mark` |
//! | `trip_when`, `count_in_flight`, every other setting but `jitter` | `histories::spec::Rules` |
//! | `ManualClock` | `Act::Clock`, and calls that take time |
//!
//! `Registry` has a model of its own in `registry_machine`; `place` is in `contention`.
//!
//! Cases that failed are in `proptest-regressions/public` and run first.

use ampacity::Saved;
use histories::drive::{CODE, Course, Op, Reached};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestError, TestRunner};
use std::cell::RefCell;

/// How many cases there are, if nobody says otherwise.
const CASES: u32 = 600;
/// What must come about within that many cases. Each is drawn at least twenty times as often
/// as it would have to be, to be missed once in a million runs.
const REACHED: &[&str] = &[];

/// What was saved, written and read where that is built in.
fn written(saved: Saved) -> Saved {
    #[cfg(feature = "serde")]
    let saved = {
        let text = serde_json::to_string(&saved).expect("it can be written");
        serde_json::from_str(&text).expect("it can be read")
    };
    saved
}

fn courses() -> impl Strategy<Value = Course> {
    let codes = prop::collection::vec(any::<[u8; CODE]>(), 1..80);
    codes.prop_map(|codes| {
        let ops = codes[1..].iter().map(Op::of).collect();
        Course { ops, ..Course::of(&codes[0]) }
    })
}

/// So many cases, or as many as `PROPTEST_CASES` says. What fails is kept and run first.
///
/// Where, is said here: by itself proptest finds no `lib.rs` above a test, and keeps nothing.
pub(crate) fn config(cases: u32, test: &str) -> Config {
    let named = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/public");
    let file = format!("{folder}/{test}.txt").leak();
    Config {
        cases: named.unwrap_or(cases),
        // Nothing, where `PROPTEST_DISABLE_FAILURE_PERSISTENCE` says so.
        failure_persistence: Config::default()
            .failure_persistence
            .and(Some(Box::new(FileFailurePersistence::Direct(file)))),
        ..Config::default()
    }
}

#[test]
fn whatever_is_done_to_a_breaker_it_does_what_the_sequential_model_does() {
    let reached = RefCell::new(Reached::new());
    let run = |course: Course| {
        let went = course.run(written);
        for (name, times) in went.map_err(|mismatch| TestCaseError::fail(mismatch.to_string()))? {
            *reached.borrow_mut().entry(name).or_default() += times;
        }
        Ok(())
    };
    let config = config(CASES, "machine");
    let cases = config.cases;
    match TestRunner::new(config).run(&courses(), run) {
        Ok(()) => {}
        Err(TestError::Fail(why, course)) => panic!("{why}\n{course:#?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
    let reached = reached.take();
    println!("{reached:#?}");
    let missing: Vec<_> = REACHED.iter().filter(|name| !reached.contains_key(**name)).collect();
    assert!(cases < CASES || missing.is_empty(), "never came about: {missing:?}");
}
