//! What threads do to a breaker, under a name that programs and their reports share.
//!
//! A [`Workload`] is set up as a [`Scene`] on one [`Rival`] and for one number of threads;
//! each thread enters it as an [`Actor`], which makes calls and keeps books. At rest the
//! scene judges the books of all: totals have to be what was done, exactly, and so on.
//! Whoever times each call of its own asks the actor for one at a time.

pub(crate) mod chain;
pub(crate) mod clock;
mod eras;
mod flapping;
pub(crate) mod hand;
mod herd;
pub(crate) mod history;
pub(crate) mod many;
pub(crate) mod policy;
pub(crate) mod readers;
pub(crate) mod rival;
mod steady;
pub(crate) mod tally;
pub(crate) mod view;
mod vouchers;

use std::sync::Arc;

use crate::pool::{Job, Seat};
use crate::program::{Check, Failure};
use crate::watchdog::Station;
pub(crate) use policy::Policy;
pub(crate) use rival::Rival;
use tally::Tally;

/// What all threads do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Calls that succeed, on a closed breaker.
    Success,
    /// One in 100 fails; the breaker stays closed.
    OneIn100Fails,
    /// A failure and a success in turn; the breaker stays closed.
    HalfFail,
    /// An open breaker turns every call away.
    Rejecting,
    /// The breaker trips and recovers all the time.
    Flapping,
    /// All threads at an open breaker whose wait is over, again and again.
    HalfOpenHerd,
    /// A few threads call, and all others take snapshots.
    Readers,
    /// One in 100 fails, on many breakers in turn.
    ManyBreakers,
    /// One in 100 fails, under a policy whose threshold is not reached.
    Policy(Policy),
}

impl Workload {
    /// All, in the order in which they are reported.
    pub(crate) const ALL: [Self; 8 + Policy::ALL.len()] = [
        Self::Success,
        Self::OneIn100Fails,
        Self::HalfFail,
        Self::Rejecting,
        Self::Flapping,
        Self::HalfOpenHerd,
        Self::Readers,
        Self::ManyBreakers,
        Self::Policy(Policy::Streak),
        Self::Policy(Policy::Count100),
        Self::Policy(Policy::Count65536),
        Self::Policy(Policy::FailureRate),
        Self::Policy(Policy::SlowRate),
        Self::Policy(Policy::Combined),
        Self::Policy(Policy::TripWhen),
        Self::Policy(Policy::InFlight),
    ];

    /// As it stands in labels and flags.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OneIn100Fails => "one_in_100_fails",
            Self::HalfFail => "half_fail",
            Self::Rejecting => "rejecting",
            Self::Flapping => "flapping",
            Self::HalfOpenHerd => "half_open_herd",
            Self::Readers => "readers",
            Self::ManyBreakers => "many_breakers",
            Self::Policy(policy) => policy.workload(),
        }
    }

    /// In words, for a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Success => "all succeed",
            Self::OneIn100Fails => "1 in 100 fails",
            Self::HalfFail => "half fail, below the trip",
            Self::Rejecting => "all are turned away",
            Self::Flapping => "trips and recovers",
            Self::HalfOpenHerd => "half-open herd",
            Self::Readers => "readers against writers",
            Self::ManyBreakers => "many breakers",
            Self::Policy(policy) => policy.workload_title(),
        }
    }

    /// Whether the baselines can take part: they neither count nor recover like this crate.
    pub(crate) fn takes(self, rival: Rival) -> bool {
        rival == Rival::Ampacity || matches!(self, Self::Success | Self::Rejecting)
    }

    /// Sets it up, for a number of threads.
    ///
    /// # Errors
    ///
    /// The breaker could not be built.
    pub(crate) fn build(self, rival: Rival, sizes: Sizes) -> Result<Arc<dyn Scene>, Failure> {
        match self {
            Self::Flapping => flapping::build(),
            Self::HalfOpenHerd => herd::build(),
            Self::Readers => readers::build(sizes.threads),
            Self::ManyBreakers => many::build(sizes.breakers, sizes.threads),
            _ => steady::build(self, rival),
        }
    }
}

/// What a scene is set up for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) threads: usize,
    /// Where there are many: how many.
    pub(crate) breakers: usize,
}

/// A workload, set up on its breaker or breakers.
pub(crate) trait Scene: Send + Sync {
    /// One thread's part in it: the thread of that index.
    fn enter<'a>(&'a self, index: usize, station: &'a Station) -> Box<dyn Actor + 'a>;

    /// How many of so many threads call: the first ones. The others only look.
    fn callers(&self, threads: usize) -> usize {
        threads
    }

    /// Whether what all did together, `tally`, is what the breaker says, at rest; every
    /// check has a name of its own.
    fn judge(&self, tally: &Tally) -> Vec<Check>;

    /// What the breaker holds, for when nobody gets on. Waits for nobody.
    fn dump(&self) -> String;

    /// This crate's breaker, if it is one.
    fn breaker(&self) -> Option<&ampacity::CircuitBreaker> {
        None
    }
}

/// One thread in a scene.
pub(crate) trait Actor {
    /// Makes so many calls.
    fn calls(&mut self, calls: u64);

    /// Settles what it still holds; what it did.
    fn leave(self: Box<Self>) -> Tally;
}

/// A scene as a job for a [`Pool`](crate::pool::Pool), without anything else.
pub(crate) struct Play(pub(crate) Arc<dyn Scene>);

impl Job for Play {
    fn work(&self, seat: &mut Seat<'_>) -> Tally {
        let mut actor = self.0.enter(seat.index, seat.station);
        while let Some(calls) = seat.next() {
            actor.calls(calls);
        }
        actor.leave()
    }

    fn dump(&self) -> String {
        self.0.dump()
    }
}

#[cfg(test)]
mod tests;
