//! `verify`: what it finds, and its status.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use ampacity::CircuitBreaker;
use ampacity_log::{EventType, FileSink, Log, Sink};

use crate::fixture::{OLD, Place, record, records};

#[test]
fn a_whole_log_is_valid() {
    let place = Place::new();
    place.write("a", records(0..100) + "\n" + OLD);
    let ran = place.run(&["verify", "a"]);
    let said = "\
a: 101 records, 0 malformed, 0 skipped, 1 blank
streams: 1; missing: 0; repeated: 0; without a number: 1
valid
";
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, said, ""));
    place.write("empty", "");
    assert_eq!(place.run(&["verify", "empty"]).status, 0);
}

#[test]
fn each_fault_is_told_with_its_place() {
    let place = Place::new();
    let (one, two) = (record(0, ""), record(1, ""));
    let at = one.len();
    for (fault, said) in [
        ("x\n", format!("a: offset {at}: 2 bytes skipped: not JSON: expected value at column 1")),
        ("{\"a\":NaN}\n", format!("a: offset {at}: 10 bytes skipped: not finite: NaN at column 6")),
        ("[]\n", format!("a: offset {at}: 3 bytes skipped: not an object: it is an array")),
        ("{}\n", format!("a: offset {at}: field schema_version is missing")),
        (&one, "stream 8f3a5b7c00112233: 1 numbers came again".to_owned()),
    ] {
        place.write("a", format!("{one}{fault}{two}"));
        let ran = place.run(&["verify", "a"]);
        assert_eq!(ran.status, 1, "{}", ran.out);
        assert!(ran.out.starts_with(&said), "{}", ran.out);
        assert!(ran.out.ends_with("\nnot valid\n"), "{}", ran.out);
    }
    place.write("a", &one[..one.len() - 2]);
    let ran = place.run(&["verify", "a"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("torn: it ends before its JSON does"), "{}", ran.out);
}

#[test]
fn missing_records_are_told_and_may_be_allowed() {
    let place = Place::new();
    let dropped = record(9, r#","dropped":2"#).replace("custom", "log.records_dropped");
    place.write("a", records([0, 1, 3, 4, 8]) + &dropped);
    let ran = place.run(&["verify", "a"]);
    let said = "stream 8f3a5b7c00112233: 4 missing: 2, 5-7; the log tells of 2 dropped or failed\n";
    assert!(ran.out.starts_with(said), "{}", ran.out);
    assert_eq!(ran.status, 1);
    let ran = place.run(&["verify", "--allow-gaps", "a"]);
    assert!(ran.out.starts_with(said) && ran.out.ends_with("\nvalid\n"), "{}", ran.out);
    assert_eq!(ran.status, 0);
    // That gaps are allowed allows nothing else.
    place.write("b", records([0, 3, 3]));
    assert_eq!(place.run(&["verify", "--allow-gaps", "b"]).status, 1);

    place.write("c", records((0..100).map(|n| n * 2)));
    let out = place.run(&["verify", "c"]).out;
    let said = "99 missing: 1, 3, 5, 7, 9, 11, 13, 15 and more; the log does not tell of it\n";
    assert!(out.contains(said), "{out}");
}

#[test]
fn rotated_logs_are_one_and_in_the_wrong_order_are_told_so() {
    let place = Place::new();
    place.write("a.1", records(0..10));
    place.write("a", records(10..20));
    let ran = place.run(&["verify", "--from-start", "a.1", "a"]);
    assert_eq!((ran.status, ran.out.lines().count()), (0, 4), "{}", ran.out);
    let ran = place.run(&["verify", "a", "a.1"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("10 came late: are the files in order?"), "{}", ran.out);
    let ran = place.run(&["verify", "a"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("begins at 10: what came before is in another file"), "{}", ran.out);
    assert_eq!(place.run(&["verify", "--from-start", "a"]).status, 1);
}

#[test]
fn faults_are_told_one_by_one_up_to_a_number_and_counted_beyond_it() {
    let place = Place::new();
    place.write("a", "x\n".repeat(1000));
    let out = place.run(&["verify", "a"]).out;
    assert_eq!(out.lines().filter(|line| line.contains("offset")).count(), 20);
    assert!(out.contains("\nand 980 more: --most tells more of them\n"), "{out}");
    assert!(out.contains("1000 skipped (2000 bytes: 1000 not JSON)"), "{out}");
    let out = place.run(&["verify", "--most", "1000", "a"]).out;
    assert_eq!(out.lines().filter(|line| line.contains("offset")).count(), 1000);
}

/// A file on a disk that is full from `full` bytes on, until `free` is there.
struct Disk {
    path: PathBuf,
    free: PathBuf,
    full: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = fs::File::options().append(true).create(true).open(&self.path)?;
        let used = usize::try_from(file.metadata()?.len()).unwrap();
        let room = if self.free.exists() { usize::MAX } else { self.full.saturating_sub(used) };
        match room.min(bytes.len()) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            room => file.write(&bytes[..room]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_the_log_writes_is_valid() {
    let place = Place::new();
    let sink = Sink::file(FileSink::new(place.path("a")));
    let log = Log::builder("tools").sink(sink).build().unwrap();
    for n in 0..500 {
        log.event(EventType::ToolInvoked).field("n", n).field("odd", f64::NAN).emit();
    }
    log.close(PATIENCE).unwrap();
    let ran = place.run(&["verify", "--from-start", "a"]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.starts_with("a: 500 records, 0 malformed, 0 skipped\n"), "{}", ran.out);
}

#[test]
fn what_a_full_disk_took_is_missing_to_the_record_and_told_by_the_log() {
    let place = Place::new();
    let disk = Disk { path: place.path("a"), free: place.path("free"), full: 10_100 };
    // It never opens: each record meets the disk.
    let breaker = CircuitBreaker::builder("disk").failure_threshold(u32::MAX).build().unwrap();
    let sink = Sink::writer("disk", disk).no_fallback().breaker(breaker);
    let log = Log::builder("tools").sink(sink).build().unwrap();
    for n in 0..500 {
        log.event(EventType::ToolInvoked).field("n", n).emit();
    }
    log.flush(PATIENCE).unwrap();
    let failed = log.counts()[0].1.failed;
    assert!(failed > 400, "{failed}");
    place.write("free", "");
    for n in 0..10 {
        log.event(EventType::ToolInvoked).field("n", n).emit();
    }
    log.close(PATIENCE).unwrap();
    let counts = log.counts()[0].1;
    assert_eq!(counts.failed, failed);

    let ran = place.run(&["verify", "--from-start", "a"]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    for said in [
        format!("a: {} records, 0 malformed, 1 skipped (", counts.written),
        ": 1 torn)".to_owned(),
        format!(": {failed} missing: "),
        format!("; the log tells of {failed} dropped or failed\n"),
        format!("streams: 1; missing: {failed}; repeated: 0; without a number: 0\n"),
    ] {
        assert!(ran.out.contains(&said), "no {said:?}:\n{}", ran.out);
    }
}
