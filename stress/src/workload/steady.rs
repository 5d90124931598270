//! Workloads in which the breaker stays what it is: closed, or open.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use ampacity::{CircuitBreaker, State};

use super::rival::Rival;
use super::tally::Tally;
use super::{Actor, Scene, Workload};
use crate::program::{Check, Failure};
use crate::rivals::{Caller, End, Path, Subject};
use crate::watchdog::Station;

/// Longer than any run.
const OPEN_FOR: Duration = Duration::from_secs(24 * 3600);

/// The breaker, if it is this crate's, or the baseline.
enum On {
    Ours(Box<CircuitBreaker>),
    Theirs(Box<dyn Caller>),
}

struct Steady {
    on: On,
    workload: Workload,
    times_every_call: bool,
}

/// Sets one of them up.
pub(super) fn build(workload: Workload, rival: Rival) -> Result<Arc<dyn Scene>, Failure> {
    let builder = match workload {
        Workload::Policy(policy) => policy.builder(),
        // Where calls fail, no number of failures in a row is to open it.
        Workload::OneIn100Fails | Workload::HalfFail => {
            CircuitBreaker::builder(workload.name()).failure_threshold(u32::MAX)
        }
        _ => CircuitBreaker::builder(workload.name()),
    };
    let wrong = |error: ampacity::ConfigError| Failure(format!("{}: {error}", workload.name()));
    let on = match rival {
        Rival::Ampacity => {
            let breaker = builder.open_for(OPEN_FOR).build().map_err(wrong)?;
            if workload == Workload::Rejecting {
                breaker.trip();
            }
            On::Ours(Box::new(breaker))
        }
        _ => On::Theirs(rival.build(path(workload)).map_err(wrong)?),
    };
    let times_every_call =
        matches!(workload, Workload::Policy(policy) if policy.times_every_call());
    Ok(Arc::new(Steady { on, workload, times_every_call }))
}

fn path(workload: Workload) -> Path {
    match workload {
        Workload::Rejecting => Path::Rejected,
        _ => Path::Success,
    }
}

impl Scene for Steady {
    fn enter<'a>(&'a self, index: usize, _station: &'a Station) -> Box<dyn Actor + 'a> {
        let every = match self.workload {
            Workload::Success | Workload::Rejecting => {
                let path = path(self.workload);
                return match &self.on {
                    On::Ours(breaker) => {
                        Box::new(Alike { caller: &**breaker, path, calls: 0, odd: 0 })
                    }
                    On::Theirs(caller) => {
                        Box::new(Alike { caller: &**caller, path, calls: 0, odd: 0 })
                    }
                };
            }
            Workload::HalfFail => 2,
            _ => 100,
        };
        match &self.on {
            On::Ours(breaker) => Box::new(Mixed::new(breaker, every, index)),
            On::Theirs(_) => unreachable!("baselines take no workload in which calls fail"),
        }
    }

    fn judge(&self, tally: &Tally) -> Vec<Check> {
        let odd = format!("{} of {} did not", tally.odd, tally.calls);
        let mut checks = vec![Check::judged("every_call_ends_as_it_must", tally.odd == 0, odd)];
        let On::Ours(breaker) = &self.on else { return checks };
        let snapshot = breaker.snapshot();
        checks.push(totals(match self.times_every_call {
            true => tally.mismatches(&snapshot),
            false => tally.miscounts(&snapshot),
        }));
        let (name, state, era) = match self.workload {
            Workload::Rejecting => ("stays_open", State::Open, 1),
            _ => ("stays_closed", State::Closed, 0),
        };
        let stays = (snapshot.state, snapshot.era, snapshot.transitions.total());
        checks.push(Check::judged(
            name,
            stays == (state, era, era),
            format!("{} in era {}, after {} transitions", stays.0, stays.1, stays.2),
        ));
        checks
    }

    fn dump(&self) -> String {
        match &self.on {
            On::Ours(breaker) => format!("{breaker:?}"),
            On::Theirs(_) => "a baseline".to_owned(),
        }
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        match &self.on {
            On::Ours(breaker) => Some(breaker),
            On::Theirs(_) => None,
        }
    }
}

/// That every total is what was done, or what is not.
pub(super) fn totals(mismatches: Vec<String>) -> Check {
    let detail = match mismatches.is_empty() {
        true => "all agree".to_owned(),
        false => mismatches.join("; "),
    };
    Check::judged("totals_are_what_the_threads_did", mismatches.is_empty(), detail)
}

/// Calls that all end alike, in the loop that all rivals share.
struct Alike<'a, C: ?Sized> {
    caller: &'a C,
    path: Path,
    calls: u64,
    odd: u64,
}

impl<C: Caller + ?Sized> Actor for Alike<'_, C> {
    fn calls(&mut self, calls: u64) {
        self.calls += calls;
        self.odd += self.caller.timed(self.path, calls);
    }

    fn leave(self: Box<Self>) -> Tally {
        let alike = self.calls - self.odd;
        let tally = Tally { calls: self.calls, odd: self.odd, ..Tally::default() };
        match self.path {
            Path::Rejected => Tally { rejected_open: alike, ..tally },
            _ => Tally { admitted: alike, succeeded: alike, ..tally },
        }
    }
}

/// Calls of which every so many fails.
pub(super) struct Mixed<'a> {
    breaker: &'a CircuitBreaker,
    every: u64,
    /// Calls until the next one that fails.
    next: u64,
    tally: Tally,
}

impl<'a> Mixed<'a> {
    /// Not all threads begin with a failure.
    pub(super) fn new(breaker: &'a CircuitBreaker, every: u64, index: usize) -> Self {
        Self { breaker, every, next: index as u64 % every, tally: Tally::default() }
    }

    /// Has the next calls go to another breaker.
    #[inline]
    pub(super) fn goes_to(&mut self, breaker: &'a CircuitBreaker) {
        self.breaker = breaker;
    }
}

impl Actor for Mixed<'_> {
    fn calls(&mut self, calls: u64) {
        let (mut good, mut bad, mut odd) = (0, 0, 0);
        for _ in 0..calls {
            let fails = self.next == 0;
            self.next = if fails { self.every - 1 } else { self.next - 1 };
            let op = || black_box(if fails { Err(black_box(7)) } else { Ok(black_box(7)) });
            match (Subject::call(self.breaker, op), fails) {
                (End::Succeeded, false) => good += 1,
                (End::Failed, true) => bad += 1,
                _ => odd += 1,
            }
        }
        self.tally.calls += calls;
        self.tally.succeeded += good;
        self.tally.failed += bad;
        self.tally.odd += odd;
    }

    fn leave(self: Box<Self>) -> Tally {
        let admitted = self.tally.succeeded + self.tally.failed;
        Tally { admitted, ..self.tally }
    }
}
