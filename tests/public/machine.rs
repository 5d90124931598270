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
//! | `trip_when`, `count_in_flight`, the other settings | `histories::spec::Rules` |
//! | `ManualClock` | `Act::Clock`, and calls that take time |
//!
//! `Registry` has a model of its own in `registry_machine`; `place` is in `contention`.
//!
//! Not drawn: `jitter`, `latency_error`, how slow a slow call is, how long the history is,
//! and timings but `Every` and `Off`.
//!
//! Cases that fail are kept in `proptest-regressions/public` and run first.

use ampacity::Saved;
use histories::drive::{CODE, Course, Op, Reached};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestError, TestRunner};
use std::cell::RefCell;

/// How many cases there are, if nobody says otherwise.
const CASES: u32 = 600;
/// What must come about within that many cases: of all that is counted, and printed, what came
/// about fifty times or more in each of some runs. The rarer edges between manual modes and the
/// settings that are refused are left to chance.
const REACHED: &[&str] = &[
    "a listener panicked",
    "a listener removed",
    "a permit",
    "a probe",
    "called",
    "changed",
    "classified",
    "closed to closed",
    "closed to disabled",
    "closed to forced_open",
    "closed to metrics_only",
    "closed to open",
    "dropped",
    "fallback",
    "half_open to closed",
    "half_open to open",
    "metrics_only to metrics_only",
    "open to closed",
    "open to half_open",
    "open to metrics_only",
    "pending",
    "refused: forced_open",
    "refused: half_open_full",
    "refused: open",
    "restored: false",
    "restored: true",
    "returned: bad",
    "returned: fallback",
    "returned: good",
    "returned: rejected",
    "settled as stale",
    "settled by a panic",
    "timed",
    "told: a probe failed",
    "told: a result asked to stay away for",
    "told: closed by hand",
    "told: disabled by hand",
    "told: failure",
    "told: failures in a row",
    "told: forced open by hand",
    "told: it was half-open for as long as it may be",
    "told: its policy said so, of calls, failed, slow",
    "told: of calls failed",
    "told: probe succeeded",
    "told: reset by hand",
    "told: restored from what was saved",
    "told: set to metrics only by hand",
    "told: the lease of its probes is over",
    "told: the open wait is over",
    "told: tripped by hand",
    "two listeners",
    "unwound",
];

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
    let missing: Vec<_> =
        REACHED.iter().filter(|name| reached.get(**name).is_none_or(|&times| times == 0)).collect();
    assert!(cases < CASES || missing.is_empty(), "never came about: {missing:?}");
}
