//! A breaker's transitions as events, and what it turned away as counts.
//!
//! A transition is logged by whoever delivers it to listeners. Calls that are turned away
//! are never logged one by one: their number since the last time is, with each transition,
//! every [`Builder::report_every`](crate::Builder::report_every), and when the log is closed.

use std::sync::{Arc, Mutex, TryLockError, Weak};

use ampacity::{Cause, CircuitBreaker, Event, ListenerId, Snapshot, State, Window};

use crate::calls::milliseconds;
use crate::event_type::EventType;
use crate::log::{Log, Shared};
use crate::record::Record;

impl Log {
    /// Logs the transitions of `breaker` from now on, how many calls it turned away, how many
    /// fallbacks stood in for them, and what became of events that listeners missed.
    ///
    /// Neither keeps the other alive. On a log that takes nothing this does nothing.
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
        let told = Arc::downgrade(&watched);
        let id = breaker.add_listener(move |event| {
            if let Some(watched) = told.upgrade() {
                watched.transition(event);
            }
        });
        if let Ok(mut listener) = watched.listener.lock() {
            *listener = Some(id);
        }
        shared.reporter().add(Arc::clone(&watched));
        Attachment { watched: Some(watched) }
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
    pub fn detach(self) {
        let Some(watched) = self.watched else { return };
        watched.report();
        let id = watched.listener.lock().ok().and_then(|mut listener| listener.take());
        if let (Some(id), Some(breaker)) = (id, watched.breaker.get()) {
            breaker.remove_listener(id);
        }
        if let Some(shared) = watched.log.upgrade() {
            shared.reporter().remove(&watched);
        }
    }
}

/// A breaker, as long as it is there.
#[derive(Debug)]
enum Handle {
    Shared(Weak<CircuitBreaker>),
    Static(&'static CircuitBreaker),
}

impl Handle {
    fn get(&self) -> Option<Borrowed> {
        match self {
            Handle::Shared(breaker) => breaker.upgrade().map(Borrowed::Shared),
            Handle::Static(breaker) => Some(Borrowed::Static(breaker)),
        }
    }
}

enum Borrowed {
    Shared(Arc<CircuitBreaker>),
    Static(&'static CircuitBreaker),
}

impl std::ops::Deref for Borrowed {
    type Target = CircuitBreaker;

    fn deref(&self) -> &CircuitBreaker {
        match self {
            Borrowed::Shared(breaker) => breaker,
            Borrowed::Static(breaker) => breaker,
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
    listener: Mutex<Option<ListenerId>>,
    told: Mutex<Told>,
}

/// What was logged of a breaker so far.
#[derive(Clone, Copy, Default, Debug)]
struct Told {
    open: u64,
    half_open_full: u64,
    forced_open: u64,
    fallbacks: u64,
    panics: u64,
    dropped: u64,
}

impl Told {
    fn of(snapshot: &Snapshot) -> Self {
        let rejected = snapshot.lifetime.rejected;
        Told {
            open: rejected.open,
            half_open_full: rejected.half_open_full,
            forced_open: rejected.forced_open,
            fallbacks: snapshot.lifetime.fallbacks,
            panics: snapshot.events.panics,
            dropped: snapshot.events.dropped,
        }
    }

    fn since(&self, before: &Told) -> Told {
        Told {
            open: self.open.saturating_sub(before.open),
            half_open_full: self.half_open_full.saturating_sub(before.half_open_full),
            forced_open: self.forced_open.saturating_sub(before.forced_open),
            fallbacks: self.fallbacks.saturating_sub(before.fallbacks),
            panics: self.panics.saturating_sub(before.panics),
            dropped: self.dropped.saturating_sub(before.dropped),
        }
    }
}

impl Watched {
    /// Whether the breaker is gone for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.breaker.get().is_none()
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
        // Not waited for: who holds it reports, and may be this very thread, as taking a
        // snapshot delivers events. What is missed now is in the next report.
        let mut told = match self.told.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let now = Told::of(&breaker.snapshot());
        let news = now.since(&told);
        *told = now;
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
