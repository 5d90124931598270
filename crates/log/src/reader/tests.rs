//! Hostile input: every byte is accounted for, and no record is lost to its neighbours.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

fn read(log: impl AsRef<[u8]>) -> Vec<Entry> {
    read_up_to(MAX_LINE, log)
}

fn read_up_to(max_line: usize, log: impl AsRef<[u8]>) -> Vec<Entry> {
    let reader = Reader::new(log.as_ref()).max_line(max_line);
    let entries: Vec<Entry> = reader.map(|entry| entry.expect("bytes can be read")).collect();
    let mut offset = 0;
    for entry in &entries {
        assert_eq!(entry.offset(), offset, "{entry:?}");
        assert!(entry.size() > 0, "{entry:?}");
        offset += entry.size();
    }
    assert_eq!(offset, log.as_ref().len() as u64, "every byte belongs to one entry");
    entries
}

fn messages(entries: &[Entry]) -> Vec<&str> {
    let records = entries.iter().filter_map(|entry| match entry {
        Entry::Record(record) => record.message(),
        Entry::Skipped(_) => None,
    });
    records.collect()
}

fn reasons(log: impl AsRef<[u8]>) -> Vec<String> {
    let said = read(log).into_iter().filter_map(|entry| match entry {
        Entry::Record(_) => None,
        Entry::Skipped(skipped) => Some(skipped.reason().to_string()),
    });
    said.collect()
}

/// A whole record of ours that says `message`.
fn line(message: &str) -> String {
    let message = serde_json::Value::from(message);
    format!(
        r#"{{"timestamp":"2026-11-23T13:15:02.123456Z","schema_version":"2.0.0","level":"INFO","logger":"t","event_type":"custom","message":{message},"seq":0,"stream":"0123456789abcdef"}}"#
    )
}

