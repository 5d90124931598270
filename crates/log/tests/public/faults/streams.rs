//! Streams that are closed, full, or have lost their reader.

use super::found::Found;
use super::odd::Disk;
use super::process::{alone, finish, start};
use super::{OPEN_FOR, breaker, emit, log_into, settled};
use ampacity::ManualClock;
use ampacity_log::{BuildError, Log, Memory, Sink};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::{self, File};
use std::io::{self, Read};

#[test]
fn a_log_to_a_standard_error_stream_that_is_closed_is_not_built() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |_| {
        nix::unistd::close(2).unwrap();
        let error = Log::builder("test").sink(Sink::stderr()).build().unwrap_err();
        assert!(matches!(&error, BuildError::Sink { name, .. } if name == "stderr"), "{error:?}");
    });
}

#[test]
fn a_log_falls_back_to_nothing_when_the_standard_error_stream_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        nix::unistd::close(2).unwrap();
        let log = log_into(Sink::writer("full", Disk::default()));
        emit(&log, 0..100);
        let lost = settled(&log);
        assert_eq!((lost.failed, lost.fell_back), (100, 0));
        // A file that is opened now may get the number of the stream.
        let path = dir.join("app.jsonl");
        let log = log_into(Sink::file(path.clone()));
        emit(&log, 0..100);
        settled(&log);
        assert_eq!(Found::at(&path).len(), 100);
    });
}

#[test]
fn a_log_to_the_standard_error_stream_outlives_its_closing_and_writes_into_no_other_file() {
    let dir = tempfile::tempdir().unwrap();
    let output = alone("", dir.path(), |dir| {
        let log = log_into(Sink::stderr());
        emit(&log, 0..5);
        settled(&log);
        nix::unistd::close(2).unwrap();
        let _other = File::create(dir.join("other")).unwrap();
        emit(&log, 5..10);
        settled(&log);
    });
    let found = Found::of(&output.unwrap().stderr);
    assert!(found.numbers().into_iter().eq(0..10));
    assert_eq!(fs::read(dir.path().join("other")).unwrap(), b"");
}

#[test]
fn a_standard_error_stream_without_a_reader_costs_its_records_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start("", dir.path(), |_| {
        // Until the parent has closed its end.
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        let log = log_into(Sink::stderr());
        emit(&log, 0..100);
        let lost = settled(&log);
        assert_eq!((lost.written, lost.failed), (0, 100));
    });
    drop(child.stderr.take());
    finish(child);
}

#[test]
fn a_pipe_that_loses_its_reader_costs_the_records_after_that() {
    let (mut reader, writer) = io::pipe().unwrap();
    let fallback = Memory::new();
    let log = log_into(Sink::writer("pipe", writer).fallback(fallback.clone()));
    emit(&log, 0..10);
    assert_eq!(settled(&log).written, 10);
    let mut bytes = vec![0; 1 << 16];
    let read = reader.read(&mut bytes).unwrap();
    assert!(Found::of(&bytes[..read]).numbers().into_iter().eq(0..10));
    drop(reader);
    emit(&log, 10..20);
    let counts = settled(&log);
    assert_eq!((counts.written, counts.failed, counts.fell_back), (10, 10, 10));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(10..20));
}

#[test]
fn a_pipe_that_is_full_and_does_not_wait_costs_what_does_not_fit_and_tears_one_line() {
    let (mut reader, writer) = io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let (clock, fallback) = (ManualClock::new(), Memory::new());
    let log =
        log_into(Sink::writer("pipe", writer).breaker(breaker(&clock)).fallback(fallback.clone()));
    // More than a pipe holds, and a page is not a whole number of records.
    emit(&log, 0..2_000);
    let full = settled(&log);
    assert!(full.written > 0 && full.failed > 0, "{full:?}");
    // All that is in it, or the next line still does not fit.
    let mut bytes = vec![0; 1 << 20];
    let read = reader.read(&mut bytes).unwrap();
    bytes.truncate(read);
    clock.advance(OPEN_FOR);
    emit(&log, 2_000..2_010);
    let counts = settled(&log);
    drop(log);
    reader.read_to_end(&mut bytes).unwrap();

    let (found, fell_back) = (Found::of(&bytes), Found::of(&fallback.bytes()));
    assert_eq!((counts.written, counts.failed), (found.len(), fell_back.len()));
    assert!(found.torn.len() <= 1, "{:?}", found.torn);
    let mut numbers = [found.numbers(), fell_back.numbers()].concat();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..2_010));
    assert_eq!(found.of_type("log.sink_recovered")[0]["failed"], counts.failed);
}

#[test]
fn a_descriptor_that_cannot_be_written_to_costs_its_records_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("read-only");
    fs::write(&path, "as it was").unwrap();
    let fallback = Memory::new();
    let log =
        log_into(Sink::writer("read-only", File::open(&path).unwrap()).fallback(fallback.clone()));
    emit(&log, 0..10);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (10, 10));
    assert_eq!(fs::read(&path).unwrap(), b"as it was");
}
