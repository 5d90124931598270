//! A process that has no file descriptor left.

use super::found::{Found, files};
use super::process::alone;
use super::{OPEN_FOR, breaker, emit, log_into, settled};
use ampacity::ManualClock;
use ampacity_log::{BuildError, FileError, FileSink, Log, Memory, Sink};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;
use std::path::Path;

/// Runs `f` while nothing can be opened: every number is past the limit.
fn without_descriptors<T>(f: impl FnOnce() -> T) -> T {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
    let out = f();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    out
}

#[test]
fn a_log_that_finds_no_descriptor_is_not_built_and_says_which_file_it_was() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        let build = || Log::builder("test").sink(Sink::file(path.clone())).build();
        match without_descriptors(build).unwrap_err() {
            BuildError::File(FileError::Open { path: named, error }) => {
                assert_eq!(named, path);
                assert_eq!(error.raw_os_error(), Some(Errno::EMFILE as i32));
            }
            other => panic!("{other:?}"),
        }
        let log = build().unwrap();
        emit(&log, 0..3);
        settled(&log);
        assert_eq!(Found::at(&path).len(), 3);
    });
}

/// Logs to `sink` before, during and after a want of descriptors, and finds each record
/// once, at `path` or in the fallback: these are returned. `begin` is called in the midst.
fn outlives_the_want_of_descriptors(
    path: &Path,
    sink: FileSink,
    begin: impl FnOnce(),
) -> [Found; 2] {
    let (clock, fallback) = (ManualClock::new(), Memory::new());
    let log = log_into(Sink::file(sink).breaker(breaker(&clock)).fallback(fallback.clone()));
    emit(&log, 0..10);
    settled(&log);
    without_descriptors(|| {
        begin();
        emit(&log, 10..100);
        settled(&log);
    });
    clock.advance(OPEN_FOR);
    emit(&log, 100..110);
    let counts = settled(&log);

    let (found, fell_back) = (Found::at(path), Found::of(&fallback.bytes()));
    assert_eq!((counts.written, counts.failed), (found.len(), fell_back.len()));
    assert_eq!(counts.fell_back, counts.failed);
    let mut numbers = [found.numbers(), fell_back.numbers()].concat();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..110), "each in one of the two");
    assert!(found.numbers().ends_with(&(100..110).collect::<Vec<_>>()));
    assert_eq!(found.told(), counts.failed);
    [found, fell_back]
}

#[test]
fn a_file_that_cannot_be_opened_anew_is_missed_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        let move_away = || fs::rename(&path, dir.join("app.jsonl.1")).unwrap();
        let [found, _] = outlives_the_want_of_descriptors(&path, FileSink::new(&path), move_away);
        assert_eq!(found.of_type("log.sink_recovered")[0]["failed"], 90);
    });
}

#[test]
fn a_file_that_stays_where_it_is_needs_no_other_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        let [found, _] = outlives_the_want_of_descriptors(&path, FileSink::new(&path), || {});
        assert_eq!(found.len(), 110);
    });
}

#[test]
fn a_rotation_that_cannot_open_the_next_file_loses_nothing_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        let sink = FileSink::new(&path).rotate_at_bytes(4 << 10);
        let [found, fell_back] = outlives_the_want_of_descriptors(&path, sink, || {});
        assert!(files(&path).len() >= 2);
        // By then the path names no file, and none can be opened.
        let in_file = found.of_type("log.rotation_failed");
        let told = [in_file, fell_back.of_type("log.rotation_failed")].concat();
        assert_eq!(told.len(), 1);
        assert!(told[0]["error_message"].as_str().unwrap().contains("app.jsonl"), "{told:?}");
    });
}
