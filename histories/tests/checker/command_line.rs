//! The program as a user starts it.

use crate::{Story, admitted, rules};
use histories::history::Call;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn histories(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_histories");
    Command::new(program).args(args).output().expect("the program starts")
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file is written");
    path
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_failing_history_is_replayed_with_status_1_and_an_account() {
    let text = Story::of(rules()).then([admitted(0), Call::Era(1)]).told().to_text().unwrap();
    let output = histories(&["replay", file("failing.jsonl", &text).to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("era -> 1; the model says era 0"), "{}", said(&output));
}

#[test]
fn a_good_history_is_replayed_with_status_0() {
    let text = Story::of(rules()).then([admitted(0), Call::Era(0)]).told().to_text().unwrap();
    let output = histories(&["replay", file("good.jsonl", &text).to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_file_that_is_no_history_is_refused_with_status_2() {
    let garbage = file("garbage.jsonl", "{\"format\":7}");
    for args in [
        &["replay", garbage.to_str().unwrap()][..],
        &["replay", "/nowhere"],
        &["storm", "--threads", "0"],
    ] {
        let output = histories(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    }
}

#[test]
fn a_bound_that_is_reached_is_status_1_and_says_gave_up() {
    let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gave-up.jsonl");
    let at = at.to_str().unwrap();
    let output = histories(&["threads", "--histories", "50", "--bound", "0", "--out", at]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("GAVE UP"), "{}", said(&output));
    assert!(std::fs::read_to_string(at).is_ok(), "what could not be decided is kept");
}

#[test]
fn a_run_that_passes_writes_nothing_to_a_file() {
    let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nothing.jsonl");
    let output = histories(&["threads", "--histories", "50", "--out", at.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!at.exists());
}

/// As on a disk that is full: nothing can be said, and the finding is kept all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_finding_that_cannot_be_printed_is_written_down_and_status_1() {
    let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("unprinted.jsonl");
    let _ = std::fs::remove_file(&at);
    let output =
        histories_to_a_full_disk(&["threads", "--histories", "5", "--bound", "0", "--out"], &at);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("standard output"), "{}", said(&output));
    assert!(std::fs::read_to_string(at).is_ok(), "it is not kept");
}

#[cfg(target_os = "linux")]
#[test]
fn a_finding_that_can_neither_be_written_down_nor_printed_is_status_1() {
    let nowhere = Path::new("/nowhere/history.jsonl");
    let output = histories_to_a_full_disk(
        &["threads", "--histories", "5", "--bound", "0", "--out"],
        nowhere,
    );
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("/nowhere/history.jsonl: "), "{}", said(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_passes_and_cannot_say_so_is_status_2() {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("unsaid.jsonl");
    let output = histories_to_a_full_disk(&["threads", "--histories", "5", "--out"], &out);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("standard output"), "{}", said(&output));
}

#[cfg(target_os = "linux")]
fn histories_to_a_full_disk(args: &[&str], out: &Path) -> Output {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_histories"));
    command.args(args).arg(out).stdout(full).stderr(Stdio::piped());
    command.spawn().and_then(|program| program.wait_with_output()).expect("the program starts")
}
