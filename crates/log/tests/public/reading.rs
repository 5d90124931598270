//! What the log writes, its reader reads.

use crate::fixture::{PATIENCE, logged_by};
use ampacity_log::reader::{Entry, Gaps, Reader};
use ampacity_log::{Builder, Context, EventType, Level, Log, Memory, Sink, Trace, bytes};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn logged(now: SystemTime, log: impl FnOnce(&Log)) -> Vec<u8> {
    let memory = Memory::new();
    let sink = Sink::memory(&memory).no_fallback();
    let handle = Log::builder("tools").sink(sink).clock(move || now).build().unwrap();
    log(&handle);
    handle.close(PATIENCE).unwrap();
    memory.bytes()
}

#[test]
fn every_record_that_is_written_conforms_and_none_is_missing() {
    let log = logged(SystemTime::now(), |log| {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let _inside = Context::new().with_trace(Trace::parse_traceparent(trace).unwrap()).enter();
        for level in Level::ALL {
            log.set_level(level);
            log.event_at(level, EventType::Custom).message("\n\u{9b}\"\\").emit();
        }
        log.set_level(Level::Trace);
        for event_type in EventType::ALL {
            log.event(*event_type).field("seq", -1).field("odd", f64::INFINITY).emit();
        }
        log.event(EventType::Other("mine")).field("raw", bytes(b"\xff\0\n")).emit();
        log.event(EventType::Custom).field("long", "é".repeat(100_000)).emit();
    });
    let (mut gaps, mut records) = (Gaps::new(), 0);
    for entry in Reader::new(&log[..]) {
        match entry.unwrap() {
            Entry::Record(record) => {
                assert_eq!(record.check(), Ok(()), "{}", record.line());
                assert_eq!(record.seq(), Some(records));
                gaps.add(&record);
                records += 1;
            }
            Entry::Skipped(skipped) => panic!("{skipped}"),
        }
    }
    assert_eq!(records as usize, Level::ALL.len() + EventType::ALL.len() + 2);
    assert!(gaps.is_whole() && gaps.unnumbered() == 0, "{gaps:?}");
}

#[test]
fn what_is_as_deep_as_a_log_allows_is_read() {
    let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let settings = |builder: Builder| builder.depth(96);
    // Of a name that the envelope has, it is one level deeper.
    let records = logged_by(settings, |log| log.event(EventType::Custom).field("seq", deep).emit());
    let line = records[0].to_string();
    let entry = Reader::new(line.as_bytes()).next().unwrap().unwrap();
    assert!(matches!(entry, Entry::Record(_)), "{entry:?}");
    assert!(line.contains(&"[".repeat(95)) && line.contains(r#"{"$cut":"depth"}"#), "{line}");
}

#[test]
fn what_was_put_into_a_record_comes_out_of_it() {
    let now = UNIX_EPOCH + Duration::from_micros(1_795_439_702_123_456);
    let log = logged(now, |log| {
        let _inside = Context::new().with("request_id", 7).with("component", "shell").enter();
        log.event_at(Level::Critical, EventType::ToolFailed)
            .message("no")
            .field("duration_ms", 0.1 + 0.2)
            .field("level", "mine")
            .emit();
    });
    let record = Reader::new(&log[..]).next().unwrap().unwrap().into_record().unwrap();
    assert_eq!(record.timestamp(), Some(now));
    assert_eq!(record.level(), Some(Level::Critical));
    assert_eq!(record.event_type(), Some(EventType::ToolFailed.as_str()));
    assert_eq!((record.logger(), record.message()), (Some("tools"), Some("no")));
    assert_eq!(record.schema_version(), Some(ampacity_log::SCHEMA_VERSION));
    assert_eq!(record.request_id().as_deref(), Some("7"));
    assert_eq!(record.component().as_deref(), Some("shell"));
    assert_eq!(record.duration_ms(), Some(0.1 + 0.2));
    assert_eq!(record.object()["fields"]["level"], "mine");
    assert_eq!((record.trace_id(), record.span_id()), (None, None));
    assert_eq!(record.size(), log.len() as u64);
}
