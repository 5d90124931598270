//! The handle that callers log through.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::Builder;
use crate::counts::Counts;
use crate::event_type::EventType;
use crate::json;
use crate::lane::Lane;
use crate::level::Level;
use crate::record::Record;
use crate::shared::{Shared, Unflushed};

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
            shared.set_level(level);
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
        self.shared().map_or(&[], |shared| shared.lanes())
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

impl Drop for Owner {
    fn drop(&mut self) {
        // What was not written in time may be written yet, and nobody is left to be told.
        let _ = self.0.close(self.0.close_within());
    }
}
