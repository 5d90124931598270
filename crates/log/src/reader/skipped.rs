//! A piece of a log that is no record, and why.

use core::fmt;

/// A piece of a log that is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) reason: Reason,
}

impl Skipped {
    /// Where its first byte is, counted from the start of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has, its newline included.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// Why it is no record.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

/// `offset 1234: 56 bytes skipped: torn: it ends before its JSON does`
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, reason } = self;
        let bytes = if *len == 1 { "byte" } else { "bytes" };
        write!(f, "offset {offset}: {len} {bytes} skipped: {reason}")
    }
}

/// Why a piece of a log is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing but white space, as a writer leaves that starts on a fresh line. Nothing is lost.
    Blank,
    /// It ends before its JSON does: its writer was stopped, or the disk was full.
    Torn,
    /// No JSON.
    NotJson {
        /// What a parser says.
        why: String,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// A bare `NaN`, `Infinity` or `-Infinity`, which JSON does not have. The predecessor wrote
    /// them; this library writes strings.
    NotFinite {
        /// The token.
        token: &'static str,
        /// The byte in the line where it begins, from 1.
        column: usize,
    },
    /// A number that no 64-bit integer and no float can hold.
    NumberTooLarge {
        /// The byte in the line, from 1.
        column: usize,
    },
    /// Not UTF-8.
    NotUtf8 {
        /// The first byte in the line that is wrong, from 1.
        column: usize,
    },
    /// JSON, but no object.
    NotAnObject {
        /// What it is: `an array`.
        found: &'static str,
    },
    /// A key twice in one object: whoever reads it may see either value.
    DuplicateKey {
        /// The key, at most 64 characters of it.
        key: String,
    },
    /// Arrays and objects nested more deeply than this.
    TooDeep {
        /// The most levels that are read.
        limit: usize,
    },
    /// Longer than [`Reader::max_line`](super::Reader::max_line).
    TooLong {
        /// The most bytes that are looked at.
        limit: usize,
    },
}

impl Reason {
    /// Whether something was lost: true for all but [`Blank`](Reason::Blank).
    pub fn is_loss(&self) -> bool {
        *self != Reason::Blank
    }

    /// One or two words, the same for all pieces of a kind: `torn`, `not JSON`.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Blank => "blank",
            Reason::Torn => "torn",
            Reason::NotJson { .. } => "not JSON",
            Reason::NotFinite { .. } => "not finite",
            Reason::NumberTooLarge { .. } => "number too large",
            Reason::NotUtf8 { .. } => "not UTF-8",
            Reason::NotAnObject { .. } => "not an object",
            Reason::DuplicateKey { .. } => "duplicate key",
            Reason::TooDeep { .. } => "too deep",
            Reason::TooLong { .. } => "too long",
        }
    }
}

/// The [`name`](Reason::name) and what is known beside it. A key is quoted and escaped.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Reason::Blank => Ok(()),
            Reason::Torn => f.write_str(": it ends before its JSON does"),
            Reason::NotJson { why, column } => write!(f, ": {why} at column {column}"),
            Reason::NotFinite { token, column } => {
                write!(f, ": {token} at column {column} is no JSON")
            }
            Reason::NumberTooLarge { column } => write!(f, ": at column {column}"),
            Reason::NotUtf8 { column } => write!(f, ": at column {column}"),
            Reason::NotAnObject { found } => write!(f, ": it is {found}"),
            Reason::DuplicateKey { key } => write!(f, ": {key:?}"),
            Reason::TooDeep { limit } => write!(f, ": nested more than {limit} levels"),
            Reason::TooLong { limit } => write!(f, ": more than {limit} bytes"),
        }
    }
}
