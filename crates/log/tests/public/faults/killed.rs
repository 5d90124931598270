//! A process that is killed while it writes.

use super::found::Found;
use super::process::start;
use super::{emit, log_into, settled};
use ampacity_log::{EventType, FileSink, Log, Sink};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::{fs, thread};

/// How often.
const KILLS: u64 = 20;

#[test]
fn a_process_that_is_killed_in_mid_write_tears_one_line_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    for kill in 1..=KILLS {
        // Who passes the limit of a file's size is killed for it, having written as much as the
        // limit leaves: in the midst of a line, but for few limits.
        fs::write(dir.path().join("limit"), (kill * 1_009).to_string()).unwrap();
        let mut child = start("ulimit -c 0", dir.path(), |dir| {
            let limit = fs::read_to_string(dir.join("limit")).unwrap().parse().unwrap();
            setrlimit(Resource::RLIMIT_FSIZE, limit, limit).unwrap();
            let log = log_into(Sink::file(dir.join("app.jsonl")));
            emit(&log, 0..100);
            settled(&log);
        });
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGXFSZ as i32));
    }
    let found = Found::at(&path);
    let torn = found.torn.len() as u64;
    assert!((KILLS / 2..=KILLS).contains(&torn), "{torn} of {KILLS}");
    assert!(found.has_no_gap(), "{:?}", found.gaps);
}

/// Logs records of 200 KB until it is killed.
fn log_until_killed(dir: &Path) {
    let text = "x".repeat(200_000);
    let path = dir.join("app.jsonl");
    let sink = Sink::file(FileSink::new(path).rotate_at_bytes(2_000_000).keep(1_000));
    let log = Log::builder("test").sink(sink).value_bytes(1 << 20).record_bytes(1 << 20);
    let log = log.build().unwrap();
    loop {
        log.event(EventType::Custom).field("text", &text).emit();
        log.flush(crate::fixture::PATIENCE).unwrap();
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_tears_one_line_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    let len = || fs::metadata(&path).map_or(0, |meta| meta.len());
    for kill in 0..KILLS {
        let before = len();
        let mut child = start("", dir.path(), |dir| {
            log_until_killed(dir);
        });
        // At some byte of some record, or when it has just moved the file.
        while len().abs_diff(before) < kill * 23_456 {
            assert_eq!(child.try_wait().unwrap(), None);
            thread::yield_now();
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    }
    let found = Found::at(&path);
    assert!(found.torn.len() as u64 <= KILLS, "{}", found.torn.len());
    assert!(found.gaps.streams().count() as u64 > KILLS / 2);
    assert!(found.has_no_gap(), "{:?}", found.gaps);
}
