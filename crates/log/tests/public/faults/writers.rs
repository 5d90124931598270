//! Writers of the user's own that fail in every way there is.

use super::found::Found;
use super::odd::Disk;
use super::{OPEN_FOR, breaker, counts, emit, log_into, no_breaker, settled};
use crate::fixture::PATIENCE;
use ampacity::ManualClock;
use ampacity_log::{Log, Memory, Redaction, Sink};
use serde_json::json;
use std::fmt;
use std::io::{self, Write};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A writer that fails as it is told to, and counts how often it was asked.
#[derive(Clone)]
struct Failing {
    asked: Arc<AtomicU64>,
    by: fn() -> io::Error,
}

impl Failing {
    fn by(by: fn() -> io::Error) -> Self {
        Failing { asked: Arc::default(), by }
    }

    fn asked(&self) -> u64 {
        // Relaxed: a test reads it after a flush, which the queue's lock orders.
        self.asked.load(Ordering::Relaxed)
    }
}

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Err((self.by)())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(b"").map(drop)
    }
}

fn broken() -> io::Error {
    io::Error::other("broken")
}

#[test]
fn a_sink_that_fails_is_left_alone_and_probed_when_its_breaker_says_so() {
    let (clock, fallback) = (ManualClock::new(), Memory::new());
    let failing = Failing::by(broken);
    let log = log_into(
        Sink::writer("failing", failing.clone())
            .breaker(breaker(&clock))
            .fallback(fallback.clone()),
    );
    // A flush asks it once more, whatever the breaker says.
    let asked = |records| {
        emit(&log, records);
        settled(&log);
        failing.asked.swap(0, Ordering::Relaxed) - 1
    };
    assert_eq!(asked(0..2), 2);
    assert_eq!(asked(2..100), 1);
    clock.advance(OPEN_FOR - Duration::from_millis(1));
    assert_eq!(asked(100..110), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(asked(110..120), 1, "one probe");
    clock.advance(OPEN_FOR);
    assert_eq!(asked(120..130), 1);

    let counts = settled(&log);
    assert_eq!((counts.written, counts.failed, counts.fell_back), (0, 130, 130));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(0..130));
}

#[test]
fn a_sink_that_works_again_is_told_what_it_missed() {
    let (clock, disk, fallback) = (ManualClock::new(), Disk::default(), Memory::new());
    let log = log_into(
        Sink::writer("disk", disk.clone()).breaker(breaker(&clock)).fallback(fallback.clone()),
    );
    emit(&log, 0..10);
    settled(&log);
    disk.make_room(u64::MAX);
    emit(&log, 10..20);
    settled(&log);
    assert_eq!(disk.bytes(), b"", "its breaker is open");
    clock.advance(OPEN_FOR);
    emit(&log, 20..30);
    settled(&log);

    let counts = settled(&log);
    let found = Found::of(&disk.bytes());
    assert!(found.numbers().into_iter().eq(20..30));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(0..20));
    let [told] = found.of_type("log.sink_recovered")[..] else { panic!("{found:?}") };
    assert_eq!((told["failed"].as_u64(), told["fell_back"].as_u64()), (Some(20), Some(20)));
    assert_eq!((told["dropped"].as_u64(), told["sink"].as_str()), (Some(0), Some("disk")));
    assert!(told["error_message"].as_str().is_some_and(|why| !why.is_empty()), "{told:?}");
    assert_eq!((counts.failed, counts.fell_back, counts.written), (20, 20, found.len()));
}

#[test]
fn what_a_sink_missed_is_told_with_the_fields_that_all_records_have() {
    let disk = Disk::default();
    let log = Log::builder("test")
        .redaction(Redaction::default().deny("region").deny("*e*"))
        .field("region", "here")
        .field("host", json!({ "name": "h-1" }))
        .field("sink", "mine")
        .sink(Sink::writer("disk", disk.clone()).breaker(no_breaker()).no_fallback())
        .build()
        .unwrap();
    emit(&log, 0..1);
    settled(&log);
    disk.make_room(u64::MAX);
    emit(&log, 1..2);
    settled(&log);
    let found = Found::of(&disk.bytes());
    let [told] = found.of_type("log.sink_recovered")[..] else { panic!("{found:?}") };
    assert_eq!((&told["region"], &told["failed"]), (&json!("[redacted]"), &json!(1)));
    assert_eq!(told["host"], json!({ "name": "[redacted]" }));
    assert_eq!(told["sink"], "disk");
}

