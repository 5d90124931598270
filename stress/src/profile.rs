//! `profile`: where the time and the memory of a workload go.
//!
//! The workload is a synthetic document of so many tokens, from which patterns extract
//! entities; the tool that does it is called through a breaker, once for each token. That is
//! shorter work than anybody would protect by itself, so that the breaker's share is as large
//! as it gets. The record has the keys that its predecessor promised (`document_stats`,
//! `timing`, `memory`, `hotspots`, `strategy_comparison`, `recommendations`).

mod document;
mod extract;
mod report;
mod rules;
mod stages;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::glance;
use crate::kinds;
use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::record::put;
use crate::system::{self, Needs};
use stages::Effort;

/// Bytes a token of the document takes, at most, with all that is made of it.
const EACH_TOKEN: u64 = 200;

/// The flags of `profile`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Tokens of the document [default: 10000; with --quick 1000]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub tokens: Option<u64>,

    /// Write the profile to FILE as well, as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Show every stage and every rule, not only those that say something
    #[arg(long)]
    pub verbose: bool,

    /// Samples of each strategy [default: 9; with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: Option<u32>,
}

/// Checks the flags against the system's limits, and that the file can be written.
///
/// # Errors
///
/// No room for so many tokens; a file that cannot be written.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let (tokens, rounds, sample) = match size {
        Size::Quick => (1_000, 3, 5_000),
        _ => (10_000, 9, 100_000),
    };
    let tokens = options.tokens.unwrap_or(tokens);
    let needs = Needs { memory: tokens.saturating_mul(EACH_TOKEN), ..Needs::default() };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("--tokens {tokens}: {why}")));
    }
    let tokens_here =
        usize::try_from(tokens).map_err(|error| Refusal(format!("--tokens {tokens}: {error}")))?;
    if let Some(path) = &options.output {
        writable(path)?;
    }
    let rounds = options.rounds.unwrap_or(rounds);
    let Options { output, verbose, .. } = options;
    let effort = Effort { tokens: tokens_here, rounds, sample };
    let counts = size != Size::Quick;
    Ok(Box::new(Profile { effort, output, verbose, counts }))
}

/// Whether a file can be put there; nothing is left behind.
fn writable(path: &Path) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal(format!("--output {}: {why}", path.display()));
    if path.as_os_str().is_empty() || path.file_name().is_none() {
        return Err(refuse("not the name of a file".to_owned()));
    }
    if path.exists() && !path.is_file() {
        return Err(refuse("not a regular file".to_owned()));
    }
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    tempfile::NamedTempFile::new_in(dir)
        .map(drop)
        .map_err(|error| refuse(format!("cannot be written: {error}")))
}

struct Profile {
    effort: Effort,
    output: Option<PathBuf>,
    verbose: bool,
    /// Whether instructions are counted, which takes seconds.
    counts: bool,
}

impl Program for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let strategies = 1 + kinds::Kind::all().count() as u64;
        let bar = ctx.bar("profile", 2 + u64::from(self.effort.rounds) * strategies);
        let mut measured = stages::measure(self.effort, &ctx.stop, &bar)?;
        let instructions = if measured.partial {
            Err("interrupted")
        } else if !self.counts {
            Err("not counted with --quick")
        } else {
            bar.set_message("counting instructions");
            glance::instructions_a_call()
        };
        bar.finish_and_clear();
        measured.partial |= ctx.stop.requested();
        let section = report::section(self.effort.tokens, &measured, &instructions, self.verbose);
        if let Some(path) = &self.output {
            let cannot = |error| Failure(format!("{}: {error}", path.display()));
            let mut json = serde_json::to_vec_pretty(&section.figures).map_err(cannot)?;
            json.push(b'\n');
            put(path, &json)?;
        }
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options { tokens: Some(200), output: None, verbose: false, rounds: Some(1) }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_before_anything_runs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "kept").unwrap();
        for (name, says) in [
            ("", "not a regular file"),
            ("none/below", "cannot be written"),
            ("file/below", "cannot be written"),
        ] {
            let output = Some(dir.path().join(name));
            let refused = prepare(Options { output, ..options() }, Size::Full).map(drop);
            let Refusal(why) = refused.unwrap_err();
            assert!(why.starts_with("--output ") && why.contains(says), "{why}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn more_tokens_than_there_is_room_for_are_refused() {
        let refused = prepare(Options { tokens: Some(u64::MAX), ..options() }, Size::Full);
        let Refusal(why) = refused.map(drop).unwrap_err();
        assert!(why.starts_with("--tokens 18446744073709551615: "), "{why}");
    }
}
