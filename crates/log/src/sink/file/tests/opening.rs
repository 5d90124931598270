//! What is opened, and what is refused.

use super::*;
use std::error::Error;

#[test]
fn records_are_appended_to_what_is_there() {
    let place = Place::with("old\n");
    let mut out = open(&place.sink());
    record(&mut out, "one");
    record(&mut out, "two");
    assert_eq!(place.contents(), ["old\none\ntwo\n"]);
}

#[test]
fn a_file_that_ends_in_half_a_line_gets_a_newline_first() {
    let place = Place::with("old\nhal");
    let mut out = open(&place.sink());
    record(&mut out, "one");
    record(&mut out, "two");
    assert_eq!(place.contents(), ["old\nhal\none\ntwo\n"]);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_and_group_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let _out = open(&place.sink());
    let mode = fs::metadata(place.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode & 0o600, mode & !0o640), (0o600, 0), "mode {mode:o}");
}

#[test]
fn a_missing_directory_is_an_error_that_names_the_path_and_is_not_created() {
    let place = Place::new();
    let path = place.dir.path().join("no").join("app.jsonl");
    let error = FileSink::new(&path).open(SystemTime::now()).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(error.source().is_some());
    assert_eq!(place.names(), 0);
}

#[test]
fn a_path_that_can_be_no_file_is_an_error() {
    for path in ["", "a\0b"] {
        let error = FileSink::new(path).open(SystemTime::now()).unwrap_err();
        assert!(matches!(error, FileError::Open { .. }), "{error}");
    }
}

#[test]
fn a_relative_path_is_resolved_once() {
    let place = Place::new();
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let root = here.ancestors().last().unwrap();
    let relative = up.join(place.path().strip_prefix(root).unwrap());
    let mut out = open(&FileSink::new(relative));
    record(&mut out, "one");
    assert!(out.path.is_absolute(), "{:?}", out.path);
    assert_eq!(place.contents(), ["one\n"]);
}

#[test]
fn a_directory_is_refused() {
    let place = Place::new();
    let error = FileSink::new(place.dir.path()).open(SystemTime::now()).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_reader_is_refused_and_not_waited_for() {
    let place = Place::new();
    nix::unistd::mkfifo(&place.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = place.sink().open(SystemTime::now()).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_never_moved_aside() {
    let error = FileSink::new("/dev/full").rotate_at_bytes(1).open(SystemTime::now()).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");

    let mut out = open(&FileSink::new("/dev/full"));
    out.prepare(SystemTime::now()).unwrap();
    let error = out.record(b"one\n").unwrap_err();
    assert_eq!((error.error.kind(), error.out), (std::io::ErrorKind::StorageFull, 0));
}

#[test]
fn settings_that_cannot_be_are_refused_with_their_number() {
    let place = Place::new();
    let second = Duration::from_secs(1);
    let short = second - Duration::from_nanos(1);
    for (of, number) in [
        (place.sink().rotate_at_bytes(0), "0"),
        (place.sink().rotate_every(short), "999.999999ms"),
        (place.sink().rotate_every(Duration::ZERO), "0ns"),
        (place.sink().keep(0), "0"),
        (place.sink().keep(10_001), "10001"),
    ] {
        let error = of.open(SystemTime::now()).unwrap_err().to_string();
        assert!(error.contains(&format!(" is {number}, which must be ")), "{error}");
    }
    open(&place.sink().rotate_at_bytes(1).rotate_every(second).keep(1));
    open(&place.sink().rotate_at_bytes(u64::MAX).rotate_every(Duration::MAX).keep(10_000));
}
