//! A log into memory, and what it wrote.

use ampacity_log::{Builder, Counts, Level, Log, Memory, Overflow, Sink};
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

/// Longer than any of this takes; nothing waits so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A log into memory that takes everything, waits for room, and knows one time only.
pub(crate) fn logged(log: impl FnOnce(&Log)) -> Vec<Value> {
    logged_by(|builder| builder, log)
}

/// The same, with other settings.
pub(crate) fn logged_by(
    settings: impl FnOnce(Builder) -> Builder,
    log: impl FnOnce(&Log),
) -> Vec<Value> {
    let memory = Memory::new();
    let sink = Level::ALL.into_iter().fold(Sink::memory(&memory).no_fallback(), |sink, level| {
        sink.overflow(level, Overflow::Wait(PATIENCE))
    });
    let builder = Log::builder("test").sink(sink);
    let handle = settings(builder.clock(|| UNIX_EPOCH)).build().unwrap();
    log(&handle);
    handle.flush(PATIENCE).unwrap();
    let [(_, counts)] = &handle.counts()[..] else { panic!("one sink") };
    assert_balanced(counts);
    let records = records(&memory.bytes());
    assert_eq!(records.len() as u64, counts.written);
    records
}

/// Each line as what it is; a test fails if one is not a JSON object.
pub(crate) fn records(bytes: &[u8]) -> Vec<Value> {
    assert!(bytes.is_empty() || bytes.ends_with(b"\n"));
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| match serde_json::from_slice(line) {
            Ok(record @ Value::Object(_)) => record,
            other => panic!("{other:?}: {}", String::from_utf8_lossy(line)),
        })
        .collect()
}

/// Every record is written, dropped or failed, now that nobody logs.
pub(crate) fn assert_balanced(counts: &Counts) {
    assert_eq!(counts.queued(), 0, "{counts:?}");
    assert_eq!(counts.emitted, counts.written + counts.dropped + counts.failed, "{counts:?}");
}
