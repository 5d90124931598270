//! One record: its fields, and the envelope that no field can touch.

use core::fmt;
use std::time::SystemTime;

use serde::Serialize;

use crate::SCHEMA_VERSION;
use crate::context::{self, Context};
use crate::event_type::EventType;
use crate::json::{self, Rules};
use crate::level::Level;
use crate::queue::Parts;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::trace::Trace;

/// A record in the making; see [`Log::event`](crate::Log::event).
///
/// Each field is encoded when it is given, and whatever happens there stays there: a value
/// whose formatting panics or fails is replaced by `{"$error":"format_failed"}`, one that is
/// too long or too deep is cut, and `truncated` then names it, or ends in `…` where many
/// are. Of two fields of one name the last counts, and a field counts more than one of the
/// context. A field that is called like a part of the envelope is found under `fields`.
#[must_use = "a record is logged when it is emitted"]
#[derive(Debug)]
pub struct Record<'a> {
    // Few words, and nothing to drop in a record that is off: then all of it is optimised
    // away where it is made.
    live: Option<Live<'a>>,
}

#[derive(Debug)]
struct Live<'a> {
    /// Quoted.
    logger: &'a [u8],
    shared: &'a Shared,
    scratch: Box<Scratch>,
}

/// What a record is, beside its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    level: Level,
    event_type: EventType,
    trace: Option<Trace>,
    urgent: bool,
    /// It is not about the request or task that its thread is at.
    apart: bool,
}

impl Default for About {
    fn default() -> Self {
        let (level, event_type) = (Level::Info, EventType::Custom);
        About { level, event_type, trace: None, urgent: false, apart: false }
    }
}

impl<'a> Record<'a> {
    /// A record that is not logged.
    pub(crate) const OFF: Record<'static> = Record { live: None };

    #[inline(never)]
    pub(crate) fn new(
        logger: &'a [u8],
        shared: &'a Shared,
        level: Level,
        event_type: EventType,
    ) -> Self {
        let mut scratch = Scratch::take(shared.record_bytes());
        let urgent = level >= Level::Error;
        scratch.about = About { level, event_type, urgent, ..About::default() };
        Record { live: Some(Live { logger, shared, scratch }) }
    }

    /// Whether the record will be logged: false where no sink takes its level.
    #[inline]
    pub fn enabled(&self) -> bool {
        self.live.is_some()
    }

    /// Adds a field: anything that can be [serialised](Serialize), or
    /// [`display`](crate::display), [`debug`](crate::debug) or [`bytes`](crate::bytes) of
    /// anything else. Give a duration in the unit that the name ends in: `duration_ms`.
    #[inline]
    pub fn field(mut self, name: &str, value: impl Serialize) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.field(&live.shared.rules(), name, &value);
        }
        self
    }

    /// Adds a field if there is a value.
    #[inline]
    pub fn field_if(self, name: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Sets the message, by default `Event: <event type>`. Cut like a field.
    #[inline]
    pub fn message(mut self, message: impl fmt::Display) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.message(&live.shared.rules(), &message);
        }
        self
    }

    /// Sets the span that the record belongs to, in place of the context's.
    pub fn trace(mut self, trace: Trace) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.about.trace = Some(trace);
        }
        self
    }

    /// Changes the level.
    pub(crate) fn at(mut self, level: Level) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.about.level = level;
            live.scratch.about.urgent = level >= Level::Error;
        }
        self
    }

    /// Whether the values of tools' parameters may be seen.
    pub(crate) fn shows_parameters(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.shared.shows_tool_parameters())
    }

    /// Makes the record one that may use the queues' reserve.
    pub(crate) fn urgent(mut self) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.about.urgent = true;
        }
        self
    }

    /// Has `fill` add to the record what it knows.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn filled(mut self, fill: impl FnOnce(&mut Scratch, &Rules<'_>)) -> Self {
        if let Some(live) = &mut self.live {
            fill(&mut live.scratch, &live.shared.rules());
        }
        self
    }

    /// Leaves the context out.
    pub(crate) fn apart(mut self) -> Self {
        if let Some(live) = &mut self.live {
            live.scratch.about.apart = true;
        }
        self
    }

    /// Hands the record to the sinks, whose threads write it.
    ///
    /// Waits only where a queue is full and [`Sink::overflow`](crate::Sink::overflow) says
    /// so for this level.
    #[inline]
    pub fn emit(self) {
        if let Some(live) = self.live {
            live.emit();
        }
    }
}

