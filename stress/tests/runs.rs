//! Runs beside runs: `compare` and `merge`, over the binary, and what their exit status says.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use stress::measure::{Better, Latency, Measure, Unit, labels};
use stress::program::{Check, Section, Size};
use stress::record::{Part, Record};

fn stress(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stress")).current_dir(dir).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Keeps a run whose call took about `ns`.
fn keep(dir: &Path, name: &str, seed: u64, ns: f64) {
    let mut record = Record::begin(&["stress".into(), "storm".into()], seed, Size::Full);
    let of = || labels([("threads", "2".to_owned())]);
    let samples = [0.0, 0.1, 0.2, 0.3, 0.4].map(|more| ns + more);
    let mut times = Latency::recorder();
    samples.iter().for_each(|&ns| times.record(ns as u64).unwrap());
    let section = Section {
        checks: vec![Check::judged("keeps_moving", true, "it did")],
        measures: vec![Measure::new("cpu_ns", of(), Unit::Ns, Better::Lower, samples)],
        latencies: vec![Latency::new("call", of(), &times)],
        ..Section::default()
    };
    record.programs.push(Part { name: "storm".to_owned(), wall_s: 1.0, section });
    fs::create_dir_all(dir.join(name)).unwrap();
    fs::write(dir.join(name).join("run.json"), serde_json::to_vec(&record).unwrap()).unwrap();
}

#[test]
fn a_figure_that_got_worse_is_status_1_and_one_that_did_not_is_status_0() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), "old", 1, 10.0);
    keep(dir.path(), "same", 2, 10.05);
    keep(dir.path(), "slow", 3, 13.0);
    let same = stress(dir.path(), &["compare", "old", "same"]);
    assert_eq!(same.status.code(), Some(0), "{}", said(&same));
    let slow = stress(dir.path(), &["compare", "old", "slow/run.json"]);
    assert_eq!(slow.status.code(), Some(1), "{}", said(&slow));
    assert!(said(&slow).contains("storm/cpu_ns threads=2"), "{}", said(&slow));
    let json = stress(dir.path(), &["compare", "old", "slow", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["worse"], true);
    let fast = stress(dir.path(), &["compare", "slow", "old"]);
    assert_eq!(fast.status.code(), Some(0), "{}", said(&fast));
}

#[test]
fn a_baseline_is_saved_compared_with_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), "old", 1, 10.0);
    keep(dir.path(), "slow", 3, 13.0);
    let none = stress(dir.path(), &["compare", "old"]);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    assert!(said(&none).contains("results/baseline: no baseline yet"), "{}", said(&none));
    let first = stress(dir.path(), &["compare", "old", "--save"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert_eq!(stress(dir.path(), &["compare", "slow"]).status.code(), Some(1));
    // It is told what moved before it becomes what is compared with.
    assert_eq!(stress(dir.path(), &["compare", "slow", "--save"]).status.code(), Some(1));
    assert_eq!(stress(dir.path(), &["compare", "slow"]).status.code(), Some(0));
}

#[test]
fn merged_runs_are_a_run_whose_histograms_are_sums() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), "a", 1, 10.0);
    keep(dir.path(), "b", 2, 13.0);
    let merged = stress(dir.path(), &["merge", "a", "b", "--out", "both", "--quiet"]);
    assert_eq!(merged.status.code(), Some(0), "{}", said(&merged));
    let both = Record::read(&dir.path().join("both")).unwrap();
    assert_eq!(both.merged.len(), 2);
    assert_eq!(both.programs[0].section.latencies[0].histogram().len(), 10);
    let again = stress(dir.path(), &["merge", "a", "a", "--out", "twice"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert!(said(&again).contains("the same run as") && !dir.path().join("twice").exists());
}
