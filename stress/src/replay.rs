//! `replay`: a trace of arrivals against a model server in trouble.
//!
//! Three lanes at the same time, each with a server and a client of its own, so that all
//! three see the same moments of this machine: the script without a breaker, the script
//! with one, and the same traffic with a breaker and no trouble at all.
//!
//! Then the same arrivals once more, in virtual time, against a provider that mostly says
//! 429 and 400, and two breakers that take that in different ways: see [`provider`].

pub(crate) mod client;
mod course;
pub mod lane;
mod logged;
pub mod pace;
pub mod provider;
pub mod report;
pub mod script;
pub mod story;
pub mod tally;
pub mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ampacity_log::Log;
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use self::lane::{Lane, Plan, Policy, Time};
use self::pace::Pace;
use self::script::{PEACE, TROUBLE, Timeline};
use crate::eventlog::{EventLog, LogTo, Seen};
use crate::load::HOPELESS;
use crate::program::{Context, Failure, Program, Refusal, Section, Size, Stop, Verdict};
use crate::sample::SAMPLE;
use crate::system::{self, Needs};
use crate::trace::Trace;

/// What all lanes together may need: two descriptors a request in flight, and the rest. With
/// fewer than the least, requests of the usual trace go unsent, which breaks a check.
const DESCRIPTORS: u64 = 20_000;
const LEAST_DESCRIPTORS: u64 = 1_024;
/// Lanes and what is beside them.
const THREADS: u64 = 8;

/// The flags of `replay`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The trace, as CSV with the columns TIMESTAMP,ContextTokens,GeneratedTokens
    /// [default: a generated hour that ships with the program]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// How many seconds of the trace to play in one
    /// [default: as many as it takes to play it in 42 s, and with --quick in 10 s]
    #[arg(long, value_name = "TIMES", value_parser = pace::speed, allow_negative_numbers = true)]
    speed: Option<f64>,

    #[command(flatten)]
    log: LogTo,
}

/// Reads the trace and works out the pace.
///
/// # Errors
///
/// There is something wrong with the trace or the speed, or a limit is too low.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    system::raise_descriptors(DESCRIPTORS);
    let needs =
        Needs { threads: THREADS, stack: system::STACK, memory: 0, descriptors: LEAST_DESCRIPTORS };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("replay: {why}")));
    }
    let trace = match &options.trace {
        Some(path) => Trace::read(path),
        None => Trace::parse("the built-in sample", SAMPLE),
    };
    let trace = trace.map_err(|error| Refusal(error.to_string()))?;
    let takes = if size == Size::Quick { pace::SHORTEST } else { pace::USUAL };
    let pace = Pace::new(trace.span(), takes, options.speed)?;
    let name = options.trace.as_deref().and_then(Path::file_name);
    let name = name.map_or("built-in sample".into(), |name| name.to_string_lossy().into_owned());
    let log = options.log.open("replay")?;
    Ok(Box::new(Replay { name, trace, pace, log }))
}

#[derive(Debug)]
struct Replay {
    name: String,
    trace: Trace,
    pace: Pace,
    /// Of the lane with a breaker.
    log: EventLog,
}

impl Program for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut seen = Seen { calls: Some(0), ..Seen::default() };
        self.log.start().field("seed", ctx.seed).field("trace", &self.name).emit();
        let mut section = self.in_trouble(ctx, &mut seen)?;
        self.log.finish(&mut section, &seen);
        if !section.partial {
            self.at_a_provider(ctx, &mut section)?;
        }
        Ok(section)
    }
}

impl Replay {
    fn in_trouble(&self, ctx: &Context, seen: &mut Seen) -> Result<Section, Failure> {
        let (section, held_up) = self.play(ctx, seen)?;
        let broken = self.excused(&section, held_up);
        if broken.is_empty() || ctx.stop.requested() {
            return Ok(section);
        }
        // The machine stood still for longer than the times that were measured: once more,
        // and only once. What happened first stays on record.
        let (mut again, _) = self.play(ctx, seen)?;
        let held_up = held_up.as_secs_f64() * 1e3;
        again.figures["first_attempt"] = json!({ "held_up_ms": held_up, "broken": broken });
        if let Some(table) = again.tables.first_mut() {
            table.notes.push(format!(
                "second attempt: in the first the machine held the program up for {held_up:.0} ms"
            ));
        }
        Ok(again)
    }

    /// Plays the other script, and adds what came of it to `section`.
    fn at_a_provider(&self, ctx: &Context, section: &mut Section) -> Result<(), Failure> {
        let plans = provider::plans(&self.trace, self.pace);
        let labels = ["provider, no breaker", "provider, counting", "provider, as meant"];
        let lanes = self.side_by_side(ctx, &plans, Time::Virtual, labels)?;
        let comparison = provider::compare(self.pace, &plans, &lanes);
        section.figures["provider"] = comparison.figures;
        section.tables.extend(comparison.tables);
        section.checks.extend(comparison.checks);
        section.partial |= comparison.partial;
        Ok(())
    }