#[test]
fn what_a_sink_missed_twice_is_told_twice() {
    let (disk, fallback) = (Disk::default(), Memory::new());
    let log = log_into(
        Sink::writer("disk", disk.clone()).breaker(no_breaker()).fallback(fallback.clone()),
    );
    for (room, records) in [(0, 0..3), (u64::MAX, 3..4), (0, 4..9), (u64::MAX, 9..10)] {
        disk.make_room(room);
        emit(&log, records);
        settled(&log);
        settled(&log);
    }
    let found = Found::of(&disk.bytes());
    assert_eq!(found.told(), 8);
    let failed: Vec<_> =
        found.of_type("log.sink_recovered").iter().map(|told| told["failed"].as_u64()).collect();
    assert_eq!(failed, [Some(3), Some(5)]);
}

#[test]
fn of_a_batch_of_which_some_do_not_fit_the_others_are_written() {
    let fallback = Memory::new();
    let disk = Disk::of_whole_lines(10_000);
    let log = log_into(
        Sink::writer("disk", disk.clone()).breaker(no_breaker()).fallback(fallback.clone()),
    );
    for i in 0..200 {
        let text = "x".repeat(if i % 3 == 0 { 1_000 } else { 10 });
        log.event(ampacity_log::EventType::Custom).field("i", i).field("text", text).emit();
    }
    let counts = settled(&log);
    let (found, fell_back) = (Found::of(&disk.bytes()), Found::of(&fallback.bytes()));
    let mut numbers = [found.numbers(), fell_back.numbers()].concat();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200), "each in one of the two");
    assert_eq!((counts.written, counts.failed), (found.len(), fell_back.len()));
    assert_eq!(counts.fell_back, counts.failed);
    let last = *found.numbers().last().unwrap();
    assert!(fell_back.numbers()[0] < last, "small ones were written after large ones were not");
    assert!(found.torn.is_empty());
}

#[test]
fn a_fallback_that_fails_too_costs_the_records_and_nothing_else() {
    let disk = Disk::default();
    let failing = Failing::by(broken);
    let log = log_into(
        Sink::writer("disk", disk.clone()).breaker(no_breaker()).fallback(failing.clone()),
    );
    emit(&log, 0..10);
    settled(&log);
    assert_eq!(failing.asked(), 10);
    disk.make_room(u64::MAX);
    emit(&log, 10..20);
    settled(&log);

    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (10, 0));
    let found = Found::of(&disk.bytes());
    let told = found.of_type("log.sink_recovered")[0];
    assert_eq!((told["failed"].as_u64(), told["fell_back"].as_u64()), (Some(10), Some(0)));
}

#[test]
fn a_writer_that_panics_costs_its_records_and_not_its_thread() {
    let log = log_into(
        Sink::writer("panics", Failing::by(|| panic!("in a writer")))
            .breaker(no_breaker())
            .fallback(Failing::by(|| panic!("in a fallback"))),
    );
    emit(&log, 0..10);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (10, 0));
}

/// Panics when it is dropped, and when it is shown.
#[derive(Debug)]
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

impl fmt::Display for Spiteful {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a text");
    }
}

impl std::error::Error for Spiteful {}

#[test]
fn a_panic_whose_payload_panics_is_contained() {
    let fallback = Memory::new();
    let log = log_into(
        Sink::writer("panics", Failing::by(|| panic_any(Spiteful)))
            .breaker(no_breaker())
            .fallback(fallback.clone()),
    );
    emit(&log, 0..10);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (10, 10));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(0..10));
}

#[test]
fn an_error_whose_text_and_drop_panic_costs_its_record_and_no_other() {
    let fallback = Memory::new();
    let log = log_into(
        Sink::writer("spiteful", Failing::by(|| io::Error::other(Spiteful)))
            .breaker(no_breaker())
            .fallback(fallback.clone()),
    );
    emit(&log, 0..10);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (10, 10));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(0..10));
    log.close(PATIENCE).unwrap();
}

#[test]
fn a_fallback_whose_errors_panic_when_they_are_dropped_costs_its_record_and_no_other() {
    let failing = Failing::by(|| io::Error::other(Spiteful));
    let log = log_into(
        Sink::writer("disk", Disk::default()).breaker(no_breaker()).fallback(failing.clone()),
    );
    emit(&log, 0..10);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back, failing.asked()), (10, 0, 10));
}

/// Takes everything, and panics when it is dropped.
struct Last(Memory, Spiteful);

impl Write for Last {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_and_a_fallback_that_panic_when_they_are_dropped_end_nothing_but_themselves() {
    // Two panics at once would end this process.
    let memory = Memory::new();
    let log = log_into(
        Sink::writer("last", Last(memory.clone(), Spiteful))
            .fallback(Last(Memory::new(), Spiteful)),
    );
    emit(&log, 0..10);
    log.close(PATIENCE).unwrap();
    assert_eq!(counts(&log).written, 10);
    assert_eq!(Found::of(&memory.bytes()).len(), 10);
}
