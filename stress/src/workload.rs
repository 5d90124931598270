//! What threads do to a breaker, under a name that programs and their reports share.
//!
//! A [`Workload`] is set up as a [`Scene`] on one [`Rival`] and for one number of threads;
//! each thread enters it as an [`Actor`], which makes calls and keeps books. At rest the
//! scene judges the books of all: totals have to be what was done, exactly, and so on.
//! Whoever times each call of its own asks the actor for one at a time.

pub(crate) mod chain;
pub(crate) mod clock;
pub(crate) mod hand;
pub(crate) mod history;
pub(crate) mod policy;
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
    /// One in 100 fails, under a policy whose threshold is not reached.
    Policy(Policy),
}

impl Workload {
    /// All, in the order in which they are reported.
    pub(crate) const ALL: [Self; 4 + Policy::ALL.len()] = {
        let mut all = [Self::Success; 4 + Policy::ALL.len()];
        all[1] = Self::OneIn100Fails;
        all[2] = Self::HalfFail;
        all[3] = Self::Rejecting;
        let mut at = 0;
        while at < Policy::ALL.len() {
            all[4 + at] = Self::Policy(Policy::ALL[at]);
            at += 1;
        }
        all
    };

    /// As it stands in labels and flags.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OneIn100Fails => "one_in_100_fails",
            Self::HalfFail => "half_fail",
            Self::Rejecting => "rejecting",
            Self::Policy(policy) => policy.name(),
        }
    }

    /// In words, for a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Success => "all succeed",
            Self::OneIn100Fails => "1 in 100 fails",
            Self::HalfFail => "half fail, below the trip",
            Self::Rejecting => "all are turned away",
            Self::Policy(policy) => policy.title(),
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
        let _ = sizes;
        steady::build(self, rival)
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
