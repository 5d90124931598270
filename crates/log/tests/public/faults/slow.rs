//! A sink that takes its time: nobody waits for it longer than he said.

use super::found::Found;
use super::odd::{Gate, Gated, gate};
use super::{counts, emit, log_into, settled};
use crate::fixture::PATIENCE;
use ampacity::CircuitBreaker;
use ampacity_log::{Builder, Counts, EventType, Level, Log, Memory, Overflow, Sink};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// As long as anybody in here waits for a sink that stands still.
const MOMENT: Duration = Duration::from_millis(1);

/// A log whose one line is before a gate, with room for eight more in its queue.
fn stuck(settings: impl FnOnce(Sink) -> Sink) -> (Log, Gate, Memory) {
    let memory = Memory::new();
    let (gate, gated) = gate(memory.clone());
    let log = builder(gated, settings).build().unwrap();
    emit(&log, 0..1);
    assert!(gate.wait());
    (log, gate, memory)
}

fn builder(gated: Gated<Memory>, settings: impl FnOnce(Sink) -> Sink) -> Builder {
    let sink = Sink::writer("slow", gated).queue(8, 1 << 20);
    Log::builder("test").sink(settings(sink)).close_within(MOMENT)
}

#[test]
fn who_logs_to_a_sink_that_stands_still_goes_on_and_all_is_counted() {
    let (log, gate, memory) = stuck(|sink| sink);
    emit(&log, 1..10_000);
    let now = log.counts()[0].1;
    // Seven of eight places are for everybody.
    assert_eq!((now.queued(), now.dropped, now.written), (8, 9_992, 0));
    drop(gate);
    let counts = settled(&log);
    let found = Found::of(&memory.bytes());
    assert_eq!(found.numbers(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(counts.written, found.len());
    assert_eq!((found.told(), counts.dropped), (9_992, 9_992));
}

#[test]
fn errors_find_room_where_others_do_not_and_wait_no_longer_than_they_may() {
    let (log, gate, memory) = stuck(|sink| sink.overflow(Level::Error, Overflow::Wait(MOMENT)));
    emit(&log, 1..10);
    for i in 10..13 {
        log.event_at(Level::Error, EventType::Custom).field("i", i).emit();
    }
    drop(gate);
    assert_eq!(settled(&log).dropped, 2 + 2);
    assert_eq!(Found::of(&memory.bytes()).numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 10]);
}

#[test]
fn a_transition_finds_room_where_what_turned_out_to_be_a_success_does_not() {
    let (log, gate, memory) = stuck(|sink| sink);
    let breaker = Arc::new(CircuitBreaker::new("db"));
    log.attach(&breaker);
    emit(&log, 1..10);
    log.timed("parse").success();
    breaker.trip();
    drop(gate);
    assert_eq!(settled(&log).dropped, 2 + 1);
    let found = Found::of(&memory.bytes());
    assert_eq!(found.of_type("performance.measured").len(), 0);
    assert_eq!(found.of_type("circuit_breaker.opened").len(), 1);
}

#[test]
fn what_was_dropped_is_told_when_the_queue_was_full_at_that_moment() {
    let (log, gate, memory) = stuck(|sink| sink.overflow(Level::Error, Overflow::Drop));
    let full = || (0..9).for_each(|_| log.event_at(Level::Error, EventType::Custom).emit());
    // Of nine that come while one line is written, one is dropped; and again.
    full();
    gate.let_through();
    assert!(gate.wait());
    full();
    drop(gate);
    let counts = settled(&log);
    let found = Found::of(&memory.bytes());
    assert_eq!((found.told(), counts.dropped), (2, 2), "what tells of it is not dropped");
}

#[test]
fn a_flush_and_a_close_of_a_sink_that_stands_still_say_how_much_waits() {
    let (log, gate, memory) = stuck(|sink| sink);
    emit(&log, 1..3);
    assert_eq!(log.flush(MOMENT).unwrap_err().waiting(), 3);
    assert_eq!(log.close(MOMENT).unwrap_err().waiting(), 3);
    emit(&log, 3..4);
    drop(gate);
    log.close(PATIENCE).unwrap();
    assert_eq!(counts(&log).dropped, 1);
    assert_eq!(Found::of(&memory.bytes()).numbers(), [0, 1, 2]);
}

/// Takes everything, and is as slow as can be at its flush.
struct Undecided(Receiver<()>);

impl Write for Undecided {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.recv();
        Ok(())
    }
}

#[test]
fn a_flush_that_does_not_end_is_none_even_if_no_record_waits() {
    let (end, ended) = channel();
    let log = log_into(Sink::writer("undecided", Undecided(ended)));
    emit(&log, 0..1);
    while log.counts()[0].1.queued() > 0 {
        std::thread::yield_now();
    }
    let error = log.flush(MOMENT).unwrap_err();
    assert_eq!((error.waiting(), &*error.to_string()), (0, "a log sink was not flushed in time"));
    assert_eq!(log.close(MOMENT).unwrap_err().waiting(), 0);
    drop(end);
    log.close(PATIENCE).unwrap();
}

#[test]
fn a_log_that_is_dropped_waits_no_longer_than_it_may_and_is_written_yet() {
    let (log, gate, memory) = stuck(|sink| sink);
    emit(&log, 1..3);
    drop(log);
    assert_eq!(memory.bytes(), b"");
    for _ in 0..3 {
        gate.let_through();
    }
    // Until the writer goes.
    while gate.wait() {}
    assert_eq!(Found::of(&memory.bytes()).numbers(), [0, 1, 2]);
}

#[test]
fn a_sink_that_stands_still_holds_up_no_other() {
    let (memory, other) = (Memory::new(), Memory::new());
    let (gate, gated) = gate(memory.clone());
    let log = builder(gated, |sink| sink).sink(Sink::memory(&other)).build().unwrap();
    emit(&log, 0..100);
    log.flush(MOMENT).unwrap_err();
    let last = |log: &Log| -> Counts { log.counts()[1].1 };
    // It is not looked at by the clock: the other sink is flushed in its turn, in no time.
    while last(&log).queued() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(Found::of(&other.bytes()).len(), 100);
    assert_eq!(memory.bytes(), b"");
    drop(gate);
}
