use super::*;
use crate::reader::{Reader, parse_time};

fn record(line: &str) -> Record {
    Reader::new(line.as_bytes()).next().unwrap().unwrap().into_record().unwrap()
}

#[test]
fn the_fields_of_both_schemas_are_read() {
    let new = r#"{"timestamp":"2026-11-23T13:15:02.5Z","schema_version":"2.0.0","level":"warn","logger":"tools","event_type":"mcp.tool.completed","message":"m","seq":12,"stream":"0123456789abcdef","trace_id":"t","span_id":"s","component":"c","request_id":7,"duration_ms":0.1,"big":18446744073709551615,"null":null,"fields":{"seq":99,"own":true}}"#;
    let old = r#"{"timestamp": "2024-05-01 12:00:00,123", "schema_version": "1.0.0", "level": "CRITICAL", "logger": "x", "message": "m", "component": "c", "taskName": null, "duration_ms": "NaN"}"#;
    let (new, old) = (record(new), record(old));
    assert_eq!(new.timestamp(), parse_time("2026-11-23T13:15:02.5Z"));
    assert_eq!(new.level(), Some(Level::Warning));
    let texts = [new.logger(), new.event_type(), new.message(), new.stream()];
    assert_eq!(texts.map(Option::unwrap), ["tools", "mcp.tool.completed", "m", "0123456789abcdef"]);
    assert_eq!((new.trace_id(), new.span_id()), (Some("t"), Some("s")));
    assert_eq!(new.schema_version(), Some("2.0.0"));
    assert_eq!((new.seq(), new.duration_ms()), (Some(12), Some(0.1)));
    assert_eq!(new.component().as_deref(), Some("c"));
    assert_eq!(new.request_id().as_deref(), Some("7"));
    assert_eq!(new.text("big").as_deref(), Some("18446744073709551615"));
    assert_eq!(new.text("own").as_deref(), Some("true"));
    assert_eq!((new.text("null"), new.text("fields"), new.text("none")), (None, None, None));
    assert_eq!(new.object()["fields"]["seq"], 99);

    assert_eq!(old.timestamp(), parse_time("2024-05-01T12:00:00.123Z"));
    assert_eq!(old.level(), Some(Level::Critical));
    assert_eq!((old.seq(), old.stream(), old.event_type()), (None, None, None));
    assert_eq!(old.duration_ms(), None);
}

#[test]
fn no_field_passes_for_one_of_the_envelope() {
    let log =
        r#"{"message":"m","fields":{"trace_id":"t","level":"ERROR","timestamp":"2026-11-23"}}"#;
    let record = record(log);
    assert_eq!((record.trace_id(), record.level(), record.timestamp()), (None, None, None));
    assert_eq!(record.text("trace_id").as_deref(), Some("t"));
}
