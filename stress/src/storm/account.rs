//! Ten thousand threads on one breaker, and every call accounted for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ampacity::{CircuitBreaker, ManualClock, State, Timing};

use super::audience::{self, Audience};
use super::crew::{self, Crew, Shared};
use super::reader::Reader;
use super::report::{self, Outcome};
use super::sights::Sights;
use super::turns::Turns;
use super::{brief, policies};
use crate::eventlog::{EventLog, Seen};
use crate::program::{Context, Failure, Section, Stop};
use crate::system::{self, Usage};
use crate::watchdog::{self, Watchdog};
use crate::workload::chain::Rules;
use crate::workload::clock::Obstacle;
use crate::workload::hand::{self, Hand};
use crate::workload::view::View;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// When the wait for more cycles ends, once the calls should long have been made: early
/// enough for a storm short of them to say so itself before somebody ends it.
const LONGEST: Duration = Duration::from_secs(40);

pub(super) const RULES: Rules = Rules { failures: 5, successes: 2, permits: 3 };

/// How large the storm is that accounts for every call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// Threads, all alive at once.
    pub(super) threads: u32,
    /// Calls that each makes, at least.
    pub(super) calls: u64,
    /// Full cycles, at least.
    pub(super) cycles: u64,
    pub(super) readers: u32,
}

impl Account {
    /// Lets it rage, and accounts for it; `told` is what `log` has to tell of it.
    ///
    /// # Errors
    ///
    /// A thread could not be started.
    pub(super) fn run(
        &self,
        ctx: &Context,
        log: &EventLog,
        told: &mut Seen,
    ) -> Result<Section, Failure> {
        let mut outcome = Outcome::default();
        let (threads, wanted) = (self.threads, self.cycles);
        let shared = Arc::new(self.shared(ctx)?);
        log.start()
            .field("seed", ctx.seed)
            .field("threads", threads)
            .field("cycles", wanted)
            .emit();
        let logged = log.log().attach(&shared.breaker);
        let breaker = Arc::clone(&shared.breaker);
        let mut reader =
            Reader::start(move || breaker.snapshot()).map_err(|error| no_thread(&error))?;
        let audience = Audience::start(self.readers as usize, &shared.breaker, &shared.turns)
            .map_err(|error| no_thread(&error))?;
        let before = Usage::now();
        let start = Instant::now();

        let crew = muster(ctx, &shared)?;
        outcome.spawn_s = start.elapsed().as_secs_f64();
        if crew.started() < threads as usize {
            // Ctrl-C came while they were being started.
            crew.call_off();
            return Ok(report::nothing_done());
        }
        outcome.alive = system::threads(crew::NAME);

        let start = Instant::now();
        crew.let_go();
        let mut view = View::default();
        let mut dog = Watchdog::new(start);
        let mut cycles = 0;
        let bar = ctx.bar(&format!("storm: {threads} threads"), self.calls * u64::from(threads));
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
        logged.detach();
        told.add(&shared.breaker.snapshot());
        outcome.brief = brief::come_and_go(threads.into(), ctx.seed, &ctx.stop)?;
        outcome.policies = policies::play(ctx, threads)?;
        outcome.partial = ctx.stop.requested() || outcome.policies.partial;
        Ok(report::section(self, outcome, &shared))
    }

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
        let Self { threads, calls, cycles, readers } = *self;
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
pub(super) fn closings(snapshot: &ampacity::Snapshot) -> u64 {
    snapshot.transitions.between(State::HalfOpen, State::Closed)
}

#[cfg(test)]
mod tests;
