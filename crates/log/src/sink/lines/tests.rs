use super::*;

/// A writer that does what its script says, one step a call, and then takes all it is given.
#[derive(Default)]
struct Scripted {
    script: Vec<Step>,
    out: Vec<u8>,
    calls: Vec<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Step {
    Take(usize),
    Claim(usize),
    Fail(ErrorKind),
    Panic,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.push(bytes.to_vec());
        let step = match self.script.is_empty() {
            true => Step::Take(bytes.len()),
            false => self.script.remove(0),
        };
        match step {
            Step::Take(n) => {
                self.out.extend_from_slice(&bytes[..n]);
                Ok(n)
            }
            Step::Claim(n) => Ok(n),
            Step::Fail(kind) => Err(kind.into()),
            Step::Panic => panic!("a writer of the user's own"),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.script.is_empty() {
            true => Ok(()),
            false => self.write(b"").map(drop),
        }
    }
}

fn scripted(script: &[Step]) -> Lines<Scripted> {
    Lines::new(Scripted { script: script.to_vec(), ..Scripted::default() })
}

/// What a writer that first follows `script` holds after lines `one`, `two` and `three`,
/// and which of them it failed at, with how many bytes out.
fn after(script: &[Step]) -> (String, Vec<(ErrorKind, usize)>) {
    let mut lines = scripted(script);
    let mut failed = Vec::new();
    for line in ["one\n", "two\n", "three\n"] {
        match lines.record(line.as_bytes()) {
            Ok(()) => {}
            Err(WriteError { error, out }) => failed.push((error.kind(), out)),
        }
    }
    (String::from_utf8(lines.to.out).unwrap(), failed)
}

#[test]
fn a_line_is_one_write() {
    let mut lines = scripted(&[]);
    lines.record(b"one\n").unwrap();
    lines.record(b"two\n").unwrap();
    assert_eq!(lines.to.calls, [b"one\n", b"two\n"]);
}

#[test]
fn an_interrupted_write_is_tried_again() {
    let script = [Step::Fail(ErrorKind::Interrupted); 3];
    assert_eq!(after(&script), ("one\ntwo\nthree\n".into(), vec![]));
}

#[test]
fn a_write_that_goes_on_is_waited_for_anew() {
    let often = [Step::Fail(ErrorKind::Interrupted); PATIENCE as usize];
    let script = [&often[..], &[Step::Take(1)], &often[..]].concat();
    assert_eq!(after(&script), ("one\ntwo\nthree\n".into(), vec![]));
}

#[test]
fn a_short_write_is_gone_on_with() {
    assert_eq!(after(&[Step::Take(1), Step::Take(2)]), ("one\ntwo\nthree\n".into(), vec![]));
}

#[test]
fn a_line_after_a_torn_one_begins_on_a_fresh_line_by_one_write() {
    let full = ErrorKind::StorageFull;
    let (out, failed) = after(&[Step::Take(2), Step::Fail(full)]);
    assert_eq!((out.as_str(), failed), ("on\ntwo\nthree\n", vec![(full, 2)]));

    let mut lines = scripted(&[Step::Take(2), Step::Fail(full)]);
    lines.record(b"one\n").unwrap_err();
    lines.record(b"two\n").unwrap();
    assert_eq!(lines.to.calls.last().unwrap(), b"\ntwo\n");
}

#[test]
fn a_line_after_one_of_which_nothing_went_out_begins_where_that_would_have() {
    let full = ErrorKind::StorageFull;
    assert_eq!(after(&[Step::Fail(full)]), ("two\nthree\n".into(), vec![(full, 0)]));
}

#[test]
fn a_fresh_line_is_not_begun_twice() {
    // Torn; then only the newline of the second goes out.
    let full = ErrorKind::StorageFull;
    let script = [Step::Take(2), Step::Fail(full), Step::Take(1), Step::Fail(full)];
    let (out, failed) = after(&script);
    assert_eq!((out.as_str(), failed), ("on\nthree\n", vec![(full, 2), (full, 1)]));
}

#[test]
fn a_torn_line_stays_torn_while_nothing_can_be_written() {
    let full = ErrorKind::StorageFull;
    let (out, _) = after(&[Step::Take(2), Step::Fail(full), Step::Fail(full)]);
    assert_eq!(out, "on\nthree\n");
}

#[test]
fn a_writer_that_takes_nothing_is_an_error_and_no_loop() {
    let (out, failed) = after(&[Step::Take(0)]);
    assert_eq!((out.as_str(), failed), ("two\nthree\n", vec![(ErrorKind::WriteZero, 0)]));
}

#[test]
fn a_writer_that_is_interrupted_for_ever_is_an_error_and_no_loop() {
    let script = vec![Step::Fail(ErrorKind::Interrupted); PATIENCE as usize + 1];
    let (out, failed) = after(&script);
    assert_eq!((out.as_str(), failed), ("two\nthree\n", vec![(ErrorKind::Interrupted, 0)]));
}

#[test]
fn a_writer_that_claims_more_than_it_was_given_is_an_error() {
    let (out, failed) = after(&[Step::Claim(5)]);
    assert_eq!((out.as_str(), failed), ("\ntwo\nthree\n", vec![(ErrorKind::InvalidData, 0)]));
}

#[test]
fn a_writer_that_panics_fails_its_line_and_the_next_begins_afresh() {
    let (out, failed) = after(&[Step::Take(1), Step::Panic]);
    assert_eq!((out.as_str(), failed), ("o\ntwo\nthree\n", vec![(ErrorKind::Other, 1)]));
    let (out, failed) = after(&[Step::Panic]);
    assert_eq!((out.as_str(), failed), ("\ntwo\nthree\n", vec![(ErrorKind::Other, 0)]));
}

#[test]
fn a_flush_is_tried_again_when_interrupted_and_survives_a_panic() {
    scripted(&[Step::Fail(ErrorKind::Interrupted); 3]).flush().unwrap();
    let forever = vec![Step::Fail(ErrorKind::Interrupted); PATIENCE as usize + 1];
    assert_eq!(scripted(&forever).flush().unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(scripted(&[Step::Panic]).flush().unwrap_err().kind(), ErrorKind::Other);
    let full = [Step::Fail(ErrorKind::StorageFull)];
    assert_eq!(scripted(&full).flush().unwrap_err().kind(), ErrorKind::StorageFull);
}
