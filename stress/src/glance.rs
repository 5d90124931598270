//! `glance`: what a call costs under each policy, against an empty call, the least work
//! there is, and two mutex breakers.
//!
//! Everything is measured in one process and in turn, round after round, so that what
//! else the machine does falls on all alike. The figure is the processor time of the
//! threads divided by their calls. It is a look, not a gate: no figure is a check, only
//! that every call ended as it should.

mod bias;
mod floors;
mod instructions;
mod report;
mod rivals;
mod stats;
mod targets;
mod window;

use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section};
use bias::Bias;
use floors::Ticker;
use instructions::Counts;
use rivals::{Caller, Path, Who};
use window::Sample;

/// Threads that call at once.
const THREADS: [usize; 3] = [1, 2, 64];

/// The flags of `glance`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rounds; each measures everything once and takes about four seconds
    #[arg(long, value_name = "N", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
}

/// Checks the flags.
///
/// # Errors
///
/// None: whatever the flags let through can be run.
pub fn prepare(options: Options) -> Result<Box<dyn Program>, Refusal> {
    Ok(Box::new(Glance { options }))
}

/// Makes a fixed number of calls of each kind, to be counted from outside.
///
/// # Errors
///
/// The calls did not end as they should.
pub fn count_calls() -> Result<(), Failure> {
    instructions::make_calls()
}

struct Glance {
    options: Options,
}

/// One line of the table: somebody on a path, and the samples by number of threads.
struct Row {
    path: Path,
    who: Who,
    caller: Box<dyn Caller>,
    samples: [Vec<Sample>; THREADS.len()],
}

impl Row {
    /// Of this crate's, in few words.
    fn short(&self) -> &'static str {
        match (self.path, self.who) {
            (_, Who::Policy(policy)) => policy.short(),
            (Path::Rejected, _) => "any timing",
            (_, Who::Off) => "Timing::Off",
            (_, Who::Every) => "Timing::Every",
            _ => "Timing::Adaptive",
        }
    }
}

impl Program for Glance {
    fn name(&self) -> &'static str {
        "glance"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut rows = rows()?;
        let ticker = Ticker::start()
            .map_err(|error| Failure(format!("no thread could be started: {error}")))?;
        let rounds = u64::from(self.options.rounds);
        let bar = ctx.bar("glance", rounds * (rows.len() * THREADS.len()) as u64);
        'rounds: for round in 1..=rounds {
            bar.set_message(format!("round {round} of {rounds}"));
            for (at, threads) in THREADS.into_iter().enumerate() {
                for row in &mut rows {
                    if ctx.stop.requested() {
                        break 'rounds;
                    }
                    let sample = window::measure(row.caller.as_ref(), row.path, threads)
                        .map_err(|error| Failure(format!("{threads} threads: {error}")))?;
                    row.samples[at].push(sample);
                    bar.inc(1);
                }
            }
        }
        drop(ticker);
        let partial = ctx.stop.requested();
        let counts = if partial {
            Counts::none("interrupted")
        } else {
            bar.set_message("counting instructions");
            Counts::take()
        };
        bar.set_message("sampling");
        let bias = Bias::take(ctx.seed, bias::CALLS, &ctx.stop)
            .map_err(|error| Failure(error.to_string()))?;
        bar.finish_and_clear();
        let partial = partial || ctx.stop.requested();
        Ok(report::section(&rows, &counts, &bias, partial))
    }
}

fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for path in Path::ALL {
        for who in Who::ALL.into_iter().filter(|who| who.takes(path)) {
            let caller = who.build(path).map_err(|error| Failure(error.to_string()))?;
            rows.push(Row { path, who, caller, samples: Default::default() });
        }
    }
    Ok(rows)
}
