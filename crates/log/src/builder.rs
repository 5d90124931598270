//! How a log is configured.

use core::fmt;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ampacity::ConfigError;
use serde::Serialize;

use crate::context::Context;
use crate::lane::Lane;
use crate::limits::Limits;
use crate::log::Log;
use crate::redact::Redaction;
use crate::reporter::Reporter;
use crate::shared::{Settings, Shared};
use crate::sink::{FileError, OpenError, Sink};
use crate::stamp::TimeOfDay;
use crate::writer::{Voice, Writer};

/// What the envelope may take beside a record's fields: the logger and the event type, each
/// of up to 256 bytes that may be escaped, and the names of what was cut.
const ENVELOPE: usize = 5 << 10;
const LEAST_RECORD: usize = 8 << 10;
const MOST_RECORD: usize = 16 << 20;
const LEAST_VALUE: usize = 64;
/// With the record and its `fields` around a value, as much as the reader reads, and less than
/// the 127 or 128 at which other parsers stop.
const MOST_DEPTH: usize = 96;

/// Configures a [`Log`]; see [`Log::builder`].
#[must_use = "a builder does nothing until it builds"]
#[derive(Debug)]
pub struct Builder {
    name: String,
    sinks: Vec<Sink>,
    base: Context,
    limits: Limits,
    redaction: Redaction,
    now: TimeOfDay,
    close_within: Duration,
    report_every: Duration,
    #[cfg(feature = "tracing")]
    bridged: bool,
}

impl Builder {
    pub(crate) fn new(name: &str) -> Self {
        Builder {
            name: name.to_owned(),
            sinks: Vec::new(),
            base: Context::new(),
            limits: Limits::DEFAULT,
            redaction: Redaction::default(),
            now: TimeOfDay::System,
            close_within: Duration::from_secs(5),
            report_every: Duration::from_secs(10),
            #[cfg(feature = "tracing")]
            bridged: false,
        }
    }

    /// Adds a sink. A log without any takes nothing.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Adds a field to every record: `service`, `version`, `host`. One of the context or of
    /// the record itself goes before it.
    pub fn field(mut self, name: &str, value: impl Serialize) -> Self {
        self.base = self.base.with(name, value);
        self
    }

    /// Cuts a value that takes more than so many bytes as JSON: 64 at least, 16 KiB by
    /// default.
    pub fn value_bytes(mut self, most: usize) -> Self {
        self.limits.value_bytes = most;
        self
    }

    /// Cuts what makes a line longer than so many bytes: 8 KiB to 16 MiB, 64 KiB by default.
    pub fn record_bytes(mut self, most: usize) -> Self {
        self.limits.record_bytes = most;
        self
    }

    /// Cuts what is in more than so many arrays and objects within each other: 1 to 96, 16
    /// by default.
    pub fn depth(mut self, most: usize) -> Self {
        self.limits.depth = most;
        self
    }

