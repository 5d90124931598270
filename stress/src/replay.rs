//! `replay`: a trace of arrivals against a model server in trouble.
//!
//! Three lanes at the same time, each with a server and a client of its own, so that all
//! three see the same moments of this machine: the script without a breaker, the script
//! with one, and the same traffic with a breaker and no trouble at all.

mod client;
pub mod lane;
pub mod pace;
pub mod report;
pub mod script;
pub mod story;
pub mod tally;
pub mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use self::lane::{Lane, Plan, Policy};
use self::pace::Pace;
use self::script::{PEACE, TROUBLE, Timeline};
use crate::load::HOPELESS;
use crate::program::{Context, Failure, Program, Refusal, Section, Verdict};
use crate::sample::SAMPLE;
use crate::trace::Trace;

/// What all lanes together may need: two descriptors a request in flight, and the rest.
const DESCRIPTORS: u64 = 20_000;

/// The flags of `replay`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The trace, as CSV with the columns TIMESTAMP,ContextTokens,GeneratedTokens
    /// [default: a generated hour that ships with the program]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// How many seconds of the trace to play in one
    /// [default: as many as it takes to play it in 42 s]
    #[arg(long, value_name = "TIMES", value_parser = pace::speed, allow_negative_numbers = true)]
    speed: Option<f64>,
}

/// Reads the trace and works out the pace.
///
/// # Errors
///
/// There is something wrong with the trace or the speed.
pub fn prepare(options: Options) -> Result<Box<dyn Program>, Refusal> {
    let trace = match &options.trace {
        Some(path) => Trace::read(path),
        None => Trace::parse("the built-in sample", SAMPLE),
    };
    let trace = trace.map_err(|error| Refusal(error.to_string()))?;
    let pace = Pace::new(trace.span(), options.speed)?;
    let name = options.trace.as_deref().and_then(Path::file_name);
    let name = name.map_or("built-in sample".into(), |name| name.to_string_lossy().into_owned());
    Ok(Box::new(Replay { name, trace, pace }))
}

#[derive(Debug)]
struct Replay {
    name: String,
    trace: Trace,
    pace: Pace,
}

impl Program for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        raise_descriptors();
        let (section, held_up) = self.play(ctx)?;
        let broken: Vec<&str> = section
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Broken)
            .map(|check| check.name.as_str())
            .collect();
        let worth_it = self.pace.timeout / 2..HOPELESS;
        if broken.is_empty() || !worth_it.contains(&held_up) || ctx.stop.requested() {
            return Ok(section);
        }
        // The machine stood still for longer than the times that were measured: once more,
        // and only once. What happened first stays on record.
        let (mut again, _) = self.play(ctx)?;
        let held_up = held_up.as_secs_f64() * 1e3;
        again.figures["first_attempt"] = json!({ "held_up_ms": held_up, "broken": broken });
        if let Some(table) = again.tables.first_mut() {
            table.notes.push(format!(
                "second attempt: in the first the machine held the program up for {held_up:.0} ms"
            ));
        }
        Ok(again)
    }
}

impl Replay {
    /// Plays all lanes once; also says for how long the program was held up at the worst.
    fn play(&self, ctx: &Context) -> Result<(Section, Duration), Failure> {
        let plans = plans(&self.trace, self.pace);
        let labels = ["replay, no breaker", "replay, breaker", "replay, all healthy"];
        let bars = labels.map(|label| ctx.bar(label, self.trace.arrivals().len() as u64));
        let lanes = std::thread::scope(|scope| {
            let running: Vec<_> = plans
                .iter()
                .zip(&bars)
                .map(|(plan, bar)| scope.spawn(|| lane::run(plan, &ctx.stop, bar)))
                .collect();
            running
                .into_iter()
                .map(|lane| {
                    let ended = lane.join();
                    let lane = ended.unwrap_or_else(|_| Err(Failure("a lane panicked".to_owned())));
                    // Without one of them there is nothing to compare.
                    lane.inspect_err(|_| ctx.stop.request())
                })
                .collect::<Result<Vec<Lane>, Failure>>()
        });
        bars.iter().for_each(indicatif::ProgressBar::finish_and_clear);
        let lanes: [Lane; 3] =
            lanes?.try_into().map_err(|_| Failure("a lane is lost".to_owned()))?;
        let held_up = lanes.iter().map(verdict::worst).max().unwrap_or_default();
        Ok((report::section(&self.name, &self.trace, self.pace, &plans, &lanes), held_up))
    }
}

/// What the three lanes do: bare, guarded, and guarded in peace.
pub fn plans(trace: &Trace, pace: Pace) -> [Plan<'_>; 3] {
    let plan = |phases, guard| Plan {
        arrivals: trace.arrivals(),
        pace,
        timeline: Timeline::new(phases, pace.length),
        guard,
    };
    let policy = Some(Policy::waiting(pace.open_for));
    [plan(TROUBLE, None), plan(TROUBLE, policy), plan(PEACE, policy)]
}

/// As many descriptors as are allowed, up to what can be used. If there are too few, the
/// run says so itself: requests go unsent, and a check breaks.
fn raise_descriptors() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < DESCRIPTORS
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard);
    }
}
