//! Any bytes, read as a log.

use std::io::{self, ErrorKind, Read};

use ampacity_log::reader::{Entry, Filter, Gaps, MAX_LINE, Reader, Reason, Record, Skipped};

use crate::tree::Tree;

/// Reads `data` as a log: nothing panics, every byte belongs to one entry, however the bytes
/// come in, and another parser agrees on what is a record.
pub fn log_reader(data: &[u8]) {
    let whole = entries(data, MAX_LINE, data.len().max(1));
    assert_eq!(whole, entries(data, MAX_LINE, 1 + data.len() % 7), "the pieces do not matter");
    check(data, &whole, MAX_LINE);

    let short = 64;
    check(data, &entries(data, short, 13), short);
}

fn entries(data: &[u8], max_line: usize, piece: usize) -> Vec<Entry> {
    let source = Pieces { data, piece, interrupted: false };
    let mut reader = Reader::new(source).max_line(max_line);
    let entries = reader.by_ref().map(|entry| entry.expect("memory does not fail")).collect();
    assert!(reader.next().is_none(), "the end is the end");
    entries
}

/// Hands out a few bytes at a time, and is interrupted in between.
struct Pieces<'a> {
    data: &'a [u8],
    piece: usize,
    interrupted: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        let (piece, rest) = self.data.split_at(self.piece.min(buffer.len()).min(self.data.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.data = rest;
        Ok(piece.len())
    }
}

fn check(data: &[u8], entries: &[Entry], max_line: usize) {
    let mut gaps = Gaps::new();
    let (mut at, mut records) = (0, 0);
    for entry in entries {
        assert_eq!(entry.offset(), at as u64, "no byte is left out, and none is read twice");
        let end = at + usize::try_from(entry.size()).expect("as long as the data at most");
        assert!(end > at, "an entry has bytes");
        let bytes = &data[at..end];
        match entry {
            Entry::Record(record) => {
                is_record(record, bytes, at);
                gaps.add(record);
                records += 1;
            }
            Entry::Skipped(skipped) => is_none(skipped, bytes, at, max_line),
        }
        at = end;
    }
    assert_eq!(at, data.len(), "no byte is left over");

    let mut numbered = gaps.untracked() + gaps.unnumbered();
    for (_, stream) in gaps.streams() {
        numbered += stream.records();
        assert!(u128::from(stream.missing()) <= gaps.missing());
    }
    assert_eq!(numbered, records, "every record is counted once");
}

fn is_record(record: &Record, bytes: &[u8], at: usize) {
    let text = std::str::from_utf8(bytes).expect("a record is text");
    let line = text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r');
    let line = if at == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
    assert_eq!(record.line(), line);

    let tree = Tree::parse(line).expect("a record is JSON without a key twice");
    let object = record.object().clone().into();
    assert!(tree.is(&object), "{tree:?} is not {object}");

    // Asked for everything; it is enough that it answers.
    let _ = record.check();
    let _ = (record.schema_version(), record.trace_id(), record.span_id(), record.duration_ms());
    let filter = Filter::new()
        .level(ampacity_log::Level::Warning)
        .event_type("mcp.*")
        .component("c")
        .request_id("1")
        .trace_id("0af7651916cd43dd8448eb211c80319c");
    let wanted = filter.wants(record);
    assert!(!wanted || record.level().is_some(), "a level was asked for");
    if let Some(time) = record.timestamp() {
        assert!(Filter::new().since(time).wants(record));
        assert!(!Filter::new().until(time).wants(record));
    }
}

fn is_none(skipped: &Skipped, bytes: &[u8], at: usize, max_line: usize) {
    let said = skipped.to_string();
    assert!(!said.contains('\n') && said.len() < 1000, "{said}");

    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = if at == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    let tree = std::str::from_utf8(line).map(Tree::parse);
    match skipped.reason() {
        Reason::Blank => assert!(line.iter().all(|byte| b" \t\r".contains(byte))),
        Reason::TooLong { limit } => {
            assert_eq!(*limit, max_line);
            assert!(bytes.len() > max_line);
        }
        Reason::NotUtf8 { column } => {
            let error = tree.expect_err("it is not text");
            assert_eq!(*column, error.valid_up_to() + 1);
        }
        // No other parser makes a record of it, so nothing was lost for nothing.
        Reason::Torn
        | Reason::NotJson { .. }
        | Reason::NotFinite { .. }
        | Reason::DuplicateKey { .. } => {
            assert!(!matches!(tree, Ok(Ok(_))), "{skipped}: {tree:?}");
        }
        Reason::NotAnObject { .. } => {
            assert!(matches!(tree, Ok(Ok(tree)) if !matches!(tree, Tree::Object(_))));
        }
        _ => {}
    }
}
