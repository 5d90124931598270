//! Logs in a directory of their own, and the program run on them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A directory for a test's logs.
pub(crate) struct Place(pub(crate) TempDir);

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, log: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), log).unwrap();
        self.path(name)
    }

    /// The program in this directory.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ampacity-log"));
        program.args(args).current_dir(self.0.path()).env_remove("NO_COLOR").stdin(Stdio::null());
        program
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.program(args))
    }
}

pub(crate) fn run(program: &mut Command) -> Ran {
    let output = program.output().unwrap();
    Ran {
        status: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A whole record, number `seq`, with more fields: `,"a":1`.
pub(crate) fn record(seq: u64, more: &str) -> String {
    let second = seq % 60;
    format!(
        r#"{{"timestamp":"2026-11-23T13:15:{second:02}.123456Z","schema_version":"2.0.0","level":"INFO","logger":"tools","event_type":"custom","message":"number {seq}","seq":{seq},"stream":"8f3a5b7c00112233"{more}}}
"#
    )
}

pub(crate) fn records(numbers: impl IntoIterator<Item = u64>) -> String {
    numbers.into_iter().map(|seq| record(seq, "")).collect()
}

/// A line of the predecessor, in its own form.
pub(crate) const OLD: &str = r#"{"timestamp": "2024-05-01 12:00:00,123", "schema_version": "1.0.0", "level": "ERROR", "logger": "x", "message": "old", "function": "f", "component": "structured_logging", "event_type": "mcp.tool.failed", "duration_ms": 2.5, "taskName": null}
"#;
