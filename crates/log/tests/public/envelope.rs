//! The envelope is the log's own.

use crate::fixture::{logged, logged_by};
use ampacity_log::{Context, EventType, Level, Log, Redaction, Trace, debug, display};
use serde_json::{Value, json};

#[test]
fn a_record_begins_with_its_envelope_in_order() {
    let records = logged(|log| {
        log.event(EventType::ToolInvoked).field("tool_name", "search").field("hits", 3).emit();
    });
    let [record] = &records[..] else { panic!("{records:?}") };
    let stream = record["stream"].as_str().unwrap();
    assert_eq!(stream.len(), 16, "{stream}");
    let expected = json!({
        "timestamp": "1970-01-01T00:00:00.000000Z",
        "schema_version": "2.0.0",
        "level": "INFO",
        "logger": "test",
        "event_type": "mcp.tool.invoked",
        "message": "Event: mcp.tool.invoked",
        "seq": 0,
        "stream": stream,
        "tool_name": "search",
        "hits": 3,
    });
    assert_eq!(*record, expected);
}

#[test]
fn no_field_and_no_context_overwrites_the_envelope() {
    let reserved = [
        "timestamp",
        "schema_version",
        "level",
        "logger",
        "event_type",
        "message",
        "seq",
        "stream",
        "trace_id",
        "span_id",
        "fields",
        "truncated",
    ];
    let records = logged(|log| {
        let mut context = Context::new();
        for name in reserved {
            context = context.with(name, "of the context");
        }
        let _inside = context.enter();
        log.event_at(Level::Warning, EventType::Custom).message("mine").emit();
        let mut record = log.event_at(Level::Warning, EventType::Custom).message("mine");
        for name in reserved {
            record = record.field(name, "of the record");
        }
        record.emit();
    });
    for (record, whose) in records.iter().zip(["of the context", "of the record"]) {
        assert_eq!(record["message"], "mine");
        assert_eq!(record["level"], "WARNING");
        assert_eq!(record["logger"], "test");
        assert_eq!(record["event_type"], "custom");
        assert!(record.get("trace_id").is_none() && record.get("truncated").is_none());
        for name in reserved {
            assert_eq!(record["fields"][name], whose, "{name}");
        }
    }
}

#[test]
fn of_two_fields_of_one_name_the_last_counts_and_the_records_own_before_the_contexts() {
    let records = logged(|log| {
        let _inside = Context::new().with("a", 1).with("b", 1).with("b", 2).enter();
        log.event(EventType::Custom).field("a", 2).field("c", 1).field("a", 3).field("d", 4).emit();
    });
    let text = records[0].to_string();
    for (name, value) in [("a", 3), ("b", 2), ("c", 1), ("d", 4)] {
        assert_eq!(records[0][name], value, "{text}");
    }
}

