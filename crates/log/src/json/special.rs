//! Bytes that are no text, and what comes as text and is none.

use core::fmt::{self, Write};

use serde::Serialize;

use super::writer::{ELEMENT_BYTES, Stop, Writer};

/// How many bytes of raw JSON are read for each byte of room.
const RAW_FACTOR: usize = 8;

impl Writer<'_> {
    /// Bytes that are no UTF-8: as much text as they hold.
    pub(super) fn lossy(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.out.extend_from_slice(br#"{"$lossy":"#);
        self.limit -= 1;
        let written = self.shown(&Lossy(bytes));
        self.limit += 1;
        self.out.push(b'}');
        written
    }

    /// A number that comes as its text.
    pub(super) fn number(&mut self, text: &str) -> Result<(), Stop> {
        let is_bare = text.len() <= ELEMENT_BYTES
            && text.bytes().all(|byte| !byte.is_ascii_whitespace())
            // Not what other parsers could not hold, 1e999.
            && serde_json::from_str::<f64>(text).is_ok();
        if is_bare {
            self.out.extend_from_slice(text.as_bytes());
            Ok(())
        } else {
            self.string(text)
        }
    }

    /// JSON that comes as its text: read and written again, since it keeps to no rules.
    pub(super) fn raw(&mut self, text: &str) -> Result<(), Stop> {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => value.serialize(self),
            // The parser gives up at some depth, but skips any.
            Err(_) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
                self.cut(r#"{"$cut":"depth"}"#)
            }
            Err(_) => self.fail(),
        }
    }

    /// The most bytes of raw JSON that are read.
    pub(super) fn raw_bytes(&self) -> usize {
        (self.limit - self.out.len()).saturating_mul(RAW_FACTOR)
    }

    /// Instead of raw JSON that is longer than that.
    pub(super) fn raw_too_long(&mut self) -> Result<(), Stop> {
        self.cut(r#"{"$cut":"size"}"#)
    }
}

/// Shows bytes as far as they are text.
struct Lossy<'a>(&'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}
