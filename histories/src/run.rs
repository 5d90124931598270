//! Runs a program on real threads, or on shuttle's, and writes down what happened.
//!
//! # Stamps
//!
//! All stamps come from one counter, by read-modify-writes that acquire and release. Whoever
//! takes a larger stamp reads, directly or through others' read-modify-writes of the same
//! counter, from whoever took a smaller one: so what was done before the smaller stamp
//! happens before what is done after the larger one. An operation whose return has a smaller
//! stamp than another's invocation has ended before the other begins, on any hardware.
//!
//! The stamps order more than the library does: what only a weaker ordering would show is
//! not seen here, and is what the models under loom are for.

use crate::clock::{Slow, dawdle};
use crate::history::{Answer, Call, History, Operation, Rest, Wait};
use crate::model::Model;
use crate::program::{Act, Program};
use crate::spec::consecutive::{End, Order};
use ampacity::{Builder, CircuitBreaker, ConfigError, ManualClock, OwnedPermit};
#[cfg(ampacity_shuttle)]
use shuttle::thread;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
#[cfg(not(ampacity_shuttle))]
use std::thread;
use std::time::Duration;

/// A breaker with its clock, and the sequence of stamps.
#[derive(Debug)]
pub struct Stage {
    breaker: Arc<CircuitBreaker>,
    clock: ManualClock,
    /// Of the standard library also under shuttle: it is no part of what is searched.
    stamps: AtomicU64,
    is_moving: bool,
    ready: AtomicUsize,
}

/// What one thread did, and the permits that it has.
#[derive(Debug, Default)]
pub struct Log {
    thread: u32,
    /// What it did, in its order.
    pub operations: Vec<Operation>,
    held: Vec<OwnedPermit>,
}

impl Log {
    /// Of a thread that has done nothing.
    pub fn of(thread: u32) -> Log {
        Log { thread, ..Log::default() }
    }

    /// Gives up the permits that it has, unrecorded.
    pub fn let_go(&mut self) {
        self.held.clear();
    }
}

impl Stage {
    /// A new breaker, such as `start` is; `is_moving` says that the clock may be moved
    /// beside other operations.
    ///
    /// # Errors
    ///
    /// The settings cannot be.
    pub fn new(start: &Model, is_moving: bool) -> Result<Stage, ConfigError> {
        let clock = ManualClock::new();
        clock.set(Duration::from_millis(start.now()));
        let breaker = settings(start).clock(Slow(clock.clone())).build()?;
        Ok(Stage {
            breaker: Arc::new(breaker),
            clock,
            stamps: AtomicU64::new(0),
            is_moving,
            ready: AtomicUsize::new(0),
        })
    }

    /// Does one thing and writes it down.
    pub fn act(&self, act: Act, log: &mut Log) {
        let has_none = log.held.is_empty();
        match act {
            Act::Acquire => self.acquire(log),
            Act::Settle(..) if has_none => self.acquire(log),
            Act::Settle(which, end) => {
                let permit = log.held.swap_remove(which % log.held.len());
                let era = permit.era();
                self.record(log, || {
                    settle(permit, end);
                    Call::Settle { era, end }
                });
            }
            Act::Order(order) => self.record(log, || {
                obey(&self.breaker, order);
                Call::Order(order)
            }),
            Act::Wait(ms) => self.record(log, || {
                self.clock.advance(Duration::from_millis(ms));
                Call::Clock(self.clock_ms())
            }),
            Act::State => self.record(log, || Call::State(self.breaker.state())),
            Act::Era => self.record(log, || Call::Era(self.breaker.era())),
            Act::WouldAdmit => self.record(log, || Call::WouldAdmit(self.breaker.would_admit())),
            Act::Glance => self.record(log, || {
                let seen = self.breaker.snapshot();
                Call::Glance { era: seen.era, streak: seen.streak }
            }),
        }
    }

    fn acquire(&self, log: &mut Log) {
        let mut permit = None;
        self.record(log, || {
            Call::Acquire(match self.breaker.try_acquire_owned() {
                Ok(got) => {
                    let (era, probe) = (got.era(), got.is_probe());
                    permit = Some(got);
                    Answer::Admitted { era, probe }
                }
                Err(rejected) => Answer::Refused {
                    reason: rejected.reason(),
                    wait: match rejected.retry_after() {
                        // Of a lease that began beside a moving clock: see `Program`.
                        Some(_)
                            if self.is_moving && rejected.reason() != ampacity::Reason::Open =>
                        {
                            Wait::Unseen
                        }
                        Some(wait) => Wait::Nanos(nanos(wait)),
                        None => Wait::Unsaid,
                    },
                },
            })
        });
        log.held.extend(permit);
    }

