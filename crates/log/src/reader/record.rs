//! One record, and its fields by name.

use std::borrow::Cow;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::{check, time};
use crate::Level;

/// One record: a line that is a JSON object, whatever its keys.
///
/// What a field holds is asked by name. `None` says that the field is not there, or holds
/// something else than it should: [`check`](Record::check) tells which. Fields of the envelope
/// are looked up at the top only, so that nobody's field can pass for one of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    line: Box<str>,
    object: Map<String, Value>,
    offset: u64,
    len: u64,
}

impl Record {
    pub(super) fn new(line: &str, object: Map<String, Value>, offset: u64, len: u64) -> Self {
        Self { line: line.trim_end_matches('\r').into(), object, offset, len }
    }

    /// The line as it was read, without its line ending.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The whole object.
    pub fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// Where its first byte is, counted from the start of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has in the file, its newline included.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// When it was written, by the writer's clock.
    ///
    /// Schema 1.0.0 has local time and no zone, which is taken as UTC.
    pub fn timestamp(&self) -> Option<SystemTime> {
        time::parse(self.envelope("timestamp")?)
    }

    /// How grave it is.
    pub fn level(&self) -> Option<Level> {
        self.envelope("level")?.parse().ok()
    }

    /// What it tells of: `mcp.tool.invoked`.
    pub fn event_type(&self) -> Option<&str> {
        self.envelope("event_type")
    }

    /// The name of the logger that wrote it.
    pub fn logger(&self) -> Option<&str> {
        self.envelope("logger")
    }

    /// What it says to a person.
    pub fn message(&self) -> Option<&str> {
        self.envelope("message")
    }

    /// The version of the schema it was written by: `2.0.0`.
    pub fn schema_version(&self) -> Option<&str> {
        self.envelope("schema_version")
    }

    /// Its number in its stream, from 0.
    pub fn seq(&self) -> Option<u64> {
        self.object.get("seq")?.as_u64()
    }

    /// The sink's life that it belongs to: one for each time that a sink was opened.
    pub fn stream(&self) -> Option<&str> {
        self.envelope("stream")
    }

    /// The trace in which it was written.
    pub fn trace_id(&self) -> Option<&str> {
        self.envelope("trace_id")
    }

    /// The span in which it was written.
    pub fn span_id(&self) -> Option<&str> {
        self.envelope("span_id")
    }

    /// The part of the program that wrote it.
    pub fn component(&self) -> Option<Cow<'_, str>> {
        self.text("component")
    }

    /// The request in whose course it was written. A number is its digits.
    pub fn request_id(&self) -> Option<Cow<'_, str>> {
        self.text("request_id")
    }

    /// How long what it tells of took, in milliseconds: finite and not negative.
    pub fn duration_ms(&self) -> Option<f64> {
        let number = self.get("duration_ms")?.as_f64()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    }

    /// A field's value: the one at the top, else the one under `fields`, where those go whose
    /// names the envelope has.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::reader::Reader;
    ///
    /// let log = r#"{"level":"INFO","user":"ada","fields":{"level":11}}"#;
    /// for entry in Reader::new(log.as_bytes()) {
    ///     let record = entry?.into_record().expect("a record");
    ///     assert_eq!(record.get("user").and_then(|user| user.as_str()), Some("ada"));
    ///     assert_eq!(record.get("level"), Some(&"INFO".into()));
    ///     assert_eq!(record.object()["fields"]["level"], 11);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name).or_else(|| self.object.get("fields")?.get(name))
    }

    /// A field's value as text: a string as it is, a number or a boolean as JSON has it.
    ///
    /// `None` for null, arrays and objects.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.get(name)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(Cow::Owned(value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Whether it has the envelope that its schema demands.
    ///
    /// 1.x and 2.x are known. What a record has beyond the envelope is not looked at.
    ///
    /// # Errors
    ///
    /// The first field that is missing or wrong.
    pub fn check(&self) -> Result<(), check::Malformed> {
        check::envelope(self)
    }

    fn envelope(&self, name: &str) -> Option<&str> {
        self.object.get(name)?.as_str()
    }
}

#[cfg(test)]
mod tests;