#[test]
fn each_kind_of_line_that_is_no_record_says_what_it_is() {
    let control = r"not JSON: control character (\u0000-\u001F) found while parsing a string";
    for (line, reason) in [
        ("", "blank"),
        (" \t\r", "blank"),
        (r#"{"a":"#, "torn: it ends before its JSON does"),
        (r#"{"a":"b"#, "torn: it ends before its JSON does"),
        ("starting up", "not JSON: expected value at column 1"),
        ("{\"a\":\"\u{1}\"}", &format!("{control} at column 7")),
        ("\0\0\0\0", "not JSON: expected value at column 1"),
        ("\u{b}", "not JSON: expected value at column 1"),
        ("{} {}", "not JSON: trailing characters at column 4"),
        (r#"{"a":NaN}"#, "not finite: NaN at column 6 is no JSON"),
        (r#"{"a":[1,Infinity]}"#, "not finite: Infinity at column 9 is no JSON"),
        (r#"{"a": -Infinity, "b": 1}"#, "not finite: -Infinity at column 7 is no JSON"),
        (r#"{"a":-1e400}"#, "number too large: at column 11"),
        ("[1]", "not an object: it is an array"),
        ("\"s\"", "not an object: it is a string"),
        ("1", "not an object: it is a number"),
        ("true", "not an object: it is a boolean"),
        ("null", "not an object: it is null"),
        (r#"{"a":1,"b":2,"a":3}"#, r#"duplicate key: "a""#),
        (r#"{"a":[{"\u001b":1,"\u001b":2}]}"#, r#"duplicate key: "\u{1b}""#),
    ] {
        assert_eq!(reasons(format!("{line}\n")), [reason], "{line}");
    }
    assert_eq!(reasons(b"{\"a\":\"\xff\"}\n"), ["not UTF-8: at column 7"]);
    assert_eq!(reasons(b"{\"a\":\"\xe2\x82"), ["torn: it ends before its JSON does"]);
}

#[test]
fn a_number_of_5000_digits_is_refused_and_said() {
    let log = format!("{{\"n\":{}}}\n{}\n", "7".repeat(5000), line("after"));
    assert!(reasons(&log)[0].starts_with("number too large"), "{:?}", reasons(&log));
    assert_eq!(messages(&read(&log)), ["after"]);
}

#[test]
fn nesting_without_end_neither_overflows_the_stack_nor_hides_what_follows() {
    for opening in ["[", "{\"a\":", "[{\"a\":"] {
        let log = format!("{}\n{}\n", opening.repeat(100_000), line("after"));
        assert_eq!(reasons(&log), ["too deep: nested more than 100 levels"]);
        assert_eq!(messages(&read(&log)), ["after"]);
    }
    let nested =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(reasons(nested(100)), [""; 0]);
    assert_eq!(reasons(nested(101)), ["too deep: nested more than 100 levels"]);
}

#[test]
fn a_whole_last_line_needs_no_newline() {
    let log = format!("{}\n{}", line("one"), line("two"));
    assert_eq!(messages(&read(log)), ["one", "two"]);
}

#[test]
fn carriage_returns_and_a_byte_order_mark_are_no_part_of_a_record() {
    let log = format!("\u{feff}{}\r\n{}\r\n", line("one"), line("two"));
    let entries = read(&log);
    assert_eq!(messages(&entries), ["one", "two"]);
    let texts = entries.into_iter().map(|entry| entry.into_record().unwrap().line().to_owned());
    assert_eq!(texts.collect::<Vec<_>>(), [line("one"), line("two")]);
    // Elsewhere it is not a mark.
    assert_eq!(reasons(format!("\n\u{feff}{}\n", line("x"))).len(), 2);
}

#[test]
fn a_record_behind_a_torn_one_is_found() {
    let (torn, whole) = (line("torn é"), line("whole"));
    let mut found = 0;
    for cut in 1..torn.len() {
        let log = [&torn.as_bytes()[..cut], whole.as_bytes(), b"\n"].concat();
        let entries = read(&log);
        match &entries[..] {
            [Entry::Skipped(skipped), Entry::Record(record)] => {
                assert_eq!((skipped.size(), record.offset()), (cut as u64, cut as u64));
                assert_eq!(skipped.reason(), &Reason::Torn);
                assert_eq!((record.message(), record.line()), (Some("whole"), &whole[..]));
                found += 1;
            }
            // Cut where a value begins: the record could be that value.
            [Entry::Skipped(_)] => assert!(matches!(torn.as_bytes()[cut - 1], b':')),
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(found > torn.len() - 20, "{found}");
}

#[test]
fn two_records_on_one_line_are_two_records() {
    let entries = read(format!("\u{feff}{}{}\r\n", line("one"), line("two")));
    assert_eq!(messages(&entries), ["one", "two"]);
}

#[test]
fn a_value_that_looks_like_a_record_is_none_wherever_its_record_is_torn() {
    let spoof = line("spoof");
    let outer = format!(r#"{{"timestamp":"t","message":"m","fields":{{"timestamp":{spoof}}}}}"#);
    for cut in 0..outer.len() {
        let found = read(&outer.as_bytes()[..cut]);
        assert_eq!(messages(&found), [""; 0], "cut at {cut}");
    }
}

#[test]
fn nor_is_it_one_where_something_else_stands_before_the_torn_record() {
    let spoof = line("spoof");
    let outer = format!(r#"{{"timestamp":"t","message":"m","args":{spoof}}}"#);
    for before in [&b"\0\0\0"[..], b"x", b"\xff", &line("é").as_bytes()[..40]] {
        for cut in 0..outer.len() {
            let found = read([before, &outer.as_bytes()[..cut]].concat());
            assert_eq!(messages(&found), [""; 0], "cut at {cut} behind {before:?}");
        }
    }
}

#[test]
fn zeros_that_a_crash_left_do_not_hide_the_record_behind_them() {
    let log = format!("{}{}\n", "\0".repeat(4096), line("after"));
    assert_eq!(messages(&read(log)), ["after"]);
}

#[test]
fn what_only_begins_like_a_record_is_not_taken_out_of_garbage() {
    for line in [r#"x{"timestamp":"soon"}"#, r#"{"timestamp":"{"timestamp":"","n":1}"#] {
        assert_eq!(read(line).len(), 1, "{line}");
        assert_eq!(reasons(line).len(), 1, "{line}");
    }
}

#[test]
fn a_line_of_beginnings_is_not_read_over_and_over() {
    // A million beginnings and 14 MB, not UTF-8 at the very end: read from each, it takes hours.
    let log = r#"{"timestamp":""#.repeat(1 << 20).into_bytes();
    let log = [&log[..], b"\xff\n", line("after").as_bytes()].concat();
    assert_eq!(messages(&read_up_to(usize::MAX, log)), ["after"]);
}

#[test]
fn a_line_at_the_limit_is_read_and_one_byte_more_is_not() {
    let log = format!("{}\n{}\n", line("x"), line("xx"));
    let reader = Reader::new(log.as_bytes()).max_line(line("x").len());
    let entries: Vec<Entry> = reader.map(Result::unwrap).collect();
    assert_eq!(messages(&entries), ["x"]);
    let Entry::Skipped(skipped) = &entries[1] else { panic!("{entries:?}") };
    assert_eq!(skipped.reason(), &Reason::TooLong { limit: line("x").len() });
    let (size, limit) = (line("xx").len() + 1, line("x").len());
    let at = limit + 1;
    let said = format!("offset {at}: {size} bytes skipped: too long: more than {limit} bytes");
    assert_eq!((skipped.size(), skipped.to_string()), (size as u64, said));
}

#[test]
fn memory_does_not_grow_with_a_line_nor_with_the_file() {
    // 64 MB on one line, then as many short ones as make 4 MB.
    let long = io::repeat(b'x').take(64 << 20);
    let short = format!("\n{}", line("after"));
    let log = long.chain(io::Cursor::new(short.repeat(4 << 10)));
    let mut reader = Reader::new(log).max_line(1 << 16);
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first.size(), (64 << 20) + 1);
    assert_eq!(reader.by_ref().map(|entry| messages(&[entry.unwrap()]).len()).sum::<usize>(), 4096);
    assert!(reader.lines.capacity() <= (2 << 16) + (64 << 10), "{}", reader.lines.capacity());
}

/// Gives `0` a byte at a time, interrupted before each, then fails.
struct Unsteady(Vec<u8>, bool);

impl Read for Unsteady {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.0.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        into[0] = self.0.remove(0);
        Ok(1)
    }
}

#[test]
fn a_failing_source_is_told_once_and_ends_the_reading() {
    let log = format!("{}\n{}\nhalf", line("one"), line("two")).into_bytes();
    let mut reader = Reader::new(Unsteady(log, false));
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_ok());
    assert_eq!(reader.next().unwrap().unwrap_err().to_string(), "the disk is gone");
    assert!(reader.next().is_none());
    assert!(reader.next().is_none());
}

#[test]
fn a_missing_file_is_an_error_and_a_directory_ends_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Reader::open(directory.path().join("none")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    // Some systems do not even open it.
    if let Ok(reader) = Reader::open(directory.path()) {
        assert_eq!(reader.take(10).filter(Result::is_err).count(), 1);
    }
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let jsonish = prop::collection::vec(
        prop::sample::select(&b"{}[]\":,0123456789eE+-. \\untrfalsNaI\r\xff\xe2\x00"[..]),
        0..40,
    );
    let torn = (0..line("torn").len()).prop_map(|cut| line("torn").as_bytes()[..cut].to_vec());
    prop_oneof![bytes, jsonish, torn].prop_map(|mut bytes| {
        bytes.retain(|byte| *byte != b'\n');
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(
        pieces in prop::collection::vec(garbage(), 0..12),
        joint in prop::sample::select(&["", "\n", "\r\n"][..]),
        cap in 0_usize..300,
    ) {
        let log = pieces.join(joint.as_bytes());
        read(&log);
        read_up_to(cap, &log);
    }

    #[test]
    fn records_between_lines_of_garbage_are_all_found(
        lines in prop::collection::vec((garbage(), ".{0,9}", any::<bool>()), 0..12),
    ) {
        let (mut log, mut said) = (b"\n".to_vec(), Vec::new());
        for (garbage, message, crlf) in &lines {
            let end = if *crlf { "\r\n" } else { "\n" };
            log.extend_from_slice(garbage);
            log.extend_from_slice(format!("{end}{}{end}", line(message)).as_bytes());
            said.push(message.as_str());
        }
        let entries = read(&log);
        let found = messages(&entries);
        // Garbage may be an object by chance, but has no message.
        prop_assert_eq!(found, said);
    }
}
