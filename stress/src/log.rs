//! `log`: what an event costs its caller, beside `tracing-subscriber` writing the same line,
//! and whether every record of ten thousand threads is accounted for.
//!
//! Costs are measured in one process and in turn, round after round, as in `glance`: a look
//! and not a gate. The targets are stated beside what was seen. What has to hold are counts:
//! each sink's `emitted = written + dropped + failed`, and in the file, read back, exactly
//! what was written.

mod case;
mod costs;
mod crowd;
mod ours;
mod report;
mod speed;
mod theirs;

use clap::Args;

use crate::pool;
use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::system::{self, Needs};
use crowd::Crowd;
use speed::Speed;

/// Threads that are there anyway: this one, Ctrl-C's, the bars', and the writers'.
const OTHERS: u64 = 16;
const DESCRIPTORS: u64 = 64;

/// The flags of `log`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rounds; each measures everything once and takes about a second [default: 7; quick: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: Option<u32>,

    /// Threads that log at once, while every record is accounted for [default: 10000; quick: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub threads: Option<u32>,

    /// Records that each of them logs [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub records: Option<u32>,
}

/// More records than this take long to read back, and much disk meanwhile.
const MOST_RECORDS: u64 = 10_000_000;

/// Checks the flags against each other and against the system's limits.
///
/// # Errors
///
/// There would be too many records, or the system does not allow so many threads.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let by_size = |full, quick| if size == Size::Quick { quick } else { full };
    let threads = options.threads.unwrap_or(by_size(10_000, 200));
    let records = options.records.unwrap_or(20);
    let all = u64::from(threads) * u64::from(records);
    if all > MOST_RECORDS {
        return Err(Refusal(format!(
            "--threads {threads} --records {records}: {all} records in all, at most {MOST_RECORDS}"
        )));
    }
    let needs = Needs {
        threads: u64::from(threads) + OTHERS,
        stack: pool::STACK as u64,
        memory: all / 8,
        descriptors: DESCRIPTORS,
    };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("--threads {threads}: {why}")));
    }
    let rounds = options.rounds.unwrap_or(by_size(7, 1));
    Ok(Box::new(Logging { speed: Speed { rounds }, crowd: Crowd { threads, records } }))
}

struct Logging {
    speed: Speed,
    crowd: Crowd,
}

impl Program for Logging {
    fn name(&self) -> &'static str {
        "log"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        // Not where the record goes: it would be left there by who is killed.
        let dir = tempfile::tempdir()
            .map_err(|error| Failure(format!("no directory for the logs: {error}")))?;
        let speed = self.speed.run(ctx, dir.path())?;
        let crowds = self.crowd.run(ctx, dir.path())?;
        Ok(report::section(&speed, &crowds, ctx.stop.requested()))
    }
}
