//! The records that every server writes: errors, tools, how long something took.

use core::any::type_name;
use core::error::Error;
use core::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::event_type::EventType;
use crate::log::Log;
use crate::record::Record;
use crate::value::{display, keys_only};

/// Sources of an error that are written at most: they may refer to each other in a circle.
const SOURCES: usize = 32;

impl Log {
    /// Begins a record of an error: [`EventType::ErrorOccurred`], with its type, its text,
    /// and in `error_stack` its text and those of all its sources, a line each.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::Log;
    ///
    /// if let Err(error) = "forty".parse::<u32>() {
    ///     Log::installed().error(&error).field("field", "age").emit();
    /// }
    /// ```
    pub fn error<E: Error + ?Sized>(&self, error: &E) -> Record<'_> {
        let record = self.event(EventType::ErrorOccurred);
        if !record.enabled() {
            return record;
        }
        record
            .message(format_args!("Error: {}: {error}", type_name::<E>()))
            .failure(error)
            .field("error_stack", display(Stack(error)))
    }

    /// Begins a record of how long `operation` took: [`EventType::PerformanceMeasured`].
    pub fn performance(&self, operation: &str, took: Duration) -> Record<'_> {
        self.event(EventType::PerformanceMeasured).measured(operation, took)
    }

    /// Begins a record of a tool: its name, and by `status` the event type and the level.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::{Log, ToolStatus};
    /// use std::time::Duration;
    ///
    /// Log::installed()
    ///     .tool("search", ToolStatus::Completed)
    ///     .duration(Duration::from_millis(12))
    ///     .emit();
    /// ```
    pub fn tool(&self, name: &str, status: ToolStatus) -> Record<'_> {
        self.event(status.event_type())
            .message(format_args!("Tool {name} {status}"))
            .field("tool_name", name)
    }
}

impl Record<'_> {
    /// Adds `duration_ms`, with a fraction.
    pub fn duration(self, took: Duration) -> Self {
        self.field("duration_ms", milliseconds(took))
    }

    /// Adds the parameters of a tool, as `parameters`: the names of them, and no value,
    /// unless [`Redaction::tool_parameters`](crate::Redaction::tool_parameters) says so.
    pub fn parameters(self, parameters: impl Serialize) -> Self {
        match self.shows_parameters() {
            true => self.field("parameters", parameters),
            false => self.field("parameters", keys_only(parameters)),
        }
    }

    /// Adds `error_type` and `error_message`.
    pub(crate) fn failure<E: fmt::Display + ?Sized>(self, error: &E) -> Self {
        self.field("error_type", type_name::<E>()).field("error_message", display(error))
    }

    pub(crate) fn measured(self, operation: &str, took: Duration) -> Self {
        let ms = milliseconds(took);
        self.message(format_args!("Performance: {operation} completed in {ms:.2}ms"))
            .field("operation", operation)
            .field("duration_ms", ms)
    }
}

pub(crate) fn milliseconds(took: Duration) -> f64 {
    took.as_nanos() as f64 / 1e6
}

/// How far a tool got.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ToolStatus {
    /// It was called.
    Invoked,
    /// It returned.
    Completed,
    /// It failed: a record of [`Level::Error`](crate::Level::Error).
    Failed,
}

impl ToolStatus {
    const fn event_type(self) -> EventType {
        match self {
            ToolStatus::Invoked => EventType::ToolInvoked,
            ToolStatus::Completed => EventType::ToolCompleted,
            ToolStatus::Failed => EventType::ToolFailed,
        }
    }
}

impl fmt::Display for ToolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ToolStatus::Invoked => "invoked",
            ToolStatus::Completed => "completed",
            ToolStatus::Failed => "failed",
        })
    }
}

/// An error and its sources, a line each.
pub(crate) struct Stack<'a, E: ?Sized>(pub(crate) &'a E);

impl<E: Error + ?Sized> fmt::Display for Stack<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        for _ in 0..SOURCES {
            let Some(error) = source else { return Ok(()) };
            write!(f, "\ncaused by: {error}")?;
            source = error.source();
        }
        f.write_str("\ncaused by more")
    }
}
