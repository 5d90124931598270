//! `glance`: what a call costs under each policy, against an empty call, the least work
//! there is, and two mutex breakers.
//!
//! Everything is measured in one process and in turn, round after round, so that what
//! else the machine does falls on all alike. The figure is the processor time of the
//! threads divided by their calls. It is a look, not a gate: no figure is a check, only
//! that every call ended as it should.

mod bias;
mod instructions;
mod report;
mod targets;

use std::time::{Duration, Instant};

use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::rivals::floors::Ticker;
use crate::rivals::window::{self, Sample};
use crate::rivals::{Caller, Path, Who};
use crate::system::{self, Needs};
use bias::Bias;
use instructions::Counts;

/// Threads that call at once.
const THREADS: [usize; 3] = [1, 2, 64];

/// The flags of `glance`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rounds; each measures everything once and takes about four seconds
    /// [default: 7, or on a busy machine as many as begin within 30 s, and 3 at least; in the
    /// tour 5; with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: Option<u32>,
}

const ROUNDS: u32 = 7;
/// As few as a rank test of two runs can tell apart.
const TOUR_ROUNDS: u32 = 5;
const QUICK_ROUNDS: u32 = 1;
const LEAST_ROUNDS: u32 = 3;
/// No round begins later, unless somebody asked for so many.
const LONGEST: Duration = Duration::from_secs(30);

impl Options {
    /// Whether there is a round after so many, which took so long.
    fn goes_on(&self, after: u32, took: Duration) -> bool {
        match self.rounds {
            Some(rounds) => after < rounds,
            None => after < LEAST_ROUNDS || after < ROUNDS && took < LONGEST,
        }
    }
}

/// Checks the system's limits.
///
/// # Errors
///
/// Fewer threads are allowed than call at once.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let most = THREADS.into_iter().max().unwrap_or(0) as u64;
    let needs = Needs { threads: most, stack: system::STACK, ..Needs::default() };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("glance: {why}")));
    }
    let rounds = options.rounds.or(match size {
        Size::Full => None,
        Size::Tour => Some(TOUR_ROUNDS),
        Size::Quick => Some(QUICK_ROUNDS),
    });
    Ok(Box::new(Glance { options: Options { rounds } }))
}

/// Makes a fixed number of calls of each kind, to be counted from outside.
///
/// # Errors
///
/// The calls did not end as they should.
pub fn count_calls() -> Result<(), Failure> {
    instructions::make_calls()
}

/// Instructions of a success by each of this crate's breakers, for `profile`; takes about
/// two seconds.
pub(crate) fn instructions_a_call() -> Result<Vec<(&'static str, f64)>, &'static str> {
    let counts = Counts::take();
    Who::ALL
        .into_iter()
        .filter(|who| who.is_ours() || matches!(who, Who::Policy(_)))
        .map(|who| counts.of(Path::Success, who).map(|count| (who.name(), count)))
        .collect()
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
        let rounds = self.options.rounds.unwrap_or(ROUNDS);
        let bar = ctx.bar("glance", u64::from(rounds) * (rows.len() * THREADS.len()) as u64);
        let (start, mut round) = (Instant::now(), 0);
        'rounds: while self.options.goes_on(round, start.elapsed()) {
            round += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_gets_fewer_rounds_unless_they_were_asked_for() {
        let rounds = |asked: Option<u32>, each: Duration| {
            let options = Options { rounds: asked };
            (0..).find(|&after| !options.goes_on(after, each * after)).unwrap()
        };
        assert_eq!(rounds(None, Duration::from_secs(4)), ROUNDS);
        assert_eq!(rounds(None, LONGEST / 5), 5);
        assert_eq!(rounds(None, LONGEST * 9), LEAST_ROUNDS);
        assert_eq!(rounds(Some(20), LONGEST), 20);
        assert_eq!(rounds(Some(1), Duration::ZERO), 1);
    }
}
