//! Two sinks on one path, as two processes have them: a lock belongs to who opened the file.

use super::super::current::Current;
use super::super::rotate::{Moved, move_aside};
use super::*;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

#[test]
fn two_append_in_turns_and_neither_writes_over_the_other() {
    let place = Place::with("old\n");
    let (mut ours, mut theirs) = (open(&place.sink()), open(&place.sink()));
    record(&mut ours, "one");
    record(&mut theirs, "two");
    record(&mut ours, "three");
    assert_eq!(place.contents(), ["old\none\ntwo\nthree\n"]);
}

#[test]
fn of_two_that_find_the_same_file_full_one_moves_it() {
    let place = Place::new();
    let sink = place.sink().rotate_at_bytes(8);
    let (mut ours, mut theirs) = (open(&sink), open(&sink));
    record(&mut ours, "12345");
    // Both know of it, and have begun their batches.
    ours.prepare(SystemTime::now()).unwrap();
    theirs.prepare(SystemTime::now()).unwrap();
    record(&mut theirs, "two");
    record(&mut ours, "six");
    assert_eq!(place.contents(), ["two\nsix\n", "12345\n"]);
    assert_eq!((counts(&ours), counts(&theirs)), ((0, 0), (1, 0)));
}

#[test]
fn who_gets_the_lock_after_the_file_was_moved_moves_nothing() {
    let place = Place::with("one\n");
    let current = Current::open(&place.path(), true, SystemTime::now()).unwrap();
    fs::rename(place.path(), place.old(1)).unwrap();
    assert_eq!(move_aside(&current, &place.path(), 8).unwrap(), Moved::ByOthers);
    fs::write(place.path(), "theirs\n").unwrap();
    assert_eq!(move_aside(&current, &place.path(), 8).unwrap(), Moved::ByOthers);
    assert_eq!(place.contents(), ["theirs\n", "one\n"]);
}

#[test]
fn a_lock_is_given_back_with_the_file_moved_or_not() {
    let place = Place::with("one\n");
    let free = |path: PathBuf| fs::File::open(path).unwrap().try_lock().is_ok();
    let current = Current::open(&place.path(), true, SystemTime::now()).unwrap();
    fs::create_dir(place.old(1)).unwrap();
    move_aside(&current, &place.path(), 1).unwrap_err();
    assert!(free(place.path()));
    fs::remove_dir(place.old(1)).unwrap();
    assert_eq!(move_aside(&current, &place.path(), 1).unwrap(), Moved::ByUs);
    assert!(free(place.old(1)));
}

#[test]
fn two_that_write_and_rotate_lose_nothing_and_move_only_full_files() {
    const EACH: usize = 2_000;
    const SIZE: u64 = 500;
    let place = Place::new();
    let sink = place.sink().rotate_at_bytes(SIZE).keep(10_000);
    let start = Barrier::new(2);
    let write = |name: &str| {
        let mut out = open(&sink);
        start.wait();
        for i in 0..EACH {
            // Batches of seven, so that files are moved in the midst of the other's.
            if i % 7 == 0 {
                out.prepare(SystemTime::now()).unwrap();
            }
            record(&mut out, &format!("{name} {i:04}"));
        }
        counts(&out)
    };
    let (a, b) = thread::scope(|scope| {
        let (a, b) = (scope.spawn(|| write("a")), scope.spawn(|| write("b")));
        (a.join().unwrap(), b.join().unwrap())
    });

    let files = place.contents();
    let lines: Vec<&str> = files.iter().flat_map(|file| file.lines()).collect();
    let all: BTreeSet<String> =
        ["a", "b"].iter().flat_map(|n| (0..EACH).map(move |i| format!("{n} {i:04}"))).collect();
    assert_eq!(lines.len(), 2 * EACH, "none twice");
    assert_eq!(lines.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), all);
    let (done, failed) = (a.0 + b.0, a.1 + b.1);
    assert_eq!((done, failed), (files.len() as u64 - 1, 0));
    for full in &files[1..] {
        let next = "a 0000\n".len() as u64;
        assert!(full.len() as u64 + next > SIZE, "moved at {} bytes", full.len());
    }
}
