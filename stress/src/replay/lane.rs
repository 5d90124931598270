//! One run of a script: a server, a client, arrivals, and a breaker between or not.
//!
//! A lane has one thread, so that what its callers do to the breaker has an order, and a
//! log of it says exactly what the breaker knew. Its clock is the runtime's, and it is the
//! breaker's clock too: in tests time is virtual, and no run waits for it.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ampacity::{CircuitBreaker, OwnedPermit, Reason, Snapshot};
use ampacity_log::{Attachment, Log};
use indicatif::ProgressBar;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use super::client::{Answer, Client};
use super::logged::{self, Phases};
use super::pace::Pace;
use super::script::Timeline;
use super::story::{Event, Told};
use super::tally::{Fate, Request};
use crate::load::{Launched, open_loop};
use crate::program::{Failure, Stop};
use crate::trace::Arrival;
use crate::upstream::{Ask, MOST_CONTEXT, Turn, Upstream, Work};

/// Requests in flight beyond this are not sent, and counted as this program's failure.
const MOST_IN_FLIGHT: usize = 8_000;

/// From the start of a lane to its first arrival.
const LEAD: Duration = Duration::from_millis(20);

/// What a breaker is told of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// That it is a failure, whatever the error.
    Alike,
    /// What the server means by it: a 429 says for how long to stay away, and a 400 says
    /// nothing of the server.
    AsMeant,
}

/// The breaker's settings, as far as checks need them.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Successes that close it.
    pub successes: u32,
    /// How long it stays open, unless the server says.
    pub open_for: Duration,
    /// What it is told.
    pub errors: Errors,
}

impl Policy {
    /// The crate's defaults, but for the wait.
    pub fn waiting(open_for: Duration) -> Self {
        Self { failures: 5, successes: 2, open_for, errors: Errors::Alike }
    }
}

/// What a lane is to do.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The trace.
    pub arrivals: &'a [Arrival],
    /// How fast.
    pub pace: Pace,
    /// What happens to the server.
    pub timeline: Timeline,
    /// The breaker, if there is one.
    pub guard: Option<Policy>,
    /// Where its transitions and its calls are logged.
    pub log: Log,
}

/// What a lane did.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Every request, in the order in which their callers knew.
    pub requests: Vec<Request>,
    /// When the server changed.
    pub turns: Vec<Turn>,
    /// Everything that was done to the breaker, in order.
    pub events: Vec<Told>,
    /// How the requests left.
    pub launched: Launched,
    /// The breaker at rest.
    pub snapshot: Option<Snapshot>,
}

/// The time that a lane takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// That of the machine.
    Real,
    /// A clock that jumps to the next thing to do: the same requests, and no wait.
    Virtual,
}

/// Runs a lane on this thread, to its end, or until `stop` or `halt`.
///
/// `halt` is what the lanes of a replay tell each other; it is made when `stop` is.
///
/// # Errors
///
/// There is no runtime, no port or no breaker to be had.
pub fn run(
    plan: &Plan<'_>,
    time: Time,
    stop: &Stop,
    halt: &Stop,
    bar: &ProgressBar,
) -> Result<Lane, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(time == Time::Virtual)
        .build()
        .map_err(|error| Failure(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let pass_on = async {
            stop.wait().await;
            halt.request();
            pending().await
        };
        tokio::select! {
            lane = play(plan, halt, bar) => lane,
            lane = pass_on => lane,
        }
    })
}

/// The same, on the runtime of the caller, which must have one thread.
///
/// # Errors
///
/// No port or no breaker could be had.
pub async fn play(plan: &Plan<'_>, stop: &Stop, bar: &ProgressBar) -> Result<Lane, Failure> {
    // Dropped at the end, with all that is left of the server and its connections.
    LocalSet::new().run_until(within(plan, stop, bar)).await
}

async fn within(plan: &Plan<'_>, stop: &Stop, bar: &ProgressBar) -> Result<Lane, Failure> {
    let socket = |error: io::Error| Failure(format!("127.0.0.1: {error}"));
    let pace = plan.pace;
    // Half the timeout at most, so that slowness is no failure.
    let work = Work { speed: pace.speed, longest: pace.timeout / 2 };
    let upstream = Upstream::start(work).map_err(socket)?;
    let turns = upstream.turns();
    let zero = Instant::now() + LEAD;
    let caller = Rc::new(Caller {
        client: Client::new(upstream.address(), pace.timeout, work),
        guard: plan.guard.map(|policy| guard(policy, zero)).transpose()?,
        errors: plan.guard.map_or(Errors::Alike, |policy| policy.errors),
        stay_away: Cell::new(Duration::ZERO),
        timeline: plan.timeline.clone(),
        zero,
        log: plan.log.clone(),
        late: logged::late(pace),
        in_flight: Cell::new(0),
        requests: RefCell::default(),
        events: RefCell::default(),
    });

    let attached = caller.guard.as_ref().map(|breaker| plan.log.attach(breaker));
    let mut phases = Phases::new(&plan.log);
    let mut calls = JoinSet::new();
    let due = plan.arrivals.iter().map(|arrival| pace.compress(arrival.at));
    let load = async {
        let launched = open_loop(due, zero, stop, |index, due| {
            let arrival = plan.arrivals[index];
            let caller = Rc::clone(&caller);
            let phase = plan.timeline.phases()[plan.timeline.step_at(due).phase].name;
            phases.enter(phase);
            let call = async move { caller.call(index, due, arrival).await };
            match logged::context(&plan.log, index, phase) {
                Some(context) => calls.spawn_local(context.wrap(call)),
                None => calls.spawn_local(call),
            };
            bar.inc(1);
            bar.set_message(phase);
        })
        .await;
        if launched.complete {
            while calls.join_next().await.is_some() {}
        }
        launched
    };
    let launched = tokio::select! {
        launched = load => launched,
        ended = upstream.play(plan.timeline.turns(), zero) => match ended {
            Ok(()) => return Err(Failure("the server ended before the run".to_owned())),
            Err(error) => return Err(socket(error)),
        },
    };
    // What is still in flight after a stop is dropped, and its permits with it.
    calls.shutdown().await;
    attached.into_iter().for_each(Attachment::detach);
    let snapshot = caller.guard.as_ref().map(|breaker| breaker.snapshot());
    Ok(Lane {
        requests: caller.requests.take(),
        turns: turns.take(),
        events: caller.events.take(),
        launched,
        snapshot,
    })
}

