//! The program as a user starts it.

use crate::{Story, admitted, rules};
use histories::history::Call;
use std::path::PathBuf;
use std::process::{Command, Output};

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
