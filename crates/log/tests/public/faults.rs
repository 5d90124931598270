//! What becomes of the log, its files and its callers when the world around them fails.
//!
//! In each case the caller goes on, what was written can be read, and `emitted` is `written`
//! and `dropped` and `failed`: the sink holds as many records as were written, and the
//! fallback as many as fell back.

mod clock;
mod close;
mod crowd;
#[cfg(unix)]
mod descriptors;
#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod disk;
mod found;
#[cfg(unix)]
mod hook;
#[cfg(unix)]
mod killed;
pub(crate) mod odd;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod shared;
mod slow;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod threads;
mod writers;

use crate::fixture::{PATIENCE, assert_balanced};
use ampacity::{CircuitBreaker, ManualClock};
use ampacity_log::{Counts, EventType, Level, Log, Overflow, Sink};
use std::ops::Range;
use std::time::Duration;

/// How long the sinks' breakers in here stay open.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// Opens after three failures in a row, and closes by one success.
fn breaker(clock: &ManualClock) -> CircuitBreaker {
    CircuitBreaker::builder("log sink")
        .failure_threshold(3)
        .success_threshold(1)
        .open_for(OPEN_FOR)
        .clock(clock.clone())
        .build()
        .unwrap()
}

/// A breaker that opens for nothing in here.
fn no_breaker() -> CircuitBreaker {
    CircuitBreaker::builder("log sink").failure_threshold(1_000_000).build().unwrap()
}

/// A log into `sink` whose callers wait for room, so that nothing is dropped.
fn log_into(sink: Sink) -> Log {
    let wait = Overflow::Wait(PATIENCE);
    let sink = Level::ALL.into_iter().fold(sink, |sink, level| sink.overflow(level, wait));
    Log::builder("test").sink(sink).build().unwrap()
}

/// Logs records that are numbered by `i`.
fn emit(log: &Log, numbers: Range<u64>) {
    numbers.for_each(|i| log.event(EventType::Custom).field("i", i).emit());
}

/// What became of the records of a log with one sink, when all is written.
fn settled(log: &Log) -> Counts {
    log.flush(PATIENCE).unwrap();
    counts(log)
}

/// The same of a log to which nothing was handed in since it was flushed or closed.
fn counts(log: &Log) -> Counts {
    let [(_, counts)] = &log.counts()[..] else { panic!("one sink") };
    assert_balanced(counts);
    *counts
}
