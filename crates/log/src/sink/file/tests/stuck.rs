//! Rotations that something is in the way of.

use super::*;
use core::time::Duration;

/// As `PAUSE` has it.
const PAUSE: Duration = Duration::from_secs(10);

/// A place where nothing can be moved aside: number 1 is a directory, and may not give way.
fn blocked() -> (Place, FileOut, SystemTime) {
    let place = Place::new();
    fs::create_dir(place.old(1)).unwrap();
    let now = SystemTime::now();
    let out = place.sink().rotate_at_bytes(4).keep(1).open(now).unwrap();
    (place, out, now)
}

#[test]
fn records_go_on_into_a_file_that_cannot_be_moved_and_the_failure_is_counted() {
    let (place, mut out, _) = blocked();
    record(&mut out, "one");
    record(&mut out, "two");
    assert_eq!(place.contents(), ["one\ntwo\n"]);
    assert_eq!(counts(&out), (0, 1));
    assert!(out.rotations().unwrap().why.is_some());
}

#[test]
fn a_rotation_that_failed_is_left_alone_for_a_while_and_then_tried_again() {
    let (place, mut out, now) = blocked();
    for line in ["1", "22", "333", "4444"] {
        batch(&mut out, now, line);
    }
    batch(&mut out, now + PAUSE - Duration::from_nanos(1), "5");
    assert_eq!(counts(&out), (0, 1));
    batch(&mut out, now + PAUSE, "6");
    assert_eq!(counts(&out), (0, 2));

    fs::remove_dir(place.old(1)).unwrap();
    batch(&mut out, now + 2 * PAUSE, "7");
    assert_eq!(place.contents(), ["7\n", "1\n22\n333\n4444\n5\n6\n"]);
    assert_eq!(counts(&out), (1, 2));
}

#[test]
fn a_clock_that_was_set_back_does_not_put_a_rotation_off() {
    let (place, mut out, now) = blocked();
    batch(&mut out, now, "one");
    batch(&mut out, now, "two");
    fs::remove_dir(place.old(1)).unwrap();
    batch(&mut out, now - 1000 * PAUSE, "six");
    assert_eq!(place.contents(), ["six\n", "one\ntwo\n"]);
}

#[test]
fn a_file_that_others_hold_locked_is_not_waited_for() {
    let place = Place::new();
    let now = SystemTime::now();
    let mut out = place.sink().rotate_at_bytes(4).open(now).unwrap();
    let other = fs::File::open(place.path()).unwrap();
    other.lock().unwrap();
    batch(&mut out, now, "one");
    batch(&mut out, now, "two");
    assert_eq!(place.contents(), ["one\ntwo\n"]);
    assert_eq!(counts(&out), (0, 0));
    other.unlock().unwrap();
    batch(&mut out, now, "six");
    assert_eq!(place.contents(), ["six\n", "one\ntwo\n"]);
    assert_eq!(counts(&out), (1, 0));
}

#[test]
fn a_file_that_others_keep_locked_is_counted_as_a_failure() {
    let place = Place::new();
    let now = SystemTime::now();
    let mut out = place.sink().rotate_at_bytes(1).open(now).unwrap();
    let other = fs::File::open(place.path()).unwrap();
    other.lock().unwrap();
    batch(&mut out, now, "one");
    batch(&mut out, now, "two");
    batch(&mut out, now + PAUSE - Duration::from_nanos(1), "three");
    assert_eq!(counts(&out), (0, 0));
    batch(&mut out, now + PAUSE, "four");
    assert_eq!(counts(&out), (0, 1));
}

#[test]
fn a_lock_that_was_met_once_does_not_count_against_the_next_file() {
    let place = Place::new();
    let now = SystemTime::now();
    let mut out = place.sink().rotate_at_bytes(1).open(now).unwrap();
    let lock = || {
        let file = fs::File::open(place.path()).unwrap();
        file.lock().unwrap();
        file
    };
    batch(&mut out, now, "one");
    let held = lock();
    batch(&mut out, now, "two");
    // Whoever held it moves the file.
    fs::rename(place.path(), place.old(1)).unwrap();
    drop(held);
    batch(&mut out, now, "three");
    let _held = lock();
    batch(&mut out, now + 2 * PAUSE, "four");
    assert_eq!(counts(&out), (0, 0));
}
