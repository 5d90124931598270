//! Whether a record has the envelope that its schema demands.

use core::fmt;

use serde_json::Value;

use super::record::Record;

/// A field of the envelope that is missing, or is not what the record's schema says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    field: &'static str,
    missing: bool,
}

impl Malformed {
    /// The field's name.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Whether it is missing; else it has a value of another form.
    pub fn is_missing(&self) -> bool {
        self.missing
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, missing } = self;
        let what = if *missing { "is missing" } else { "is not what the schema says" };
        write!(f, "field {field} {what}")
    }
}

impl core::error::Error for Malformed {}

pub(super) fn envelope(record: &Record) -> Result<(), Malformed> {
    let wrong = |field| Malformed { field, missing: !record.object().contains_key(field) };
    let demand = |field, holds: bool| if holds { Ok(()) } else { Err(wrong(field)) };
    let allow =
        |field, is: fn(&Value) -> bool| demand(field, record.object().get(field).is_none_or(is));

    let major = record.schema_version().and_then(|version| version.split('.').next());
    demand("schema_version", matches!(major, Some("1" | "2")))?;
    demand("timestamp", record.timestamp().is_some())?;
    demand("level", record.level().is_some())?;
    demand("logger", record.logger().is_some())?;
    demand("message", record.message().is_some())?;
    if major == Some("1") {
        return Ok(());
    }
    demand("event_type", record.event_type().is_some())?;
    demand("seq", record.seq().is_some())?;
    demand("stream", record.stream().is_some_and(|id| is_hex(id, 16)))?;
    allow("trace_id", |id| id.as_str().is_some_and(|id| is_hex(id, 32)))?;
    allow("span_id", |id| id.as_str().is_some_and(|id| is_hex(id, 16)))?;
    allow("fields", Value::is_object)?;
    allow("truncated", |cut| cut.as_array().is_some_and(|names| names.iter().all(Value::is_string)))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(value: &Value) -> Record {
        let object = value.as_object().unwrap().clone();
        Record::new(&value.to_string(), object, 0, 0)
    }

    fn whole() -> Value {
        json!({
            "timestamp": "2026-11-23T13:15:02.123456Z", "schema_version": "2.0.0",
            "level": "INFO", "logger": "tools", "event_type": "custom", "message": "m",
            "seq": 0, "stream": "0123456789abcdef",
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
            "fields": {}, "truncated": ["x"],
        })
    }

    #[test]
    fn a_whole_record_conforms_and_one_with_any_field_of_another_form_does_not() {
        assert_eq!(record(&whole()).check(), Ok(()));
        for (field, value) in [
            ("timestamp", json!("yesterday")),
            ("schema_version", json!("3.0.0")),
            ("level", json!("LOUD")),
            ("logger", json!(1)),
            ("event_type", json!(null)),
            ("message", json!(["m"])),
            ("seq", json!(-1)),
            ("stream", json!("0123456789ABCDEF")),
            ("trace_id", json!("0af7")),
            ("span_id", json!("b7ad6b716920333g")),
            ("fields", json!([])),
            ("truncated", json!([1])),
        ] {
            let mut changed = whole();
            changed[field] = value;
            let error = record(&changed).check().unwrap_err();
            assert_eq!((error.field(), error.is_missing()), (field, false));
            assert_eq!(error.to_string(), format!("field {field} is not what the schema says"));
        }
    }

    #[test]
    fn what_may_be_missing_and_what_may_not() {
        let optional = ["trace_id", "span_id", "fields", "truncated"];
        for field in whole().as_object().unwrap().keys() {
            let mut changed = whole();
            changed.as_object_mut().unwrap().remove(field);
            let said = record(&changed).check().map_err(|error| error.to_string());
            let expected = if optional.contains(&field.as_str()) {
                Ok(())
            } else {
                Err(format!("field {field} is missing"))
            };
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn the_predecessor_needs_neither_numbers_nor_an_event_type() {
        let old = json!({
            "timestamp": "2024-05-01 12:00:00,123", "schema_version": "1.0.0", "level": "WARNING",
            "logger": "x", "message": "m", "function": "f", "component": "c",
        });
        assert_eq!(record(&old).check(), Ok(()));
    }
}
