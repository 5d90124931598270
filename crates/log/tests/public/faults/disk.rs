//! A disk that is full, and has room again.

use super::found::{Found, files};
use super::process::alone;
use super::{OPEN_FOR, breaker, emit, log_into, no_breaker, settled};
use ampacity::ManualClock;
use ampacity_log::{FileSink, Memory, Sink};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;
use std::path::Path;

/// What passes the limit of a file's size is killed, unless it ignores this.
const NOT_KILLED: &str = "trap '' XFSZ";

/// A file system of 64 KiB, for as long as the process lives.
const SMALL_DISK: &str = r#"
    try='mount -t tmpfs -o size=64k,nr_inodes=5 tmpfs "$PLACE"'
    unshare --map-root-user --mount sh -c "$try" || exit 77
    exec unshare --map-root-user --mount sh -c "$try"' && exec "$@"' sh "$@"
"#;

/// Lets no file of this process become longer.
fn limit_files(bytes: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, bytes, hard).unwrap();
}

/// Logs more to `path` than there is room for, makes room, and logs more.
fn outlives_a_full_disk(path: &Path, make_room: impl FnOnce()) {
    let (clock, fallback) = (ManualClock::new(), Memory::new());
    let log =
        log_into(Sink::file(path.to_owned()).breaker(breaker(&clock)).fallback(fallback.clone()));
    emit(&log, 0..1_000);
    let full = settled(&log);
    assert!(full.written > 0 && full.failed > 0, "{full:?}");
    make_room();
    clock.advance(OPEN_FOR);
    emit(&log, 1_000..1_100);
    let counts = settled(&log);
    assert_eq!((counts.failed, counts.fell_back), (full.failed, full.failed));

    let (found, fell_back) = (Found::at(path), Found::of(&fallback.bytes()));
    assert_eq!((counts.written, counts.failed), (found.len(), fell_back.len()));
    assert!(found.torn.len() <= 1, "{:?}", found.torn);
    let mut numbers = found.numbers();
    assert!(numbers.ends_with(&(1_000..1_100).collect::<Vec<_>>()));
    numbers.extend(fell_back.numbers());
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1_100), "each in one of the two");
    let [told] = found.of_type("log.sink_recovered")[..] else { panic!("told once") };
    assert_eq!(told["failed"], counts.failed);
    assert_eq!(told["fell_back"], counts.fell_back);
    assert_eq!(found.told(), counts.failed);
}

#[test]
fn a_file_that_can_grow_no_further_costs_the_records_that_do_not_fit_and_says_so_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    alone(NOT_KILLED, dir.path(), |dir| {
        limit_files(50_001);
        outlives_a_full_disk(&dir.join("app.jsonl"), || limit_files(1 << 30));
    });
}

#[test]
fn a_full_file_system_costs_the_records_that_do_not_fit_and_says_so_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    alone(SMALL_DISK, dir.path(), |dir| {
        let ballast = dir.join("ballast");
        fs::write(&ballast, vec![0; 40 << 10]).unwrap();
        outlives_a_full_disk(&dir.join("app.jsonl"), || fs::remove_file(&ballast).unwrap());
    });
}

#[test]
fn a_disk_that_is_full_again_and_again_tears_one_line_each_time() {
    const TIMES: u64 = 10;
    let dir = tempfile::tempdir().unwrap();
    alone(NOT_KILLED, dir.path(), |dir| {
        let (path, fallback) = (dir.join("app.jsonl"), Memory::new());
        let log =
            log_into(Sink::file(path.clone()).breaker(no_breaker()).fallback(fallback.clone()));
        for time in 1..=TIMES {
            limit_files(time * 10_007);
            emit(&log, (time - 1) * 100..time * 100);
            settled(&log);
        }
        let counts = settled(&log);
        let (found, fell_back) = (Found::at(&path), Found::of(&fallback.bytes()));
        assert_eq!((counts.written, counts.failed), (found.len(), fell_back.len()));
        assert!((1..=TIMES as usize).contains(&found.torn.len()), "{:?}", found.torn);
        let mut numbers = [found.numbers(), fell_back.numbers()].concat();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..TIMES * 100));
    });
}

#[test]
fn where_there_is_no_room_for_the_next_file_records_go_on_into_the_last_or_fall_back() {
    let dir = tempfile::tempdir().unwrap();
    alone(SMALL_DISK, dir.path(), |dir| {
        // The file system has room for so many names and no more.
        let mut ballast = Vec::new();
        let (path, clock, fallback) = (dir.join("app.jsonl"), ManualClock::new(), Memory::new());
        let log = log_into(
            Sink::file(FileSink::new(&path).rotate_at_bytes(8 << 10))
                .breaker(breaker(&clock))
                .fallback(fallback.clone()),
        );
        while let Ok(file) = fs::File::create_new(dir.join(format!("ballast {}", ballast.len()))) {
            ballast.push(file);
        }
        emit(&log, 0..100);
        let full = settled(&log);
        assert!(full.not_rotated > 0 && full.rotated > 0, "{full:?}");
        fs::remove_file(dir.join("ballast 0")).unwrap();
        ballast.clear();
        clock.advance(OPEN_FOR);
        emit(&log, 100..110);
        let counts = settled(&log);
        let (found, fell_back) = (Found::at(&path), Found::of(&fallback.bytes()));
        assert_eq!(files(&path).len(), 2);
        assert_eq!((counts.written, counts.fell_back), (found.len(), fell_back.len()));
        let mut numbers = [found.numbers(), fell_back.numbers()].concat();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..110));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_always_full_costs_its_records_and_nothing_else() {
    let fallback = Memory::new();
    let log = log_into(Sink::file("/dev/full").fallback(fallback.clone()));
    emit(&log, 0..100);
    let counts = settled(&log);
    assert_eq!((counts.written, counts.failed, counts.fell_back), (0, 100, 100));
    assert!(Found::of(&fallback.bytes()).numbers().into_iter().eq(0..100));
}
