//! One of the ten thousand: makes calls of all kinds and keeps its own books.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread::yield_now;

use ampacity::{CallError, OwnedPermit, Permit, Reason, State};

use super::crew::Shared;
use super::plan::{self, End, Plan, Way};
use crate::sample::Dice;
use crate::watchdog::Place;
use crate::workload::hand;
use crate::workload::history::Verdict;
use crate::workload::tally::{Tally, Unplaced, stale};

/// Parcels that may wait for one thread; more are settled by who would have sent them.
const MAILBOX: usize = 4;
/// Calls after which a thread counts them for the readers' turns: not each, which would be
/// a write that all share.
const TURN_EVERY: u64 = 20;
/// A thread looks into its mailbox at one call in so many.
const MAIL_EVERY: u64 = 8;

pub(super) struct Worker<'a> {
    shared: &'a Shared,
    index: usize,
    dice: Dice,
    tally: Tally,
}

/// What a panic of this program carries, so that no other is taken for it. It is raised
/// by `resume_unwind`: a panic like any other, except that no hook prints it.
struct Expected;

/// What the protected code returned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Failed,
    Ignored,
    Rejected(Reason),
}

/// What is known of a call by the end of the protected code.
struct Made {
    /// Its era and that era's state, if it could tell.
    place: Option<(u64, State)>,
    /// The era in which the protected code ended.
    last: u64,
    end: End,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared, index: usize) -> Self {
        Self { shared, index, dice: plan::dice(shared.seed, index as u64), tally: Tally::default() }
    }

    /// Makes the calls that were asked for; the last threads
    /// to finish go on until the cycles are complete.
    pub(super) fn run(mut self) -> Tally {
        let mut most = self.shared.calls;
        while !self.shared.stop.requested() {
            if self.tally.calls == self.shared.calls {
                most = self.shared.stay();
            }
            let calls = self.tally.calls;
            let over = calls >= self.shared.calls;
            if calls >= most || over && self.shared.is_enough(calls) {
                break;
            }
            let plan = Plan::draw(&mut self.dice);
            self.call(plan);
            if self.tally.calls.is_multiple_of(MAIL_EVERY) {
                self.open_mail();
            }
            if self.tally.calls.is_multiple_of(TURN_EVERY) {
                self.shared.turns.called(TURN_EVERY);
            }
            // Relaxed: a sign of life.
            self.shared.stations[self.index].calls.store(self.tally.calls, Ordering::Relaxed);
        }
        self.open_mail();
        self.tally
    }

    fn call(&mut self, plan: Plan) {
        self.tally.calls += 1;
        match plan.way {
            Way::Call { fallback } => self.call_plainly(plan, fallback),
            Way::Permit | Way::Held | Way::Run => self.call_by_permit(plan),
            Way::Sent => self.call_by_parcel(plan),
        }
    }

    /// A call without a permit, which has to find out its era by itself.
    fn call_plainly(&mut self, plan: Plan, fallback: bool) {
        self.at(Place::Calling);
        let (breaker, shared) = (&self.shared.breaker, self.shared);
        let before = breaker.era();
        let mut made = None;
        let protected = || {
            let place = self.place(before);
            // One that cannot tell its era must not be the one that ended it by a
            // failure, nor give back a place that nobody knows it had.
            let end = place.map_or(End::Success, |_| plan.end);
            if let Some((era, state)) = place {
                shared.history.admitted(era, state);
                shared.history.settles(era, state, verdict(end));
            }
            made = Some(Made { place, last: breaker.era(), end });
            match end {
                End::Success => Ok(()),
                End::Failure => Err(Told::Failed),
                End::Ignore | End::Drop { .. } => Err(Told::Ignored),
                End::Panic => resume_unwind(Box::new(Expected)),
            }
        };
        let neutral = matches!(plan.end, End::Ignore | End::Drop { .. });
        let answer = |rejected: ampacity::Rejected| Err(Told::Rejected(rejected.reason()));
        let result = expecting(|| match (fallback, neutral) {
            (false, false) => breaker.call(protected).map_err(told),
            (false, true) => breaker.classified(judge).call(protected).map_err(told),
            (true, false) => breaker.call_or(protected, answer),
            (true, true) => breaker.classified(judge).call_or(protected, answer),
        });
        let Some(made) = made else {
            self.tally.fallbacks += u64::from(fallback);
            match result {
                Some(Err(Told::Rejected(reason))) => self.rejected(reason, plan),
                _ => self.tally.odd += 1,
            }
            return;
        };
        self.tally.admitted += 1;
        self.ended(match made.end {
            End::Drop { .. } => End::Ignore,
            end => end,
        });
        match made.place {
            Some((era, state)) => {
                self.tally.admitted_open += u64::from(state == State::Open);
                self.tally.stale(stale(era, made.last, breaker.era()));
            }
            None => {
                self.tally.stale(None);
                self.tally.unplaced.push(Unplaced { first: before, last: made.last });
            }
        }
    }

    /// The era that a call was admitted in, and its state, seen from within it.
    ///
    /// It was admitted after the era was `before`, and not after it is what it is now.
    /// An open era admits nobody; so next to one of those there is only one choice.
    fn place(&self, before: u64) -> Option<(u64, State)> {
        let (era, state) = hand::steady(&self.shared.breaker)?;
        let sure =
            era == before || era == before + 1 && self.shared.history.was(before, State::Open);
        sure.then_some((era, state))
    }

    fn call_by_permit(&mut self, plan: Plan) {
        self.at(Place::Acquiring);
        let permit = match self.shared.breaker.try_acquire() {
            Ok(permit) => permit,
            Err(rejected) => return self.rejected(rejected.reason(), plan),
        };
        self.admitted(permit.era(), permit.is_probe());
        if plan.way == Way::Held {
            self.at(Place::Holding);
            self.tally.held += 1;
            yield_now();
        }
        self.settle(permit, plan);
    }

    fn call_by_parcel(&mut self, plan: Plan) {
        self.at(Place::Acquiring);
        let permit = match self.shared.breaker.try_acquire_owned() {
            Ok(permit) => permit,
            Err(rejected) => return self.rejected(rejected.reason(), plan),
        };
        self.admitted(permit.era(), permit.is_probe());
        self.at(Place::Posting);
        let to = (self.index + 1) % self.shared.mail.len();
        let mut mailbox = self.shared.mail[to].lock().unwrap_or_else(PoisonError::into_inner);
        if mailbox.len() < MAILBOX && to != self.index {
            mailbox.push(permit);
            return;
        }
        drop(mailbox);
        self.settle(permit, plan);
    }

    /// Settles what others have sent, in ways of this thread's choice.
    pub(super) fn open_mail(&mut self) {
        self.at(Place::Posting);
        let parcels = std::mem::take(
            &mut *self.shared.mail[self.index].lock().unwrap_or_else(PoisonError::into_inner),
        );
        for permit in parcels {
            self.tally.sent += 1;
            let plan = Plan::draw(&mut self.dice);
            self.settle(permit, plan);
        }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    fn admitted(&mut self, era: u64, is_probe: bool) {
        self.tally.admitted += 1;
        self.shared.history.admitted(era, state(is_probe));
    }

    fn settle(&mut self, permit: impl Leave, plan: Plan) {
        self.at(Place::Settling);
        let (era, is_probe) = permit.about();
        let before = self.shared.breaker.era();
        let verdict = if before == era { verdict(plan.end) } else { Verdict::Late };
        self.shared.history.settles(era, state(is_probe), verdict);
        match plan.end {
            End::Success if plan.way == Way::Run => _ = permit.make(Ok),
            End::Failure if plan.way == Way::Run => _ = permit.make(Err),
            End::Success => permit.passed(),
            End::Failure => permit.failed(),
            End::Ignore => permit.ignored(),
            End::Drop { unwinding: false } => drop(permit),
            End::Drop { unwinding: true } => expecting(|| {
                let _held = permit;
                resume_unwind(Box::new(Expected))
            })
            .unwrap_or(()),
            End::Panic => {
                let _ = expecting(|| permit.make(|()| resume_unwind(Box::new(Expected))));
            }
        }
        self.ended(plan.end);
        self.tally.stale(stale(era, before, self.shared.breaker.era()));
    }

    fn ended(&mut self, end: End) {
        match end {
            End::Success => self.tally.succeeded += 1,
            End::Failure => self.tally.failed += 1,
            End::Panic => {
                self.tally.failed += 1;
                self.tally.panicked += 1;
            }
            End::Ignore => self.tally.ignored += 1,
            End::Drop { .. } => self.tally.cancelled += 1,
        }
    }

    fn rejected(&mut self, reason: Reason, plan: Plan) {
        self.tally.rejected(reason);
        self.at(Place::Rejected);
        let (hand, history) = (&self.shared.hand, &self.shared.history);
        match reason {
            Reason::Open if plan.pass_open => hand.pass_open(&self.shared.breaker, history),
            Reason::HalfOpenFull if plan.pass_lease => {
                hand.pass_lease(&self.shared.breaker, history);
            }
            // Whoever could help may be waiting for a core.
            _ if plan.makes_way => yield_now(),
            _ => {}
        }
    }

    fn at(&self, place: Place) {
        self.shared.stations[self.index].set(place);
    }
}

