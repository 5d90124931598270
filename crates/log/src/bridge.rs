//! Records as events of `tracing`, for whatever subscriber the program has.
//!
//! A subscriber gets what the record holds once it is made: encoded, cut, and with secrets
//! hidden. So no value of the user's is formatted twice, and what a record is safe from its
//! event is, too. The record is with the sinks by then, whatever the subscriber does.

use std::borrow::Cow;
use std::cell::Cell;

use crate::contained::contained;
use crate::event_type::EventType;
use crate::level::Level;
use crate::scratch::Scratch;

/// The target of the events.
pub(crate) const TARGET: &str = "ampacity_log";

thread_local! {
    static MUTED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, whose records on this thread are no events.
pub(crate) fn muted<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            MUTED.set(self.0);
        }
    }
    let _restore = Restore(MUTED.replace(true));
    f()
}

/// Hands a record, whose envelope is closed, to the subscriber of this thread.
pub(crate) fn send(level: Level, logger: &[u8], event_type: EventType, record: &Scratch) {
    // A subscriber may log through the very log that it listens to.
    if MUTED.get() {
        return;
    }
    // Without a subscriber that wants the event none of its fields is evaluated.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                name: "record",
                target: TARGET,
                tracing::Level::$level,
                event_type = event_type.as_str(),
                logger = &*text(logger),
                critical = (level == Level::Critical).then_some(true),
                fields = &*members(&record.tail),
                "{}",
                message(record, event_type)
            )
        };
    }
    let send = || match level {
        Level::Trace => event!(TRACE),
        Level::Debug => event!(DEBUG),
        Level::Info => event!(INFO),
        Level::Warning => event!(WARN),
        Level::Error | Level::Critical => event!(ERROR),
    };
    muted(|| contained(send));
}

fn message(record: &Scratch, event_type: EventType) -> Cow<'_, str> {
    match &record.message[..] {
        [] => format!("Event: {event_type}").into(),
        message => text(message),
    }
}

/// What is behind the record's number, as an object.
fn members(tail: &[u8]) -> String {
    let members = tail.strip_prefix(b",").unwrap_or(tail).trim_ascii_end();
    format!("{{{}", String::from_utf8_lossy(members))
}

/// What a JSON string says; what is none stays as it is.
fn text(json: &[u8]) -> Cow<'_, str> {
    match json {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => String::from_utf8_lossy(text),
        _ => match serde_json::from_slice(json) {
            Ok(text) => Cow::Owned(text),
            Err(_) => String::from_utf8_lossy(json),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_number_is_an_object() {
        assert_eq!(members(b"}\n"), "{}");
        assert_eq!(members(br#","a":1,"b":{"c":"\n"}}"#), r#"{"a":1,"b":{"c":"\n"}}"#);
        assert_eq!(members(b",\"a\":1}\n"), r#"{"a":1}"#);
    }

    #[test]
    fn a_string_is_read_with_its_escapes_and_what_is_none_stays_as_it_is() {
        assert_eq!(text(br#""plain""#), "plain");
        assert_eq!(text(br#""""#), "");
        assert_eq!(text(br#""a\n\"b\" \u0007""#), "a\n\"b\" \u{7}");
        assert_eq!(text(br#"{"$error":"format_failed"}"#), r#"{"$error":"format_failed"}"#);
    }
}
