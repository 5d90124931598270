//! Nothing is lost when a program ends as programs do.

use crate::fixture::{PATIENCE, assert_balanced, records};
use ampacity_log::{EventType, Level, Log, Memory, Sink};
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn into(memory: &Memory) -> Log {
    Log::builder("test").sink(Sink::memory(memory)).build().unwrap()
}

#[test]
fn dropping_the_last_handle_writes_what_waits() {
    let memory = Memory::new();
    let log = into(&memory);
    let named = log.named("part");
    (0..1_000).for_each(|_| log.event(EventType::Custom).emit());
    drop(log);
    named.event(EventType::Custom).emit();
    drop(named);
    let records = records(&memory.bytes());
    assert_eq!(records.len(), 1_001);
    assert_eq!(records[1_000]["logger"], "part");
}

#[test]
fn a_closed_log_drops_and_counts_what_comes_later() {
    let memory = Memory::new();
    let log = into(&memory);
    log.event(EventType::Custom).emit();
    log.close(PATIENCE).unwrap();
    log.event(EventType::Custom).emit();
    log.event_at(Level::Critical, EventType::Custom).emit();
    let (_, counts) = &log.counts()[0];
    assert_balanced(counts);
    assert_eq!((counts.written, counts.dropped), (1, 2));
    assert_eq!(records(&memory.bytes()).len(), 1);
    log.flush(PATIENCE).unwrap();
    log.close(PATIENCE).unwrap();
}

/// Writes when it is let.
struct Gate(mpsc::Receiver<()>);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_that_hangs_holds_up_neither_a_caller_nor_the_end_beyond_its_deadline() {
    let (open, gate) = mpsc::channel();
    let log = Log::builder("test")
        .sink(Sink::writer("gate", Gate(gate)).queue(64, 1 << 20))
        .close_within(Duration::from_millis(1))
        .build()
        .unwrap();
    (0..1_000).for_each(|_| log.event(EventType::Custom).emit());
    let error = log.flush(Duration::from_millis(1)).unwrap_err();
    assert!(error.waiting() > 0, "{error}");
    let (_, counts) = &log.counts()[0];
    assert!(counts.dropped > 0);
    assert_eq!(counts.emitted, counts.written + counts.dropped + counts.failed + counts.queued());
    drop(log);
    drop(open);
}

#[test]
fn a_log_ends_while_a_writer_of_its_own_still_holds_a_handle() {
    struct Holder(mpsc::Receiver<Log>);
    impl Write for Holder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _last = self.0.try_recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (give, take) = mpsc::channel();
    let log = Log::builder("test")
        .sink(Sink::writer("holder", Holder(take)))
        .close_within(Duration::from_millis(1))
        .build()
        .unwrap();
    give.send(log.clone()).unwrap();
    log.event(EventType::Custom).emit();
    // Now the writer thread drops the last handle: it waits for itself, and not for ever.
    drop(log);
    while give.send(Log::off()).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn a_log_that_nobody_configured_takes_nothing() {
    let log = Log::off();
    assert!(!log.enabled(Level::Critical));
    assert!(!log.event(EventType::ErrorOccurred).enabled());
    log.event(EventType::ErrorOccurred).field("a", 1).message("b").emit();
    log.flush(Duration::ZERO).unwrap();
    log.close(Duration::ZERO).unwrap();
    assert!(log.counts().is_empty());
    let log = Log::builder("test").build().unwrap();
    assert!(!log.enabled(Level::Critical), "no sink, no level");
    log.set_level(Level::Trace);
    assert!(!log.enabled(Level::Critical), "still no sink");
}

#[test]
fn the_installed_log_is_the_first_and_is_closed_by_its_guard() {
    assert!(!Log::installed().enabled(Level::Critical));
    let memory = Memory::new();
    let guard = into(&memory).install().unwrap();
    let refused = into(&Memory::new()).named("second").install().unwrap_err();
    assert!(format!("{refused:?}").contains("second"));
    Log::installed().event(EventType::SystemStart).emit();
    drop(guard);
    Log::installed().event(EventType::SystemStop).emit();
    assert_eq!(records(&memory.bytes()).len(), 1);
}

#[test]
fn each_sink_has_its_level_and_its_numbers() {
    let (all, grave) = (Memory::new(), Memory::new());
    let log = Log::builder("test")
        .sink(Sink::memory(&all))
        .sink(Sink::memory(&grave).called("grave").level(Level::Error))
        .build()
        .unwrap();
    for level in Level::ALL {
        log.event_at(level, EventType::Custom).emit();
    }
    log.flush(PATIENCE).unwrap();
    let (all, grave) = (records(&all.bytes()), records(&grave.bytes()));
    assert_eq!((all.len(), grave.len()), (6, 2));
    assert_eq!(grave[1]["seq"], 1);
    assert_eq!(grave[1]["level"], "CRITICAL");
    assert_ne!(all[0]["stream"], grave[0]["stream"]);
}

#[test]
fn settings_that_cannot_be_are_refused_by_name_and_number() {
    let refused = |builder: ampacity_log::Builder| builder.build().unwrap_err().to_string();
    let sink = || Sink::memory(&Memory::new());
    let log = || Log::builder("test");
    assert_eq!(refused(log().value_bytes(3)), "value_bytes is 3, not from 64 to 16777216");
    assert_eq!(refused(log().record_bytes(0)), "record_bytes is 0, not from 8192 to 16777216");
    assert_eq!(refused(log().depth(1_000)), "depth is 1000, not from 1 to 96");
    let twice = log().sink(sink()).sink(sink());
    assert_eq!(refused(twice), "two sinks are called \"memory\"");
    let empty = log().sink(sink().queue(0, 1));
    assert_eq!(refused(empty), "queue records is 0, not from 1 to 1073741824");
    let missing = log().sink(Sink::file("/nowhere/at/all/app.jsonl"));
    assert!(refused(missing).contains("/nowhere/at/all/app.jsonl"));
}
