//! Once a thread has logged, no event allocates: not in its thread, and not in the one that
//! writes.

use core::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{hint, thread};

use alloc_tests::Heap;
use ampacity_log::{
    Context, EventType, FileSink, Level, Log, Sink, ToolStatus, Trace, bytes, context, debug,
    display,
};

/// Nobody waits for so long.
const LONG: Duration = Duration::from_secs(60);

/// Rounds until nothing grows any more, and then without an allocation.
const MOST_ROUNDS: u32 = 500;
const ENOUGH: usize = 50;

/// A writer that takes every line and keeps none.
#[derive(Clone, Default)]
struct Taken(Arc<AtomicUsize>);

impl Write for Taken {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error with a source.
#[derive(Debug)]
struct Fault(Option<&'static Fault>);

static FAULT: Fault = Fault(Some(&Fault(None)));

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a fault, {}", if self.0.is_some() { "with a source" } else { "the first" })
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.map(|fault| fault as _)
    }
}

type Path = (&'static str, fn(&Log));
/// Where a path is run, and how one gets there.
type Place<'a> = (&'a str, &'a dyn Fn(&dyn Fn()));

/// What callers do, each a record or more.
const PATHS: [Path; 9] = [
    ("three fields", three),
    ("a message of one's own", |log| {
        log.event(EventType::Custom).message(format_args!("{} of {}", 3, 7)).emit();
    }),
    ("an error and its source", |log| log.error(&FAULT).field("attempt", 3).emit()),
    ("a tool", |log| {
        log.tool("search", ToolStatus::Completed).duration(Duration::from_millis(12)).emit();
    }),
    ("how long something took", |log| log.performance("parse", Duration::from_micros(3)).emit()),
    ("a timed stretch", |log| log.timed("extract").field("pages", 12).success()),
    ("a timed failure", |log| {
        let _ = log.time("parse", || hint::black_box("x").parse::<u32>());
    }),
    ("values of all kinds", |log| {
        log.event(EventType::Custom)
            .field("list", [1, 2, 3])
            .field("none", None::<u8>)
            .field("nan", f64::NAN)
            .field("text", "ünï\n\"quoted\"")
            .field("shown", display(format_args!("{}", 7)))
            .field("debugged", debug(Level::Info))
            .field("bytes", bytes(b"text"))
            .field("timestamp", "taken")
            .emit();
    }),
    ("a field twice, and one that is secret", |log| {
        log.event(EventType::Custom).field("n", 1).field("n", 2).field("password", "x").emit();
    }),
];

fn three(log: &Log) {
    log.event(EventType::ToolInvoked)
        .field("tool_name", "search")
        .field("attempt", 3)
        .field("score", 0.5)
        .emit();
}

/// Every path, in and out of contexts, in a thread that has logged before. The writer's
/// share is counted, too, as all is written before the count ends.
fn nothing_is_allocated(heap: &Heap, who: &str, log: &Log) {
    let trace = Trace::new([1; 16], [2; 8]).unwrap();
    let context = Context::new()
        .with("request_id", "r-17")
        .with("component", "tools")
        .with("nested", [1, 2])
        .with_trace(trace);
    let places: [Place<'_>; 3] = [
        ("in no context", &|f| f()),
        ("in a scope", &|f| context.scope(f)),
        ("behind a guard", &|f| {
            let _inside = context.enter();
            f();
        }),
    ];
    for (place, within) in places {
        within(&|| {
            for (what, path) in PATHS {
                let round = || {
                    (0..20).for_each(|_| path(log));
                    log.flush(LONG).unwrap();
                };
                grown(heap, round, &format!("{who}, {place}: {what}"));
            }
        });
    }
}

/// Repeats `round` until it has not allocated many times in a row: both of the queue's
/// buffers have to grow to what a burst takes, and how much of it is in each is a matter of
/// who was faster.
fn grown(heap: &Heap, round: impl Fn(), what: &str) {
    let mut calm = 0;
    for rounds in 0.. {
        let blocks = heap.blocks(&round);
        assert!(rounds < MOST_ROUNDS, "{what}: {blocks} blocks in round {rounds}");
        calm = if blocks == 0 { calm + 1 } else { 0 };
        if calm == ENOUGH {
            return;
        }
    }
}

fn main() {
    let heap = Arc::new(Heap::watched());

    // What does allocate is seen.
    let taken = Taken::default();
    let log = Log::builder("a log").sink(Sink::writer("taken", taken.clone()).level(Level::Info));
    let log = log.build().unwrap();
    assert!(heap.blocks(|| three(&log)) > 0, "a thread's first event");
    assert!(heap.blocks(|| drop(context::scoped("request_id", "r-17"))) > 0, "a context made");

    // A log that takes nothing has no first event either.
    let off = Log::off();
    let not_taken = |log: &Log| log.event_at(Level::Debug, EventType::Custom).field("n", 1).emit();
    assert_eq!(heap.blocks(|| not_taken(&log)), 0, "a level that nobody takes");
    assert_eq!(heap.blocks(|| PATHS.iter().for_each(|(_, path)| path(&off))), 0, "no log");
    assert_eq!(heap.blocks(|| three(Log::installed())), 0, "none installed");
    assert_eq!(heap.blocks(|| drop(off.named("x"))), 0, "no name for it");

    nothing_is_allocated(&heap, "first thread", &log);
    let (there, its_log) = (Arc::clone(&heap), log.clone());
    let second = thread::spawn(move || nothing_is_allocated(&there, "second thread", &its_log));
    second.join().unwrap();
    assert!(taken.0.load(Ordering::Relaxed) > 2 * 3 * PATHS.len() * ENOUGH * 20);

    let dir = std::env::temp_dir().join(format!("alloc-tests-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = Log::builder("a file").sink(Sink::file(FileSink::new(dir.join("log.jsonl"))));
    let file = file.build().unwrap();
    nothing_is_allocated(&heap, "a file", &file);
    drop(file);
    std::fs::remove_dir_all(&dir).unwrap();

    // Threads that come and go take what they need, and give all of it back.
    let come_and_go = || {
        let its_log = log.clone();
        thread::spawn(move || three(&its_log)).join().unwrap();
        // One by one, so that the queue need not grow.
        log.flush(LONG).unwrap();
    };
    come_and_go();
    let before = heap.bytes();
    (0..100).for_each(|_| come_and_go());
    assert_eq!(heap.bytes(), before, "after threads that are gone");
    println!("no event allocates");
}
