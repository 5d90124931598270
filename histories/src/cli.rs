//! The command line.
//!
//! Status 0: every history was linearizable. 1: one was not, the checker gave up on it, or the
//! library panicked, whether or not that can be written down. 2: bad flags, a file that cannot
//! be read, output that cannot be written, or fewer threads than asked for.

use crate::check::{Bound, Verdict, check};
use crate::history::History;
use crate::minimise::minimise;
use crate::report::account;
use crate::{small, storm};
use clap::{Args, Parser, Subcommand};
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Records what many threads do to one breaker and looks for an order that explains it.
///
/// Without a subcommand: 100,000 small histories and a storm of 64 threads.
#[derive(Debug, Parser)]
#[command(name = "histories", version)]
struct Line {
    #[command(subcommand)]
    what: Option<What>,

    /// Seed of all programs; what the threads make of them is chance
    #[arg(long, global = true, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The most states that the checker looks at for one history
    #[arg(long, global = true, value_name = "N", default_value_t = Bound::default().0)]
    bound: u64,

    /// Write a history that fails to FILE
    #[arg(long, global = true, value_name = "FILE", default_value = "failing-history.jsonl")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Small histories of up to 4 threads and 6 operations each
    Threads(Threads),
    /// A storm, checked round by round
    Storm(Storm),
    /// Tell what is in a file, and what the checker makes of it
    Replay {
        /// A file that another run has written
        file: PathBuf,
        /// Tell of the whole, and not of the least that fails
        #[arg(long)]
        whole: bool,
    },
}

#[derive(Debug, Args)]
struct Threads {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    histories: u64,
}

#[derive(Debug, Args)]
struct Storm {
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    threads: u16,
    /// At least so many events: invocations and returns
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    events: u64,
}

/// What the exit status says.
enum Failed {
    Checked,
    Refused(String),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let line = Line::parse();
    let done = match &line.what {
        None => threads(&line, 100_000).and_then(|()| storm(&line, 64, 1_000_000)),
        Some(What::Threads(options)) => threads(&line, options.histories),
        Some(What::Storm(options)) => storm(&line, options.threads, options.events),
        Some(What::Replay { file, whole }) => replay(file, *whole, Bound(line.bound)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Checked) => ExitCode::from(1),
        Err(Failed::Refused(why)) => {
            complain(why);
            ExitCode::from(2)
        }
    }
}

/// Writes a line to where results go.
fn say(text: impl Display) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{text}").and_then(|()| out.flush());
    said.map_err(|why| Failed::Refused(format!("standard output: {why}")))
}

/// Writes a line to where errors go. If that cannot be, the status is all that is left.
fn complain(why: impl Display) {
    let _ = writeln!(std::io::stderr(), "error: {why}");
}

/// Says what was found, whether or not it can be.
fn found(text: impl Display) -> Failed {
    if let Err(Failed::Refused(why)) = say(text) {
        complain(why);
    }
    Failed::Checked
}

fn threads(line: &Line, histories: u64) -> Result<(), Failed> {
    let began = Instant::now();
    match small::check_many(line.seed, histories, Bound(line.bound)) {
        Ok(tally) => {
            let percent = |part: u64, of: u64| 100.0 * part as f64 / of.max(1) as f64;
            say(format_args!(
                "threads: {} histories, all linearizable, {:.1} s\n  \
                 {:.1} % have operations that overlap; {} operations, {:.1} % beside another\n  \
                 {} different histories; {} states looked at, at most {} for one",
                tally.histories,
                began.elapsed().as_secs_f64(),
                percent(tally.overlapping, tally.histories),
                tally.operations,
                percent(tally.beside, tally.operations),
                tally.outcomes(),
                tally.states,
                tally.most_states,
            ))
        }
        Err(small::Broken { seed, why }) => match why {
            small::Why::History(broken) => {
                let failed = found(format_args!("threads: the program of seed {seed} has failed"));
                tell(line, &broken.0, &broken.1);
                Err(failed)
            }
            small::Why::Panicked(what) => Err(found(format_args!(
                "threads: the library panicked in the program of seed {seed}: {what}"
            ))),
            small::Why::Settings(why) => {
                Err(Failed::Refused(format!("the program of seed {seed}: {why}")))
            }
        },
    }
}

fn storm(line: &Line, threads: u16, events: u64) -> Result<(), Failed> {
    let began = Instant::now();
    let operations = events.div_ceil(2);
    let plan = storm::Plan { threads: threads.into(), operations, seed: line.seed };
    match storm::storm(plan, Bound(line.bound)) {
        Ok(tally) => say(format_args!(
            "storm: {threads} threads, {} events, linearizable, {:.1} s\n  \
                 {} operations in {} rounds, {:.1} % beside another, {} at once at most\n  \
                 {} eras, {} permits settled too late\n  \
                 {} states looked at, at most {} for a round; {} rounds searched with the one before",
            2 * tally.operations,
            began.elapsed().as_secs_f64(),
            tally.operations,
            tally.rounds,
            100.0 * tally.beside as f64 / tally.operations.max(1) as f64,
            tally.deepest,
            tally.eras,
            tally.stale,
            tally.states,
            tally.most_states,
            tally.together,
        )),
        Err(storm::Broken::History(broken)) => {
            let failed = found(format_args!("storm: a round of seed {} has failed", line.seed));
            tell(line, &broken.0, &broken.1);
            Err(failed)
        }
        Err(storm::Broken::Panicked(what)) => {
            let seed = line.seed;
            Err(found(format_args!("storm: the library panicked, with seed {seed}: {what}")))
        }
        Err(storm::Broken::Settings(why)) => Err(Failed::Refused(why.to_string())),
        Err(storm::Broken::Threads { started, why }) => Err(Failed::Refused(format!(
            "{threads} threads were asked for and {started} could be had: {why}"
        ))),
    }
}

/// Writes down a history that failed, the whole of it; only then tells of the least, which
/// takes longer.
fn tell(line: &Line, history: &History, verdict: &Verdict) {
    let out = line.out.display();
    let written = history
        .to_text()
        .map_err(|why| why.to_string())
        .and_then(|text| std::fs::write(&line.out, text).map_err(|why| why.to_string()));
    match written {
        Ok(()) => _ = found(format_args!("the whole history is written to {out}")),
        Err(why) => complain(format_args!("{out}: {why}")),
    }
    found(told(history, verdict, Bound(line.bound)).trim_end());
}

/// The account of what fails, made small if it can be.
fn told(history: &History, verdict: &Verdict, bound: Bound) -> String {
    match verdict {
        Verdict::NotLinearizable(_) => {
            let least = minimise(history, bound);
            let verdict = check(&least, bound);
            format!(
                "{} operations, made small:\n{}",
                history.operations.len(),
                account(&least, &verdict)
            )
        }
        verdict => account(history, verdict),
    }
}

fn replay(file: &Path, whole: bool, bound: Bound) -> Result<(), Failed> {
    let refused = |why: String| Failed::Refused(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|why| refused(why.to_string()))?;
    let history = History::from_text(&text).map_err(|why| refused(why.to_string()))?;
    let verdict = check(&history, bound);
    let text = match whole {
        true => account(&history, &verdict),
        false => told(&history, &verdict, bound),
    };
    let text = text.trim_end();
    match verdict {
        Verdict::Linearizable(_) => say(text),
        Verdict::Senseless(why) => say(text).and(Err(refused(why.to_string()))),
        Verdict::NotLinearizable(_) | Verdict::GaveUp { .. } => Err(found(text)),
    }
}
