//! Which records are wanted.

use std::time::SystemTime;

use super::record::Record;
use crate::Level;

/// Which records are wanted: those that meet every condition set.
///
/// A record without the field that a condition asks for does not meet it. Without conditions
/// every record is wanted.
///
/// # Examples
///
/// ```
/// use ampacity_log::Level;
/// use ampacity_log::reader::{Filter, Reader, parse_time};
///
/// let log = r#"
/// {"timestamp":"2026-11-23T13:15:02Z","level":"ERROR","event_type":"mcp.tool.failed"}
/// {"timestamp":"2026-11-23T13:15:03Z","level":"INFO","event_type":"mcp.tool.completed"}
/// {"timestamp":"2026-11-23T13:15:04Z","level":"ERROR","event_type":"error.occurred"}
/// "#;
/// let failed_tools = Filter::new()
///     .level(Level::Warning)
///     .event_type("mcp.*")
///     .since(parse_time("2026-11-23").expect("a date"));
/// let wanted = Reader::new(log.as_bytes())
///     .filter_map(|entry| entry.ok()?.into_record())
///     .filter(|record| failed_tools.wants(record));
/// assert_eq!(wanted.count(), 1);
/// ```
#[derive(Clone, Default, Debug)]
pub struct Filter {
    level: Option<Level>,
    event_type: Option<String>,
    component: Option<String>,
    request_id: Option<String>,
    trace_id: Option<String>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl Filter {
    /// Wants every record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants this level and graver ones.
    #[must_use]
    pub fn level(mut self, least: Level) -> Self {
        self.level = Some(least);
        self
    }

    /// Wants this type; `mcp.*` is every type that begins with `mcp.`.
    #[must_use]
    pub fn event_type(mut self, name: impl Into<String>) -> Self {
        self.event_type = Some(name.into());
        self
    }

    /// Wants this component.
    #[must_use]
    pub fn component(mut self, name: impl Into<String>) -> Self {
        self.component = Some(name.into());
        self
    }

    /// Wants this request; one that is logged as a number is its digits.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Wants this trace, in upper or lower case.
    #[must_use]
    pub fn trace_id(mut self, id: impl Into<String>) -> Self {
        self.trace_id = Some(id.into());
        self
    }

    /// Wants what was written at `time` or after it.
    #[must_use]
    pub fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Wants what was written before `time`.
    #[must_use]
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }

    /// Whether `record` meets every condition.
    pub fn wants(&self, record: &Record) -> bool {
        let text = |asked: &Option<String>, has: Option<&str>| match asked {
            Some(asked) => has == Some(asked),
            None => true,
        };
        self.level.is_none_or(|least| record.level().is_some_and(|level| level >= least))
            && self.wants_type(record.event_type())
            && text(&self.component, record.component().as_deref())
            && text(&self.request_id, record.request_id().as_deref())
            && self.wants_trace(record.trace_id())
            && self.wants_time(record)
    }

    fn wants_type(&self, event_type: Option<&str>) -> bool {
        let Some(asked) = &self.event_type else { return true };
        event_type.is_some_and(|has| match asked.strip_suffix(".*") {
            Some(family) => has.strip_prefix(family).is_some_and(|rest| rest.starts_with('.')),
            None => has == asked,
        })
    }

    fn wants_trace(&self, trace_id: Option<&str>) -> bool {
        let Some(asked) = &self.trace_id else { return true };
        trace_id.is_some_and(|has| has.eq_ignore_ascii_case(asked))
    }

    fn wants_time(&self, record: &Record) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        record.timestamp().is_some_and(|time| {
            self.since.is_none_or(|since| time >= since)
                && self.until.is_none_or(|until| time < until)
        })
    }
}

#[cfg(test)]
mod tests;
