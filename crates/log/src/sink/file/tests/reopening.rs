//! A file that others move, remove or cut while we write.

use super::*;
use std::io::ErrorKind;

#[test]
fn a_file_that_was_moved_away_is_left_and_the_path_is_opened_anew() {
    let place = Place::new();
    let mut out = open(&place.sink());
    record(&mut out, "one");
    fs::rename(place.path(), place.old(1)).unwrap();
    batch(&mut out, SystemTime::now(), "two");
    assert_eq!(place.contents(), ["two\n", "one\n"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_replaced_is_left() {
    let place = Place::new();
    let mut out = open(&place.sink());
    record(&mut out, "one");
    fs::rename(place.path(), place.old(1)).unwrap();
    fs::write(place.path(), "theirs\n").unwrap();
    batch(&mut out, SystemTime::now(), "two");
    assert_eq!(place.contents(), ["theirs\ntwo\n", "one\n"]);
}

#[test]
fn a_file_that_was_removed_is_created_anew() {
    let place = Place::new();
    let mut out = open(&place.sink());
    record(&mut out, "one");
    fs::remove_file(place.path()).unwrap();
    batch(&mut out, SystemTime::now(), "two");
    assert_eq!(place.contents(), ["two\n"]);
}

#[test]
fn a_file_that_is_still_there_is_not_opened_anew() {
    let place = Place::new();
    let mut out = open(&place.sink());
    let other = fs::File::open(place.path()).unwrap();
    // Whoever opens a file anew gives its lock back.
    out.current.as_ref().unwrap().file().lock_shared().unwrap();
    batch(&mut out, SystemTime::now(), "one");
    assert!(other.try_lock().is_err(), "it was opened anew");
}

#[test]
fn a_file_is_opened_anew_on_request() {
    let place = Place::new();
    let mut out = open(&place.sink());
    record(&mut out, "one");
    fs::rename(place.path(), place.old(1)).unwrap();
    record(&mut out, "two");
    out.reopen().unwrap();
    record(&mut out, "three");
    assert_eq!(place.contents(), ["three\n", "one\ntwo\n"]);
}

#[test]
fn a_removed_directory_is_an_error_until_it_is_back() {
    let place = Place::new();
    let dir = place.dir.path().join("logs");
    fs::create_dir(&dir).unwrap();
    let path = dir.join("app.jsonl");
    let mut out = open(&FileSink::new(&path));
    fs::remove_dir_all(&dir).unwrap();

    let error = out.prepare(SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    // Into the removed file it could be written, and nobody would ever read it.
    assert_eq!(out.record(b"lost\n").unwrap_err().error.kind(), ErrorKind::NotFound);

    fs::create_dir(&dir).unwrap();
    batch(&mut out, SystemTime::now(), "one");
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
}

#[test]
fn a_file_that_was_cut_short_goes_on_at_its_new_end() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_at_bytes(10));
    record(&mut out, "12345678");
    fs::File::options().write(true).open(place.path()).unwrap().set_len(0).unwrap();
    // By its old length it is full; in the same batch, and in the next.
    record(&mut out, "one");
    batch(&mut out, SystemTime::now(), "two");
    assert_eq!(place.contents(), ["one\ntwo\n"]);
}

#[test]
fn half_a_line_of_somebody_elses_gets_a_newline_in_the_next_batch() {
    let place = Place::new();
    let mut out = open(&place.sink());
    record(&mut out, "one");
    fs::write(place.path(), "one\nhal").unwrap();
    batch(&mut out, SystemTime::now(), "two");
    batch(&mut out, SystemTime::now(), "three");
    assert_eq!(place.contents(), ["one\nhal\ntwo\nthree\n"]);
}

#[test]
fn what_others_append_counts_towards_the_size() {
    let place = Place::new();
    let sink = place.sink().rotate_at_bytes(10);
    let (mut ours, mut theirs) = (open(&sink), open(&sink));
    record(&mut theirs, "123456");
    batch(&mut ours, SystemTime::now(), "7890");
    assert_eq!(place.contents(), ["7890\n", "123456\n"]);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_followed_and_what_it_names_rotates() {
    let place = Place::new();
    let link = place.dir.path().join("link");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let mut out = open(&FileSink::new(&link).rotate_at_bytes(4));
    record(&mut out, "one");
    record(&mut out, "two");
    assert_eq!(place.contents(), ["two\n", "one\n"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
