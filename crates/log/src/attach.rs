//! A breaker's transitions as events, and what it turned away as counts.
//!
//! A transition is logged by whoever delivers it to listeners. Calls that are turned away
//! are never logged one by one: their number since the last time is, with each transition,
//! every [`Builder::report_every`](crate::Builder::report_every), and when the log is closed.

mod handle;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ampacity::{Cause, CircuitBreaker, Event, ListenerId, State, Window};

use crate::calls::milliseconds;
use crate::event_type::EventType;
use crate::log::Log;
use crate::record::Record;
use crate::shared::Shared;
use handle::Handle;
use told::Told;

impl Log {
    /// Logs the transitions of `breaker` from now on, how many calls it turned away, how many
    /// fallbacks stood in for them, and what became of events that listeners missed.
    ///
    /// Neither keeps the other alive. On a log that takes nothing this does nothing, and for a
    /// breaker that the log is attached to already, under whatever name, it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    /// use ampacity_log::{Log, Memory, Sink};
    /// use std::{sync::Arc, time::Duration};
    ///
    /// let memory = Memory::new();
    /// let log = Log::builder("tool-server").sink(Sink::memory(&memory)).build()?;
    /// let breaker = Arc::new(CircuitBreaker::new("db"));
    /// log.attach(&breaker);
    /// breaker.trip();
    /// log.flush(Duration::from_secs(1))?;
    /// assert!(memory.text().contains(r#""event_type":"circuit_breaker.opened""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(&self, breaker: &Arc<CircuitBreaker>) -> Attachment {
        self.watch(breaker, Handle::Shared(Arc::downgrade(breaker)))
    }

    /// As [`attach`](Log::attach), for a breaker in a `static`.
    pub fn attach_static(&self, breaker: &'static CircuitBreaker) -> Attachment {
        self.watch(breaker, Handle::Static(breaker))
    }

    fn watch(&self, breaker: &CircuitBreaker, handle: Handle) -> Attachment {
        let Some(shared) = self.shared() else { return Attachment { watched: None } };
        let watched = Arc::new(Watched {
            breaker: handle,
            log: Arc::downgrade(shared),
            logger: self.name_as_json().into(),
            listener: Mutex::new(None),
            told: Mutex::new(Told::of(&breaker.snapshot())),
        });
        // Held until there is one: another thread that attaches the same breaker and detaches
        // it at once finds it.
        let mut listener = watched.lock_listener();
        let known = shared.reporter().add(Arc::clone(&watched));
        if Arc::ptr_eq(&known, &watched) {
            let told = Arc::downgrade(&watched);
            *listener = Some(breaker.add_listener(move |event| {
                if let Some(watched) = told.upgrade() {
                    watched.transition(event);
                }
            }));
        }
        drop(listener);
        Attachment { watched: Some(known) }
    }

    /// Logs now what the breakers it is attached to turned away since the last time.
    pub fn report(&self) {
        if let Some(shared) = self.shared() {
            shared.reporter().report();
        }
    }
}

/// A breaker that a log is attached to; see [`Log::attach`]. Dropping it changes nothing.
#[derive(Debug)]
pub struct Attachment {
    watched: Option<Arc<Watched>>,
}

impl Attachment {
    /// Logs what the breaker turned away until now, and nothing of it from then on.
    ///
    /// Where it was attached several times, the first of these ends it, as the log's end does.
    pub fn detach(self) {
        let Some(watched) = self.watched else { return };
        watched.end();
        if let Some(shared) = watched.log.upgrade() {
            shared.reporter().remove(&watched);
        }
    }
}

/// A breaker that is listened to.
#[derive(Debug)]
pub(crate) struct Watched {
    breaker: Handle,
    log: Weak<Shared>,
    /// Quoted.
    logger: Box<[u8]>,
    /// None once it is detached.
    listener: Mutex<Option<ListenerId>>,
    told: Mutex<Told>,
}

