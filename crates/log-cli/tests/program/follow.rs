//! `show --follow`: as a file grows and is rotated.

use std::fs::{self, OpenOptions, rename};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::fixture::{Place, record, records};

/// Longer than any of this takes; only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program as it follows; ended with the test.
struct Following {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Following {
    fn new(place: &Place, args: &[&str]) -> Self {
        let mut program = place.program(&[&["show", "--json", "-f"], args].concat());
        program.stdin(Stdio::piped());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    fn printed(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line in time")
    }

    fn said(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("a line in time")
    }
}

/// The lines of `stream` as they come.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        // Nobody listens any more once the test is over.
        lines.take_while(|line| to.send(format!("{line}\n")).is_ok()).for_each(drop);
    });
    lines
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(place: &Place, name: &str, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(place.path(name));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_log_is_followed_as_it_grows_and_across_a_rotation() {
    let place = Place::new();
    place.write("old", records(0..2));
    place.write("a", record(2, ""));
    let following = Following::new(&place, &["old", "a"]);
    for seq in 0..3 {
        assert_eq!(following.printed(), record(seq, ""));
    }
    let (half, rest) = (&record(3, "")[..30], &record(3, "")[30..]);
    append(&place, "a", half);
    append(&place, "a", rest);
    assert_eq!(following.printed(), record(3, ""));
    rename(place.path("a"), place.path("a.1")).unwrap();
    append(&place, "a.1", &record(4, ""));
    append(&place, "a", &record(5, ""));
    assert_eq!(following.printed(), record(4, ""));
    assert_eq!(following.printed(), record(5, ""));
}

#[test]
fn a_log_that_is_not_there_yet_is_waited_for_and_faults_are_told_at_once() {
    let place = Place::new();
    let following = Following::new(&place, &["a", "--request-id", "r"]);
    assert_eq!(following.said(), "a: is not there yet: waiting for it\n");
    let wanted = record(1, r#","request_id":"r""#);
    append(&place, "a", &format!("\nx\n{}{wanted}", record(0, "")));
    assert_eq!(
        following.said(),
        "a: offset 1: 2 bytes skipped: not JSON: expected value at column 1\n"
    );
    assert_eq!(following.printed(), wanted);
}

#[test]
fn a_directory_in_place_of_the_log_ends_it() {
    let place = Place::new();
    let mut following = Following::new(&place, &["a"]);
    assert_eq!(following.said(), "a: is not there yet: waiting for it\n");
    fs::create_dir(place.path("a")).unwrap();
    assert_eq!(following.said(), "error: a: cannot be read: not a regular file\n");
    assert_eq!(following.child.wait().unwrap().code(), Some(2));
}

#[test]
fn what_comes_through_a_pipe_is_shown_at_once_and_ends_with_it() {
    let place = Place::new();
    let mut following = Following::new(&place, &["-"]);
    let mut pipe = following.child.stdin.take().unwrap();
    for seq in 0..3 {
        pipe.write_all(record(seq, "").as_bytes()).unwrap();
        assert_eq!(following.printed(), record(seq, ""));
    }
    drop(pipe);
    assert_eq!(following.child.wait().unwrap().code(), Some(0));
}

#[test]
fn stdin_that_is_given_twice_is_read_once() {
    let place = Place::new();
    let mut following = Following::new(&place, &["-", "-"]);
    let mut pipe = following.child.stdin.take().unwrap();
    pipe.write_all(record(0, "").as_bytes()).unwrap();
    assert_eq!(following.printed(), record(0, ""));
    drop(pipe);
    assert_eq!(following.child.wait().unwrap().code(), Some(0));
}

#[test]
fn who_reads_no_more_ends_it_though_more_would_come() {
    let place = Place::new();
    let mut program = place.program(&["show", "--json", "-f", "-"]);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut pipe = child.stdin.take().unwrap();
    let gone = (0..100_000).find(|seq| pipe.write_all(record(*seq, "").as_bytes()).is_err());
    assert!(gone.is_some(), "it reads on");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