    /// Sets which values nobody may see; by default those of fields whose names are those
    /// of secrets.
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Sets how long dropping the last handle waits for what is not yet written; 5 s by
    /// default.
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.close_within = limit;
        self
    }

    /// Sets how often it is logged what [attached](Log::attach) breakers turned away, beside
    /// at their transitions; 10 s by default, and only then by [`Log::report`] with
    /// [`Duration::MAX`]. At least 10 ms.
    pub fn report_every(mut self, interval: Duration) -> Self {
        self.report_every = interval.max(Duration::from_millis(10));
        self
    }

    /// Makes each record that a sink takes an event of `tracing`, too; `false` by default.
    ///
    /// The thread that logs hands it to its subscriber. Its target is `ampacity_log`, its level the
    /// record's (that of a critical one is `ERROR`, and `critical` is true), and its fields
    /// are `message`, `event_type`, `logger`, and in `fields` all others as the record has
    /// them: the JSON text of an object, with secrets hidden. A subscriber that panics does
    /// no harm, and what it logs itself is not handed to it again.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::{EventType, Log, Memory, Sink};
    ///
    /// let log = Log::builder("tool-server")
    ///     .sink(Sink::memory(&Memory::new()))
    ///     .tracing(true)
    ///     .build()?;
    /// // For subscribers this is `tracing::info!(target: "ampacity_log", …)`.
    /// log.event(EventType::SystemStart).field("pid", 17).emit();
    /// # Ok::<(), ampacity_log::BuildError>(())
    /// ```
    #[cfg(feature = "tracing")]
    pub fn tracing(mut self, on: bool) -> Self {
        self.bridged = on;
        self
    }

    /// Sets where the time of day comes from: for tests. A function that panics takes its
    /// caller with it.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.now = TimeOfDay::Given(Arc::new(now));
        self
    }

    /// Opens the sinks and starts their threads.
    ///
    /// # Errors
    ///
    /// A size is out of its range, two sinks have one name, a file cannot be opened, or the
    /// system has no thread left.
    pub fn build(self) -> Result<Log, BuildError> {
        let Limits { value_bytes, record_bytes, depth } = self.limits;
        let range = |field, value: usize, least, most| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(BuildError::OutOfRange { field, value, least, most }),
        };
        range("value_bytes", value_bytes, LEAST_VALUE, MOST_RECORD)?;
        range("record_bytes", record_bytes, LEAST_RECORD, MOST_RECORD)?;
        range("depth", depth, 1, MOST_DEPTH)?;
        let mut names = HashSet::new();
        for sink in &self.sinks {
            let name = sink.name();
            if !names.insert(name) {
                return Err(BuildError::NameTaken { name: name.to_owned() });
            }
            range("queue records", sink.bounds.records, 1, 1 << 30)?;
            range("queue bytes", sink.bounds.bytes, 1, 1 << 40)?;
        }
        let limits = Limits { record_bytes: record_bytes - ENVELOPE, ..self.limits };
        let Builder { name, base, redaction, now, close_within, .. } = self;
        let voice = Voice { now, base, limits, redaction };
        let mut lanes: Vec<Arc<Lane>> = Vec::new();
        for sink in self.sinks {
            match open(sink, &voice) {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    // Those that were started have nothing to write.
                    for lane in &lanes {
                        let _ = lane.queue.close(Duration::ZERO);
                    }
                    return Err(error);
                }
            }
        }
        let Voice { now, base, redaction, .. } = voice;
        let reporter = Reporter::new(self.report_every);
        let settings = Settings {
            base,
            limits,
            redaction,
            now,
            close_within,
            reporter,
            #[cfg(feature = "tracing")]
            bridged: self.bridged,
        };
        let shared = Shared::new(lanes.into(), settings);
        Ok(Log::new(&name, shared))
    }
}

/// Starts a sink's writer.
fn open(mut sink: Sink, voice: &Voice) -> Result<Arc<Lane>, BuildError> {
    let name = sink.name().to_owned();
    let failed = |error| BuildError::Sink { name: name.clone(), error };
    let breaker = sink.take_breaker()?;
    let now = &voice.now;
    let fallback = sink.take_fallback(now.get());
    let Sink { level, waits, bounds, out, .. } = sink;
    let out = out.open(now.get()).map_err(|error| match error {
        OpenError::File(error) => BuildError::File(error),
        OpenError::Other(error) => failed(error),
    })?;
    let lane = Arc::new(Lane::new(name.clone().into(), level, waits, bounds));
    let writer = Writer::new(Arc::clone(&lane), out, fallback, breaker, voice.clone());
    writer.start().map_err(failed)?;
    Ok(lane)
}

/// Why a log was not built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A size is not in its range.
    #[non_exhaustive]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// What was given.
        value: usize,
        /// The least that it may be.
        least: usize,
        /// The most that it may be.
        most: usize,
    },
    /// Two sinks have one name, by which their counts would be told apart.
    #[non_exhaustive]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A file cannot be opened, or its settings are wrong.
    File(FileError),
    /// A sink cannot be opened, or its thread not be started.
    #[non_exhaustive]
    Sink {
        /// The sink's name.
        name: String,
        /// What the system said.
        error: io::Error,
    },
    /// The settings of a sink's breaker contradict each other.
    Breaker(ConfigError),
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        BuildError::Breaker(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::OutOfRange { field, value, least, most } => {
                write!(f, "{field} is {value}, not from {least} to {most}")
            }
            BuildError::NameTaken { name } => write!(f, "two sinks are called {name:?}"),
            BuildError::File(error) => error.fmt(f),
            BuildError::Sink { name, error } => write!(f, "log sink {name:?}: {error}"),
            BuildError::Breaker(error) => write!(f, "breaker of a log sink: {error}"),
        }
    }
}

impl core::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            BuildError::File(error) => error.source(),
            BuildError::Sink { error, .. } => Some(error),
            BuildError::Breaker(error) => Some(error),
            _ => None,
        }
    }
}