impl Live<'_> {
    fn emit(self) {
        let Live { logger, shared, mut scratch } = self;
        let About { level, event_type, trace, urgent, .. } = scratch.about;
        if shared.takes(level) {
            let (now, base) = (shared.now(), shared.base());
            let envelope = Envelope { now, level, logger, event_type, trace, base };
            envelope.close(&mut scratch, &shared.rules());
            let parts = Parts { head: &scratch.head, tail: &scratch.tail };
            for lane in shared.lanes() {
                if level >= lane.level() {
                    lane.push(parts, level, urgent);
                }
            }
            #[cfg(feature = "tracing")]
            if shared.is_bridged() {
                crate::bridge::send(level, logger, event_type, &scratch);
            }
        }
        scratch.give_back();
    }
}

/// What is around the fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) now: SystemTime,
    pub(crate) level: Level,
    /// Quoted.
    pub(crate) logger: &'a [u8],
    pub(crate) event_type: EventType,
    /// Goes before the context's.
    pub(crate) trace: Option<Trace>,
    /// Fields of every record; those of the context go before them.
    pub(crate) base: &'a Context,
}

impl Envelope<'_> {
    /// Takes the context's fields up, and makes `head` and `tail` of it all.
    pub(crate) fn close(self, scratch: &mut Scratch, rules: &Rules<'_>) {
        let (mut trace, apart) = (self.trace, scratch.about.apart);
        let mut inherit = |context: &Context| {
            context.each(|name, value, cut| scratch.inherited(rules, name, value, cut));
        };
        if !apart {
            context::current(|context| {
                trace = trace.or(context.trace());
                inherit(context);
            });
        }
        inherit(self.base);
        let Scratch { own, collided, context, message, cut, head, tail, stamp, .. } = scratch;
        let Scratch { logger, event_type, .. } = scratch;

        head.extend_from_slice(b"{\"timestamp\":\"");
        stamp.append(head, self.now);
        head.extend_from_slice(b"\",\"schema_version\":\"");
        head.extend_from_slice(SCHEMA_VERSION.as_bytes());
        head.extend_from_slice(b"\",\"level\":\"");
        head.extend_from_slice(self.level.as_str().as_bytes());
        head.extend_from_slice(b"\",\"logger\":");
        head.extend_from_slice(if logger.is_empty() { self.logger } else { logger });
        head.extend_from_slice(b",\"event_type\":");
        let start = head.len();
        match &event_type[..] {
            [] => json::key(head, self.event_type.as_str()),
            event_type => head.extend_from_slice(event_type),
        }
        let event_type = start + 1..head.len();
        head.extend_from_slice(b",\"message\":");
        if message.is_empty() {
            head.extend_from_slice(b"\"Event: ");
            head.extend_from_within(event_type);
        } else {
            head.extend_from_slice(message);
        }
        head.extend_from_slice(b",\"seq\":");

        if let Some(trace) = trace {
            trace.append(tail);
        }
        tail.extend_from_slice(context.bytes());
        tail.extend_from_slice(own.bytes());
        if let [_, members @ ..] = collided.bytes() {
            tail.extend_from_slice(b",\"fields\":{");
            tail.extend_from_slice(members);
            tail.push(b'}');
        }
        if let [_, names @ ..] = &cut[..] {
            tail.extend_from_slice(b",\"truncated\":[");
            tail.extend_from_slice(names);
            tail.push(b']');
        }
        tail.extend_from_slice(b"}\n");
    }
}
