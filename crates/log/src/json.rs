//! One value as JSON, whatever it is.
//!
//! A record must be one valid line, and its caller must not notice what a value does while it is
//! written: not a panic, not an error, not ten gigabytes. serde_json's own serializer has no
//! limits, refuses odd keys, turns NaN into null and repeats keys, so the structure is ours;
//! escapes and numbers are its.
//!
//! What is not as it was says so: a cut string ends in `…`; an array or object that is too deep is
//! `{"$cut":"depth"}`; where elements are missing, the last one is `{"$cut":"size"}`, or the
//! last key `$cut`. Of a key that comes twice the first is kept, so that what is flattened
//! into a struct overwrites none of its fields.

mod array;
mod object;
mod scratch;
mod serializer;
mod special;
mod text;
mod writer;

use core::fmt;

use serde::Serialize;

use crate::Redaction;
use crate::contained::contained;
use writer::{Stop, Writer};

/// What stands for a value that must not be shown.
pub(crate) const REDACTED: &str = "[redacted]";
/// What stands for a value whose formatting panicked or erred, as JSON.
pub(crate) const FAILED: &[u8] = br#"{"$error":"format_failed"}"#;
/// The most bytes of a key, quotes and escapes included. A key that is itself an array or an
/// object is written as its text, whose quotes may take as many again.
pub(crate) const KEY_BYTES: usize = 256;

/// What a value may take up, and which of its parts nobody may see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// The most bytes of one value.
    pub(crate) value_bytes: usize,
    /// The most arrays and objects within each other; more than 128 is 128.
    pub(crate) depth: usize,
    /// Whose values are hidden.
    pub(crate) redaction: &'a Redaction,
}

/// How much of a value was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a record names the fields that were cut"]
pub(crate) enum Outcome {
    /// All of it that may be seen.
    Whole,
    /// Less: a part was too large or too deep, or a key came twice.
    Cut,
    /// Nothing but [`FAILED`].
    Failed,
}

/// Appends `value` as JSON, in at most `room` or `rules.value_bytes` bytes, whichever is less,
/// but never less than 64.
pub(crate) fn encode<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    rules: &Rules<'_>,
    room: usize,
) -> Outcome {
    settled(Writer::new(out, rules, room), |writer| value.serialize(writer))
}

/// Appends what `value` shows, as a JSON string, in as many bytes as [`encode`] takes at most.
///
/// It is stopped once it has written more than fits: ten gigabytes are never formatted.
pub(crate) fn text(
    out: &mut Vec<u8>,
    value: &dyn fmt::Display,
    rules: &Rules<'_>,
    room: usize,
) -> Outcome {
    settled(Writer::new(out, rules, room), |writer| writer.shown(value))
}

/// Appends `name` as a JSON string of at most [`KEY_BYTES`].
pub(crate) fn key(out: &mut Vec<u8>, name: &str) {
    text::string(out, name, KEY_BYTES, false);
}

/// Appends what stands for a hidden value.
pub(crate) fn redacted(out: &mut Vec<u8>) {
    key(out, REDACTED);
}

/// Runs what is not ours, with its panics, and settles what it has written.
fn settled<'a>(
    mut writer: Writer<'a>,
    write: impl FnOnce(&mut Writer<'a>) -> Result<(), Stop>,
) -> Outcome {
    // Unwind safe: all that a panic can leave half done is behind the writer, which settles
    // from its own account: it cuts away what it wrote. What the caller's value is left
    // like is seen by nobody but its owner.
    let ended = contained(|| write(&mut writer)).unwrap_or(Err(Stop));
    writer.settle(ended)
}

#[cfg(test)]
mod tests;
