//! `--log FILE`: the event log of a program's run, and whether it tells what happened.
//!
//! The run's breaker is attached to the log, and at the end the file is read back with the
//! log's own reader: each line has to be one, nothing may be missing that was not counted as
//! dropped or failed, and transitions and rejections have to be those that the breaker says.
//! Without the flag all of this is a log that takes nothing.

mod found;
mod judge;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ampacity::Snapshot;
use ampacity_log::{EventType, FileSink, Log, Record, Sink};
use clap::Args;

use crate::program::{Refusal, Section};
use found::Found;

/// How long the end of a run waits for what was not written yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// The flag.
#[derive(Args, Clone, Debug, Default)]
pub struct LogTo {
    /// Write an event log of the run to FILE, after what is in it, read it back at the end and
    /// check it against the breaker; `ampacity-log` shows such a file
    #[arg(long = "log", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl LogTo {
    /// Opens the file, for `program`.
    ///
    /// # Errors
    ///
    /// It cannot be opened for appending.
    pub(crate) fn open(&self, program: &'static str) -> Result<EventLog, Refusal> {
        let Some(path) = self.file.clone() else { return Ok(EventLog::off()) };
        let (new, start) = match fs::metadata(&path) {
            Ok(known) => (false, known.len()),
            Err(_) => (true, 0),
        };
        // Progress bars and the one line of an error are what stderr is for.
        let sink = Sink::file(FileSink::new(&path)).called("file").no_fallback();
        let log = Log::builder(program)
            .sink(sink)
            // Transitions and the end report what was turned away: nobody else need wake up.
            .report_every(Duration::MAX)
            .build()
            .map_err(|error| Refusal(format!("--log {}: {error}", path.display())))?;
        let file = Some(Place { path, start, new });
        Ok(EventLog { log, file, begun: AtomicBool::new(false), since: Instant::now() })
    }
}

/// The log of a run.
#[derive(Debug)]
pub(crate) struct EventLog {
    log: Log,
    file: Option<Place>,
    begun: AtomicBool,
    since: Instant,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// How long it was before.
    start: u64,
    /// Whether it was not there before.
    new: bool,
}

impl EventLog {
    /// Of a run that nobody wants a log of.
    pub(crate) fn off() -> Self {
        let begun = AtomicBool::new(false);
        Self { log: Log::off(), file: None, begun, since: Instant::now() }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The record of the start, for the program to say in it what it is about to do.
    pub(crate) fn start(&self) -> Record<'_> {
        // Relaxed: of this thread alone.
        self.begun.store(true, Ordering::Relaxed);
        self.log
            .event(EventType::SystemStart)
            .field("version", env!("CARGO_PKG_VERSION"))
            .field(found::PROCESS, std::process::id())
    }

    /// Closes the log, reads it back, and adds to `section` what came of it: it has to tell
    /// what was `seen`.
    pub(crate) fn finish(&self, section: &mut Section, seen: &Seen) {
        let Some(file) = &self.file else { return };
        self.log.performance("run", self.since.elapsed()).emit();
        // The last record finds room: its number shows how many were used up before it.
        let _ = self.log.flush(PATIENCE);
        self.log
            .event(EventType::SystemStop)
            .field("partial", section.partial)
            .field("rejected", seen.rejected)
            .field("transitions", seen.transitions)
            .emit();
        // What is not written by then shows in the counts.
        let _ = self.log.close(PATIENCE);
        let counts = self.log.counts().first().map(|(_, counts)| *counts).unwrap_or_default();
        let found = Found::read(&file.path, file.start);
        judge::add(section, &counts, &found, seen);
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // Of a run that was refused, nothing is left behind.
        if let Some(file) = &self.file
            && file.new
            && !*self.begun.get_mut()
        {
            let _ = fs::remove_file(&file.path);
        }
    }
}

/// What a log has to tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Transitions that listeners were told of.
    pub(crate) transitions: u64,
    /// Calls that were turned away.
    pub(crate) rejected: u64,
    pub(crate) fallbacks: u64,
    /// Calls that somebody else answered: a record each, if the program logs them.
    pub(crate) calls: Option<u64>,
}

impl Seen {
    /// Adds what a breaker says at rest, which was attached to the log from its beginning.
    pub(crate) fn add(&mut self, snapshot: &Snapshot) {
        self.transitions += snapshot.events.told;
        self.rejected += snapshot.lifetime.rejected.total();
        self.fallbacks += snapshot.lifetime.fallbacks;
    }
}
