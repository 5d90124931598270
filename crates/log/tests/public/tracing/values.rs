//! What an event says, as a record.

use super::{Errs, Panics, traced};
use crate::fixture::{logged, logged_by};
use ampacity_log::{EventType, Log, Redaction};
use serde_json::{Value, json};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use tracing::field::Empty;
use tracing::{Span, error, info, info_span};

const FAILED: fn() -> Value = || json!({ "$error": "format_failed" });

/// The one record that `f` makes.
fn one(f: impl FnOnce()) -> Value {
    let records = traced(f);
    let [record] = &records[..] else { panic!("{records:?}") };
    record.clone()
}

#[test]
fn an_event_is_a_record_of_its_target() {
    let record = one(|| info!(target: "http::server", status = 503, "answered {}", "late"));
    let expected = json!({
        "timestamp": "1970-01-01T00:00:00.000000Z",
        "schema_version": "2.0.0",
        "level": "INFO",
        "logger": "http::server",
        "event_type": "custom",
        "message": "answered late",
        "seq": 0,
        "stream": record["stream"],
        "status": 503,
    });
    assert_eq!(record, expected);
}

#[test]
fn values_keep_their_types() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "shown")]
    struct Point {
        x: u8,
    }
    let text: &str = "text";
    let record = one(|| {
        info!(
            a = -1,
            b = u64::MAX,
            c = true,
            d = 0.1,
            e = text,
            f = %"shown",
            g = ?Point { x: 1 },
            h = i128::MIN,
            i = u128::MAX,
            j = 3_u128,
            k = &b"bytes"[..],
            l = &b"\xff!"[..],
            m = None::<u8>,
            n = Empty,
            r#type = "raw",
        );
    });
    for (name, value) in [
        ("a", json!(-1)),
        ("b", json!(u64::MAX)),
        ("c", json!(true)),
        ("d", json!(0.1)),
        ("e", json!("text")),
        ("f", json!("shown")),
        ("g", json!("Point { x: 1 }")),
        ("h", json!(i128::MIN.to_string())),
        ("i", json!(u128::MAX.to_string())),
        ("j", json!(3)),
        ("k", json!("bytes")),
        ("l", json!({ "$lossy": "\u{fffd}!" })),
        ("type", json!("raw")),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    assert!(record.get("m").is_none() && record.get("n").is_none());
}

#[test]
fn numbers_that_json_has_not_are_what_they_are_called() {
    let record = one(|| info!(a = f64::NAN, b = f64::INFINITY, c = f64::NEG_INFINITY));
    assert_eq!([&record["a"], &record["b"], &record["c"]], ["NaN", "Infinity", "-Infinity"]);
}

#[test]
fn an_error_is_its_text_and_that_of_its_sources() {
    #[derive(Debug)]
    struct Failed(Option<Box<Failed>>, &'static str);
    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
    }
    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|source| source as _)
        }
    }
    let cause = Failed(Some(Box::new(Failed(None, "broken pipe"))), "no answer");
    let record = one(|| error!(error = &cause as &dyn Error, "oh"));
    assert_eq!(record["error"], "no answer\ncaused by: broken pipe");
    assert_eq!(record["level"], "ERROR");
}

