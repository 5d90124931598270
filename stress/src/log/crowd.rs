//! Thousands of threads that log at once, and every record accounted for.
//!
//! Twice: with callers who wait for room, so that everything has to be in the file; and with
//! a queue that is far too small and callers who do not wait, so that what is missing from
//! the file has to be exactly what was counted as dropped.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use ampacity_log::reader::{Entry, Gaps, Reader, Record};
use ampacity_log::{Counts, EventType, FileSink, Level, Log, Overflow, Sink};

use super::theirs::LOGGER;
use crate::pool;
use crate::program::{Context, Failure, Stop};
use crate::system;
use crate::watchdog::Watchdog;

/// By which the system knows the threads.
const NAME: &str = "log crowd";
/// How long anybody waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) threads: u32,
    /// Records of each.
    pub(super) records: u32,
}

/// What callers do whose record finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    Wait,
    Drop,
}

/// What came of one crowd.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) threads: u64,
    /// Records that the threads logged.
    pub(super) logged: u64,
    /// Threads that stood at the gate, by the system's count.
    pub(super) alive: Option<u64>,
    /// From the opening of the gate until all is written.
    pub(super) wall: Duration,
    pub(super) counts: Counts,
    pub(super) found: Found,
}

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All records, those that the log wrote of itself included.
    pub(super) records: u64,
    /// Of the threads' records, those that were there once.
    pub(super) theirs: u64,
    /// Records that came twice or that nobody logged.
    pub(super) strange: u64,
    /// Lines that are no whole records.
    pub(super) torn: u64,
    /// One more than the highest number.
    pub(super) end: u64,
    /// Lost records that the log itself tells of.
    pub(super) told: u64,
}

impl Manners {
    pub(super) const ALL: [Self; 2] = [Self::Wait, Self::Drop];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wait => "who_waits",
            Self::Drop => "who_drops",
        }
    }

    fn sink(self, path: &Path) -> Sink {
        let sink = Sink::file(FileSink::new(path)).no_fallback();
        match self {
            Self::Wait => sink.overflow(Level::Info, Overflow::Wait(PATIENCE)),
            Self::Drop => sink.queue(64, 1 << 20),
        }
    }
}

