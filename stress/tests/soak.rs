//! `soak`, whole: what a kill and Ctrl-C leave.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Ends a child that a failing test would leave behind.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Reaped {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), signal).unwrap();
    }
}

/// A soak of an hour, which ends otherwise, once it has written so many lines.
fn soaking(dir: &Path, lines: usize) -> Reaped {
    let args = "soak --for 1h --every 20ms --rate 2000 --threads 2 --quiet --out out";
    let child = Command::new(env!("CARGO_BIN_EXE_stress"))
        .current_dir(dir)
        .args(args.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Reaped(child);
    let journal = dir.join("out/soak.jsonl");
    let written = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    while written() < lines {
        assert_eq!(child.0.try_wait().unwrap(), None, "it ended by itself");
        std::thread::yield_now();
    }
    child
}

fn journal(dir: &Path) -> String {
    fs::read_to_string(dir.join("out/soak.jsonl")).unwrap()
}

#[test]
fn a_kill_leaves_whole_lines_and_at_most_a_torn_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = soaking(dir.path(), 10);
    child.signal(Signal::SIGKILL);
    assert_eq!(child.0.wait().unwrap().code(), None);
    let text = journal(dir.path());
    // What follows the last line's end is torn.
    let whole = &text[..text.rfind('\n').unwrap()];
    let looks: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(looks.len() >= 10);
    let mut before = (0.0, 0);
    for look in looks {
        let now = (look["at_s"].as_f64().unwrap(), look["calls"].as_u64().unwrap());
        assert!(now.0 > before.0 && now.1 > before.1, "{look}");
        assert_eq!(look["accounts_agree"], true);
        before = now;
    }
    assert!(!dir.path().join("out/run.json").exists());
}

#[test]
fn ctrl_c_leaves_a_whole_partial_record_and_the_same_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = soaking(dir.path(), 3);
    child.signal(Signal::SIGINT);
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    let record: Value =
        serde_json::from_slice(&fs::read(dir.path().join("out/run.json")).unwrap()).unwrap();
    assert_eq!(record["partial"], true);
    let section = &record["programs"][0];
    assert_eq!((&section["name"], &section["partial"]), (&"soak".into(), &true.into()));
    let text = journal(dir.path());
    assert!(text.ends_with('\n'));
    assert_eq!(text.lines().count() as u64, section["figures"]["checkpoints"].as_u64().unwrap());
    let broken = |check: &&Value| check["verdict"] == "broken" || check["verdict"] == "not_reached";
    assert_eq!(section["checks"].as_array().unwrap().iter().find(broken), None);
}

#[test]
fn bad_times_are_refused_in_one_line_and_nothing_is_written() {
    for (args, says) in [
        ("--for 5parsecs", "--for"),
        ("--for 0s", "10 ms"),
        ("--hours NaN", "--hours"),
        ("--hours 1 --minutes 2", "--minutes"),
        ("--hours 9000", "a year"),
        ("--every 10ms --hours 1000", "--every 10ms: more than"),
        ("--rate 0", "--rate"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_stress"))
            .current_dir(dir.path())
            .arg("soak")
            .args(args.split(' '))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
        assert!(said.contains(says) && said.matches('\n').count() == 1, "{args}: {said}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
