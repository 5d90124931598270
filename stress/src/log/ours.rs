//! The calls on `ampacity-log`.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::Duration;

use ampacity_log::{BuildError, Context, Counts, EventType, FileSink, Level, Log, Sink};

use super::case::{Fault, Kind, Target};

/// A log for each target, as somebody would set it up.
#[derive(Debug)]
pub(super) struct Ours {
    file: Log,
    discard: Log,
    off: Log,
}

impl Ours {
    pub(super) fn open(path: &Path) -> Result<Self, BuildError> {
        // What a full disk does is shown elsewhere; stderr has the bars.
        let log = |sink: Sink| {
            Log::builder(super::theirs::LOGGER).sink(sink.level(Level::Info).no_fallback()).build()
        };
        Ok(Self {
            file: log(Sink::file(FileSink::new(path)))?,
            discard: log(Sink::writer("discard", io::sink()))?,
            off: Log::off(),
        })
    }

    fn log(&self, target: Target) -> &Log {
        match target {
            Target::File => &self.file,
            Target::Discard => &self.discard,
        }
    }

    pub(super) fn call(&self, kind: Kind, target: Target, calls: u64) {
        let log = self.log(target);
        match kind {
            Kind::Event => (0..calls).for_each(|n| event(log, Level::Info, n)),
            Kind::Context => {
                context().scope(|| (0..calls).for_each(|n| event(log, Level::Info, n)));
            }
            Kind::Error => {
                let fault = Fault::new();
                (0..calls).for_each(|_| log.error(black_box(&fault)).emit());
            }
            Kind::Disabled => (0..calls).for_each(|n| event(black_box(log), Level::Debug, n)),
            Kind::Off => (0..calls).for_each(|n| event(black_box(&self.off), Level::Info, n)),
        }
    }

    /// Waits until all is written; false if that takes too long.
    pub(super) fn flush(&self, target: Target, within: Duration) -> bool {
        self.log(target).flush(within).is_ok()
    }

    /// What became of all records so far.
    pub(super) fn counts(&self) -> Vec<Counts> {
        let logs = [&self.file, &self.discard];
        logs.iter().flat_map(|log| log.counts()).map(|(_, counts)| counts).collect()
    }
}

/// Inline, as the code of a call site is, and as the macros of `tracing` are.
#[inline(always)]
fn event(log: &Log, level: Level, n: u64) {
    log.event_at(level, EventType::ToolInvoked)
        .field("tool_name", "search")
        .field("attempt", n)
        .field("score", 0.625)
        .emit();
}

fn context() -> Context {
    Context::new().with("request_id", "r-17").with("component", "tools").with("tenant", 42)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The line that a call writes, without what differs from call to call.
    pub(crate) fn line(kind: Kind) -> serde_json::Value {
        let memory = ampacity_log::Memory::new();
        let log = Log::builder(super::super::theirs::LOGGER);
        let log = log.sink(Sink::memory(&memory).level(Level::Info)).build().unwrap();
        let ours = Ours { file: Log::off(), discard: log, off: Log::off() };
        ours.call(kind, Target::Discard, 1);
        assert!(ours.flush(Target::Discard, Duration::from_secs(10)));
        serde_json::from_str(&memory.text()).unwrap_or_default()
    }

    #[test]
    fn a_level_that_nobody_takes_writes_nothing() {
        assert!(line(Kind::Disabled).is_null() && line(Kind::Off).is_null());
    }
}
