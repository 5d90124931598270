//! `storm`: ten thousand threads on one breaker, and every call accounted for.
//!
//! All threads stand at one gate; then each makes its calls, of all kinds and with all
//! outcomes, while the clock is moved so that the breaker opens and closes thousands of
//! times. At the end the threads' own books, what they saw of each era, and the
//! breaker's snapshot have to agree, exactly. Readers look on, and none may see anything
//! go back; and at the end as many threads again come and go, a hundred calls each.
//! Then, under every policy in turn, the window at rest has to hold exactly what the
//! threads did.

mod audience;
mod brief;
mod crew;
mod ear;
mod plan;
mod policies;
mod reader;
mod report;
mod sights;
mod turns;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ampacity::{CircuitBreaker, ManualClock, State, Timing};
use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section, Size, Stop};
use crate::system::{self, Usage};
use crate::watchdog::{self, Watchdog};
use crate::workload::chain::Rules;
use crate::workload::clock::Obstacle;
use crate::workload::hand::{self, Hand};
use crate::workload::view::View;
use audience::Audience;
use crew::{Crew, Shared};
use reader::Reader;
use report::Outcome;
use sights::Sights;
use turns::Turns;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// When the wait for more cycles ends, once the calls should long have been made: early
/// enough for a storm short of them to say so itself before somebody ends it.
const LONGEST: Duration = Duration::from_secs(40);
/// More calls than this are not a storm but a siege, and their eras are not all kept.
const MOST_CALLS: u64 = 1_000_000_000;

const RULES: Rules = Rules { failures: 5, successes: 2, permits: 3 };

/// The flags of `storm`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Threads, all alive at once
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub threads: u32,

    /// Calls that each thread makes, at least
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(1..=MOST_CALLS))]
    pub calls: u64,

    /// Cycles of closed, open, half-open and closed again, at least
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub cycles: u64,

    /// Threads that read the breaker meanwhile
    #[arg(long, value_name = "N", default_value_t = 150,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub readers: u32,
}

/// Checks the flags against each other and against the system's limits.
///
/// # Errors
///
/// Too many calls in all, or more threads than the system allows.
pub fn prepare(options: Options, _size: Size) -> Result<Box<dyn Program>, Refusal> {
    let all = options.calls.saturating_mul(options.threads.into());
    if all > MOST_CALLS {
        return Err(Refusal(format!(
            "--threads {} --calls {}: {all} calls in all, at most {MOST_CALLS}",
            options.threads, options.calls
        )));
    }
    let threads = u64::from(options.threads) + u64::from(options.readers);
    if let Some(why) = system::in_the_way(threads) {
        return Err(Refusal(format!("--threads {}: {why}", options.threads)));
    }
    Ok(Box::new(Storm { options }))
}

struct Storm {
    options: Options,
}

impl Program for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut outcome = Outcome::default();
        let (threads, wanted) = (self.options.threads, self.options.cycles);
        let shared = Arc::new(self.shared(ctx)?);
        let breaker = Arc::clone(&shared.breaker);
        let mut reader =
            Reader::start(move || breaker.snapshot()).map_err(|error| no_thread(&error))?;
        let audience =
            Audience::start(self.options.readers as usize, &shared.breaker, &shared.turns)
                .map_err(|error| no_thread(&error))?;
        let before = Usage::now();
        // Those that are there already: this one, the readers, Ctrl-C's, the bars'.
        let others = system::threads();
        let start = Instant::now();

        let crew = muster(ctx, &shared)?;
        outcome.spawn_s = start.elapsed().as_secs_f64();
        if crew.started() < threads as usize {
            // Ctrl-C came while they were being started.
            crew.call_off();
            return Ok(report::nothing_done());
        }
        outcome.alive =
            system::threads().zip(others).map(|(all, others)| all.saturating_sub(others));

        let start = Instant::now();
        crew.let_go();
        let mut view = View::default();
        let mut dog = Watchdog::new(start);
        let mut cycles = 0;
        let bar =
            ctx.bar(&format!("storm: {threads} threads"), self.options.calls * u64::from(threads));
        while !crew.all_gone(LOOK) {
            let now = Instant::now();
            let calls = watchdog::progress(&shared.stations);
            if dog.barks(calls, now) {
                bar.finish_and_clear();
                // The threads are left where they stand; they end with the process.
                return Ok(report::stalled(&shared, "no call ended", calls));
            }
            if let Some(snapshot) = reader.latest() {
                cycles = closings(&snapshot);
                bar.set_message(format!("{cycles} cycles, {}", snapshot.state));
                view.add(snapshot);
            }
            if cycles >= wanted || now.saturating_duration_since(start) > LONGEST {
                shared.give_up();
            }
            bar.set_position(calls);
        }
        bar.finish_and_clear();
        outcome.wall_s = start.elapsed().as_secs_f64();
        outcome.usage = Usage::now().since(before);
        outcome.peak_memory_kib = system::peak_memory_kib();
        outcome.longest_quiet_s = dog.longest().as_secs_f64();
        (outcome.tally, outcome.died) = crew.books();
        let Some(last) = reader.last(watchdog::PATIENCE) else {
            return Ok(report::stalled(&shared, "no snapshot ended", outcome.tally.calls));
        };
        view.add(last);
        let Some(seen) = audience.end(watchdog::PATIENCE) else {
            return Ok(report::stalled(&shared, "no reader came back", outcome.tally.calls));
        };
        outcome.seen = Sights::of(view, seen, outcome.tally.calls);
        outcome.seen.listened(&audience.ears, &shared.breaker);
        outcome.brief = brief::come_and_go(threads.into(), ctx.seed, &ctx.stop)?;
        outcome.policies = policies::play(ctx, threads)?;
        outcome.partial = ctx.stop.requested() || outcome.policies.partial;
        Ok(report::section(&self.options, outcome, &shared))
    }
}

