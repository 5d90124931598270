//! A stretch of code is logged once, however it ends.

use crate::fixture::logged;
use ampacity_log::{Level, Log};
use serde_json::Value;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn once(log: impl FnOnce(&Log)) -> Value {
    let mut records = logged(log);
    assert_eq!(records.len(), 1, "{records:?}");
    let record = records.remove(0);
    assert_eq!(record["event_type"], "performance.measured");
    assert_eq!(record["operation"], "parse");
    assert!(record["duration_ms"].as_f64().unwrap() >= 0.0);
    record
}

#[test]
fn a_success_is_logged_as_such_and_returned() {
    let record = once(|log| assert_eq!(log.time("parse", || "42".parse::<u32>()), Ok(42)));
    assert_eq!((&record["status"], &record["level"]), (&"success".into(), &"INFO".into()));
}

#[test]
fn a_failure_is_logged_with_its_type_and_text_and_returned() {
    let record = once(|log| assert!(log.time("parse", || "x".parse::<u32>()).is_err()));
    assert_eq!((&record["status"], &record["level"]), (&"failed".into(), &"ERROR".into()));
    assert_eq!(record["error_type"], "core::num::error::ParseIntError");
    assert_eq!(record["error_message"], "invalid digit found in string");
}

#[test]
fn a_panic_is_logged_and_goes_on() {
    let record = once(|log| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            log.time("parse", || -> Result<(), Infallible> { panic!("planned") })
        }));
        assert!(unwound.is_err());
    });
    assert_eq!((&record["status"], &record["level"]), (&"failed".into(), &"ERROR".into()));
    assert_eq!(record["error_type"], "panic");
}

#[test]
fn a_scope_that_is_left_unsettled_is_logged_as_cancelled() {
    let record = once(|log| drop(log.timed("parse").field("pages", 12)));
    assert_eq!((&record["status"], &record["level"]), (&"cancelled".into(), &"WARNING".into()));
    assert_eq!(record["pages"], 12);
}

#[test]
fn a_scope_is_settled_by_hand_once() {
    let record = once(|log| log.timed("parse").success());
    assert_eq!(record["status"], "success");
    let record = once(|log| log.timed("parse").failed("no reason"));
    assert_eq!(record["error_message"], "no reason");
}

#[test]
fn a_future_is_logged_when_it_is_ready_and_when_it_is_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let record = once(|log| {
        let future = log.time_async("parse", async { "42".parse::<u32>() });
        assert_eq!(runtime.block_on(future), Ok(42));
    });
    assert_eq!(record["status"], "success");
    let record = once(|log| {
        let never = std::future::pending::<Result<(), Infallible>>();
        let mut future = Box::pin(log.time_async("parse", never));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    });
    assert_eq!(record["status"], "cancelled");
}

#[test]
fn a_success_below_the_least_level_is_not_logged_and_a_failure_is() {
    let records = logged(|log| {
        log.set_level(Level::Error);
        log.timed("parse").success();
        log.timed("parse").failed("some reason");
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["status"], "failed");
}
