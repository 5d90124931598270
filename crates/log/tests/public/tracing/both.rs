//! Both ways at once, and what the layer leaves to others.

use super::{Seen, within};
use crate::fixture::{PATIENCE, logged, logged_by, records};
use ampacity_log::{EventType, Level, Log, Memory, Sink};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::with_default;
use tracing::{Subscriber, debug, error, info, info_span};
use tracing_subscriber::layer::{Context as Of, Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::registry::{LookupSpan, Registry};

#[test]
fn with_both_ways_on_everything_is_seen_and_written_once() {
    let seen = Seen::default();
    let records = logged_by(
        |builder| builder.tracing(true),
        |log| {
            let subscriber = registry().with(seen.clone()).with(log.tracing_layer());
            with_default(subscriber, || {
                log.event(EventType::Custom).message("ours").emit();
                info!("theirs");
            });
        },
    );
    let written: Vec<_> = records.iter().map(|record| record["message"].clone()).collect();
    let seen: Vec<_> = seen.take().into_iter().map(|mut it| it.fields.remove("message")).collect();
    assert_eq!(written, ["ours", "theirs"]);
    assert_eq!(seen, [Some("ours".to_owned()), Some("theirs".to_owned())]);
}

#[test]
fn the_layer_takes_what_a_sink_takes_and_leaves_the_rest_to_others() {
    let (seen, memory) = (Seen::default(), Memory::new());
    let sink = Sink::memory(&memory).level(Level::Info);
    let log = Log::builder("test").sink(sink).build().unwrap();
    let hint = |log: &Log| log.tracing_layer::<Registry>().max_level_hint();
    assert_eq!(hint(&log), Some(LevelFilter::INFO));
    log.set_level(Level::Error);
    assert_eq!(hint(&log), Some(LevelFilter::INFO), "the level may be set back");
    log.set_level(Level::Trace);
    assert_eq!(hint(&Log::off()), Some(LevelFilter::OFF));

    let subscriber = registry().with(seen.clone()).with(log.tracing_layer());
    with_default(subscriber, || {
        debug!("a");
        info!("b");
        log.set_level(Level::Error);
        info!("c");
        error!("d");
        log.set_level(Level::Trace);
        info!("e");
    });
    log.flush(PATIENCE).unwrap();
    let written: Vec<_> = records(&memory.bytes()).iter().map(|it| it["message"].clone()).collect();
    assert_eq!(written, ["b", "d", "e"]);
    assert_eq!(seen.take().len(), 5);
}

#[test]
fn levels_are_those_of_the_log() {
    for (least, hint) in Level::ALL.into_iter().zip([
        LevelFilter::TRACE,
        LevelFilter::DEBUG,
        LevelFilter::INFO,
        LevelFilter::WARN,
        LevelFilter::ERROR,
        LevelFilter::OFF,
    ]) {
        let sink = Sink::memory(&Memory::new()).level(least);
        let log = Log::builder("test").sink(sink).build().unwrap();
        assert_eq!(log.tracing_layer::<Registry>().max_level_hint(), Some(hint));
    }
    let records = super::traced(|| {
        tracing::trace!("");
        tracing::debug!("");
        tracing::info!("");
        tracing::warn!("");
        tracing::error!("");
    });
    let levels: Vec<_> = records.iter().map(|record| record["level"].clone()).collect();
    assert_eq!(levels, ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"]);
}

#[test]
fn a_subscriber_does_not_keep_the_log_open() {
    let memory = Memory::new();
    let log = Log::builder("test").sink(Sink::memory(&memory)).build().unwrap();
    let subscriber = registry().with(log.tracing_layer());
    with_default(subscriber, || {
        info!("before");
        drop(log);
        assert_eq!(records(&memory.bytes()).len(), 1, "dropping the handle writes what waits");
        info!("after");
    });
    assert_eq!(records(&memory.bytes()).len(), 1);
}

#[test]
fn several_logs_have_a_layer_each() {
    let memory = Memory::new();
    let other = Log::builder("other").sink(Sink::memory(&memory)).build().unwrap();
    let first = logged(|log| {
        let subscriber = registry().with(log.tracing_layer()).with(other.tracing_layer());
        with_default(subscriber, || {
            let span = info_span!("work", a = 1, b = tracing::field::Empty);
            span.record("b", 2);
            span.in_scope(|| info!("both"));
        });
    });
    other.flush(PATIENCE).unwrap();
    for record in [&first[0], &records(&memory.bytes())[0]] {
        assert_eq!((&record["a"], &record["b"]), (&1.into(), &2.into()));
        assert_eq!((&record["span"], &record["message"]), (&"work".into(), &"both".into()));
    }
}

/// Panics with a span's data in its hands, as a faulty layer may.
struct Poisons;

impl<S> Layer<S> for Poisons
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Of<'_, S>) {
        if attributes.metadata().name() == "poisoned" {
            let span = context.span(id).unwrap();
            let _held = span.extensions_mut();
            let panicked = std::panic::catch_unwind(|| {
                let _held = _held;
                panic!("planned")
            });
            assert!(panicked.is_err());
        }
    }
}

#[test]
fn an_event_in_a_span_that_another_layer_broke_has_the_fields_of_the_spans_around_it() {
    let records = logged(|log| {
        let subscriber = registry().with(Poisons).with(log.tracing_layer());
        with_default(subscriber, || {
            let _outer = info_span!("outer", a = 1).entered();
            let broken = info_span!("poisoned", b = 2, c = tracing::field::Empty).entered();
            broken.record("c", 3);
            info!(d = 4, "still here");
        });
    });
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&record["a"], &record["d"]), (&1.into(), &4.into()));
    assert_eq!((&record["message"], &record["span"]), (&"still here".into(), &"outer".into()));
}

#[test]
fn a_part_of_the_program_has_a_log_of_its_own() {
    let outer = logged(|outer| {
        let inner = logged(|inner| {
            within(outer, || {
                info!("of the outer");
                within(inner, || info!("of the inner"));
            });
        });
        assert_eq!(inner.len(), 1);
        assert_eq!(inner[0]["message"], "of the inner");
    });
    assert_eq!(outer.len(), 1);
}
