//! When a file is moved aside, and where to.

use super::*;
use core::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_file_is_moved_aside_before_the_record_that_would_pass_the_size() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_at_bytes(8));
    for line in ["one", "two", "six"] {
        record(&mut out, line);
    }
    assert_eq!(place.contents(), ["six\n", "one\ntwo\n"]);
    assert_eq!(counts(&out), (1, 0));
}

#[test]
fn a_file_that_was_full_when_it_was_opened_is_moved_aside_first() {
    let place = Place::with("12345678\n");
    let mut out = open(&place.sink().rotate_at_bytes(8));
    record(&mut out, "one");
    assert_eq!(place.contents(), ["one\n", "12345678\n"]);
}

#[test]
fn a_record_longer_than_the_size_has_a_whole_file_to_itself() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_at_bytes(8));
    for line in ["0123456789", "one", "9876543210", "two"] {
        record(&mut out, line);
    }
    assert_eq!(place.contents(), ["two\n", "9876543210\n", "one\n", "0123456789\n"]);
}

#[test]
fn a_torn_line_and_the_newline_after_it_count_towards_the_size() {
    let place = Place::with("torn");
    let mut out = open(&place.sink().rotate_at_bytes(10));
    for line in ["one", "two"] {
        record(&mut out, line);
    }
    assert_eq!(place.contents(), ["two\n", "torn\none\n"]);
}

#[test]
fn so_many_files_are_kept_and_the_oldest_gives_way() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_at_bytes(1).keep(2));
    for line in ["1", "2", "3", "4", "5"] {
        record(&mut out, line);
    }
    assert_eq!(place.contents(), ["5\n", "4\n", "3\n"]);
    assert_eq!(place.names(), 3);
}

#[test]
fn one_old_file_can_be_kept() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_at_bytes(1).keep(1));
    for line in ["1", "2", "3"] {
        record(&mut out, line);
    }
    assert_eq!(place.contents(), ["3\n", "2\n"]);
}

#[test]
fn a_gap_between_old_files_is_filled_and_those_beyond_it_stay() {
    let place = Place::with("new\n");
    fs::write(place.old(1), "first").unwrap();
    fs::write(place.old(3), "third").unwrap();
    record(&mut open(&place.sink().rotate_at_bytes(1).keep(4)), "newer");
    assert_eq!(place.contents(), ["newer\n", "new\n", "first", "third"]);
}

#[test]
fn files_numbered_beyond_those_kept_are_left_alone() {
    let place = Place::with("new\n");
    for n in 1..=3 {
        fs::write(place.old(n), n.to_string()).unwrap();
    }
    record(&mut open(&place.sink().rotate_at_bytes(1).keep(2)), "newer");
    assert_eq!(place.contents(), ["newer\n", "new\n", "1", "3"]);
}

#[test]
fn a_file_is_moved_aside_when_it_has_its_age_and_not_before() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_every(HOUR));
    let first = SystemTime::now();
    batch(&mut out, first, "one");
    batch(&mut out, first + HOUR - Duration::from_nanos(1), "two");
    batch(&mut out, first + HOUR, "three");
    // The next one's age begins with its own first record.
    batch(&mut out, first + 2 * HOUR - Duration::from_nanos(1), "four");
    batch(&mut out, first + 2 * HOUR, "five");
    assert_eq!(place.contents(), ["five\n", "three\nfour\n", "one\ntwo\n"]);
}

#[test]
fn an_age_goes_on_through_a_restart() {
    let place = Place::with("old\n");
    let sink = place.sink().rotate_every(HOUR);
    let now = SystemTime::now();
    let mut out = sink.open(now + HOUR / 2).unwrap();
    batch(&mut out, now + HOUR / 2, "one");
    let mut out = sink.open(now + HOUR).unwrap();
    batch(&mut out, now + HOUR, "two");
    assert_eq!(place.contents(), ["two\n", "old\none\n"]);
}

#[test]
fn an_empty_file_is_never_moved_aside_and_ages_from_its_first_record() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_every(HOUR));
    let late = SystemTime::now() + 5 * HOUR;
    batch(&mut out, late, "one");
    batch(&mut out, late + HOUR / 2, "two");
    assert_eq!(place.contents(), ["one\ntwo\n"]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_file_old() {
    let place = Place::new();
    let mut out = open(&place.sink().rotate_every(HOUR));
    batch(&mut out, SystemTime::now() + 5 * HOUR, "one");
    batch(&mut out, SystemTime::UNIX_EPOCH, "two");
    assert_eq!(place.contents(), ["one\ntwo\n"]);
}