impl Crowd {
    /// Lets both log, unless Ctrl-C comes first.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or the file not be written or read.
    pub(super) fn run(
        &self,
        ctx: &Context,
        dir: &Path,
    ) -> Result<Vec<(Manners, Outcome)>, Failure> {
        let bar = ctx.bar("log: a crowd", Manners::ALL.len() as u64);
        let mut all = Vec::new();
        for manners in Manners::ALL {
            bar.set_message(manners.name());
            let path = dir.join(manners.name());
            let outcome = self.play(manners, &path, &ctx.stop);
            let failed = |error: io::Error| Failure(format!("{}: {error}", manners.name()));
            match outcome.map_err(failed)? {
                Some(outcome) => all.push((manners, outcome)),
                None => break,
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(all)
    }

    fn play(&self, manners: Manners, path: &Path, stop: &Stop) -> io::Result<Option<Outcome>> {
        let log = Log::builder(LOGGER).sink(manners.sink(path)).build();
        let log = log.map_err(io::Error::other)?;
        let Some((alive, start)) = self.log_at_once(&log, stop)? else { return Ok(None) };
        log.flush(PATIENCE).map_err(io::Error::other)?;
        // One that finds room: its number shows how many were used up before it.
        log.event(EventType::Custom).emit();
        log.close(PATIENCE).map_err(io::Error::other)?;
        let wall = start.elapsed();
        let counts = log.counts().first().map(|(_, counts)| *counts).unwrap_or_default();
        let found = self.read(path)?;
        let logged = u64::from(self.threads) * u64::from(self.records);
        let threads = self.threads.into();
        Ok(Some(Outcome { threads, logged, alive, wall, counts, found }))
    }

    /// Starts the threads, lets them go when all are there, and waits for them.
    fn log_at_once(&self, log: &Log, stop: &Stop) -> io::Result<Option<(Option<u64>, Instant)>> {
        // Held shut by the write lock until all are there; then it says whether to log.
        let (gate, arrived) = (RwLock::new(false), AtomicUsize::new(0));
        let (gate, arrived) = (&gate, &arrived);
        thread::scope(|scope| {
            let mut shut = gate.write().unwrap_or_else(PoisonError::into_inner);
            for thread in 0..self.threads {
                if stop.requested() {
                    return Ok(None);
                }
                let work = move || {
                    // Relaxed: a number to wait for.
                    arrived.fetch_add(1, Ordering::Relaxed);
                    if *gate.read().unwrap_or_else(PoisonError::into_inner) {
                        (0..self.records).for_each(|record| emit(log, thread, record));
                    }
                };
                let builder = thread::Builder::new().name(NAME.to_owned());
                builder.stack_size(pool::STACK).spawn_scoped(scope, work)?;
            }
            let mut dog = Watchdog::new(Instant::now());
            while arrived.load(Ordering::Relaxed) < self.threads as usize {
                if dog.barks(arrived.load(Ordering::Relaxed) as u64, Instant::now()) {
                    return Err(io::Error::other("not all threads came to the gate"));
                }
                thread::sleep(LOOK);
            }
            let alive = system::threads(NAME);
            let start = Instant::now();
            *shut = true;
            drop(shut);
            Ok(Some((alive, start)))
        })
    }

    fn read(&self, path: &Path) -> io::Result<Found> {
        let (mut found, mut gaps) = (Found::default(), Gaps::new());
        let mut seen = vec![false; self.threads as usize * self.records as usize];
        for entry in Reader::open(path)? {
            match entry? {
                Entry::Record(record) => {
                    gaps.add(&record);
                    found.records += 1;
                    found.torn += u64::from(record.check().is_err());
                    self.tick(&record, &mut seen, &mut found);
                }
                Entry::Skipped(skipped) => found.torn += u64::from(skipped.reason().is_loss()),
            }
        }
        found.strange += gaps.repeated() + gaps.untracked() + gaps.unnumbered();
        found.end = gaps.streams().map(|(_, stream)| stream.last() + 1).sum();
        found.told = gaps.streams().map(|(_, stream)| stream.told()).sum();
        Ok(found)
    }

    /// Ticks a thread's record off.
    fn tick(&self, record: &Record, seen: &mut [bool], found: &mut Found) {
        if record.event_type() != Some(EventType::ToolInvoked.as_str()) {
            return;
        }
        let number = |name: &str| record.get(name).and_then(serde_json::Value::as_u64);
        let place = number("thread").zip(number("n")).and_then(|(thread, n)| {
            let inside = n < self.records.into();
            inside.then_some(thread.checked_mul(self.records.into())?.checked_add(n)? as usize)
        });
        match place.and_then(|place| seen.get_mut(place)) {
            Some(seen) if !*seen => {
                *seen = true;
                found.theirs += 1;
            }
            _ => found.strange += 1,
        }
    }
}

fn emit(log: &Log, thread: u32, n: u32) {
    log.event(EventType::ToolInvoked)
        .field("tool_name", "search")
        .field("thread", thread)
        .field("n", n)
        .emit();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(crowd: Crowd, change: impl FnOnce(Vec<String>) -> Vec<String>) -> Found {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crowd");
        let outcome = crowd.play(Manners::Wait, &path, &Stop::default()).unwrap().unwrap();
        assert_eq!(outcome.found.theirs, outcome.logged);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = change(text.lines().map(|line| format!("{line}\n")).collect());
        std::fs::write(&path, lines.concat()).unwrap();
        crowd.read(&path).unwrap()
    }

    #[test]
    fn a_line_that_is_missing_torn_or_there_twice_is_found() {
        let crowd = Crowd { threads: 3, records: 5 };
        let whole = found(crowd, |lines| lines);
        assert_eq!((whole.records, whole.theirs, whole.strange, whole.torn), (16, 15, 0, 0));
        assert_eq!(whole.end, 16);
        let without = found(crowd, |mut lines| {
            lines.remove(7);
            lines
        });
        assert_eq!((without.records, without.theirs, without.end), (15, 14, 16));
        let torn = found(crowd, |mut lines| {
            lines[3].truncate(40);
            lines[3].push('\n');
            lines
        });
        assert_eq!((torn.theirs, torn.torn), (14, 1));
        let twice = found(crowd, |mut lines| {
            lines[3] = lines[4].clone();
            lines
        });
        assert_eq!((twice.theirs, twice.strange), (14, 2));
    }

    #[test]
    fn a_crowd_that_does_not_wait_drops_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let crowd = Crowd { threads: 50, records: 200 };
        let outcome = crowd.play(Manners::Drop, &dir.path().join("crowd"), &Stop::default());
        let Outcome { counts, found, .. } = outcome.unwrap().unwrap();
        assert_eq!(counts.emitted, counts.written + counts.dropped + counts.failed);
        assert_eq!((found.records, found.strange, found.torn), (counts.written, 0, 0));
        assert_eq!(found.end, counts.emitted);
        assert!(counts.dropped > 0);
    }
}
