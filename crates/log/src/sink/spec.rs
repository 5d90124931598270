//! How a sink is configured.

use core::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ampacity::{CircuitBreaker, ConfigError};

use super::{FileError, FileSink, Lines, Memory, Out, Stderr};
use crate::lane::{ERRORS_WAIT, Overflow};
use crate::level::Level;
use crate::queue::Bounds;

/// Where records go, and which; see [`Builder::sink`](crate::Builder::sink).
///
/// Each sink has a queue and a thread of its own: callers hand their records in and go on,
/// and a slow or broken sink holds up nobody but itself. While it fails, a circuit breaker
/// keeps records from it, with probes ever further apart, and they go to the fallback.
///
/// # Examples
///
/// ```
/// use ampacity_log::{FileSink, Level, Log, Sink};
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.jsonl");
/// let log = Log::builder("tool-server")
///     .sink(Sink::file(FileSink::new(path).rotate_at_bytes(64 << 20)))
///     .sink(Sink::stderr().level(Level::Error))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a sink takes nothing until it is given to a log"]
#[derive(Debug)]
pub struct Sink {
    name: String,
    pub(crate) level: Level,
    pub(crate) waits: [Duration; Level::ALL.len()],
    pub(crate) bounds: Bounds,
    pub(crate) out: Target,
    fallback: Fallback,
    breaker: Option<CircuitBreaker>,
}

/// What is written to, not opened yet.
pub(crate) enum Target {
    File(FileSink),
    Stderr,
    Given(Box<dyn Out>),
}

#[derive(Debug)]
enum Fallback {
    None,
    Stderr,
    Given(Target),
}

impl Sink {
    /// The standard error stream, called `stderr`. It has no fallback.
    pub fn stderr() -> Self {
        Sink { fallback: Fallback::None, ..Sink::new("stderr".to_owned(), Target::Stderr) }
    }

    /// A file, called by its path.
    pub fn file(file: impl Into<FileSink>) -> Self {
        let file = file.into();
        Sink::new(file.path().display().to_string(), Target::File(file))
    }

    /// Anything that can be written to, called `name`. Each record is given to one
    /// [`write`](Write::write); what it does not take is offered again, until it takes none.
    /// Its panics are contained and count as failures. What it keeps back, as a
    /// [`BufWriter`](std::io::BufWriter) does, counts as written; it is flushed when the log
    /// is, and at its end, and each time that fails is counted in
    /// [`not_flushed`](crate::Counts::not_flushed).
    pub fn writer(name: impl Into<String>, writer: impl Write + Send + 'static) -> Self {
        Sink::new(name.into(), Target::Given(Box::new(Lines::new(writer))))
    }

    /// A buffer to look at, for tests; called `memory`.
    pub fn memory(memory: &Memory) -> Self {
        Sink::writer("memory", memory.clone())
    }

    fn new(name: String, out: Target) -> Self {
        let mut waits = [Duration::ZERO; Level::ALL.len()];
        waits[Level::Error as usize..].fill(ERRORS_WAIT);
        Sink {
            name,
            level: Level::Trace,
            waits,
            bounds: Bounds { records: 16_384, bytes: 8 << 20 },
            out,
            fallback: Fallback::Stderr,
            breaker: None,
        }
    }

    /// Sets the name, by which [`Log::counts`](crate::Log::counts) tells sinks apart.
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes records of `level` and above only; by default all.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets how many records, and how many bytes of them, may wait to be written while
    /// others are being written: 16,384 and 8 MiB by default. An eighth of either is kept
    /// for errors and transitions. A record that finds an empty queue fits in any case.
    pub fn queue(mut self, records: usize, bytes: usize) -> Self {
        self.bounds = Bounds { records, bytes };
        self
    }

    /// Sets what a caller does whose record of `level` finds the queue full. By default
    /// records are dropped, but callers of [`Level::Error`] and above wait up to 10 ms.
    pub fn overflow(mut self, level: Level, overflow: Overflow) -> Self {
        self.waits[level as usize] = match overflow {
            Overflow::Drop => Duration::ZERO,
            Overflow::Wait(limit) => limit,
        };
        self
    }

    /// Sets where records go that this sink does not take, in place of the standard error
    /// stream.
    pub fn fallback(mut self, writer: impl Write + Send + 'static) -> Self {
        self.fallback = Fallback::Given(Target::Given(Box::new(Lines::new(writer))));
        self
    }

    /// Has records that this sink does not take go nowhere: they count as failed.
    pub fn no_fallback(mut self) -> Self {
        self.fallback = Fallback::None;
        self
    }

    /// Sets the breaker that keeps records from the sink while it fails. By default it opens
    /// after three failures in a row, for 100 ms, then for twice as long each time, up to
    /// 10 s, and one success closes it.
    pub fn breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    pub(crate) fn take_breaker(&mut self) -> Result<CircuitBreaker, ConfigError> {
        if let Some(breaker) = self.breaker.take() {
            return Ok(breaker);
        }
        CircuitBreaker::builder(format!("log sink {}", self.name))
            .failure_threshold(3)
            .success_threshold(1)
            .open_for(Duration::from_millis(100))
            .backoff(2.0, Duration::from_secs(10))
            .jitter(0.2)
            .build()
    }

    /// The fallback, if there is one that can be opened.
    pub(crate) fn take_fallback(&mut self, now: SystemTime) -> Option<Box<dyn Out>> {
        match std::mem::replace(&mut self.fallback, Fallback::None) {
            Fallback::None => None,
            Fallback::Stderr => Target::Stderr.open(now).ok(),
            Fallback::Given(target) => target.open(now).ok(),
        }
    }
}

/// Why a sink was not opened.
pub(crate) enum OpenError {
    File(FileError),
    Other(io::Error),
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        OpenError::File(error)
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::Other(error)
    }
}

impl Target {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub(crate) fn open(self, now: SystemTime) -> Result<Box<dyn Out>, OpenError> {
        Ok(match self {
            Target::File(file) => Box::new(file.open(now)?),
            Target::Stderr => Box::new(Lines::new(Stderr::open()?)),
            Target::Given(out) => out,
        })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(file) => file.fmt(f),
            Target::Stderr => f.pad("Stderr"),
            Target::Given(_) => f.pad("Given"),
        }
    }
}

impl From<&str> for FileSink {
    fn from(path: &str) -> Self {
        FileSink::new(path)
    }
}

impl From<PathBuf> for FileSink {
    fn from(path: PathBuf) -> Self {
        FileSink::new(path)
    }
}
