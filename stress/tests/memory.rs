//! `memory`, whole: its figures are exact in a process of its own, which only the binary has.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn stress(dir: &Path, args: &str) -> Output {
    let args = args.split(' ').chain(["--quiet"]);
    Command::new(env!("CARGO_BIN_EXE_stress")).current_dir(dir).args(args).output().unwrap()
}

fn record(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("out/run.json")).unwrap()).unwrap()
}

const SMALL: &str = "memory --quick --threads 150 --breakers 2000 --waves 4 --wave-threads 20";

#[test]
fn every_byte_of_a_small_run_is_accounted_for_and_two_runs_agree() {
    let run = || {
        let dir = tempfile::tempdir().unwrap();
        let output = stress(dir.path(), &format!("{SMALL} --out out"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        let section = record(dir.path())["programs"][0].clone();
        for check in section["checks"].as_array().unwrap() {
            let held = check["verdict"] == "held"
                || !cfg!(target_os = "linux") && check["verdict"] == "unjudged";
            assert!(held, "{check}");
        }
        section["measures"].as_array().unwrap().clone()
    };
    let (one, other) = (run(), run());
    let exact = |measures: &[Value]| -> Vec<Value> {
        let exact = |m: &&Value| {
            m["name"] == "breaker_in_use"
                || m["name"] == "idle_breaker" && m["labels"]["counted"] == "heap"
        };
        measures.iter().filter(exact).cloned().collect()
    };
    assert!(exact(&one).len() > 40);
    assert_eq!(exact(&one), exact(&other));
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_room_is_told_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "ulimit -v 2000000; exec {} memory --quick --breakers 5000000",
        env!("CARGO_BIN_EXE_stress")
    );
    let output = Command::new("sh").current_dir(dir.path()).args(["-c", &line]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--breakers 5000000: needs about"), "{said}");
    assert!(said.contains("the limit on address space (ulimit -v) is"), "{said}");
    assert_eq!(said.matches('\n').count(), 1, "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_it_and_the_process_that_measures_with_a_whole_record() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    let dir = tempfile::tempdir().unwrap();
    let args = "memory --quick --waves 100000 --quiet --out out";
    let mut child = Command::new(env!("CARGO_BIN_EXE_stress"))
        .current_dir(dir.path())
        .args(args.split(' '))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    let children = || {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().map(|id| id.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    // Not git, which is asked for the commit.
    let measures = |id: &u32| {
        let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.contains("measure-memory")
    };
    let measuring = loop {
        if let Some(it) = children().into_iter().find(measures) {
            break it;
        }
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        std::thread::yield_now();
    };
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!Path::new(&format!("/proc/{measuring}")).exists(), "it was left behind");
    let record = record(dir.path());
    assert_eq!(record["partial"], true);
    assert_eq!(record["programs"][0]["partial"], true);
}

#[cfg(not(feature = "heap-profile"))]
#[test]
fn a_build_without_the_profiler_says_how_to_get_it_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = stress(dir.path(), "memory --quick --profile --out out");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cargo run --release -p stress --features heap-profile"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// `cargo test -p stress --features heap-profile --test memory`.
#[cfg(feature = "heap-profile")]
#[test]
fn the_profile_is_json_that_dhats_viewer_reads_and_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let output = stress(dir.path(), &format!("{SMALL} --profile --out out"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let path = dir.path().join("out/dhat-heap.json");
    let bytes = fs::read(&path).unwrap();
    let profile: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(profile["dhatFileVersion"], 2);
    assert_eq!(profile["mode"], "rust-heap");
    assert!(profile["pps"].as_array().unwrap().len() > 10);
    let frames = profile["ftbl"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame.as_str().unwrap().contains("ampacity::")));

    fs::remove_file(dir.path().join("out/run.json")).unwrap();
    for name in ["run.md", "report.html"] {
        fs::remove_file(dir.path().join("out").join(name)).unwrap();
    }
    let output = stress(dir.path(), &format!("{SMALL} --profile --out out"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
