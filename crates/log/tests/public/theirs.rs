//! What breaks the JSON layer of `tracing-subscriber` and the worker of `tracing-appender`,
//! done to this log; each test says what came of it there.

use crate::fixture::{PATIENCE, assert_balanced, logged};
use ampacity_log::{Context, EventType, Level, Log, Memory, Sink, debug};
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, ErrorKind, Write};

/// The log's line for a record, as text.
fn line(log: impl FnOnce(&Log)) -> String {
    let memory = Memory::new();
    let handle = Log::builder("test").sink(Sink::memory(&memory)).build().unwrap();
    log(&handle);
    handle.flush(PATIENCE).unwrap();
    memory.text()
}

/// `{"a":1,"a":2,"message":..,"message":..}` (tokio-rs/tracing issue 3195).
#[test]
fn a_field_given_twice_is_one_key_and_a_message_is_no_second_message() {
    let line = line(|log| {
        let record = log.event(EventType::Custom).message("mine");
        record.field("a", 1).field("a", 2).field("message", "field").emit();
    });
    assert_eq!(line.matches(r#""a":"#).count(), 1, "{line}");
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&record["a"], &record["message"]), (&json!(2), &json!("mine")));
    assert_eq!(record["fields"], json!({"message": "field"}));
    assert_eq!(line.matches(r#""message":"#).count(), 2, "one outside, one inside: {line}");
}

/// With `flatten_event` the caller sets the time and the level that a record seems to have.
#[test]
fn a_caller_who_names_his_fields_timestamp_level_and_target_forges_nothing() {
    let records = logged(|log| {
        let record = log.event_at(Level::Error, EventType::ErrorOccurred);
        let record = record.field("timestamp", "1999-01-01T00:00:00Z").field("level", "TRACE");
        record.field("target", "theirs").field("logger", "theirs").emit();
    });
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["timestamp"], "1970-01-01T00:00:00.000000Z");
    assert_eq!((&record["level"], &record["logger"]), (&json!("ERROR"), &json!("test")));
    // This one is no name of ours.
    assert_eq!(record["target"], "theirs");
}

/// `{"name":"field","name":"span"}` (tokio-rs/tracing issue 1423).
#[test]
fn a_field_of_a_span_may_be_called_name() {
    let line = line(|log| {
        let _span = Context::new().with("name", "of the span").enter();
        log.event(EventType::Custom).field("name", "of the record").emit();
    });
    assert_eq!(line.matches(r#""name":"#).count(), 1, "{line}");
    assert!(line.contains(r#""name":"of the record""#), "{line}");
}

/// `null`.
#[test]
fn numbers_that_json_has_not_are_told_from_nothing_and_from_each_other() {
    let records = logged(|log| {
        let record = log.event(EventType::Custom).field("nan", f64::NAN).field("none", ());
        record.field("up", f64::INFINITY).field("down", f32::NEG_INFINITY).emit();
    });
    let record = &records[0];
    assert_eq!((&record["nan"], &record["none"]), (&json!("NaN"), &json!(null)));
    assert_eq!((&record["up"], &record["down"]), (&json!("Infinity"), &json!("-Infinity")));
}

#[test]
fn newlines_nuls_and_escapes_stay_within_their_line() {
    let hostile = "one\ntwo\r\n\0\u{1b}[31m\u{2028}{\"level\":\"ERROR\"}\u{7f}\u{9b}";
    let line = line(|log| log.event(EventType::Custom).field("text", hostile).emit());
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(!line.contains(['\0', '\u{1b}', '\r']), "{line:?}");
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["text"], hostile);
}

/// Fails to show itself, or panics in the midst of it.
struct Unshown {
    panics: bool,
}

impl fmt::Debug for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret of tenant A")?;
        if self.panics {
            panic!("in the midst of it");
        }
        Err(fmt::Error)
    }
}

impl fmt::Display for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An error panics in the caller (serde-rs/json pull request 1329). A panic leaves half a
/// record in the thread's buffer: the next record on that thread is appended to it, and has
/// the other's fields in an invalid line.
#[test]
fn a_value_that_cannot_be_shown_harms_no_caller_and_reaches_no_other_record() {
    for panics in [false, true] {
        let line = line(|log| {
            let value = Unshown { panics };
            let record = log.event(EventType::Custom).field("tenant", "A").field("v", debug(value));
            record.message(Unshown { panics }).emit();
            log.event(EventType::Custom).field("tenant", "B").emit();
        });
        let lines: Vec<&str> = line.lines().collect();
        let [a, b] = lines[..] else { panic!("{line}") };
        let [a, b] = [a, b].map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert_eq!((&a["tenant"], &b["tenant"]), (&json!("A"), &json!("B")));
        assert_eq!(a["v"], json!({"$error": "format_failed"}));
        assert!(b.get("v").is_none() && !line.contains("secret"), "{line}");
    }
}

/// Takes ten bytes of a line, and then finds the disk full.
#[derive(Clone, Default)]
struct Short {
    out: Memory,
    torn: bool,
}

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.torn = !self.torn;
        if !self.torn {
            return Err(ErrorKind::StorageFull.into());
        }
        self.out.write(&bytes[..10.min(bytes.len())])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The worker discards the error (tokio-rs/tracing issue 1155), the torn line stays, the
/// next one is glued to it, and the counter of lost lines stays at 0: five of five.
#[test]
fn a_short_write_before_an_error_is_counted_and_the_next_line_is_a_line() {
    let (short, fallback) = (Short::default(), Memory::new());
    let sink = Sink::writer("short", short.clone()).fallback(fallback.clone());
    let breaker = ampacity::CircuitBreaker::builder("short").failure_threshold(100).build();
    let log = Log::builder("test").sink(sink.breaker(breaker.unwrap())).build().unwrap();
    (0..5).for_each(|_| log.event(EventType::Custom).emit());
    log.flush(PATIENCE).unwrap();
    let counts = log.counts()[0].1;
    assert_balanced(&counts);
    assert_eq!((counts.written, counts.failed, counts.fell_back), (0, 5, 5));
    assert_eq!(fallback.text().lines().count(), 5);
    // Each torn line is a line of its own.
    let text = short.out.text();
    assert!(text.lines().all(|line| line.starts_with(r#"{"timest"#) && line.len() <= 10), "{text}");
    assert_eq!(text.lines().count(), 5, "{text}");
}

/// Panics at the first line.
#[derive(Clone, Default)]
struct Panicky {
    out: Memory,
    done: bool,
}

impl Write for Panicky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(std::mem::replace(&mut self.done, true), "the first line");
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The worker's thread dies, nothing is written any more, and the counter stays at 0.
#[test]
fn a_writer_that_panics_once_is_written_to_again_and_missed_one_record() {
    let (panicky, fallback) = (Panicky::default(), Memory::new());
    let sink = Sink::writer("panicky", panicky.clone()).fallback(fallback.clone());
    let log = Log::builder("test").sink(sink).build().unwrap();
    for i in 0..10 {
        log.event(EventType::Custom).field("i", i).emit();
    }
    log.flush(PATIENCE).unwrap();
    let counts = log.counts()[0].1;
    assert_balanced(&counts);
    assert_eq!((counts.failed, counts.fell_back, counts.written), (1, 1, 9 + 1));
    assert!(fallback.text().contains(r#""i":0"#));
    assert!(panicky.out.text().contains("log.sink_recovered"));
}

/// Lines that find the queue full are counted, and the log is never told (tokio-rs/tracing
/// issue 1941).
#[test]
fn a_log_tells_of_what_its_full_queue_dropped() {
    let memory = Memory::new();
    let sink = Sink::memory(&memory).queue(1, 1 << 10);
    let log = Log::builder("test").sink(sink).build().unwrap();
    while log.counts()[0].1.dropped == 0 {
        log.event(EventType::Custom).emit();
    }
    log.flush(PATIENCE).unwrap();
    let dropped = log.counts()[0].1.dropped;
    let text = memory.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<Value> =
        lines.filter(|line| line["event_type"] == "log.records_dropped").collect();
    assert_eq!(told.iter().map(|told| told["dropped"].as_u64().unwrap()).sum::<u64>(), dropped);
}

/// What is in the queue when `main` returns is lost, unless a guard was kept.
#[test]
fn a_log_needs_no_guard() {
    let memory = Memory::new();
    {
        let log = Log::builder("test").sink(Sink::memory(&memory)).build().unwrap();
        let other = log.named("other");
        (0..1_000).for_each(|_| other.event(EventType::Custom).emit());
    }
    assert_eq!(memory.text().lines().count(), 1_000);
}
