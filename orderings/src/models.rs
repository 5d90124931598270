//! The models under loom, with all mutants in them: building and running.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The tests of the copy, built.
#[derive(Debug)]
pub struct Models {
    program: PathBuf,
}

/// One ordering of the copy, made weaker.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The number of the site.
    pub site: usize,
    /// The ordering in place of its own.
    pub weaker: &'static str,
}

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It passed.
    Passed,
    /// An assertion failed, or the process crashed; with what was said.
    Failed(String),
    /// A thread of the model goes on and on.
    Hung(String),
    /// The search was given up, or never met its case: nothing is shown.
    GaveUp(String),
}

impl Models {
    /// Builds the models of the copy.
    ///
    /// # Errors
    ///
    /// If they do not build; the compiler has said why.
    pub fn build(copy: &Path) -> Result<Models, String> {
        let output = Command::new(env!("CARGO"))
            .args(["test", "--profile", "model", "-p", "loom-tests", "--test", "models"])
            .args(["--no-run", "--locked", "--message-format", "json"])
            .current_dir(copy)
            // As the gate does, which has built what the models depend on.
            .env("RUSTFLAGS", "--cfg ampacity_loom --cfg crossbeam_loom")
            .env("CARGO_TARGET_DIR", "../../target-loom")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        let told = String::from_utf8_lossy(&output.stdout);
        // One message a line; the member's own programs are built, too.
        let program = told
            .lines()
            .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
            .map(|(path, _)| PathBuf::from(path))
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.display().to_string().starts_with("models-"))
            });
        match program {
            Some(program) if output.status.success() => Ok(Models { program }),
            _ => Err("the models do not build".to_owned()),
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

    /// Runs one test as it is, and says which sites it executes.
    pub fn sites_of(&self, test: &str, limit: Duration) -> (End, Duration, BTreeSet<usize>) {
        let name = format!("ampacity-orderings-{}-{test}", std::process::id()).replace("::", ".");
        let noted = std::env::temp_dir().join(name);
        let (end, took) = self.run(test, limit, |command| {
            command.env("AMPACITY_EXECUTED", &noted);
        });
        let lines = std::fs::read_to_string(&noted).unwrap_or_default();
        std::fs::remove_file(&noted).ok();
        (end, took, lines.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Runs one test against a mutant.
    pub fn meet(&self, test: &str, mutant: Mutant, limit: Duration) -> (End, Duration) {
        self.run(test, limit, |command| {
            command.env("AMPACITY_WEAKENED", format!("{} {}", mutant.site, mutant.weaker));
        })
    }

    fn run(&self, test: &str, limit: Duration, with: impl FnOnce(&mut Command)) -> (End, Duration) {
        let mut command = Command::new(&self.program);
        command.args(["--exact", test, "--test-threads", "1"]);
        command.env_remove("AMPACITY_CANARY").env("RUST_BACKTRACE", "0");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        with(&mut command);
        let began = Instant::now();
        let mut child = command.spawn().expect("the models were just built");
        // What one test says fits the pipe.
        while child.try_wait().expect("the child is ours").is_none() {
            if began.elapsed() > limit {
                child.kill().ok();
                child.wait().ok();
                return (End::GaveUp(format!("not done in {limit:.0?}")), limit);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().expect("the child has ended");
        (End::of(&output), began.elapsed())
    }
}

impl End {
    fn of(output: &Output) -> End {
        if output.status.success() {
            return End::Passed;
        }
        let all = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        match panic_in(&all) {
            Some(said) => End::judged(said),
            // No word of a panic: a signal.
            None => End::Failed(output.status.to_string()),
        }
    }

    /// What it says about the code that a test panicked so.
    fn judged(said: String) -> End {
        let has = |what: &[&str]| what.iter().any(|what| said.contains(what));
        if has(&["exceeded maximum number of branches"]) {
            End::Hung(said)
        } else if has(&["never met its case"]) {
            End::GaveUp(said)
        // Assertions of the models and of the library, and the accesses that loom watches.
        } else if said.starts_with("loom-tests/")
            || said.starts_with("src/")
            || has(&["Causality violation"])
        {
            End::Failed(said)
        } else {
            End::GaveUp(said)
        }
    }
}

/// The first panic's place and words.
fn panic_in(said: &str) -> Option<String> {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at "));
    let (_, place) = lines.next()?.split_once("panicked at ")?;
    let words: Vec<&str> = lines
        .map(str::trim)
        .take_while(|line| !line.is_empty() && !line.starts_with("note:"))
        .collect();
    Some(format!("{place} {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(said: &str) -> End {
        End::judged(panic_in(said).unwrap())
    }

    #[test]
    fn only_an_assertion_of_ours_and_a_race_that_loom_saw_are_failures() {
        let ours = "\nthread 'a' panicked at loom-tests/tests/models/a.rs:7:9:\nleft: 1\nnote: run";
        assert_eq!(judged(ours), End::Failed("loom-tests/tests/models/a.rs:7:9: left: 1".into()));
        let race = "panicked at /c/loom/src/rt.rs:1:1:\nCausality violation: Concurrent";
        assert!(matches!(judged(race), End::Failed(_)));
        let unmet = "panicked at loom-tests/tests/models/a.rs:8:9:\nthe test never met its case";
        assert!(matches!(judged(unmet), End::GaveUp(_)));
        let endless =
            "panicked at /c/loom/src/rt.rs:1:1:\nModel exceeded maximum number of branches";
        assert!(matches!(judged(endless), End::Hung(_)));
        let other = "panicked at /c/loom/src/rt.rs:1:1:\nsomething else";
        assert!(matches!(judged(other), End::GaveUp(_)));
    }
}