impl Watched {
    /// Whether the breaker is gone for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.breaker.is_gone()
    }

    pub(crate) fn is_of_same(&self, other: &Watched) -> bool {
        self.breaker.is_of_same(&other.breaker)
    }

    /// Reports for the last time, and listens no more.
    pub(crate) fn end(&self) {
        let listener = self.lock_listener().take();
        if let Some(id) = listener {
            self.report();
            self.unlisten(id);
        }
    }

    fn unlisten(&self, id: ListenerId) {
        if let Some(breaker) = self.breaker.get() {
            breaker.remove_listener(id);
        }
    }

    fn lock_listener(&self) -> MutexGuard<'_, Option<ListenerId>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transition(&self, event: &Event) {
        let Some(shared) = self.log.upgrade() else { return };
        let record = self.begin(&shared, type_of(event));
        if record.enabled() {
            figures(record, event.cause)
                .message(event)
                .field("breaker", &*event.breaker)
                .field("from", event.from.as_str())
                .field("to", event.to.as_str())
                .field("cause", event.cause.as_str())
                .field("era", event.era)
                .urgent()
                .emit();
        }
        self.report_to(&shared);
    }

    pub(crate) fn report(&self) {
        if let Some(shared) = self.log.upgrade() {
            self.report_to(&shared);
        }
    }

    /// Logs what was turned away since the last time.
    fn report_to(&self, shared: &Shared) {
        let Some(breaker) = self.breaker.get() else { return };
        // Before the lock: a snapshot delivers events, and so may come by here.
        let now = Told::of(&breaker.snapshot());
        let news = self.told.lock().unwrap_or_else(PoisonError::into_inner).take_news(now);
        let name = breaker.name();

        let rejected = news.open + news.half_open_full + news.forced_open;
        if rejected > 0 {
            self.begin(shared, EventType::CircuitBreakerRejections)
                .message(format_args!("circuit breaker '{name}' turned {rejected} calls away"))
                .field("breaker", name)
                .field("rejected", rejected)
                .field("open", news.open)
                .field("half_open_full", news.half_open_full)
                .field("forced_open", news.forced_open)
                .emit();
        }
        if news.fallbacks > 0 {
            self.begin(shared, EventType::CircuitBreakerFallbacks)
                .message(format_args!(
                    "circuit breaker '{name}': {} fallbacks stood in",
                    news.fallbacks
                ))
                .field("breaker", name)
                .field("fallbacks", news.fallbacks)
                .emit();
        }
        if news.panics > 0 || news.dropped > 0 {
            self.begin(shared, EventType::CircuitBreakerListenerFaults)
                .message(format_args!(
                    "circuit breaker '{name}': listeners panicked {} times and missed {} events",
                    news.panics, news.dropped
                ))
                .field("breaker", name)
                .field("panics", news.panics)
                .field("dropped", news.dropped)
                .emit();
        }
    }

    fn begin<'a>(&'a self, shared: &'a Shared, event_type: EventType) -> Record<'a> {
        let level = event_type.level();
        match shared.takes(level) {
            // Many calls led to it, and whoever delivers it need not be one of them.
            true => Record::new(&self.logger, shared, level, event_type).apart(),
            false => Record::OFF,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let listener = self.lock_listener().take();
        if let Some(id) = listener {
            self.unlisten(id);
        }
    }
}

fn type_of(event: &Event) -> EventType {
    match event.to {
        _ if event.would_open() => EventType::CircuitBreakerWouldOpen,
        State::Closed => EventType::CircuitBreakerClosed,
        State::Open => EventType::CircuitBreakerOpened,
        State::HalfOpen => EventType::CircuitBreakerHalfOpened,
        State::ForcedOpen => EventType::CircuitBreakerForcedOpen,
        State::Disabled => EventType::CircuitBreakerDisabled,
        State::MetricsOnly => EventType::CircuitBreakerMetricsOnly,
        // None that this version knows.
        _ => EventType::Custom,
    }
}

/// The figures that decided, as fields.
fn figures(record: Record<'_>, cause: Cause) -> Record<'_> {
    match cause {
        Cause::ConsecutiveFailures { failures, .. } | Cause::ProbesFailed { failures, .. } => {
            record.field("failures", failures)
        }
        Cause::ProbesSucceeded { successes, .. } => record.field("successes", successes),
        Cause::FailureRate { window, .. }
        | Cause::SlowCallRate { window, .. }
        | Cause::TripWhen { window, .. } => windowed(record, window),
        Cause::WaitGiven { wait, .. } => record.field("wait_ms", milliseconds(wait)),
        _ => record,
    }
}

fn windowed(record: Record<'_>, window: Window) -> Record<'_> {
    record
        .field("calls", window.calls)
        .field("failed", window.failed)
        .field("slow", window.slow)
        .field("hanging", window.hanging)
}
