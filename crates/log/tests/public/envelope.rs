//! The envelope is the log's own.

use crate::fixture::logged;
use ampacity_log::{Context, EventType, Level};
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
