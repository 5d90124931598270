//! What threads asked of one breaker, what it answered, and in which order that can be told
//! to have happened.
//!
//! A stamp is a number from one sequence. An operation has the stamp of its invocation and
//! that of its return, and nothing else is known of when it took place: operation A came
//! before operation B only if A's return has a smaller stamp than B's invocation.

use crate::model::Model;
use crate::spec::consecutive::{End, Order};
use ampacity::{Reason, State};
use serde::{Deserialize, Serialize};

mod beside;
mod file;
mod times;

pub(crate) use beside::{Beside, Results};
pub use file::Garbage;
pub(crate) use file::{small, within};
pub(crate) use times::Times;

/// A breaker at rest, and what was then done to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    /// The breaker before the first operation.
    pub start: Model,
    /// In any order: the stamps say what is known of it.
    pub operations: Vec<Operation>,
}

/// One operation of one thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// Whose it was. The order of a thread's operations is that of their stamps.
    pub thread: u32,
    /// The stamp that was taken before it began.
    pub invoked: u64,
    /// The stamp that was taken after it had ended.
    pub returned: u64,
    /// What was asked and answered.
    pub call: Call,
}

impl Operation {
    /// Whether neither of the two can be told to have come first.
    pub fn overlaps(&self, other: &Operation) -> bool {
        self.invoked < other.returned && other.invoked < self.returned
    }
}

/// An operation, with what it returned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `try_acquire`.
    Acquire(Answer),
    /// A permit of `era` settled, or dropped.
    Settle {
        /// The era that the permit says it is of.
        era: u64,
        /// How.
        end: End,
    },
    /// An order by hand.
    Order(Order),
    /// The clock set, in ms. No step of the breaker's: see `times.rs`.
    Clock(u64),
    /// `state()`.
    State(#[serde(with = "crate::names::state")] State),
    /// `era()`.
    Era(u64),
    /// `would_admit()`.
    WouldAdmit(bool),
    /// Era and streak of a snapshot, which come from one load.
    Glance {
        /// Its era.
        era: u64,
        /// Its failures in a row.
        streak: u64,
    },
    /// What a snapshot shows while nothing else goes on.
    Rest(Rest),
}

/// What `try_acquire` returned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A permit.
    Admitted {
        /// The era it says it is of.
        era: u64,
        /// Whether it says it is a probe.
        probe: bool,
    },
    /// None.
    Refused {
        /// Why.
        #[serde(with = "crate::names::reason")]
        reason: Reason,
        /// For how long.
        wait: Wait,
    },
}

/// What a refusal says of waiting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Nothing.
    Unsaid,
    /// So many nanoseconds, the greatest number being for ever.
    Nanos(u64),
    /// It was not recorded: it may be anything.
    Unseen,
}

/// A breaker that nobody is using.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rest {
    /// Its state, with a look at the clock.
    #[serde(with = "crate::names::state")]
    pub state: State,
    /// Its era.
    pub era: u64,
    /// Failures in a row.
    pub streak: u64,
    /// Openings in a row.
    pub opens: u64,
    /// How many permits were settled too late since the history began.
    pub stale: u64,
}

impl Call {
    /// The era that the breaker was in when this took place, where the answer says so.
    pub(crate) fn era(&self) -> Option<u64> {
        match *self {
            Call::Acquire(Answer::Admitted { era, .. })
            | Call::Era(era)
            | Call::Glance { era, .. }
            | Call::Rest(Rest { era, .. }) => Some(era),
            _ => None,
        }
    }
}

/// How much of a history went on at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overlaps {
    /// Operations that overlap at least one other.
    pub operations: u64,
    /// The most that were going on at one stamp.
    pub deepest: u64,
}

impl History {
    /// How many permits were settled too late, as the breaker said at rest.
    pub fn settled_late(&self) -> u64 {
        let rests = self.operations.iter().filter_map(|operation| match operation.call {
            Call::Rest(rest) => Some(rest.stale),
            _ => None,
        });
        rests.max().unwrap_or(0)
    }

    /// Counts what went on at once.
    pub fn overlaps(&self) -> Overlaps {
        let mut stamps: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * self.operations.len());
        for (at, operation) in self.operations.iter().enumerate() {
            stamps.push((operation.invoked, true, at));
            stamps.push((operation.returned, false, at));
        }
        stamps.sort_unstable();
        let mut beside = vec![false; self.operations.len()];
        let mut going: Vec<usize> = Vec::new();
        let mut deepest = 0;
        for (_, begins, at) in stamps {
            if begins {
                if let [only] = going[..] {
                    beside[only] = true;
                }
                beside[at] = !going.is_empty();
                going.push(at);
                deepest = deepest.max(going.len() as u64);
            } else {
                going.retain(|other| *other != at);
            }
        }
        let operations = beside.iter().filter(|beside| **beside).count() as u64;
        Overlaps { operations, deepest }
    }
}
