//! A clock that panics in the writer's thread, which asks it before each batch and for what
//! it says itself.

use super::found::Found;
use super::odd::{Gate, gate};
use super::{emit, no_breaker, settled};
use ampacity_log::{Log, Memory, Sink};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

/// How often a writer may ask before the clock panics once.
#[derive(Clone)]
struct Fuse(Arc<AtomicU64>);

impl Fuse {
    fn ask(&self) -> SystemTime {
        let is_writer = thread::current().name().is_some_and(|name| name.starts_with("log "));
        let asked = if is_writer { self.0.fetch_sub(1, Ordering::Relaxed) } else { u64::MAX };
        assert_ne!(asked, 0, "no time");
        SystemTime::UNIX_EPOCH
    }

    fn set(&self, questions: u64) {
        // Relaxed: the gate or the queue's lock is between this and the writer's next question.
        self.0.store(questions, Ordering::Relaxed);
    }
}

/// A log whose first line is before a gate, and whose queue has room for seven more.
fn stuck() -> (Log, Gate, Memory, Fuse) {
    let (memory, fuse) = (Memory::new(), Fuse(Arc::new(AtomicU64::new(u64::MAX))));
    let (gate, gated) = gate(memory.clone());
    let sink = Sink::writer("gated", gated).queue(8, 1 << 20).breaker(no_breaker());
    let log = Log::builder("test").sink(sink.no_fallback()).clock({
        let fuse = fuse.clone();
        move || fuse.ask()
    });
    let log = log.build().unwrap();
    emit(&log, 0..1);
    assert!(gate.wait());
    (log, gate, memory, fuse)
}

#[test]
fn before_a_batch_it_costs_the_batch_and_not_the_thread() {
    let (log, gate, memory, fuse) = stuck();
    emit(&log, 1..5);
    fuse.set(0);
    drop(gate);
    assert_eq!(settled(&log).failed, 4);
    emit(&log, 5..6);
    let counts = settled(&log);
    let found = Found::of(&memory.bytes());
    assert_eq!((found.numbers(), counts.written, counts.failed), (vec![0, 5], found.len(), 4));
    assert_eq!(found.told(), 4);
}

#[test]
fn after_a_batch_it_costs_nothing_and_what_was_to_be_told_is_told_later() {
    let (log, gate, memory, fuse) = stuck();
    emit(&log, 1..10);
    fuse.set(1);
    drop(gate);
    assert_eq!(settled(&log).failed, 0);
    emit(&log, 10..11);
    let counts = settled(&log);
    let found = Found::of(&memory.bytes());
    assert_eq!(found.numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 10]);
    assert_eq!((counts.written, counts.dropped, counts.failed), (found.len(), 2, 0));
    assert_eq!(found.told(), 2);
}