impl Storm {
    fn shared(&self, ctx: &Context) -> Result<Shared, Failure> {
        let clock = ManualClock::new();
        let breaker = CircuitBreaker::builder("storm")
            .failure_threshold(RULES.failures)
            .success_threshold(RULES.successes)
            .half_open_permits(RULES.permits)
            .open_for(hand::OPEN_FOR)
            .probe_lease(hand::LEASE)
            .timing(Timing::Every)
            .clock(Obstacle(clock.clone()))
            .build()
            .map_err(|error| Failure(error.to_string()))?;
        let Options { threads, calls, cycles, readers } = self.options;
        let size = (threads as usize, calls, cycles);
        let turns = Turns::new(calls * u64::from(threads) / (u64::from(readers) * audience::LOOKS));
        let stop = ctx.stop.clone();
        Ok(Shared::new(breaker, Hand::new(clock), size, turns, ctx.seed, stop))
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure(format!("no thread could be started: {error}"))
}

/// Starts the threads, as many as are wanted or until Ctrl-C, and waits for them.
fn muster(ctx: &Context, shared: &Arc<Shared>) -> Result<Crew, Failure> {
    let wanted = shared.stations.len();
    let bar = ctx.bar("storm: starting", wanted as u64);
    let mut crew = Crew::new(Arc::clone(shared));
    while crew.started() < wanted && !ctx.stop.requested() {
        if let Err(error) = crew.start_one() {
            let started = crew.started();
            crew.call_off();
            bar.finish_and_clear();
            return Err(Failure(format!(
                "thread {} of {wanted} could not be started: {error}; {}",
                started + 1,
                system::all_limits()
            )));
        }
        bar.inc(1);
    }
    let arrived = gather(&ctx.stop, wanted, Instant::now(), || {
        let arrived = crew.arrived(LOOK);
        (arrived, Instant::now())
    });
    bar.finish_and_clear();
    // If they do not, they are left where they stand; they end with the process.
    arrived.map(|()| crew)
}

/// Looks, until all have arrived or Ctrl-C comes, how many have by when.
fn gather(
    stop: &Stop,
    wanted: usize,
    start: Instant,
    mut look: impl FnMut() -> (usize, Instant),
) -> Result<(), Failure> {
    let mut dog = Watchdog::new(start);
    while !stop.requested() {
        let (arrived, now) = look();
        if arrived == wanted {
            break;
        }
        if dog.barks(arrived as u64, now) {
            return Err(Failure(format!(
                "{arrived} of {wanted} threads at the gate, and no other came in {} s",
                watchdog::PATIENCE.as_secs()
            )));
        }
    }
    Ok(())
}

/// How often the breaker has closed again, that is, full cycles.
fn closings(snapshot: &ampacity::Snapshot) -> u64 {
    snapshot.transitions.between(State::HalfOpen, State::Closed)
}

#[cfg(test)]
mod tests;
