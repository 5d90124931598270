//! Logs that the binary writes with `--log`: read back whole, also after a full disk and a
//! kill in mid-run.

#![cfg(unix)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use ampacity_log::reader::{Entry, Filter, Gaps, Reader, Record};
use ampacity_log::{EventType, Level};
use serde_json::Value;

const STRESS: &str = env!("CARGO_BIN_EXE_stress");

/// A storm that is over soon, and one that only its end ends.
const SOON: &str = "storm --threads 8 --calls 500 --cycles 20 --readers 2 --point-ms 1 \
                    --repetitions 1 --workloads success --log log.jsonl";
const LONG: &str = "storm --threads 8 --calls 100000000 --cycles 1000000000 --log log.jsonl";

fn command(dir: &Path, args: &str) -> Command {
    let mut command = Command::new(STRESS);
    command.current_dir(dir).args(args.split_whitespace()).arg("--quiet");
    command
}

/// What a log holds.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    torn: Vec<String>,
    gaps: Gaps,
}

fn read(path: &Path) -> Log {
    let mut log = Log::default();
    for entry in Reader::open(path).unwrap() {
        match entry.unwrap() {
            Entry::Record(record) => {
                record.check().unwrap();
                log.gaps.add(&record);
                log.records.push(record);
            }
            Entry::Skipped(skipped) if skipped.reason().is_loss() => {
                log.torn.push(skipped.to_string());
            }
            Entry::Skipped(_) => {}
        }
    }
    log
}

impl Log {
    fn of(&self, event_type: EventType) -> impl Iterator<Item = &Record> {
        let is = move |record: &&Record| record.event_type() == Some(event_type.as_str());
        self.records.iter().filter(is)
    }
}

/// The log's own program says the same, where it was built beside this one.
fn verified(path: &Path, expected: i32) {
    let program = Path::new(STRESS).with_file_name("ampacity-log");
    if program.exists() {
        let output = Command::new(program).arg("verify").arg(path).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", said(&output));
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The record of the run in `dir`.
fn run(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("run.json")).unwrap()).unwrap()
}

/// The verdicts of the log's checks by their names, and its figures.
fn judged(run: &Value) -> (Vec<(&str, &str)>, &Value) {
    let part = &run["programs"][0];
    let checks = part["checks"].as_array().unwrap().iter();
    let named = checks.map(|check| (check["name"].as_str(), check["verdict"].as_str()));
    let ours = named.filter_map(|(name, verdict)| Some((name?, verdict?)));
    (ours.filter(|(name, _)| name.starts_with("log_")).collect(), &part["figures"]["log"])
}

#[test]
fn a_storm_s_log_tells_its_transitions_and_what_was_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &format!("{SOON} --out out")).output().unwrap();
    let run = run(&dir.path().join("out"));
    let (checks, figures) = judged(&run);
    assert_eq!(checks.len(), 6, "{checks:?}");
    assert!(checks.iter().all(|(_, verdict)| *verdict == "held"), "{}", said(&output));
    assert!(figures["transitions"].as_u64().unwrap() >= 60 && figures["failed"] == 0);

    let path = dir.path().join("log.jsonl");
    let log = read(&path);
    verified(&path, 0);
    assert!(log.torn.is_empty() && log.gaps.is_whole());
    assert_eq!(figures["written"], log.records.len());
    assert_eq!(log.records[0].event_type(), Some("system.start"));
    assert_eq!(log.records.last().unwrap().event_type(), Some("system.stop"));
    // What went to the record is what is in the log, counted without the program's help.
    let rejected = log.of(EventType::CircuitBreakerRejections);
    let sum: u64 = rejected.map(|record| record.get("rejected").unwrap().as_u64().unwrap()).sum();
    assert_eq!(figures["rejected"], sum);
    let closed = log.of(EventType::CircuitBreakerClosed).count();
    assert!(closed >= 20, "{closed}");
}

#[test]
fn a_replay_s_log_is_found_by_request_by_trace_and_by_level() {
    let dir = tempfile::tempdir().unwrap();
    let args = "replay --quick --log log.jsonl --out out";
    let output = command(dir.path(), args).output().unwrap();
    let run = run(&dir.path().join("out"));
    let (checks, _) = judged(&run);
    // Others depend on how fast the machine is; these do not.
    assert_eq!(checks.len(), 7, "{checks:?}");
    assert!(checks.iter().all(|(_, verdict)| *verdict == "held"), "{}", said(&output));

    let path = dir.path().join("log.jsonl");
    let log = read(&path);
    verified(&path, 0);
    assert!(log.torn.is_empty() && log.gaps.is_whole());
    let calls: Vec<&Record> =
        log.of(EventType::ToolCompleted).chain(log.of(EventType::ToolFailed)).collect();
    // A transition has the request that made it, too.
    let calls_of = |filter: Filter| calls.iter().filter(|record| filter.wants(record)).count();
    let one = calls[calls.len() / 2];
    let id = one.request_id().unwrap();
    // It may have been played twice, on a machine that stood still.
    let requests = calls_of(Filter::new().request_id(&*id));
    assert!((1..=2).contains(&requests), "{id}: {requests}");
    assert_eq!(calls_of(Filter::new().trace_id(one.trace_id().unwrap())), requests);
    let failed = calls_of(Filter::new().level(Level::Error));
    assert_eq!(failed, log.of(EventType::ToolFailed).count());
    assert!(failed > 0);
    assert_eq!(calls_of(Filter::new().component("client")), calls.len());
    assert_eq!(calls_of(Filter::new().component("script")), 0);
    assert_eq!(calls_of(Filter::new().since(SystemTime::now())), 0);
    let phases: HashSet<_> =
        log.of(EventType::Custom).map(|record| record.text("phase").unwrap()).collect();
    assert_eq!(phases.len(), 12, "{phases:?}");
}

