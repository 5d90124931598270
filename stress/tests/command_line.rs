//! What the binary says to bad input: one line, status 2, nothing written. And to Ctrl-C:
//! status 130, and what it has is kept.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

mod fixture;

const TOP: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

fn stress(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stress")).current_dir(dir).args(args).output().unwrap()
}

/// Runs it in an empty directory with `trace` in it, and holds it to a refusal.
fn refusal(trace: Option<&[u8]>, args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    if let Some(bytes) = trace {
        fs::write(dir.path().join("trace.csv"), bytes).unwrap();
    }
    let output = stress(dir.path(), args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(output.stdout.is_empty());
    assert_eq!(said.matches('\n').count(), 1, "{args:?}: {said:?}");
    assert!(said.starts_with("error: "), "{said:?}");
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, usize::from(trace.is_some()), "something was written");
    said
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    for (args, says) in [
        (&["--sed", "1"][..], "--seed"),
        (&["replya"], "replay"),
        (&["--seed", "x"], "'x'"),
        (&["--out"], "--out"),
        (&["--out", ""], "--out"),
        (&["replay", "--trace"], "--trace"),
        (&["replay", "--speed", "0"], "--speed"),
        (&["replay", "--speed", "NaN"], "--speed"),
        (&["replay", "--speed", "-3"], "--speed"),
        (&["replay", "--speed=-inf"], "--speed"),
        (&["replay", "--speed", "fast"], "--speed"),
        (&["replay", "--speed", "1e9"], "--speed"),
        (&["storm", "--threads", "0"], "--threads"),
        (&["storm", "--threads", "1,1000001"], "1000001 is not in 1..=1000000"),
        (&["storm", "--threads", "1,,2"], "--threads"),
        (&["storm", "--point-ms", "0"], "--point-ms"),
        (&["storm", "--repetitions", "0"], "--repetitions"),
        (&["storm", "--stack-kib", "1"], "--stack-kib"),
        (&["storm", "--workloads", "storm"], "--workloads storm: there is no such workload"),
        (&["storm", "--breakers", "0"], "--breakers"),
        (&["storm", "--log"], "--log"),
        (&["log", "--rounds", "0"], "--rounds"),
        (&["log", "--threads", "100000", "--records", "1000"], "100000000 records in all"),
    ] {
        let said = refusal(None, args);
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn a_bad_trace_is_refused_with_its_name_line_and_reason() {
    let with = |body: &str| format!("{TOP}{body}").into_bytes();
    for (trace, says) in [
        (Vec::new(), "the file is empty"),
        (with(""), "no requests"),
        (b"\x89PNG\r\n\x1a\n\0\0".to_vec(), "line 1: binary data"),
        (with("2023-01-01 00:00:00,1,1\n2023-01-01 00:00:01,1"), "line 3: the last line is torn"),
        (with("2023-01-01 00:00:00,-1,1\n"), "line 2: ContextTokens is negative"),
        (with("2023-01-02 00:00:00,1,1\n2023-01-01 00:00:00,1,1\n"), "line 3: the time steps back"),
        (vec![b'x'; (16 << 20) + 1], "16777217 bytes; at most 16777216"),
    ] {
        let said = refusal(Some(&trace), &["replay", "--trace", "trace.csv", "--out", "out"]);
        assert!(said.contains(&format!("trace.csv: {says}")), "{said}");
    }
    assert!(refusal(None, &["replay", "--trace", "none.csv"]).contains("none.csv: cannot be read"));
    assert!(refusal(None, &["replay", "--trace", "."]).contains(".: not a regular file"));
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_before_anything_runs() {
    let said = refusal(Some(b"a file"), &["replay", "--out", "trace.csv/below"]);
    assert!(said.contains("trace.csv/below: cannot be made"), "{said}");
    let said = refusal(Some(b"a file"), &["replay", "--out", "trace.csv"]);
    assert!(said.contains("trace.csv: not a directory"), "{said}");
}

#[test]
fn help_and_the_hidden_sample_go_to_stdout() {
    let dir = tempfile::tempdir().unwrap();
    let help = stress(dir.path(), &["--help"]);
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("replay"));
    let sample = stress(dir.path(), &["sample"]);
    assert!(sample.status.success() && sample.stdout == stress::sample::SAMPLE);
}

#[test]
fn a_report_is_drawn_of_one_run_and_of_several_and_its_refusals_are_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        fixture::keep(&fixture::everything(seed), &dir.path().join(format!("run-{seed}")));
    }
    fs::remove_file(dir.path().join("run-1/report.html")).unwrap();
    let done = |args: &[&str]| {
        let output = stress(dir.path(), args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(done(&["report", "run-1"]), "report: run-1/report.html\n");
    assert_eq!(done(&["report", "run-1/run.json", "--out", "one.html"]), "report: one.html\n");
    assert_eq!(done(&["report", "run-1", "run-2"]), "report: report.html\n");
    let both = fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(both.contains("run-1, ampacity") && both.contains("run-2, ampacity"));
    let said = done(&["pictures", "run-1", "--out", "pictures"]);
    assert_eq!(said.matches("picture: pictures/").count(), 3);

    let refused = |args: &[&str], says: &str| {
        let output = stress(dir.path(), args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.matches('\n').count(), 1, "{said}");
        assert!(said.contains(says), "{said}");
    };
    fs::write(dir.path().join("mine.html"), "<!doctype html>mine").unwrap();
    refused(&["report", "run-1", "--out", "mine.html"], "mine.html: is there already");
    refused(&["report", "run-1", "--out", "none/below.html"], "none/below.html");
    refused(&["report"], "RUN");
    refused(&["report", "nowhere"], "nowhere: cannot be read");
    refused(&["pictures", "nowhere"], "nowhere: cannot be read");
    assert_eq!(fs::read_to_string(dir.path().join("mine.html")).unwrap(), "<!doctype html>mine");
}

/// Ends a child that a failing test would leave behind.
#[cfg(target_os = "linux")]
struct Reaped(std::process::Child);

#[cfg(target_os = "linux")]
impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The threads that a process has.
#[cfg(target_os = "linux")]
fn threads(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_storm_with_status_130_and_a_whole_record() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::process::Stdio;

    let dir = tempfile::tempdir().unwrap();
    let args = "storm --threads 8 --calls 100000000 --cycles 1000000000 --quiet --out out";
    let child = Command::new(env!("CARGO_BIN_EXE_stress"))
        .current_dir(dir.path())
        .args(args.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Reaped(child);
    // The main thread, Ctrl-C's, the reader's and a bar's are four; when there are more,
    // the storm's are being started, long after Ctrl-C was listened for. Whether it comes
    // before they are let go or after makes no difference to what is asked for here.
    while threads(child.0.id()).is_none_or(|threads| threads <= 5) {
        assert_eq!(child.0.try_wait().unwrap(), None, "it ended by itself");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(child.0.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(130));

    let record = fs::read(dir.path().join("out/run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["partial"], true);
    assert_eq!(record["programs"][0]["name"], "storm");
    assert_eq!(record["programs"][0]["partial"], true);
}

/// Whether a process has a thread of that name.
#[cfg(target_os = "linux")]
fn has_thread(pid: u32, name: &str) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_sweep_in_the_middle_of_a_point_and_keeps_what_was_accounted_for() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::process::Stdio;

    let dir = tempfile::tempdir().unwrap();
    let args = "storm --threads 2 --calls 1000 --cycles 1 --readers 1 --workloads flapping \
                --point-ms 600000 --quiet --out out";
    let child = Command::new(env!("CARGO_BIN_EXE_stress"))
        .current_dir(dir.path())
        .args(args.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Reaped(child);
    while !has_thread(child.0.id(), "pool 1") {
        assert_eq!(child.0.try_wait().unwrap(), None, "it ended by itself");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(child.0.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    // 130, or 1 where so small a storm did not meet all cases: that is chance.
    assert!(matches!(child.0.wait().unwrap().code(), Some(130 | 1)));

    let record = fs::read(dir.path().join("out/run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["partial"], true);
    let storm = &record["programs"][0];
    assert!(storm["figures"]["calls"].as_u64().unwrap() >= 2_000);
    let checks = storm["checks"].as_array().unwrap();
    let moving = checks.iter().find(|check| check["name"] == "sweep_keeps_moving").unwrap();
    assert_eq!(moving["verdict"], "held");
    assert!(checks.iter().all(|check| check["verdict"] != "broken"), "{checks:?}");
}
