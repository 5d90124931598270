//! Records as events.

use super::Seen;
use crate::fixture::{logged, logged_by};
use ampacity_log::{Builder, Context, EventType, Level, Log, Sink, Trace, display};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fmt;
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as Of, Layer, SubscriberExt};
use tracing_subscriber::registry;

fn bridged(builder: Builder) -> Builder {
    builder.tracing(true)
}

#[test]
fn a_record_is_an_event_of_its_level_with_its_fields_as_the_record_has_them() {
    let seen = Seen::default();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let context = Context::new()
        .with("request_id", "r-17")
        .with_trace(Trace::parse_traceparent(trace).unwrap());
    let mut records = logged_by(bridged, |log| {
        with_default(registry().with(seen.clone()), || {
            let _inside = context.enter();
            for level in Level::ALL {
                log.event_at(level, EventType::ToolInvoked)
                    .message("a \"quoted\"\nmessage")
                    .field("n", 1)
                    .field("level", "mine")
                    .field("api_key", "sk-1")
                    .field("nested", json!({ "a": [1, "\u{7}"] }))
                    .emit();
            }
        });
    });
    let seen = seen.take();
    assert_eq!(seen.len(), Level::ALL.len());
    let levels = [
        tracing::Level::TRACE,
        tracing::Level::DEBUG,
        tracing::Level::INFO,
        tracing::Level::WARN,
        tracing::Level::ERROR,
        tracing::Level::ERROR,
    ];
    for ((sight, level), record) in seen.iter().zip(levels).zip(&mut records) {
        assert_eq!((&*sight.target, sight.level), ("ampacity_log", level));
        assert_eq!(sight.fields["message"], "a \"quoted\"\nmessage");
        assert_eq!(sight.fields["event_type"], "mcp.tool.invoked");
        assert_eq!(sight.fields["logger"], "test");
        let critical = record["level"] == "CRITICAL";
        assert_eq!(sight.fields.get("critical").is_some_and(|it| it == "true"), critical);

        assert!(!sight.fields["fields"].contains("sk-1"));
        let fields: Value = serde_json::from_str(&sight.fields["fields"]).unwrap();
        let envelope = "timestamp schema_version level logger event_type message seq stream";
        for name in envelope.split(' ') {
            record.as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(fields, *record);
        assert_eq!(fields["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    }
}

#[test]
fn a_record_without_message_and_fields_is_an_event_too() {
    let seen = Seen::default();
    logged_by(bridged, |log| {
        let named = log.named("a \"part\"");
        with_default(registry().with(seen.clone()), || named.event(EventType::Custom).emit());
    });
    let [sight] = &seen.take()[..] else { panic!("one event") };
    assert_eq!(sight.fields["message"], "Event: custom");
    assert_eq!(sight.fields["logger"], "a \"part\"");
    assert_eq!(sight.fields["fields"], "{}");
}

#[test]
fn what_no_sink_takes_is_no_event_nor_is_anything_unless_one_asks() {
    let seen = Seen::default();
    let log_one = |log: &Log| {
        log.set_level(Level::Info);
        with_default(registry().with(seen.clone()), || {
            log.event_at(Level::Debug, EventType::Custom).emit();
            log.event_at(Level::Info, EventType::Custom).emit();
        });
    };
    logged(log_one);
    assert_eq!(seen.take().len(), 0);
    logged_by(bridged, log_one);
    assert_eq!(seen.take().len(), 1);
}

#[test]
fn a_value_is_formatted_once_for_the_record_and_its_event() {
    struct Counts<'a>(&'a Cell<u32>);
    impl fmt::Display for Counts<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            f.write_str("shown")
        }
    }
    let (count, seen) = (Cell::new(0), Seen::default());
    logged_by(bridged, |log| {
        with_default(registry().with(seen.clone()), || {
            log.event(EventType::Custom).field("a", display(Counts(&count))).emit();
        });
    });
    assert_eq!(count.get(), 1);
    assert_eq!(seen.take()[0].fields["fields"], r#"{"a":"shown"}"#);
}

#[test]
fn a_subscriber_that_panics_harms_neither_the_caller_nor_the_record() {
    struct Panics;
    impl<S: Subscriber> Layer<S> for Panics {
        fn on_event(&self, _: &Event<'_>, _: Of<'_, S>) {
            panic!("planned")
        }
    }
    let seen = Seen::default();
    let records = logged_by(bridged, |log| {
        let log = || (0..3).for_each(|n| log.event(EventType::Custom).field("n", n).emit());
        with_default(registry().with(seen.clone()).with(Panics), log);
    });
    let written: Vec<_> = records.iter().map(|record| &record["n"]).collect();
    assert_eq!(written, [0, 1, 2]);
    assert_eq!(seen.take().len(), 3, "a panic ends one event, not those after it");
}

#[test]
fn a_subscriber_that_logs_through_the_log_is_not_told_of_that() {
    struct Logs(Log);
    impl<S: Subscriber> Layer<S> for Logs {
        fn on_event(&self, _: &Event<'_>, _: Of<'_, S>) {
            self.0.event(EventType::Custom).message("heard").emit();
        }
    }
    let seen = Seen::default();
    let records = logged_by(bridged, |log| {
        let subscriber = registry().with(seen.clone()).with(Logs(log.clone()));
        with_default(subscriber, || {
            log.event(EventType::Custom).message("first").emit();
            log.event(EventType::Custom).message("second").emit();
        });
    });
    let messages: Vec<_> = records.iter().map(|record| record["message"].clone()).collect();
    assert_eq!(messages, ["first", "heard", "second", "heard"]);
    assert_eq!(seen.take().len(), 2);
}

#[test]
fn a_log_that_takes_nothing_sends_nothing() {
    let seen = Seen::default();
    let builder = Log::builder("test").tracing(true);
    with_default(registry().with(seen.clone()), || {
        builder.build().unwrap().event(EventType::Custom).emit();
        Log::off().event(EventType::Custom).emit();
        let stderr = Log::builder("test").sink(Sink::stderr().level(Level::Error)).tracing(true);
        stderr.build().unwrap().event(EventType::Custom).emit();
    });
    assert_eq!(seen.take().len(), 0);
}
