//! Instructions a call, counted by valgrind's callgrind where it is installed.
//!
//! The program runs itself once more under callgrind with a hidden subcommand, which
//! goes through all kinds of calls. Callgrind begins anew where the one function is entered
//! that makes them, and writes down its count each time it returns.

use std::fs;
use std::path::Path as FilePath;
use std::process::{Command, Stdio};

use crate::program::Failure;
use crate::rivals::{Path, Who};

/// Calls of each kind: enough that the loop around them is nothing.
const CALLS: u64 = 2_000;
const WARM: u64 = 64;
const TOOL: &str = "valgrind";
/// The function whose instructions count, in two patterns: of two options with the same
/// pattern callgrind takes only one.
const ENTERED: &str = "*counted_batch*";
const LEFT: &str = "*::counted_batch*";

/// The hidden subcommand.
pub(super) const SUBCOMMAND: &str = "count-calls";

/// Instructions a call, or in a few words why there are none.
pub(super) type Count = Result<f64, &'static str>;

/// What is counted, in order.
fn plan() -> impl Iterator<Item = (Path, Who)> {
    Path::ALL.into_iter().flat_map(|path| {
        Who::ALL.into_iter().filter(move |who| who.takes(path)).map(move |who| (path, who))
    })
}

/// Makes the calls that are counted: what the subcommand does.
///
/// # Errors
///
/// A breaker could not be built, or a call ended otherwise than it should.
pub(super) fn make_calls() -> Result<(), Failure> {
    for (path, who) in plan() {
        let caller = who.build_to_count(path).map_err(|error| Failure(error.to_string()))?;
        let wrong = caller.timed(path, WARM) + caller.counted(path, CALLS);
        if wrong > 0 {
            return Err(Failure(format!("{wrong} calls went wrong: {who:?} {path:?}")));
        }
    }
    Ok(())
}

/// The counts of one run.
#[derive(Debug)]
pub(super) struct Counts(Result<Vec<(Path, Who, f64)>, &'static str>);

impl Counts {
    /// Runs this very program under callgrind; takes about two seconds.
    pub(super) fn take() -> Self {
        Self(run())
    }

    /// No counts, and why.
    pub(super) fn none(why: &'static str) -> Self {
        Self(Err(why))
    }

    pub(super) fn of(&self, path: Path, who: Who) -> Count {
        self.0.as_ref().map_err(|why| *why).and_then(|counts| {
            counts
                .iter()
                .find(|(p, w, _)| (*p, *w) == (path, who))
                .map(|&(_, _, count)| count)
                .ok_or("not counted")
        })
    }

    /// Why there are none.
    pub(super) fn missing(&self) -> Option<&'static str> {
        self.0.as_ref().err().copied()
    }
}

fn run() -> Result<Vec<(Path, Who, f64)>, &'static str> {
    let this = std::env::current_exe().map_err(|_| "this program's file cannot be found")?;
    let dir = tempfile::tempdir().map_err(|_| "no directory for callgrind's output")?;
    let out = dir.path().join("out");
    let status = Command::new(TOOL)
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(format!("--zero-before={ENTERED}"))
        .arg(format!("--dump-after={LEFT}"))
        .arg(this)
        .arg(SUBCOMMAND)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("callgrind failed"),
        Err(_) => return Err("valgrind is not installed"),
    }
    plan()
        .enumerate()
        .map(|(at, (path, who))| {
            let dump = dir.path().join(format!("out.{}", at + 1));
            let count = total(&dump).ok_or("callgrind's output is not understood")?;
            Ok((path, who, count as f64 / CALLS as f64))
        })
        .collect()
}

/// The total of one dump.
fn total(dump: &FilePath) -> Option<u64> {
    summary(&fs::read_to_string(dump).ok()?)
}

fn summary(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"))?;
    line.trim().parse().ok().filter(|&total| total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_that_are_counted_end_as_they_should() {
        make_calls().unwrap();
    }

    #[test]
    fn a_dump_without_a_count_gives_none() {
        assert_eq!(summary("events: Ir\nsummary: 42\n"), Some(42));
        assert_eq!(summary("events: Ir\nsummary: 0\n"), None);
        assert_eq!(summary("events: Ir\n"), None);
        assert_eq!(summary("summary: many\n"), None);
    }
}