fn guard(policy: Policy, zero: Instant) -> Result<Arc<CircuitBreaker>, Failure> {
    CircuitBreaker::builder("model server")
        .failure_threshold(policy.failures)
        .success_threshold(policy.successes)
        .half_open_permits(policy.successes)
        .open_for(policy.open_for)
        .clock(LaneClock(zero - LEAD))
        .build()
        .map(Arc::new)
        .map_err(|error| Failure(format!("the breaker's settings: {error}")))
}

/// The runtime's clock, which the log is written by.
#[derive(Clone, Copy, Debug)]
struct LaneClock(Instant);

impl ampacity::Clock for LaneClock {
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

struct Caller {
    client: Client,
    guard: Option<Arc<CircuitBreaker>>,
    errors: Errors,
    /// Until when the server has asked to stay away, as far as any caller knows.
    stay_away: Cell<Duration>,
    timeline: Timeline,
    zero: Instant,
    log: Log,
    /// A call that takes longer is logged as one that was slow.
    late: Duration,
    in_flight: Cell<usize>,
    requests: RefCell<Vec<Request>>,
    events: RefCell<Vec<Told>>,
}

impl Caller {
    async fn call(&self, index: usize, due: Duration, arrival: Arrival) {
        let too_long = self.timeline.is_too_long(due, index);
        let context_tokens = if too_long { MOST_CONTEXT + 1 } else { arrival.context };
        let ask = Ask { context_tokens, generated_tokens: arrival.generated };
        let at = self.zero.elapsed();
        let asked_away = at < self.stay_away.get();
        let fate = match &self.guard {
            None => self.send(ask).await.fate,
            Some(breaker) => self.send_guarded(breaker, ask).await,
        };
        let latency = self.zero.elapsed().saturating_sub(due);
        logged::call(&self.log, &ask, fate, latency, self.late);
        let phase = self.timeline.step_at(due).phase;
        let valid = arrival.context <= MOST_CONTEXT && !too_long;
        self.requests.borrow_mut().push(Request { phase, fate, latency, at, valid, asked_away });
    }

    async fn send_guarded(&self, breaker: &Arc<CircuitBreaker>, ask: Ask) -> Fate {
        let at = self.zero.elapsed();
        let permit = match breaker.try_acquire_owned() {
            Ok(permit) => permit,
            Err(rejected) => {
                let open = rejected.reason() == Reason::Open;
                self.tell(at, breaker, Event::Rejected { open });
                return Fate::Rejected;
            }
        };
        let (era, probe) = (permit.era(), permit.is_probe());
        self.tell(at, breaker, Event::Admitted { era, probe });
        let answer = self.send(ask).await;
        let at = self.zero.elapsed();
        let (passed, wait) = settle(permit, answer, self.errors);
        self.tell(at, breaker, Event::Settled { era, passed, wait });
        answer.fate
    }

    fn tell(&self, at: Duration, breaker: &CircuitBreaker, event: Event) {
        let told = Told { at, done: self.zero.elapsed(), era: breaker.era(), event };
        self.events.borrow_mut().push(told);
    }

    async fn send(&self, ask: Ask) -> Answer {
        if self.in_flight.get() >= MOST_IN_FLIGHT {
            // What has to wait for a place waits, as it would for a socket.
            sleep(Duration::from_millis(1)).await;
            if self.in_flight.get() >= MOST_IN_FLIGHT {
                return Fate::Unsent.into();
            }
        }
        self.in_flight.set(self.in_flight.get() + 1);
        let answer = self.client.ask(ask).await;
        self.in_flight.set(self.in_flight.get() - 1);
        if let Some(wait) = answer.stay_away {
            let until = self.zero.elapsed().saturating_add(wait);
            self.stay_away.set(until.max(self.stay_away.get()));
        }
        answer
    }
}

/// Reports `answer`; true for a success, none where it says nothing of the server, and the
/// wait that was passed on.
fn settle(
    permit: OwnedPermit,
    Answer { fate, stay_away }: Answer,
    errors: Errors,
) -> (Option<bool>, Option<Duration>) {
    match (fate, stay_away) {
        (Fate::Served, _) => {
            permit.success();
            (Some(true), None)
        }
        (Fate::Unsent | Fate::Rejected, _) => {
            permit.ignore();
            (None, None)
        }
        (Fate::Invalid, _) if errors == Errors::AsMeant => {
            permit.ignore();
            (None, None)
        }
        (_, Some(wait)) if errors == Errors::AsMeant => {
            permit.open_for(wait);
            (Some(false), Some(wait))
        }
        _ => {
            permit.failure();
            (Some(false), None)
        }
    }
}
