//! What a line is: a record, a piece that is none, or one behind the other.

use super::line::Line;
use super::parse;
use super::record::Record;
use super::skipped::{Reason, Skipped};

/// A piece of a log. All pieces together are the whole log, byte for byte.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    /// A record: a line that is a JSON object.
    Record(Record),
    /// A line, or a part of one, that is no record.
    Skipped(Skipped),
}

impl Entry {
    /// The record, if it is one.
    pub fn into_record(self) -> Option<Record> {
        match self {
            Entry::Record(record) => Some(record),
            Entry::Skipped(_) => None,
        }
    }

    /// Where its first byte is, counted from the start of the file.
    pub fn offset(&self) -> u64 {
        match self {
            Entry::Record(record) => record.offset(),
            Entry::Skipped(skipped) => skipped.offset(),
        }
    }

    /// How many bytes it has, its newline included.
    pub fn size(&self) -> u64 {
        match self {
            Entry::Record(record) => record.size(),
            Entry::Skipped(skipped) => skipped.size(),
        }
    }
}

/// What `line` is; the second piece is a record that was written behind the first.
pub(super) fn of(line: Line<'_>) -> (Entry, Option<Entry>) {
    let Line { mut offset, mut len, held } = line;
    let whole = (offset, len);
    let bytes = match held {
        Ok(bytes) if offset == 0 => parse::without_bom(bytes),
        Ok(bytes) => bytes,
        Err(limit) => return (skipped(whole, Reason::TooLong { limit }), None),
    };
    let reason = match piece(bytes, whole) {
        Ok(record) => return (Entry::Record(record), None),
        Err(reason) => reason,
    };
    let Some(at) = begin_of_last_record(bytes, &reason) else {
        return (skipped(whole, reason), None);
    };
    // The end of the line, its newline included, is the record's; the rest, a byte order mark
    // included, is what stands before it.
    let behind = bytes.len() - at;
    let newline = len - held.map_or(0, |held| held.len() as u64);
    len -= behind as u64 + newline;
    let first = piece(&bytes[..at], (offset, len)).map(Entry::Record);
    let first = first.unwrap_or_else(|reason| skipped((offset, len), reason));
    offset += len;
    let second = piece(&bytes[at..], (offset, behind as u64 + newline));
    (first, second.ok().map(Entry::Record))
}

fn skipped((offset, len): (u64, u64), reason: Reason) -> Entry {
    Entry::Skipped(Skipped { offset, len, reason })
}

fn piece(bytes: &[u8], (offset, len): (u64, u64)) -> Result<Record, Reason> {
    parse::object(bytes).map(|(text, object)| Record::new(text, object, offset, len))
}

/// Where the record begins that ends `line`, if something torn stands before it.
///
/// A disk that was full or a process that was killed leaves the beginning of a record, and
/// somebody else who appends to the file may know nothing of it: both would be lost with the
/// line. What begins a record cannot stand in a string, whose quotes are escaped. It can stand
/// in a record as a value, but then a torn line that ends with it ends before its JSON does:
/// nothing is looked for in such a line, nor behind the beginning of such a record, so that
/// nobody can make a record of a value.
fn begin_of_last_record(line: &[u8], reason: &Reason) -> Option<usize> {
    const BEGINS: &[u8] = br#"{"timestamp":""#;
    // So that a line made of beginnings does not make us read it over and over.
    const TRIES: usize = 16;

    if !matches!(reason, Reason::NotJson { .. } | Reason::NotUtf8 { .. }) {
        return None;
    }
    let begins = memchr::memmem::find_iter(line, BEGINS).take(TRIES);
    let mut read = begins.map(|at| (at, piece(&line[at..], (0, 0))));
    let (at, found) = read.find(|(_, found)| match found {
        Ok(record) => record.check().is_ok(),
        Err(reason) => *reason == Reason::Torn,
    })?;
    found.is_ok().then_some(at)
}