    /// What the breaker shows at rest; `stale` is how many were settled too late before this
    /// history began.
    pub fn rest(&self, log: &mut Log, stale: u64) {
        self.record(log, || {
            let seen = self.breaker.snapshot();
            Call::Rest(Rest {
                state: seen.state,
                era: seen.era,
                streak: seen.streak,
                opens: seen.opens.into(),
                stale: seen.lifetime.stale - stale,
            })
        });
    }

    /// How many permits were ever settled too late.
    pub fn stale(&self) -> u64 {
        self.breaker.snapshot().lifetime.stale
    }

    /// The clock, in ms.
    pub fn clock_ms(&self) -> u64 {
        ampacity::Clock::now(&self.clock) / 1_000_000
    }

    /// Moves the clock while nobody else does anything, unrecorded.
    pub fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    fn record(&self, log: &mut Log, act: impl FnOnce() -> Call) {
        // AcqRel: see above.
        let invoked = self.stamps.fetch_add(1, Ordering::AcqRel);
        let call = act();
        let returned = self.stamps.fetch_add(1, Ordering::AcqRel);
        log.operations.push(Operation { thread: log.thread, invoked, returned, call });
        dawdle();
    }

    /// Waits until `threads` have come, or for so long that they may as well come later: a
    /// history is as good without the overlaps, and a busy machine must not hang here.
    fn line_up(&self, threads: usize) {
        if cfg!(ampacity_shuttle) {
            return; // every order of what follows is searched anyhow
        }
        // Relaxed: nothing depends on it but how much overlaps.
        self.ready.fetch_add(1, Ordering::Relaxed);
        for _ in 0..200 {
            if self.ready.load(Ordering::Relaxed) >= threads {
                return;
            }
            std::thread::yield_now();
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn settings(start: &Model) -> Builder {
    match start {
        Model::Streak(streak) => streak.rules().settings("history"),
        Model::Window(window) => window.rules().settings(),
    }
}

fn settle(permit: OwnedPermit, end: End) {
    match end {
        End::Success => permit.success(),
        End::Failure => permit.failure(),
        End::OpenFor(wait) => permit.open_for(Duration::from_millis(wait)),
        End::Ignore => permit.ignore(),
        End::Drop => drop(permit),
    }
}

fn obey(breaker: &CircuitBreaker, order: Order) {
    match order {
        Order::Reset => breaker.reset(),
        Order::Close => breaker.close(),
        Order::Trip => breaker.trip(),
        Order::ForceOpen => breaker.force_open(),
        Order::Disable => breaker.disable(),
        Order::MetricsOnly => breaker.metrics_only(),
    }
}

/// Gives the calling thread its counters, where a model checker runs.
fn take_slot(slot: usize) {
    #[cfg(ampacity_shuttle)]
    ampacity::model::assign_slot(slot as u32);
    let _ = slot;
}

/// Runs `program` once.
///
/// # Errors
///
/// The settings cannot be.
///
/// # Panics
///
/// Where the library does.
pub fn run(program: &Program) -> Result<History, ConfigError> {
    take_slot(0);
    let stage = Arc::new(Stage::new(&program.start, program.is_moving)?);
    let mut log = Log::of(0);
    program.before.iter().for_each(|act| stage.act(*act, &mut log));

    // What was taken before is handed out in turn.
    let threads = program.threads.len();
    let mut logs: Vec<Log> = (1..=threads as u32).map(Log::of).collect();
    for (at, permit) in log.held.drain(..).enumerate() {
        logs[at % threads].held.push(permit);
    }
    let running: Vec<_> = (logs.into_iter().zip(program.threads.clone()).enumerate())
        .map(|(at, (mut log, acts))| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                take_slot(at + 1);
                stage.line_up(threads);
                acts.into_iter().for_each(|act| stage.act(act, &mut log));
                log
            })
        })
        .collect();
    // All have ended before a panic of one goes on.
    let ended: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
    let logs: Vec<Log> =
        ended.into_iter().map(|log| log.unwrap_or_else(|what| resume_unwind(what))).collect();
    stage.rest(&mut log, 0);
    let mut operations = log.operations;
    operations.extend(logs.into_iter().flat_map(|log| log.operations));
    Ok(History { start: program.start.clone(), operations })
}
