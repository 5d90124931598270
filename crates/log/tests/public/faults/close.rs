//! How a log ends.

use super::found::Found;
use super::odd::{Disk, gate};
use super::{counts, emit, log_into, settled};
use crate::fixture::PATIENCE;
use ampacity_log::{Log, Memory, Sink};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

#[test]
fn a_closed_log_has_written_what_its_writer_kept_back() {
    let memory = Memory::new();
    let log = log_into(Sink::writer("buffered", BufWriter::with_capacity(1 << 20, memory.clone())));
    emit(&log, 0..100);
    log.close(PATIENCE).unwrap();
    assert_eq!(Found::of(&memory.bytes()).len(), 100);
}

/// Hands everything on when it is flushed, and nothing when it is dropped.
struct Forgetful(Vec<u8>, Memory);

impl Write for Forgetful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.write_all(&std::mem::take(&mut self.0))
    }
}

#[test]
fn a_closed_log_has_flushed_its_writer_and_its_fallback() {
    let (memory, fallback) = (Memory::new(), Memory::new());
    let log = log_into(
        Sink::writer("forgetful", Forgetful(Vec::new(), memory.clone()))
            .fallback(Forgetful(Vec::new(), fallback.clone())),
    );
    emit(&log, 0..3);
    log.close(PATIENCE).unwrap();
    assert_eq!(Found::of(&memory.bytes()).len(), 3);

    let log = log_into(
        Sink::writer("full", Disk::default()).fallback(Forgetful(Vec::new(), fallback.clone())),
    );
    emit(&log, 0..3);
    log.close(PATIENCE).unwrap();
    assert_eq!(Found::of(&fallback.bytes()).len(), 3);
}

#[test]
fn a_flush_that_fails_is_counted_at_the_end_too() {
    let disk = Disk::default();
    let log = log_into(Sink::writer("buffered", BufWriter::new(disk.clone())).no_fallback());
    emit(&log, 0..3);
    assert_eq!(settled(&log).not_flushed, 1);
    disk.make_room(u64::MAX);
    assert_eq!(settled(&log).not_flushed, 1);
    assert_eq!(Found::of(&disk.bytes()).len(), 3);
    disk.make_room(0);
    emit(&log, 3..4);
    log.close(PATIENCE).unwrap();
    assert_eq!(counts(&log).not_flushed, 2);
}

#[test]
fn a_log_closes_while_others_go_on_logging() {
    let memory = Memory::new();
    let (gate, gated) = gate(memory.clone());
    let log = Log::builder("test").sink(Sink::writer("gated", gated).queue(1, 1 << 10)).build();
    let log = log.unwrap();
    // One is before the gate and one in the queue: the third is dropped, and told of.
    emit(&log, 0..1);
    assert!(gate.wait());
    emit(&log, 1..3);
    log.close(Duration::ZERO).unwrap_err();
    gate.let_through();
    for line in 1..=3 {
        // There is no third: what came later gives the writer nothing more to say.
        assert_eq!(gate.wait(), line < 3, "line {line}");
        emit(&log, 3..4);
        gate.let_through();
    }
    log.close(PATIENCE).unwrap();
    let counts = counts(&log);
    assert_eq!((counts.written, counts.dropped), (3, 1 + 3));
    let found = Found::of(&memory.bytes());
    assert_eq!(found.len(), 3);
    assert_eq!(found.of_type("log.records_dropped")[0]["dropped"], 1);
}
