//! A record as a line for a person.

use std::borrow::Cow;
use std::fmt::Write as _;

use ampacity_log::Level;
use ampacity_log::reader::Record;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

use crate::escape;

/// What stands at the start of a line, or is left to `--json`.
const ENVELOPE: [&str; 9] = [
    "timestamp",
    "level",
    "logger",
    "event_type",
    "message",
    "schema_version",
    "seq",
    "stream",
    "fields",
];

/// Makes lines, with colours or without.
///
/// ```text
/// 2026-11-23T13:15:02.123456Z INFO     tools mcp.tool.invoked: Tool read invoked  n=3
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pretty {
    colours: bool,
}

impl Pretty {
    pub(crate) fn new(colours: bool) -> Self {
        Self { colours }
    }

    pub(crate) fn line(self, record: &Record) -> String {
        let envelope = |name| record.object().get(name).map_or(Cow::Borrowed("-"), text);
        let mut line = String::with_capacity(256);
        self.add(&mut line, dim(), &envelope("timestamp"));
        line.push(' ');
        let level = record.level().map_or_else(|| envelope("level"), |l| l.as_str().into());
        self.add(&mut line, record.level().map_or(dim(), style), &format!("{level:8}"));
        line.push(' ');
        self.add(&mut line, dim(), &envelope("logger"));
        if record.object().contains_key("event_type") {
            line.push(' ');
            self.add(&mut line, AnsiColor::Cyan.on_default(), &envelope("event_type"));
        }
        if record.object().contains_key("message") {
            line.push_str(": ");
            self.add(&mut line, Style::new().bold(), &envelope("message"));
        }
        let own = record.object().iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
        for (name, value) in own {
            self.field(&mut line, "", name, value);
        }
        match record.object().get("fields") {
            Some(Value::Object(fields)) => self.fields(&mut line, fields),
            Some(other) => self.field(&mut line, "", "fields", other),
            None => {}
        }
        line
    }

    fn fields(self, line: &mut String, fields: &Map<String, Value>) {
        for (name, value) in fields {
            self.field(line, "fields.", name, value);
        }
    }

    fn field(self, line: &mut String, under: &str, name: &str, value: &Value) {
        line.push_str("  ");
        self.add(line, dim(), &format!("{under}{}=", escape::visible(name)));
        match value {
            // As it is where it can be told from what stands beside it, else as JSON.
            Value::String(text) if is_plain(text) => line.push_str(&escape::visible(text)),
            value => line.push_str(&escape::visible_json(&value.to_string())),
        }
    }

    fn add(self, line: &mut String, style: Style, text: &str) {
        if self.colours {
            // A `String` takes whatever it is given.
            let _ = write!(line, "{style}{text}{style:#}");
        } else {
            line.push_str(text);
        }
    }
}

/// A value of the envelope: strings without quotes.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => escape::visible(text),
        other => Cow::Owned(escape::visible_json(&other.to_string()).into_owned()),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "=\"".contains(c))
}

fn dim() -> Style {
    Style::new().dimmed()
}

fn style(level: Level) -> Style {
    match level {
        Level::Trace | Level::Debug => dim(),
        Level::Info => AnsiColor::Green.on_default(),
        Level::Warning => AnsiColor::Yellow.on_default(),
        Level::Error => AnsiColor::Red.on_default(),
        Level::Critical => AnsiColor::Red.on_default().bold().invert(),
    }
}
