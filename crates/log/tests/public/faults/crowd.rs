//! Ten thousand threads that log at once.

use super::emit;
use super::found::Found;
use crate::fixture::{PATIENCE, assert_balanced};
use ampacity_log::{Level, Log, Memory, Overflow, Sink};
use std::sync::RwLock;
use std::thread;

const THREADS: u64 = 10_000;

/// How many threads there were; each logs two records when all are there.
fn crowd(log: &Log) -> u64 {
    let barrier = RwLock::new(());
    thread::scope(|scope| {
        let shut = barrier.write().unwrap();
        let spawned = (0..THREADS).map_while(|i| {
            let thread = thread::Builder::new().stack_size(256 << 10);
            let barrier = &barrier;
            let each = move || {
                drop(barrier.read());
                emit(log, 2 * i..2 * i + 2);
            };
            thread.spawn_scoped(scope, each).ok()
        });
        let threads = spawned.count() as u64;
        drop(shut);
        threads
    })
}

#[test]
fn each_record_is_written_once_where_callers_wait_and_is_counted_where_they_do_not() {
    let (all, some) = (Memory::new(), Memory::new());
    let waits = Level::ALL
        .into_iter()
        .fold(Sink::memory(&all), |sink, level| sink.overflow(level, Overflow::Wait(PATIENCE)));
    let log = Log::builder("test")
        .sink(waits.queue(4_096, 4 << 20))
        .sink(Sink::memory(&some).called("some").queue(64, 1 << 20))
        .build()
        .unwrap();
    let threads = crowd(&log);
    // As many as the system gives.
    assert!(threads >= 100, "{threads}");
    log.flush(PATIENCE).unwrap();
    let [(_, waited), (_, dropped)] = &log.counts()[..] else { panic!("two sinks") };
    assert_balanced(waited);
    assert_balanced(dropped);

    let all = Found::of(&all.bytes());
    let mut numbers = all.numbers();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..2 * threads));
    assert!(all.has_no_gap());
    let some = Found::of(&some.bytes());
    assert_eq!((dropped.written, dropped.dropped), (some.len(), some.told()));
    let told = some.of_type("log.records_dropped").len() as u64;
    assert_eq!(dropped.emitted, 2 * threads + told);
}
