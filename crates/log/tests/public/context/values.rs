//! What a context does with odd values, and how records take them up.

use crate::fixture::{logged, logged_by};
use ampacity_log::{Context, EventType, Redaction, Trace, context};
use serde::ser::{Error, Serialize, Serializer};
use serde_json::{Value, json};
use std::panic;

/// One record under the context.
fn record_in(context: &Context) -> Value {
    let mut records = logged(|log| context.scope(|| log.event(EventType::Custom).emit()));
    assert_eq!(records.len(), 1);
    records.remove(0)
}

struct Panics;
impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic::resume_unwind(Box::new("on purpose"))
    }
}

struct Errs;
impl Serialize for Errs {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("on purpose"))
    }
}

/// Enters a context while it is serialised, and says what it was in before.
struct Nosy;
impl Serialize for Nosy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let before = Context::current().get::<u32>("a");
        let _inside = context::scoped("a", 2);
        serializer.collect_str(&format_args!("{before:?}"))
    }
}

#[test]
fn a_value_that_panics_or_errs_is_a_marker_and_nobody_notices() {
    let outer = Context::new().with("panics", Panics).with("errs", Errs).with("fine", 1);
    let record = record_in(&outer);
    let marker = json!({"$error": "format_failed"});
    assert_eq!((&record["panics"], &record["errs"]), (&marker, &marker));
    assert_eq!(record["fine"], 1);
    assert_eq!(record.get("truncated"), None);
}

#[test]
fn a_value_may_itself_use_contexts() {
    let _outer = context::scoped("a", 1);
    let _nosy = context::scoped("nosy", Nosy);
    let record = record_in(&Context::current());
    assert_eq!((&record["a"], &record["nosy"]), (&json!(1), &json!("Some(1)")));
}

#[test]
fn a_record_says_which_fields_of_its_context_were_cut() {
    let big = "x".repeat(20_000);
    let record = record_in(&Context::new().with("big", &big).with("small", "x"));
    assert_eq!(record["truncated"], json!(["big"]));
    let kept = record["big"].as_str().unwrap().trim_end_matches('…');
    assert!(kept.len() < 1 << 14 && big.starts_with(kept), "{}", kept.len());
    assert_eq!(record["small"], "x");
}

#[test]
fn secrets_are_hidden_when_they_are_given_and_by_the_rules_of_the_log_that_is_written_to() {
    let context = Context::new()
        .with("api_key", "k-1")
        .with("user", json!({"password": "p-1", "iban": "i-1"}))
        .with("iban", "i-1");
    assert_eq!(context.get::<String>("api_key").as_deref(), Some("[redacted]"));

    let denying =
        |builder: ampacity_log::Builder| builder.redaction(Redaction::default().deny("iban"));
    let records = logged_by(denying, |log| context.scope(|| log.event(EventType::Custom).emit()));
    let hidden = "[redacted]";
    assert_eq!(records[0]["api_key"], hidden);
    assert_eq!(records[0]["user"], json!({"password": hidden, "iban": hidden}));
    assert_eq!(records[0]["iban"], hidden);
}

#[test]
fn a_record_has_its_contexts_span_or_its_own() {
    let [outer, own] = [0xa, 0xb].map(|n| Trace::new([n; 16], [n; 8]).unwrap());
    let records = logged(|log| {
        log.event(EventType::Custom).emit();
        Context::new().with_trace(outer).scope(|| {
            log.event(EventType::Custom).emit();
            log.event(EventType::Custom).trace(own).emit();
        });
    });
    let spans = records.iter().map(|record| (&record["trace_id"], &record["span_id"]));
    let ids = |digits: &str| (json!(digits.repeat(16)), json!(digits.repeat(8)));
    let expected = [(Value::Null, Value::Null), ids("0a"), ids("0b")];
    assert!(spans.eq(expected.iter().map(|(trace, span)| (trace, span))), "{records:?}");
}