#[test]
fn every_record_of_a_crowd_is_accounted_for_and_figures_decide_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let args = "log --quick --threads 40 --records 50 --out out";
    let output = command(dir.path(), args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = run(&dir.path().join("out"));
    let part = &run["programs"][0];
    let checks = part["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["verdict"] == "held"), "{checks:?}");
    assert_eq!(checks.len(), 11);
    // Built without optimisation, it cannot meet them.
    let targets = part["figures"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 4);
    assert!(targets.iter().all(|target| target["had"].as_f64().unwrap() > 0.0), "{targets:?}");
    let crowds = part["figures"]["crowds"].as_array().unwrap();
    assert_eq!(crowds[0]["of_the_threads"], 2_000);
    assert!(crowds[1]["dropped"].as_u64().unwrap() > 0);
    // Nothing is left beside the record.
    let left = fs::read_dir(dir.path().join("out")).unwrap().count();
    assert_eq!(left, 3);
}

#[test]
fn a_log_that_cannot_be_opened_is_refused_before_anything_runs() {
    for program in ["replay", "storm"] {
        let dir = tempfile::tempdir().unwrap();
        let args = format!("{program} --quick --log none/log.jsonl");
        let output = command(dir.path(), &args).output().unwrap();
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{why}");
        assert!(why.starts_with("error: --log none/log.jsonl: "), "{why:?}");
        assert_eq!(why.matches('\n').count(), 1, "{why:?}");
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_run_that_is_refused_leaves_no_log_and_takes_nothing_from_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "in the way").unwrap();
    let refused = || {
        let output = command(dir.path(), &format!("{SOON} --out file")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    };
    let log = dir.path().join("log.jsonl");
    refused();
    assert!(!log.exists());
    fs::write(&log, "kept\n").unwrap();
    refused();
    assert_eq!(fs::read(&log).unwrap(), b"kept\n");
}

/// What a run on too small a disk says of its log: read from stdout, as its record does not
/// fit either.
fn on_a_full_disk(output: &Output, path: &Path) {
    let run: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
    let (checks, figures) = judged(&run);
    let count = |name: &str| figures[name].as_u64().unwrap();
    assert!(count("failed") > 0 && count("written") > 0, "{figures}");
    assert_eq!(count("emitted"), count("written") + count("dropped") + count("failed"));
    let names: Vec<&str> = checks.iter().map(|(name, _)| *name).collect();
    for (name, verdict) in &checks {
        // How many calls a record told of that is lost, nobody knows.
        let sum = ["log_has_every_rejection", "log_has_every_fallback"].contains(name);
        assert!(*verdict == "held" || sum && *verdict == "unjudged", "{name}: {verdict}");
    }
    assert!(names.contains(&"log_has_what_was_written"), "{names:?}");

    let log = read(path);
    verified(path, 1); // what is missing is a fault
    let written = count("written") as usize;
    assert!((written..=written + 1).contains(&log.records.len()), "{}", log.records.len());
    assert!(log.torn.len() <= 1, "{:?}", log.torn);
    assert_eq!(log.gaps.streams().count(), 1);
    assert_eq!(log.gaps.repeated(), 0);
}

#[test]
fn a_disk_that_is_full_costs_the_log_only_what_did_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("trap '' XFSZ; ulimit -f 16; exec '{STRESS}' {SOON} --quiet --json");
    let output = Command::new("sh").current_dir(dir.path()).args(["-c", &line]).output().unwrap();
    // Its record does not fit either.
    assert_eq!(output.status.code(), Some(1));
    on_a_full_disk(&output, &dir.path().join("log.jsonl"));
}

/// The log of a run that is killed once its log has come so far.
fn killed_at(dir: &Path, bytes: u64) {
    let log = dir.join("log.jsonl");
    let before = fs::metadata(&log).map_or(0, |known| known.len());
    let mut child = command(dir, LONG)
        .args(["--out", &format!("out-{before}")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while fs::metadata(&log).map_or(0, |known| known.len()) < before + bytes {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_log_whose_program_was_killed_is_whole_up_to_there_and_goes_on_in_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.jsonl");
    for run in 1..=3 {
        killed_at(dir.path(), 20_000);
        let log = read(&path);
        // A record is one write, which a kill does not tear.
        assert!(log.torn.is_empty() && log.gaps.is_whole(), "{:?}", log.torn);
        assert_eq!(log.gaps.streams().count(), run);
        assert_eq!(log.of(EventType::SystemStart).count(), run);
        assert_eq!(log.of(EventType::SystemStop).count(), 0);
        verified(&path, 0);
    }
    // Even if something tore the last line, it costs that line alone.
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let before = read(&path).records.len();
    let output = command(dir.path(), &format!("{SOON} --out out")).output().unwrap();
    let run = run(&dir.path().join("out"));
    let (checks, figures) = judged(&run);
    assert!(checks.iter().all(|(_, verdict)| *verdict == "held"), "{}", said(&output));
    let log = read(&path);
    assert_eq!(log.torn.len(), 1);
    assert_eq!(log.records.len() as u64, before as u64 + figures["written"].as_u64().unwrap());
    verified(&path, 1);
}
