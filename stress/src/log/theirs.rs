//! The same lines by `tracing`, with `tracing-subscriber`'s JSON layer.
//!
//! Its subscriber is the process's, as a server would have it. So there is one, and where it
//! writes to is switched between measurements.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::case::{Fault, Kind, Target, Who};

/// The logger, or target, of all lines.
pub(super) const LOGGER: &str = "tool-server";

/// What a line of ours says beside its fields.
const SCHEMA: &str = ampacity_log::SCHEMA_VERSION;
const STREAM: &str = "8f3a5b7c00112233";
static SEQ: AtomicU64 = AtomicU64::new(0);

static OUT: OnceLock<Out> = OnceLock::new();
static TO: AtomicU8 = AtomicU8::new(0);

/// Where lines may go to.
#[derive(Debug)]
struct Out {
    file: &'static File,
    /// By the appender's thread: into the file, and away.
    through: [(NonBlocking, WorkerGuard); 2],
}

/// Lines that were handed to the appender's threads, and those that they have written.
/// Relaxed, both, as `SEQ`: counts, which are compared; nothing is read on their strength.
static HANDED: AtomicU64 = AtomicU64::new(0);
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Makes the subscriber the process's own, with `path` as its file.
///
/// # Errors
///
/// The file cannot be opened, or there is a subscriber already.
pub(super) fn install(path: &Path) -> io::Result<()> {
    // For the rest of the process, as the subscriber is.
    let file: &'static File =
        Box::leak(Box::new(OpenOptions::new().append(true).create(true).open(path)?));
    // As many as ours may wait, and none is lost.
    let through = |to| NonBlockingBuilder::default().lossy(false).finish(Counted(to));
    let through = [through(To::File(file)), through(To::Discard)];
    let taken = || io::Error::other("there is a subscriber already");
    OUT.set(Out { file, through }).map_err(|_| taken())?;
    tracing::subscriber::set_global_default(subscriber(Switch)).map_err(|_| taken())
}

fn subscriber<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .log_internal_errors(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(LevelFilter::INFO).with(layer)
}

/// Makes calls, on the process's subscriber.
pub(super) fn call(who: Who, kind: Kind, target: Target, calls: u64) {
    // Relaxed: all threads of a measurement set the same.
    TO.store(place(who, target), Ordering::Relaxed);
    calls_of(kind, calls);
    if who == Who::Appender {
        HANDED.fetch_add(calls, Ordering::Relaxed);
    }
}

/// Waits until the appender's threads have written all lines; false if that takes too long.
pub(super) fn flushed(within: Duration) -> bool {
    let start = Instant::now();
    while WRITTEN.load(Ordering::Relaxed) < HANDED.load(Ordering::Relaxed) {
        if start.elapsed() > within {
            return false;
        }
        // Its own flush is its end.
        thread::sleep(Duration::from_millis(1));
    }
    true
}

fn place(who: Who, target: Target) -> u8 {
    match (who, target) {
        (Who::Appender, Target::File) => 2,
        (Who::Appender, Target::Discard) => 3,
        (_, Target::File) => 1,
        (_, Target::Discard) => 0,
    }
}

fn calls_of(kind: Kind, calls: u64) {
    match kind {
        Kind::Event => (0..calls).for_each(event),
        Kind::Context => {
            let span = tracing::info_span!(
                target: LOGGER, "request", request_id = "r-17", component = "tools", tenant = 42
            );
            span.in_scope(|| (0..calls).for_each(event));
        }
        Kind::Error => {
            let fault = Fault::new();
            (0..calls).for_each(|_| error(std::hint::black_box(&fault)));
        }
        Kind::Disabled => (0..calls).for_each(|n| {
            tracing::debug!(
                target: LOGGER,
                schema_version = SCHEMA,
                event_type = "mcp.tool.invoked",
                tool_name = "search",
                attempt = std::hint::black_box(n),
                score = 0.625,
                "Event: mcp.tool.invoked"
            );
        }),
        Kind::Off => {}
    }
}

#[inline(always)]
fn event(n: u64) {
    tracing::info!(
        target: LOGGER,
        schema_version = SCHEMA,
        event_type = "mcp.tool.invoked",
        seq = SEQ.fetch_add(1, Ordering::Relaxed),
        stream = STREAM,
        tool_name = "search",
        attempt = n,
        score = 0.625,
        "Event: mcp.tool.invoked"
    );
}

fn error(fault: &Fault) {
    let error_type = std::any::type_name::<Fault>();
    tracing::error!(
        target: LOGGER,
        schema_version = SCHEMA,
        event_type = "error.occurred",
        seq = SEQ.fetch_add(1, Ordering::Relaxed),
        stream = STREAM,
        error_type,
        error_message = %fault,
        error_stack = %Stack(fault),
        "Error: {error_type}: {fault}"
    );
}

/// An error and its sources, a line each.
struct Stack<'a>(&'a Fault);

impl fmt::Display for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = std::error::Error::source(self.0);
        while let Some(error) = source {
            write!(f, "\ncaused by: {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Makes the writer that is switched to.
#[derive(Clone, Copy, Debug)]
struct Switch;

#[derive(Debug)]
enum To {
    Discard,
    /// Without a lock: in append mode, each write is a record.
    File(&'static File),
    Through(NonBlocking),
}

impl<'a> MakeWriter<'a> for Switch {
    type Writer = To;

    fn make_writer(&'a self) -> To {
        match (OUT.get(), TO.load(Ordering::Relaxed)) {
            (Some(out), 1) => To::File(out.file),
            (Some(out), to @ 2..) => To::Through(out.through[usize::from(to - 2)].0.clone()),
            _ => To::Discard,
        }
    }
}

impl Write for To {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            To::Discard => Ok(line.len()),
            To::File(file) => file.write(line),
            To::Through(through) => through.write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the lines that it passes on.
struct Counted(To);

impl Write for Counted {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A full disk is no matter of this program: the line counts as gone.
        let _ = self.0.write(line);
        WRITTEN.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Map, Value};

    use super::super::ours;
    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(kind: Kind) -> Map<String, Value> {
        let memory = Memory::default();
        let writer = memory.clone();
        let subscriber = subscriber(move || writer.clone());
        tracing::subscriber::with_default(subscriber, || calls_of(kind, 1));
        let bytes = memory.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Both write the same: a key that one of them has, and the value, the other has, too.
    #[test]
    fn the_lines_that_are_compared_say_the_same() {
        for kind in [Kind::Event, Kind::Context, Kind::Error] {
            let ours = ours::tests::line(kind);
            let theirs = line(kind);
            for (key, value) in ours.as_object().unwrap() {
                let theirs = match key.as_str() {
                    "timestamp" | "seq" | "stream" => {
                        assert!(theirs.contains_key(key), "{key}");
                        continue;
                    }
                    "logger" => &theirs["target"],
                    "request_id" | "component" | "tenant" => &theirs["span"][key],
                    key => &theirs[key],
                };
                assert_eq!(value, theirs, "{kind:?}: {key}");
            }
            let mut all = ours.as_object().unwrap().len();
            if kind == Kind::Context {
                // The context's three are in one object there.
                all -= 2;
            }
            assert_eq!(theirs.len(), all, "{theirs:?}");
        }
        assert!(line(Kind::Disabled).is_empty());
    }
}