fn state(is_probe: bool) -> State {
    if is_probe { State::HalfOpen } else { State::Closed }
}

fn verdict(end: End) -> Verdict {
    match end {
        End::Success => Verdict::Passed,
        End::Failure | End::Panic => Verdict::Failed,
        End::Ignore | End::Drop { .. } => Verdict::GivenBack,
    }
}

fn judge(result: &Result<(), Told>) -> ampacity::Outcome {
    match result {
        Ok(()) => ampacity::Outcome::Success,
        Err(Told::Ignored) => ampacity::Outcome::Ignore,
        Err(_) => ampacity::Outcome::Failure,
    }
}

fn told(error: CallError<Told>) -> Told {
    match error {
        CallError::Rejected(rejected) => Told::Rejected(rejected.reason()),
        CallError::Failed(told) => told,
    }
}

/// Runs `f`; `None` if it panicked as planned. Any other panic goes on.
fn expecting<T>(f: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Expected>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// What both kinds of permit can do.
trait Leave: Sized {
    fn about(&self) -> (u64, bool);
    fn passed(self);
    fn failed(self);
    fn ignored(self);
    fn make(self, f: impl FnOnce(()) -> Result<(), ()>) -> Result<(), ()>;
}

macro_rules! leave {
    ($permit:ty) => {
        impl Leave for $permit {
            fn about(&self) -> (u64, bool) {
                (self.era(), self.is_probe())
            }
            fn passed(self) {
                self.success();
            }
            fn failed(self) {
                self.failure();
            }
            fn ignored(self) {
                self.ignore();
            }
            fn make(self, f: impl FnOnce(()) -> Result<(), ()>) -> Result<(), ()> {
                self.run(|| f(()))
            }
        }
    };
}

leave!(Permit<'_>);
leave!(OwnedPermit);
