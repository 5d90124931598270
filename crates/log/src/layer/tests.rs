use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing::{Event, Subscriber, info};
use tracing_subscriber::layer::{Context as Of, Layer, SubscriberExt};
use tracing_subscriber::registry;

use crate::{Context, EventType, Log, Memory, Sink};

/// Logs each event that it hears of, through the log that it hears.
struct Echoes(Log, Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Echoes {
    fn on_event(&self, _: &Event<'_>, _: Of<'_, S>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.event(EventType::Custom).message("echo").emit();
    }
}

/// Under the global subscriber, which no other test of this process may have one beside:
/// `tracing` keeps events within events from those of threads, and not from this one.
#[test]
fn neither_an_echo_nor_both_ways_at_once_go_round_in_circles() {
    let (memory, heard) = (Memory::new(), Arc::new(AtomicUsize::new(0)));
    let builder = Log::builder("test").sink(Sink::memory(&memory)).tracing(true);
    let log = builder.build().unwrap();
    let echoes = Echoes(log.clone(), Arc::clone(&heard));
    let subscriber = registry().with(log.tracing_layer()).with(echoes);
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let messages = || {
        log.flush(Duration::from_secs(60)).unwrap();
        let lines = memory.text();
        let record = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        lines.lines().map(|line| record(line)["message"].clone()).collect::<Vec<_>>()
    };

    log.event(EventType::Custom).message("ours").emit();
    assert_eq!(messages(), ["ours", "echo"]);
    assert_eq!(heard.load(Ordering::Relaxed), 1);

    // Of another's event the echo is a record like any other, which has an event and an echo.
    info!("theirs");
    assert_eq!(messages(), ["ours", "echo", "theirs", "echo", "echo"]);
    assert_eq!(heard.load(Ordering::Relaxed), 3);
}

#[test]
fn a_span_that_gets_a_value_again_and_again_keeps_the_last() {
    let mut context = Context::new().with("a", 0).with("b", 0);
    for n in 1..=3 {
        context = context.and(&Context::new().with("b", n).with("c", n));
    }
    assert_eq!(format!("{context:?}"), r#"{"c": 3, "b": 3, "a": 0}"#);
}