    fn side_by_side(
        &self,
        ctx: &Context,
        plans: &[Plan<'_>; 3],
        time: Time,
        labels: [&str; 3],
    ) -> Result<[Lane; 3], Failure> {
        let bars = labels.map(|label| ctx.bar(label, self.trace.arrivals().len() as u64));
        let lanes = together(plans, time, &bars, &ctx.stop);
        bars.iter().for_each(ProgressBar::finish_and_clear);
        lanes?.try_into().map_err(|_| Failure("a lane is lost".to_owned()))
    }

    /// The broken checks of `section`, if a stall of `held_up` may have broken all of them:
    /// one that it cannot have broken does not go away by another attempt.
    fn excused<'a>(&self, section: &'a Section, held_up: Duration) -> Vec<&'a str> {
        let checks = section.checks.iter().filter(|check| check.verdict == Verdict::Broken);
        let broken: Vec<&str> = checks.map(|check| check.name.as_str()).collect();
        let long = (self.pace.timeout / 2..HOPELESS).contains(&held_up);
        if long && broken.iter().all(|name| verdict::needs_speed(name)) {
            broken
        } else {
            Vec::new()
        }
    }

    /// Plays all lanes once; also says for how long the program was held up at the worst.
    fn play(&self, ctx: &Context, seen: &mut Seen) -> Result<(Section, Duration), Failure> {
        let mut plans = plans(&self.trace, self.pace);
        plans[1].log = self.log.log().clone();
        let labels = ["replay, no breaker", "replay, breaker", "replay, all healthy"];
        let lanes = self.side_by_side(ctx, &plans, Time::Real, labels)?;
        logged::add(seen, &lanes[1]);
        let held_up = lanes.iter().map(verdict::worst).max().unwrap_or_default();
        Ok((report::section(&self.name, &self.trace, self.pace, &plans, &lanes), held_up))
    }
}

/// Runs all `plans` at the same time, to their ends or until `stop`, or until one fails.
fn together(
    plans: &[Plan<'_>],
    time: Time,
    bars: &[ProgressBar],
    stop: &Stop,
) -> Result<Vec<Lane>, Failure> {
    // A wish of their own: Ctrl-C's would end what comes after the replay, too.
    let halt = Stop::default();
    let ended: Vec<Result<Lane, Failure>> = std::thread::scope(|scope| {
        let run = |plan, bar| {
            // Without one of them there is nothing to compare.
            lane::run(plan, time, stop, &halt, bar).inspect_err(|_| halt.request())
        };
        let lanes = plans.iter().zip(bars);
        let running: Vec<_> =
            lanes.map(|(plan, bar)| scope.spawn(move || run(plan, bar))).collect();
        let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended
            .map(|lane| {
                lane.unwrap_or_else(|_| {
                    halt.request();
                    Err(Failure("a lane panicked".to_owned()))
                })
            })
            .collect()
    });
    ended.into_iter().collect()
}

/// What the three lanes do: bare, guarded, and guarded in peace.
pub fn plans(trace: &Trace, pace: Pace) -> [Plan<'_>; 3] {
    let plan = |phases, guard| Plan {
        arrivals: trace.arrivals(),
        pace,
        timeline: Timeline::new(phases, pace.length),
        guard,
        log: Log::off(),
    };
    let policy = Some(Policy::waiting(pace.open_for));
    [plan(TROUBLE, None), plan(TROUBLE, policy), plan(PEACE, policy)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Check;

    fn excused(names: &[&str], held_up: impl FnOnce(Duration) -> Duration) -> usize {
        let trace = Trace::parse("sample", SAMPLE).unwrap();
        let pace = Pace::new(trace.span(), pace::USUAL, None).unwrap();
        let replay = Replay { name: String::new(), trace, pace, log: EventLog::off() };
        let mut checks: Vec<Check> =
            names.iter().map(|name| Check::judged(*name, false, "")).collect();
        checks.push(Check::judged("transitions_follow_the_contract", true, ""));
        let section = Section { checks, ..Section::default() };
        replay.excused(&section, held_up(pace.timeout)).len()
    }

    #[test]
    fn a_stall_excuses_what_it_may_have_broken_and_nothing_beside_it() {
        let slow = ["healthy_rejects_nothing", "closes_after_the_cure/503s"];
        assert_eq!(excused(&slow, |timeout| timeout), 2);
        assert_eq!(excused(&slow, |timeout| timeout / 3), 0);
        assert_eq!(excused(&slow, |_| HOPELESS), 0);
        assert_eq!(excused(&[], |timeout| timeout), 0);
        for other in [
            "transitions_follow_the_contract",
            "first_arrival_past_the_deadline_is_admitted",
            "totals_are_the_callers",
            "with/every_request_was_sent",
        ] {
            assert_eq!(excused(&[slow[0], other], |timeout| timeout), 0, "{other}");
        }
    }

    #[test]
    fn a_lane_that_fails_ends_the_others_and_nothing_else() {
        let trace = Trace::parse("sample", SAMPLE).unwrap();
        let mut plans = plans(&trace, Pace::new(trace.span(), pace::USUAL, None).unwrap());
        // No breaker takes these settings.
        plans[2].guard = plans[2].guard.map(|policy| Policy { failures: 0, ..policy });
        let stop = Stop::default();
        let Failure(why) =
            together(&plans, Time::Real, &[(); 3].map(|()| ProgressBar::hidden()), &stop)
                .expect_err("a lane without a breaker");
        assert!(why.contains("settings"), "{why}");
        assert!(!stop.requested());
    }

    #[test]
    fn a_wish_to_stop_reaches_every_lane() {
        let trace = Trace::parse("sample", SAMPLE).unwrap();
        let plans = plans(&trace, Pace::new(trace.span(), pace::USUAL, None).unwrap());
        let stop = Stop::default();
        stop.request();
        let lanes =
            together(&plans, Time::Real, &[(); 3].map(|()| ProgressBar::hidden()), &stop).unwrap();
        assert!(lanes.iter().all(|lane| !lane.launched.complete && !lane.launched.gave_up));
    }
}
