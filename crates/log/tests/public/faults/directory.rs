//! A directory that is removed, or that nobody may write to.

use super::found::{Found, files};
use super::process::alone;
use super::{OPEN_FOR, breaker, emit, log_into, settled};
use ampacity::ManualClock;
use ampacity_log::{BuildError, FileError, FileSink, Log, Memory, Sink};
use nix::unistd::{Uid, geteuid, seteuid};
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn what_is_logged_while_the_directory_is_gone_falls_back() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    let path = logs.join("app.jsonl");
    fs::create_dir(&logs).unwrap();
    let (clock, fallback) = (ManualClock::new(), Memory::new());
    let log =
        log_into(Sink::file(path.clone()).breaker(breaker(&clock)).fallback(fallback.clone()));
    emit(&log, 0..10);
    settled(&log);
    fs::rename(&logs, dir.path().join("moved")).unwrap();
    emit(&log, 10..20);
    assert_eq!(settled(&log).failed, 10);
    fs::create_dir(&logs).unwrap();
    clock.advance(OPEN_FOR);
    emit(&log, 20..30);
    settled(&log);

    assert!(Found::at(&dir.path().join("moved/app.jsonl")).numbers().into_iter().eq(0..10));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(10..20));
    let found = Found::at(&path);
    assert!(found.numbers().into_iter().eq(20..30));
    let told = found.of_type("log.sink_recovered");
    assert_eq!((told.len(), &told[0]["failed"]), (1, &10.into()));
}

/// Takes from this process what the superuser may, and from `dir` that it can be written to.
fn make_read_only(dir: &Path) {
    if geteuid().is_root() {
        fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        seteuid(Uid::from_raw(65_534)).unwrap();
    } else {
        fs::set_permissions(dir, Permissions::from_mode(0o555)).unwrap();
    }
}

#[test]
fn a_log_is_not_built_in_a_directory_that_nobody_may_write_to() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        make_read_only(dir);
        match Log::builder("test").sink(Sink::file(path.clone())).build().unwrap_err() {
            BuildError::File(FileError::Open { path: named, error }) => {
                assert_eq!((named, error.kind()), (path, ErrorKind::PermissionDenied));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_file_that_cannot_be_moved_aside_takes_all_records_and_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let path = dir.join("app.jsonl");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        make_read_only(dir);
        let log = log_into(Sink::file(FileSink::new(&path).rotate_at_bytes(1 << 10)).no_fallback());
        emit(&log, 0..1_000);
        let counts = settled(&log);
        let found = Found::at(&path);
        assert!(found.numbers().into_iter().eq(0..1_000));
        assert_eq!((counts.written, counts.failed), (found.len(), 0));
        assert_eq!((counts.rotated, counts.not_rotated, files(&path).len()), (0, 1, 1));
        assert_eq!(found.of_type("log.rotation_failed").len(), 1);
    });
}
