//! Events of `tracing` as records, so that a service has one file, every line of which parses.
//!
//! Values are encoded by the log's own encoder in the thread that has them: an event's when
//! it happens, a span's once, when it is opened. No lock is held meanwhile, so that a value
//! may well log while it is formatted.

mod values;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as Of;
use tracing_subscriber::registry::LookupSpan;

use std::sync::Arc;

use crate::bridge;
use crate::contained::contained;
use crate::context::Context;
use crate::event_type::EventType;
use crate::json::{self, Rules};
use crate::level::Level;
use crate::log::Log;
use crate::record::Record;
use crate::scratch::Scratch;
use crate::shared::Shared;
use values::{OfEvent, OfSpan, Visitor};

impl Log {
    /// A layer for a `tracing` subscriber that logs the events of others.
    ///
    /// An event's target is the record's `logger`, its `message` the message, and a field
    /// `event_type` of text, if there is one, the type, which is `custom` otherwise. Values
    /// keep their types; an error is its text and that of its sources, a line each. The
    /// fields of the spans around the event are its context: inner ones go before outer ones,
    /// the event's own before all of them, and all of them before the fields of a
    /// [`Context`]. `span` is the innermost span's name, unless a field is called so.
    ///
    /// `trace_id` and `span_id` are those of the [`Context`]; `tracing` has none itself.
    /// The log's own events ([`Builder::tracing`](crate::Builder::tracing)) are not logged
    /// again.
    ///
    /// The layer has a filter of its own, the least level that a sink takes: what is below it
    /// costs as little as a disabled event, and other layers get it all the same. Spans below it
    /// are off for this layer, and their fields are in no record.
    ///
    /// The layer does not keep the log open, as a subscriber is seldom dropped: keep a handle
    /// in `main`, whose end then writes what waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::{Log, Memory, Sink};
    /// use std::time::Duration;
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// let memory = Memory::new();
    /// let log = Log::builder("tool-server").sink(Sink::memory(&memory)).build()?;
    /// let subscriber = tracing_subscriber::registry().with(log.tracing_layer());
    /// tracing::subscriber::with_default(subscriber, || {
    ///     let _request = tracing::info_span!("request", request_id = "r-17").entered();
    ///     tracing::warn!(target: "http", status = 503, "no answer");
    /// });
    /// log.flush(Duration::from_secs(1))?;
    /// let line = memory.text();
    /// assert!(line.contains(r#""level":"WARNING","logger":"http""#));
    /// assert!(line.contains(r#""request_id":"r-17""#) && line.contains(r#""status":503"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tracing_layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let shared = self.shared().cloned();
        let least = shared.as_ref().and_then(|shared| {
            let least = shared.least_of_sinks();
            Level::ALL.into_iter().find(|level| *level as u8 == least)
        });
        // That of the sinks, not of `set_level`: the latter may change, and never goes below.
        TracingLayer { shared }.with_filter(filter_of(least))
    }
}

struct TracingLayer {
    /// Not its handle, so that the log can be closed.
    shared: Option<Arc<Shared>>,
}

/// A span's name and fields, as any layer of ours encodes them: several may share them.
struct OfThisSpan(Context);

impl<S> Layer<S> for TracingLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Of<'_, S>) {
        let name = Context::new().with("span", attributes.metadata().name());
        let mut fields = Visitor(OfSpan(name));
        attributes.record(&mut fields);
        add(id, &context, fields.0.0);
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, context: Of<'_, S>) {
        let mut fields = Visitor(OfSpan(Context::new()));
        values.record(&mut fields);
        add(id, &context, fields.0.0);
    }

    fn on_event(&self, event: &Event<'_>, context: Of<'_, S>) {
        let Some(shared) = &self.shared else { return };
        let target = event.metadata().target();
        let level = level_of(*event.metadata().level());
        if target == bridge::TARGET || !shared.takes(level) {
            return;
        }
        let record = Record::new(b"\"\"", shared, level, EventType::Custom);
        let record = record.filled(|scratch, rules| {
            json::key(&mut scratch.logger, target);
            event.record(&mut Visitor(OfEvent { scratch, rules, target }));
            inherit(event, &context, scratch, rules);
        });
        // Other layers have the event already.
        bridge::muted(|| record.emit());
    }
}

/// Adds fields to a span's.
fn add<S>(id: &Id, context: &Of<'_, S>, fields: Context)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Where another layer has panicked with a span's data in its hands, so does this.
    contained(|| {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<OfThisSpan>() {
            Some(OfThisSpan(known)) => *known = core::mem::take(known).and(&fields),
            None => extensions.insert(OfThisSpan(fields)),
        }
    });
}

/// Adds the fields of the spans that `event` is in, the innermost first.
fn inherit<S>(event: &Event<'_>, context: &Of<'_, S>, scratch: &mut Scratch, rules: &Rules<'_>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(Some(scope)) = contained(|| context.event_scope(event)) else { return };
    for span in scope {
        // As above; the spans around it may be in order.
        contained(|| {
            if let Some(OfThisSpan(fields)) = span.extensions().get() {
                fields.each(|name, value, cut| scratch.inherited(rules, name, value, cut));
            }
        });
    }
}

fn level_of(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warning,
        tracing::Level::ERROR => Level::Error,
    }
}

/// What lets pass events that are taken from `least` on; `None` takes nothing.
fn filter_of(least: Option<Level>) -> LevelFilter {
    match least {
        Some(Level::Trace) => LevelFilter::TRACE,
        Some(Level::Debug) => LevelFilter::DEBUG,
        Some(Level::Info) => LevelFilter::INFO,
        Some(Level::Warning) => LevelFilter::WARN,
        Some(Level::Error) => LevelFilter::ERROR,
        // No event is critical.
        Some(Level::Critical) | None => LevelFilter::OFF,
    }
}

#[cfg(test)]
mod tests;