#[test]
fn of_two_fields_of_one_name_the_last_counts() {
    let text = one(|| info!(a = 1, a = 2, message = "field", "text")).to_string();
    assert!(text.contains(r#""a":2"#) && !text.contains(r#""a":1"#), "{text}");
    // The macro hands over its text first.
    assert!(text.contains(r#""message":"field""#) && !text.contains("text"), "{text}");
}

#[test]
fn no_field_overwrites_the_envelope() {
    let record = one(|| {
        info!(
            target: "real",
            timestamp = "never",
            level = "FATAL",
            target = "spoofed",
            logger = "spoofed",
            seq = 7,
            stream = "s",
            trace_id = "t",
            span_id = "s",
            schema_version = "9",
            fields = "f",
            truncated = "t",
            name = "n",
            "text"
        );
    });
    assert_eq!(record["level"], "INFO");
    assert_eq!(record["logger"], "real");
    assert_eq!(record["seq"], 0);
    assert_eq!((&record["target"], &record["name"]), (&"spoofed".into(), &"n".into()));
    assert!(record.get("trace_id").is_none() && record.get("truncated").is_none());
    let fields = record["fields"].as_object().unwrap();
    assert_eq!(fields.len(), 10, "{fields:?}");
    assert_eq!((&fields["level"], &fields["seq"]), (&"FATAL".into(), &7.into()));
}

#[test]
fn control_characters_are_escaped_and_the_record_is_one_line() {
    let text = "a\nb\r\0\u{1b}[31mred\u{2028}\"\\";
    let records = traced(|| {
        info!(field = text, shown = %text, "{text}");
        info!("next");
    });
    assert_eq!(records.len(), 2, "two lines");
    for name in ["field", "shown", "message"] {
        assert_eq!(records[0][name], text, "{name}");
    }
}

#[test]
fn a_value_that_errs_or_panics_is_replaced_and_the_next_record_has_nothing_of_it() {
    let records = traced(|| {
        info!(a = ?Errs, b = ?Panics, c = 1, "message");
        info!("{:?}", Errs);
        info!("{:?}", Panics);
        info!(event_type = ?Panics, "typed");
        info!(d = 2, "of tenant B");
        let span = info_span!("span", e = ?Panics, f = Empty);
        span.record("f", tracing::field::debug(Panics));
        span.in_scope(|| info!(g = 3, "inside"));
    });
    let first = &records[0];
    assert_eq!((&first["a"], &first["b"], &first["c"]), (&FAILED(), &FAILED(), &1.into()));
    assert_eq!(first["message"], "message");
    for record in &records[1..3] {
        assert_eq!(record["message"], "$error: format_failed");
    }
    assert_eq!(records[3]["event_type"], "custom");
    assert_eq!(records[3]["fields"]["event_type"], FAILED());
    assert_eq!(records[4]["d"], 2);
    let inside = &records[5];
    assert_eq!((&inside["e"], &inside["f"], &inside["g"]), (&FAILED(), &FAILED(), &3.into()));
    assert!(records.iter().all(|record| !record.to_string().contains("tenant A")));
}

#[test]
fn an_event_says_its_type_if_it_has_one() {
    let text = "payment.settled".to_owned();
    let long = "x".repeat(10_000);
    let records = traced(|| {
        info!(event_type = "mcp.tool.failed", "a");
        info!(event_type = text, "b");
        info!(event_type = %text);
        info!(event_type = long, "d");
        info!("e");
    });
    let types: Vec<_> = records.iter().map(|record| record["event_type"].as_str()).collect();
    assert_eq!(types[..3], [Some("mcp.tool.failed"), Some(&*text), Some(&*text)]);
    assert_eq!(records[2]["message"], "Event: payment.settled");
    assert!(types[3].unwrap().len() < 260 && types[3].unwrap().ends_with('…'));
    assert_eq!(records[3]["truncated"], json!(["event_type"]));
    assert_eq!(types[4], Some("custom"), "nothing is left of the event before");
    assert!(records.iter().all(|record| record.get("fields").is_none()));
}

#[test]
fn an_event_of_the_crate_log_is_of_the_target_that_it_had_there() {
    let records = traced(|| {
        info!(target: "log", { log.target = "hyper::client", log.line = 7 }, "connected");
        info!(target: "log", { log.target = ?Panics }, "broken");
        info!(target: "else", { log.target = "hyper::client" }, "spoofed");
    });
    assert_eq!(records[0]["logger"], "hyper::client");
    assert_eq!((&records[0]["log.line"], records[0].get("log.target")), (&7.into(), None));
    assert_eq!(records[1]["logger"], "log");
    assert_eq!(records[2]["logger"], "else");
    assert_eq!(records[2]["log.target"], "hyper::client");
}

#[test]
fn secrets_are_hidden_in_events_and_spans() {
    let records = logged_by(
        |builder| builder.redaction(Redaction::default().deny("diagnosis")),
        |log| {
            super::within(log, || {
                let _span = info_span!("span", password = "p-1", diagnosis = "hay fever").entered();
                info!(api_key = "sk-1", "text");
            });
        },
    );
    for name in ["password", "diagnosis", "api_key"] {
        assert_eq!(records[0][name], "[redacted]", "{name}");
    }
}

#[test]
fn what_is_too_long_is_cut_and_named() {
    let long = "é".repeat(100_000);
    let records = traced(|| {
        let _span = info_span!("span", a = long).entered();
        info!(b = %long, "{long}");
        info!(small = 1, "next");
    });
    for name in ["a", "b", "message"] {
        assert!(records[0][name].as_str().unwrap().ends_with("é…"), "{name}");
        assert!(records[0]["truncated"].as_array().unwrap().contains(&name.into()), "{name}");
    }
    assert!(records[0].to_string().len() <= 64 << 10);
    assert_eq!(records[1]["truncated"], json!(["a"]));
}

#[test]
fn a_value_is_formatted_once_however_many_events_it_is_in() {
    struct Counts(Cell<u32>);
    impl fmt::Debug for Counts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            f.write_str("shown")
        }
    }
    let [of_event, of_span] = [0, 0].map(|count| Counts(Cell::new(count)));
    let records = traced(|| {
        let _span = info_span!("span", a = ?of_span).entered();
        info!(b = ?of_event, "first");
        info!("second");
    });
    assert_eq!((of_event.0.get(), of_span.0.get()), (1, 1));
    assert!(records.iter().all(|record| record["a"] == "shown"));
}

/// Logs, and gives the span a value, while it is formatted. Subscribers are spared events
/// within events; this is not.
struct Meddles<'a>(&'a Log, &'a Span);

impl fmt::Debug for Meddles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.record("met", true);
        self.0.event(EventType::Custom).message("inner").emit();
        f.write_str("outer")
    }
}

#[test]
fn a_value_that_logs_while_it_is_formatted_does_not_touch_the_record_around_it() {
    let records = logged(|log| {
        super::within(log, || {
            let span = info_span!("span", met = Empty, later = Empty).entered();
            let meddles = Meddles(log, &span);
            info!(a = 1, b = ?meddles, c = 2, "event");
            span.record("later", tracing::field::debug(&meddles));
            info_span!("inner", first = ?meddles).in_scope(|| info!("last"));
        });
    });
    let messages: Vec<_> = records.iter().map(|record| record["message"].clone()).collect();
    assert_eq!(messages, ["inner", "event", "inner", "inner", "last"]);
    for record in records.iter().filter(|record| record["message"] == "inner") {
        assert_eq!(record.as_object().unwrap().len(), 8, "nothing but the envelope: {record}");
    }
    let event = &records[1];
    assert_eq!(
        (&event["a"], &event["b"], &event["c"], &event["met"]),
        (&1.into(), &"outer".into(), &2.into(), &true.into())
    );
    assert_eq!((&records[4]["later"], &records[4]["first"]), (&"outer".into(), &"outer".into()));
}
