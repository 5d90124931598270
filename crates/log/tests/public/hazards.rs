//! What users hand in logs, flushes, hangs and keeps bytes back: nobody hangs with it.

use crate::faults::odd::{Disk, gate};
use crate::fixture::{PATIENCE, assert_balanced, records};
use ampacity::CircuitBreaker;
use ampacity_log::{Counts, EventType, Level, Log, Memory, Overflow, Sink};
use std::io::{self, Write};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// A writer into memory that does something with its log at each write.
struct Calls<F> {
    log: Arc<OnceLock<Log>>,
    does: F,
    memory: Memory,
}

impl<F: FnMut(&Log)> Write for Calls<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = self.log.get() {
            (self.does)(log);
        }
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs one record into a sink of room for one more, whose writer calls `does`; what was
/// written, and what became of it all.
fn written_by(does: impl FnMut(&Log) + Send + 'static) -> (Vec<serde_json::Value>, Counts) {
    let (memory, itself) = (Memory::new(), Arc::new(OnceLock::new()));
    let writer = Calls { log: Arc::clone(&itself), does, memory: memory.clone() };
    let sink = Sink::writer("calls", writer)
        .queue(1, 1 << 20)
        .overflow(Level::Info, Overflow::Wait(Duration::MAX));
    let log = Log::builder("test").sink(sink).build().unwrap();
    itself.set(log.clone()).unwrap();
    log.event(EventType::Custom).message("first").emit();
    log.flush(PATIENCE).unwrap();
    log.close(PATIENCE).unwrap();
    let (_, counts) = log.counts().remove(0);
    assert_balanced(&counts);
    (records(&memory.bytes()), counts)
}

#[test]
fn a_writer_that_logs_to_its_own_log_does_not_wait_for_the_room_that_only_it_can_make() {
    let mut first = true;
    let (records, counts) = written_by(move |log| {
        if std::mem::take(&mut first) {
            (0..3).for_each(|_| log.event(EventType::Custom).message("echo").emit());
        }
    });
    assert_eq!(counts.dropped, 2, "there was room for one");
    assert_eq!(records[1]["message"], "echo");
}

#[test]
fn a_writer_that_flushes_or_closes_its_own_log_does_not_wait_for_itself() {
    let (told, waiting) = mpsc::channel();
    let (_, counts) = written_by(move |log| {
        let flushed = log.flush(Duration::MAX).unwrap_err();
        let closed = log.close(Duration::MAX).unwrap_err();
        told.send((flushed.waiting(), closed.waiting())).unwrap();
    });
    assert_eq!(waiting.recv(), Ok((1, 1)), "the record that was being written");
    assert_eq!(counts.written, 1);
}

/// Keeps all bytes until it is flushed.
struct KeepsBack(Vec<u8>, Memory);

impl Write for KeepsBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.write_all(&std::mem::take(&mut self.0))
    }
}

#[test]
fn a_flush_reaches_what_the_fallback_keeps_back() {
    let memory = Memory::new();
    let sink =
        Sink::writer("full", Disk::default()).fallback(KeepsBack(Vec::new(), memory.clone()));
    let log = Log::builder("test").sink(sink).build().unwrap();
    log.event(EventType::Custom).emit();
    log.flush(PATIENCE).unwrap();
    assert_eq!(records(&memory.bytes()).len(), 1);
}

#[test]
fn a_writer_is_dropped_before_the_log_has_ended() {
    struct Owns(#[expect(dead_code, reason = "it is dropped")] mpsc::Sender<()>);
    impl Write for Owns {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for _ in 0..100 {
        let (owned, alive) = mpsc::channel();
        drop(Log::builder("test").sink(Sink::writer("owns", Owns(owned))).build().unwrap());
        assert_eq!(alive.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}

#[test]
fn a_log_with_news_of_a_breaker_ends_in_time_though_its_sink_hangs_and_callers_wait() {
    let (gate, gated) = gate(Memory::new());
    let sink = Level::ALL
        .into_iter()
        .fold(Sink::writer("gated", gated).queue(1, 1 << 20), |sink, level| {
            sink.overflow(level, Overflow::Wait(Duration::MAX))
        });
    let log = Log::builder("test").sink(sink).close_within(Duration::ZERO).build().unwrap();
    log.event(EventType::Custom).emit();
    assert!(gate.wait());
    // Now one is being written; this one fills the queue.
    log.event(EventType::Custom).emit();
    let breaker = Arc::new(CircuitBreaker::new("db"));
    breaker.trip();
    log.attach(&breaker);
    let _ = breaker.call(|| Ok::<_, ()>(()));
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        drop(log);
        ended.send(()).unwrap();
    });
    end.recv_timeout(PATIENCE).unwrap();
    drop(gate);
}
