//! The handle that callers log through.

use core::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use crate::builder::Builder;
use crate::context::Context;
use crate::counts::Counts;
use crate::event_type::EventType;
use crate::json::{self, Rules};
use crate::lane::Lane;
use crate::level::Level;
use crate::limits::Limits;
use crate::record::Record;
use crate::redact::Redaction;
use crate::reporter::Reporter;
use crate::stamp::TimeOfDay;

/// No level reaches this: what a log that takes nothing has as its least level.
const NOTHING: u8 = Level::ALL.len() as u8;

static INSTALLED: OnceLock<Log> = OnceLock::new();

/// A log: a name, and the sinks that its records go to.
///
/// Clones and [named](Log::named) logs share the sinks. When the last of them is dropped
/// what waits is written, for up to [`Builder::close_within`]. [`Log::off`] logs nothing and
/// costs nothing.
///
/// # Examples
///
/// ```
/// use ampacity_log::{EventType, Log, Memory, Sink};
/// use std::time::Duration;
///
/// let memory = Memory::new();
/// let log = Log::builder("tool-server").sink(Sink::memory(&memory)).build()?;
/// log.event(EventType::ToolInvoked).field("tool_name", "search").emit();
/// log.flush(Duration::from_secs(1))?;
/// assert!(memory.text().contains(r#""tool_name":"search""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Log {
    /// Of this and all its clones; the last of them to go closes it.
    owner: Option<Arc<Owner>>,
    /// The name, quoted; empty without sinks.
    name: Option<Arc<[u8]>>,
}

/// Who owns a log: its handles, and nobody who only writes to it now and then.
struct Owner(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    /// The least level that any sink takes and [`Log::set_level`] admits.
    least: AtomicU8,
    lanes: Box<[Arc<Lane>]>,
    /// The fields of every record.
    base: Context,
    /// Of records, what the envelope leaves to their fields.
    limits: Limits,
    redaction: Redaction,
    now: TimeOfDay,
    close_within: Duration,
    reporter: Reporter,
    /// Whether its records are events of `tracing`, too.
    #[cfg(feature = "tracing")]
    bridged: bool,
}

impl Log {
    /// A log that takes nothing.
    pub const fn off() -> Self {
        Log { owner: None, name: None }
    }

    /// A log to be configured. `name` is the `logger` of its records: the program's, or a
    /// part's of it; cut at 256 bytes.
    pub fn builder(name: impl AsRef<str>) -> Builder {
        Builder::new(name.as_ref())
    }

    pub(crate) fn new(name: &str, shared: Shared) -> Self {
        Log { owner: Some(Arc::new(Owner(Arc::new(shared)))), name: Some(quoted(name)) }
    }

    /// The same log under another name.
    pub fn named(&self, name: impl AsRef<str>) -> Self {
        let name = self.owner.is_some().then(|| quoted(name.as_ref()));
        Log { owner: self.owner.clone(), name }
    }

    /// Makes this the log that [`Log::installed`] returns, for the rest of the program.
    ///
    /// Keep what it returns in `main`: when that is dropped, the log is closed.
    ///
    /// # Errors
    ///
    /// There is one already; this one comes back.
    pub fn install(self) -> Result<Installed, Log> {
        INSTALLED.set(self).map(|()| Installed(()))
    }

    /// The log that was [installed](Log::install); until then one that takes nothing.
    #[inline]
    pub fn installed() -> &'static Log {
        static OFF: Log = Log::off();
        INSTALLED.get().unwrap_or(&OFF)
    }

    /// Whether some sink takes records of `level`.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        self.taking(level).is_some()
    }

    #[inline]
    fn taking(&self, level: Level) -> Option<&Shared> {
        let shared = self.shared()?;
        shared.takes(level).then_some(&**shared)
    }

    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.owner.as_ref().map(|owner| &owner.0)
    }

    /// Takes no records below `level` from now on, whatever the sinks take.
    pub fn set_level(&self, level: Level) {
        if let Some(shared) = self.shared() {
            let least = shared.least_of_sinks().max(level as u8);
            // Relaxed: as in `takes`.
            shared.least.store(least, Ordering::Relaxed);
        }
    }

    /// Begins a record of the level that such events have: [`Level::Error`] for failures,
    /// [`Level::Info`] otherwise; see [`EventType::level`].
    #[inline]
    pub fn event(&self, event_type: EventType) -> Record<'_> {
        self.event_at(event_type.level(), event_type)
    }

    /// Begins a record of another level.
    #[inline]
    pub fn event_at(&self, level: Level, event_type: EventType) -> Record<'_> {
        match self.taking(level) {
            Some(shared) => Record::new(self.name_as_json(), shared, level, event_type),
            None => Record::OFF,
        }
    }

    /// Waits until every sink has written what was logged before.
    ///
    /// A sink's own writer that calls this is not waited for, as it would wait for itself.
    ///
    /// # Errors
    ///
    /// Some records still waited after `within`, or some sink was still at its flush.
    pub fn flush(&self, within: Duration) -> Result<(), Unflushed> {
        self.each_lane(within, |lane, left| lane.queue.flush(left))
    }

    /// As [`flush`](Log::flush), and ends the log: what is logged afterwards, through any
    /// clone, is dropped and counted.
    ///
    /// # Errors
    ///
    /// The same. Those records may be written yet, while the program goes on.
    pub fn close(&self, within: Duration) -> Result<(), Unflushed> {
        self.shared().map_or(Ok(()), |shared| shared.close(within))
    }

    fn each_lane(
        &self,
        within: Duration,
        wait: impl Fn(&Lane, Duration) -> Result<(), u64>,
    ) -> Result<(), Unflushed> {
        self.shared().map_or(Ok(()), |shared| shared.each_lane(within, wait))
    }

    /// Has every file opened anew, for a program that has moved it away.
    pub fn reopen(&self) {
        self.lanes().iter().for_each(|lane| lane.queue.reopen());
    }

    /// What became of the records for each sink, by the sink's name, in the order in which
    /// they were added.
    pub fn counts(&self) -> Vec<(String, Counts)> {
        self.lanes().iter().map(|lane| (lane.name().to_owned(), lane.counts())).collect()
    }

    fn lanes(&self) -> &[Arc<Lane>] {
        self.shared().map_or(&[], |shared| &shared.lanes)
    }

    pub(crate) fn name_as_json(&self) -> &[u8] {
        self.name.as_deref().unwrap_or(b"\"\"")
    }
}

