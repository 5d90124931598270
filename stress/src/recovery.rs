//! `recovery`: what goes wrong with a dependency, scripted, and what a breaker must make of
//! it until all is well again.
//!
//! Each scenario is played twice by one engine. On the manual clock, time passes when the
//! script says so, and everything is exact to the millisecond. For real, threads run, time
//! passes by itself, and calls are HTTP requests to a server over loopback. No check
//! compares a time that a busy machine can stretch: it counts, it looks at the order of
//! what happened, and where a script came too late for what it wanted to show, it is played
//! again with longer times.
//!
//! A check that cannot fail shows nothing. So each scenario names breakers that are set
//! wrongly, which are played on the manual clock as well and have to be found.

pub mod alone;
mod bands;
mod books;
mod cascade;
mod descriptors;
mod engine;
mod half_open;
mod herd;
mod outage;
mod report;
mod scenario;
mod scene;
mod server;
mod single;
mod skew;
mod spike;
mod subject;
mod time;

use clap::Args;

use self::engine::Played;
use self::report::Outcome;
use self::scenario::Scenario;
use self::time::How;
use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::system::{self, Needs};

/// Threads that there are at once: a herd and the server.
const THREADS: u64 = herd::CALLERS as u64 + 8;
/// Descriptors that a herd needs: its threads' runtimes and connections, at both ends.
const DESCRIPTORS: u64 = 8 * herd::CALLERS as u64;

/// The flags of `recovery`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Play this scenario; may be given several times
    /// [default: all of them]
    #[arg(long, value_name = "NAME", value_parser = known)]
    pub scenario: Vec<String>,

    /// How often each is played for real
    /// [default: 5; in the tour and with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: Option<u32>,

    /// Say which scenarios there are and what must hold in each, and do nothing else
    #[arg(long)]
    pub list: bool,
}

const ROUNDS: u32 = 5;

fn known(name: &str) -> Result<String, String> {
    match scenario::named(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err("no such scenario: `stress recovery --list` names them".to_owned()),
    }
}

/// The scenarios and what must hold, a line each.
pub fn list() -> String {
    let widest = scenario::ALL.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    let line = |s: &&Scenario| format!("{:widest$}  {}\n", s.name, s.holds);
    scenario::ALL.iter().map(line).collect()
}

/// Checks the system's limits.
///
/// # Errors
///
/// Fewer threads or descriptors are allowed than a herd needs.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let rounds = options.rounds.unwrap_or(if size == Size::Full { ROUNDS } else { 1 });
    let picked = |scenario: &&Scenario| {
        options.scenario.is_empty() || options.scenario.iter().any(|name| name == scenario.name)
    };
    let scenarios = scenario::ALL.into_iter().filter(picked).collect();
    system::raise_descriptors(DESCRIPTORS);
    let needs =
        Needs { threads: THREADS, stack: system::STACK, memory: 0, descriptors: DESCRIPTORS };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("recovery: {why}")));
    }
    Ok(Box::new(Recovery { scenarios, rounds }))
}

#[derive(Debug)]
struct Recovery {
    scenarios: Vec<&'static Scenario>,
    rounds: u32,
}

impl Program for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let each = 2 + u64::from(self.rounds);
        let bar = ctx.bar("recovery", self.scenarios.len() as u64 * each);
        let mut outcomes = Vec::with_capacity(self.scenarios.len());
        for &scenario in &self.scenarios {
            if ctx.stop.requested() {
                break;
            }
            bar.set_message(scenario.name);
            let play = |how| -> Played {
                let played = engine::play(scenario, how, &ctx.stop);
                bar.inc(1);
                played
            };
            let manual = vec![play(How::Manual)];
            let missed = engine::missed_canaries(scenario, &ctx.stop);
            bar.inc(1);
            let mut real = Vec::new();
            while real.len() < self.rounds as usize && !ctx.stop.requested() {
                real.push(play(How::Real));
            }
            // Interrupted, none of them can be said to be found.
            let canaries = if ctx.stop.requested() { 0 } else { scenario.wrong.len() };
            let missed = if canaries == 0 { Vec::new() } else { missed };
            outcomes.push(Outcome { scenario, played: [manual, real], missed, canaries });
        }
        bar.finish_and_clear();
        Ok(report::section(&outcomes, self.rounds, ctx.stop.requested()))
    }
}
