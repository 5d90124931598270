//! Many who write to one path, and somebody who moves it.

use super::found::{Found, files};
use super::process::{finish, start};
use super::{emit, log_into, settled};
use ampacity_log::{Counts, EventType, FileSink, Sink};
use std::fs;
use std::path::Path;
use std::thread;

const THREADS: u64 = 100;
const EACH: u64 = 100;

/// Logs from a hundred threads at once, when the parent says so, and leaves its counts.
fn log_from_many_threads(dir: &Path) {
    let path = dir.join("app.jsonl");
    let log = log_into(Sink::file(FileSink::new(path).rotate_at_bytes(100_000).keep(10_000)));
    std::io::stdin().read_line(&mut String::new()).unwrap();
    thread::scope(|scope| {
        for i in 0..THREADS {
            let log = &log;
            scope.spawn(move || emit(log, i * EACH..(i + 1) * EACH));
        }
    });
    let Counts { emitted, written, rotated, not_rotated, .. } = settled(&log);
    assert_eq!((emitted, written, not_rotated), (THREADS * EACH, THREADS * EACH, 0));
    let rotations = dir.join(format!("rotations of {}", std::process::id()));
    fs::write(rotations, rotated.to_string()).unwrap();
}

#[test]
fn two_processes_of_a_hundred_threads_rotate_one_file_and_each_record_is_found_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut children = [(); 2].map(|()| {
        start("", dir.path(), |dir| {
            log_from_many_threads(dir);
        })
    });
    // At this word.
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    let rotations =
        children.each_ref().map(|child| dir.path().join(format!("rotations of {}", child.id())));
    children.into_iter().for_each(finish);

    let path = dir.path().join("app.jsonl");
    let found = Found::at(&path);
    assert!(found.torn.is_empty());
    assert_eq!(found.gaps.streams().count(), 2);
    assert!(found.has_no_gap(), "{:?}", found.gaps);
    let mut numbers = found.numbers();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq((0..THREADS * EACH).flat_map(|i| [i, i])));
    let rotated = rotations.map(|path| fs::read_to_string(path).unwrap().parse::<usize>().unwrap());
    let rotated: usize = rotated.iter().sum();
    assert_eq!(files(&path).len(), rotated + 1);
    assert!(rotated > 10, "{rotated}");
}

#[test]
fn a_file_that_is_moved_again_and_again_under_its_log_loses_nothing() {
    const RECORDS: u64 = 5_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    let moved = |n: usize| dir.path().join(format!("moved.{n}"));
    let log = log_into(Sink::file(path.clone()));
    let mut times = 0;
    thread::scope(|scope| {
        let logging = scope.spawn(|| emit(&log, 0..RECORDS));
        while !logging.is_finished() {
            times += usize::from(fs::rename(&path, moved(times)).is_ok());
        }
    });
    let counts = settled(&log);
    assert_eq!((counts.written, counts.failed), (RECORDS, 0));
    let mut all = Vec::new();
    for file in (0..times).map(moved).chain([path]) {
        all.extend(fs::read(file).unwrap_or_default());
    }
    let found = Found::of(&all);
    assert!(found.torn.is_empty());
    assert!(found.numbers().into_iter().eq(0..RECORDS), "each, once, in order");
    assert!(times > 1, "{times}");
}

#[test]
fn a_file_that_is_opened_anew_at_the_callers_word_goes_on_where_the_path_leads() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("app.jsonl"), dir.path().join("moved"));
    let log = log_into(Sink::file(path.clone()));
    emit(&log, 0..10);
    settled(&log);
    fs::rename(&path, &moved).unwrap();
    log.reopen();
    emit(&log, 10..20);
    settled(&log);
    assert!(Found::at(&moved).numbers().into_iter().eq(0..10));
    assert!(Found::at(&path).numbers().into_iter().eq(10..20));
}

#[test]
fn a_file_that_is_copied_and_cut_short_goes_on_at_its_new_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    let log = log_into(Sink::file(path.clone()));
    emit(&log, 0..10);
    settled(&log);
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    log.event(EventType::Custom).field("i", 10).emit();
    settled(&log);
    let found = Found::at(&path);
    assert_eq!((found.numbers(), found.torn.len()), (vec![10], 0));
    assert_eq!(fs::read(&path).unwrap()[0], b'{', "no hole before it");
}