fn quoted(name: &str) -> Arc<[u8]> {
    let mut out = Vec::new();
    json::key(&mut out, name);
    out.into()
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("name", &String::from_utf8_lossy(self.name_as_json()))
            .field("sinks", &self.counts())
            .finish()
    }
}

impl Shared {
    pub(crate) fn new(
        lanes: Box<[Arc<Lane>]>,
        base: Context,
        limits: Limits,
        redaction: Redaction,
        now: TimeOfDay,
        close_within: Duration,
        reporter: Reporter,
    ) -> Self {
        let shared = Shared {
            least: AtomicU8::new(NOTHING),
            lanes,
            base,
            limits,
            redaction,
            now,
            close_within,
            reporter,
            #[cfg(feature = "tracing")]
            bridged: false,
        };
        // Relaxed: nobody else has it yet.
        shared.least.store(shared.least_of_sinks(), Ordering::Relaxed);
        shared
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn bridged(self, bridged: bool) -> Self {
        Shared { bridged, ..self }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn is_bridged(&self) -> bool {
        self.bridged
    }

    /// As [`Level`] counts; more than that if there are no sinks.
    pub(crate) fn least_of_sinks(&self) -> u8 {
        self.lanes.iter().map(|lane| lane.level() as u8).min().unwrap_or(NOTHING)
    }

    /// Whether some sink takes records of `level`.
    #[inline]
    pub(crate) fn takes(&self, level: Level) -> bool {
        // Relaxed: a setting; a record that is made while it changes may go either way.
        level as u8 >= self.least.load(Ordering::Relaxed)
    }

    pub(crate) fn shows_tool_parameters(&self) -> bool {
        self.redaction.shows_tool_parameters()
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    #[inline]
    pub(crate) fn rules(&self) -> Rules<'_> {
        self.limits.rules(&self.redaction)
    }

    pub(crate) fn record_bytes(&self) -> usize {
        self.limits.record_bytes
    }

    pub(crate) fn base(&self) -> &Context {
        &self.base
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.now.get()
    }

    pub(crate) fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    fn close(&self, within: Duration) -> Result<(), Unflushed> {
        // What the reporter says is not to wait, whatever its level is to wait otherwise.
        self.lanes.iter().for_each(|lane| lane.queue.hurry());
        self.reporter.end();
        // All are asked first, so that the sinks finish side by side.
        for lane in &self.lanes {
            let _ = lane.queue.close(Duration::ZERO);
        }
        self.each_lane(within, |lane, left| lane.queue.close(left))
    }

    fn each_lane(
        &self,
        within: Duration,
        wait: impl Fn(&Lane, Duration) -> Result<(), u64>,
    ) -> Result<(), Unflushed> {
        let start = Instant::now();
        let mut unflushed = None;
        for lane in &self.lanes {
            if let Err(more) = wait(lane, within.saturating_sub(start.elapsed())) {
                let Unflushed { waiting } = unflushed.unwrap_or(Unflushed { waiting: 0 });
                unflushed = Some(Unflushed { waiting: waiting + more });
            }
        }
        unflushed.map_or(Ok(()), Err)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // What was not written in time may be written yet, and nobody is left to be told.
        let _ = self.0.close(self.0.close_within);
    }
}

/// Closes the [installed](Log::install) log when it is dropped.
#[must_use = "the log is closed when this is dropped: keep it in `main`"]
#[derive(Debug)]
pub struct Installed(());

impl Drop for Installed {
    fn drop(&mut self) {
        let log = Log::installed();
        if let Some(shared) = log.shared() {
            let _ = log.close(shared.close_within);
        }
    }
}

/// Some records were not written in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unflushed {
    waiting: u64,
}

impl Unflushed {
    /// How many: a record that waits for two sinks counts twice. None, where a sink that has
    /// taken them all is still at its flush.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }
}

impl fmt::Display for Unflushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.waiting {
            0 => f.write_str("a log sink was not flushed in time"),
            1 => f.write_str("1 log record was not written in time"),
            many => write!(f, "{many} log records were not written in time"),
        }
    }
}

impl core::error::Error for Unflushed {}