#[test]
fn records_are_numbered_from_zero_without_a_gap() {
    let records = logged(|log| (0..1_000).for_each(|_| log.event(EventType::Custom).emit()));
    let seqs: Vec<&Value> = records.iter().map(|record| &record["seq"]).collect();
    assert_eq!(seqs, (0..1_000).map(Value::from).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

#[test]
fn fields_of_the_whole_log_are_in_every_record_and_give_way_to_any_other() {
    let settings = |builder: ampacity_log::Builder| {
        builder.field("service", "tools").field("a", 1).field("b", 1).field("level", "mine")
    };
    let records = logged_by(settings, |log| {
        let _inside = Context::new().with("a", 2).with("b", 2).enter();
        log.event(EventType::Custom).field("b", 3).emit();
    });
    let record = &records[0];
    assert_eq!(record["service"], "tools");
    assert_eq!((&record["a"], &record["b"]), (&2.into(), &3.into()));
    assert_eq!((&record["level"], &record["fields"]["level"]), (&"INFO".into(), &"mine".into()));
}

#[test]
fn a_secret_is_hidden_wherever_it_stands() {
    let redaction = Redaction::default().deny("diagnosis");
    let records = logged_by(
        |builder| builder.redaction(redaction),
        |log| {
            let nested = json!({ "diagnosis": "hay fever", "api_key": "sk-1", "n": 1 });
            let _inside = Context::new().with("patient", &nested).with("password", "p-1").enter();
            log.event(EventType::Custom).field("access_token", "t-1").field("more", &nested).emit();
        },
    );
    let text = records[0].to_string();
    for secret in ["hay fever", "sk-1", "p-1", "t-1"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(
        records[0]["patient"],
        json!({ "diagnosis": "[redacted]", "api_key": "[redacted]", "n": 1 })
    );
}

#[test]
fn a_record_that_is_too_large_is_cut_and_says_what_was() {
    let settings =
        |builder: ampacity_log::Builder| builder.record_bytes(8 << 10).value_bytes(2 << 10);
    let records = logged_by(settings, |log| {
        let long = "é".repeat(10_000);
        let mut record = log.event(EventType::Custom).message(&long);
        for index in 0..1_000 {
            record = record.field(&format!("field_{index}"), &long);
        }
        record.emit();
        log.event(EventType::Custom).field("small", 1).emit();
    });
    let text = records[0].to_string();
    assert!(text.len() <= 8 << 10, "{}", text.len());
    let truncated: Vec<_> = records[0]["truncated"].as_array().unwrap().iter().collect();
    assert!(truncated.contains(&&"message".into()) && truncated.contains(&&"field_0".into()));
    assert!(records[0]["message"].as_str().unwrap().ends_with("é…"));
    assert_eq!(records[1].get("truncated"), None, "nothing is left of the record before");
}

#[test]
fn names_of_what_was_cut_that_have_no_room_are_told_by_an_ellipsis() {
    let records = logged(|log| {
        let name = |n: usize| format!("{n:03}{}", "x".repeat(97));
        let record = log.event(EventType::Custom);
        (0..20).fold(record, |it, n| it.field(&name(n), "y".repeat(20_000))).emit();
    });
    let names = records[0]["truncated"].as_array().unwrap();
    assert!(names.len() < 20);
    assert_eq!(names.last(), Some(&"…".into()), "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "…").count(), 1);
}

#[test]
fn a_value_that_panics_or_errs_is_replaced_and_the_next_record_has_nothing_of_it() {
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("secret of tenant A")?;
            panic!("planned")
        }
    }
    struct Errs;
    impl std::fmt::Debug for Errs {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("secret of tenant A")?;
            Err(std::fmt::Error)
        }
    }
    let records = logged(|log| {
        let record = log.event(EventType::Custom).message(Panics);
        record.field("a", display(Panics)).field("b", debug(Errs)).field("c", 1).emit();
        log.event(EventType::Custom).field("d", "of tenant B").emit();
    });
    let failed = json!({ "$error": "format_failed" });
    for name in ["a", "b"] {
        assert_eq!(records[0][name], failed, "{name}");
    }
    assert_eq!(records[0]["message"], "$error: format_failed", "a string in any case");
    assert_eq!(records[0]["c"], 1);
    assert!(records.iter().all(|record| !record.to_string().contains("tenant A")));
}

#[test]
fn a_value_that_logs_while_it_is_formatted_does_not_touch_the_record_around_it() {
    struct Logs<'a>(&'a Log);
    impl std::fmt::Display for Logs<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.event(EventType::Custom).message("inner").field("x", 1).emit();
            f.write_str("outer")
        }
    }
    let records = logged(|log| {
        log.event(EventType::Custom).field("a", 1).message(Logs(log)).field("b", 2).emit();
    });
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0]["message"], records[0].get("a")), (&"inner".into(), None));
    let outer = &records[1];
    assert_eq!(
        (&outer["message"], &outer["a"], &outer["b"]),
        (&"outer".into(), &1.into(), &2.into())
    );
}

#[test]
fn the_spans_ids_are_in_the_envelope_the_records_own_first() {
    let of = |last: u8| {
        let text = format!("00-0123456789abcdef0123456789abcdef-0123456789abcd{last:02x}-01");
        Trace::parse_traceparent(&text).unwrap()
    };
    let records = logged(|log| {
        log.event(EventType::Custom).emit();
        let _inside = Context::new().with_trace(of(1)).enter();
        log.event(EventType::Custom).emit();
        log.event(EventType::Custom).trace(of(2)).emit();
    });
    assert_eq!(records[0].get("trace_id"), None);
    assert_eq!(records[1]["trace_id"], "0123456789abcdef0123456789abcdef");
    assert_eq!(records[1]["span_id"], "0123456789abcd01");
    assert_eq!(records[2]["span_id"], "0123456789abcd02");
}

#[test]
fn a_contexts_value_is_cut_by_the_logs_own_cap() {
    let records = logged_by(
        |builder| builder.value_bytes(64).field("base", "b".repeat(100)),
        |log| {
            let _inside = Context::new().with("long", "x".repeat(100)).enter();
            log.event(EventType::Custom).emit();
        },
    );
    for name in ["base", "long"] {
        let value = records[0][name].as_str().unwrap();
        assert!(value.len() < 70 && value.ends_with('…'), "{value}");
    }
    assert_eq!(records[0]["truncated"], json!(["long", "base"]));
}
