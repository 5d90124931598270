//! Building the models, and running them.

use crate::end::End;
use process_control::{ChildExt, Control, Output};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, io};

/// What explores the models.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tool {
    /// All interleavings, and what is seen late.
    Loom,
    /// All interleavings of two, and random ones of many.
    Shuttle,
}

impl Tool {
    fn flags(self) -> &'static str {
        // As the gate has them, which builds the same files.
        match self {
            Tool::Loom => "--cfg ampacity_loom --cfg crossbeam_loom",
            Tool::Shuttle => "--cfg ampacity_shuttle",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tool::Loom => "loom",
            Tool::Shuttle => "shuttle",
        })
    }
}

/// The tests of `loom-tests`, built under one tool.
#[derive(Debug)]
pub struct Models {
    program: PathBuf,
}

impl Models {
    /// Builds the models of a workspace, in the tool's target directory under `targets`.
    ///
    /// # Errors
    ///
    /// If they do not build; the compiler has said why.
    pub fn build(tool: Tool, workspace: &Path, targets: &Path) -> Result<Models, String> {
        let targets = targets.canonicalize().map_err(|error| format!("{targets:?}: {error}"))?;
        let output = Command::new(env!("CARGO"))
            .args(["test", "--profile", "model", "-p", "loom-tests", "--test", "models"])
            .args(["--no-run", "--locked", "--message-format", "json"])
            .current_dir(workspace)
            .env_remove("CARGO_ENCODED_RUSTFLAGS") // which cargo prefers
            .env("RUSTFLAGS", tool.flags())
            .env("CARGO_TARGET_DIR", targets.join(format!("target-{tool}")))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        let told = String::from_utf8_lossy(&output.stdout);
        // One message a line. The member's own programs are built along, and are none of them.
        let is_models = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.display().to_string().starts_with("models-"))
        };
        let program = told
            .lines()
            .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
            .map(|(path, _)| PathBuf::from(path))
            .find(is_models);
        match program {
            Some(program) if output.status.success() => Ok(Models { program }),
            _ => Err(format!("the models do not build for {tool}")),
        }
    }

    /// The names of all tests.
    ///
    /// # Errors
    ///
    /// If they cannot be had.
    pub fn tests(&self) -> Result<Vec<String>, String> {
        let output = Command::new(&self.program)
            .args(["--list", "--format", "terse"])
            .output()
            .map_err(|error| format!("the models do not start: {error}"))?;
        let listed = String::from_utf8_lossy(&output.stdout);
        let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    /// Runs these tests, which are given up after `limit`, and says how long that took.
    ///
    /// # Panics
    ///
    /// If what was built cannot be started.
    pub fn run(
        &self,
        tests: &[&str],
        limit: Duration,
        with: impl FnOnce(&mut Command),
    ) -> (End, Duration) {
        let mut command = Command::new(&self.program);
        command.arg("--exact").args(tests);
        command.env_remove("AMPACITY_CANARY").env("RUST_BACKTRACE", "0");
        with(&mut command);
        let began = Instant::now();
        let end = match run(command, limit).expect("the models were just built") {
            Some(output) => End::of(&output),
            None => End::GaveUp(format!("not done in {limit:.0?}")),
        };
        (end, began.elapsed())
    }
}

/// Reads what is said as it comes, for the schedule of a thousand threads does not fit a
/// pipe; `None` if it takes too long.
fn run(mut command: Command, limit: Duration) -> io::Result<Option<Output>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()?.controlled_with_output().time_limit(limit).terminate_for_timeout().wait()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn end(script: &str, limit: Duration) -> Option<End> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, limit).unwrap().as_ref().map(End::of)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_says_more_than_fits_a_pipe_is_read_to_the_end() {
        let script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; \
            echo 'panicked at loom-tests/a.rs:1:1:' >&2; exit 101";
        assert_eq!(end(script, LONG), Some(End::Asserted("loom-tests/a.rs:1:1: ".into())));
    }

    #[test]
    fn a_crash_is_a_failure_and_a_kill_is_none() {
        assert_eq!(end("kill -SEGV $$", LONG), Some(End::Crashed("segmentation fault".into())));
        assert_eq!(end("kill -ABRT $$", LONG), Some(End::Crashed("abort".into())));
        let out_of_memory = "echo 'memory allocation of 8 bytes failed' >&2; kill -ABRT $$";
        for script in ["kill -KILL $$", out_of_memory, "exit 1"] {
            assert!(matches!(end(script, LONG), Some(End::GaveUp(_))), "{script}");
        }
        assert_eq!(end("exit 0", LONG), Some(End::Passed));
    }

    #[test]
    fn who_takes_too_long_is_ended() {
        assert_eq!(end("exec sleep 600", Duration::from_millis(50)), None);
    }
}
