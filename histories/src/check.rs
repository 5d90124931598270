//! Whether a history could have been one of the model's: Wing and Gong's search, depth
//! first, with Lowe's memory of what has been tried.
//!
//! A linearization is an order of all operations that respects what the stamps say and in
//! which the model gives every answer that was recorded. The search builds one from its
//! beginning. At each step it has a choice of those operations that no other, not yet taken,
//! came before; it goes back when no choice is left, and never visits the same operations
//! taken with the same model twice.
//!
//! What keeps it small, and why nothing is lost by it, is in `check/search.rs`.

mod entries;
mod eras;
mod search;

use crate::history::{Call, History, Operation};
use crate::model::Model;

/// What the search may cost before it gives up, which is a failure: so many states, fewer where
/// they are large, and a multiple of that in attempts to go on from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound(pub u64);

impl Default for Bound {
    /// Far more than any history of this project needs.
    fn default() -> Self {
        Bound(1_000_000)
    }
}

/// What became of a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is an order that explains it.
    Linearizable(Order),
    /// There is none.
    NotLinearizable(Stuck),
    /// It could not be decided within the bound, which counts as a failure.
    GaveUp {
        /// How many states were looked at.
        states: u64,
    },
    /// It is no history of this model.
    Senseless(Senseless),
}

/// An order that explains a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The places of the operations, in that order; the clock's are not among them.
    pub order: Vec<usize>,
    /// The breaker after the last.
    pub end: Model,
    /// How many states were looked at.
    pub states: u64,
}

/// How far the search got where no order explains everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// The longest beginning of an order that explains what is in it.
    pub order: Vec<usize>,
    /// The breaker after that.
    pub model: Model,
    /// The operations that could come next, none of which leads on.
    pub next: Vec<usize>,
    /// How many states were looked at.
    pub states: u64,
}

/// Why something is no history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Senseless {
    /// This operation returned before it was invoked, or at the same time.
    Backward(usize),
    /// These have a stamp in common.
    SameStamp(usize, usize),
    /// These are of one thread and overlap.
    SameThread(usize, usize),
    /// The model has no such operation.
    Unknown(usize),
    /// The first was recorded as at rest, while the second went on.
    Restless(usize, usize),
}

impl std::fmt::Display for Senseless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Senseless::Backward(at) => write!(f, "operation {at} returned before it was invoked"),
            Senseless::SameStamp(a, b) => write!(f, "operations {a} and {b} share a stamp"),
            Senseless::SameThread(a, b) => {
                write!(f, "operations {a} and {b} are of one thread and overlap")
            }
            Senseless::Restless(a, b) => {
                write!(f, "operation {a} is of a breaker at rest, and {b} overlaps it")
            }
            Senseless::Unknown(at) => write!(f, "the model has no operation like {at}"),
        }
    }
}

impl Verdict {
    /// Whether there is an order that explains the history.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable(_))
    }
}

/// Looks for an order of `history` that explains it.
pub fn check(history: &History, bound: Bound) -> Verdict {
    match sensible(history) {
        Ok(()) => search::search(history, bound),
        Err(why) => Verdict::Senseless(why),
    }
}

/// Whether stamps are those of a recording.
fn sensible(history: &History) -> Result<(), Senseless> {
    let operations = &history.operations;
    for (at, operation) in operations.iter().enumerate() {
        if operation.invoked >= operation.returned {
            return Err(Senseless::Backward(at));
        }
        if !history.start.knows(&operation.call) {
            return Err(Senseless::Unknown(at));
        }
    }
    let mut stamps: Vec<(u64, usize)> = (operations.iter().enumerate())
        .flat_map(|(at, operation)| [(operation.invoked, at), (operation.returned, at)])
        .collect();
    stamps.sort_unstable();
    if let Some(two) = stamps.windows(2).find(|two| two[0].0 == two[1].0) {
        return Err(Senseless::SameStamp(two[0].1, two[1].1));
    }
    let mut by_thread: Vec<usize> = (0..operations.len()).collect();
    by_thread.sort_unstable_by_key(|at| (operations[*at].thread, operations[*at].invoked));
    let overlap = by_thread.windows(2).find(|two| {
        let (first, second) = (&operations[two[0]], &operations[two[1]]);
        first.thread == second.thread && first.returned > second.invoked
    });
    if let Some(two) = overlap {
        return Err(Senseless::SameThread(two[0], two[1]));
    }
    restless(operations).map_or(Ok(()), Err)
}

/// One that was recorded as at rest, and another beside it.
fn restless(operations: &[Operation]) -> Option<Senseless> {
    let mut by_invocation: Vec<usize> = (0..operations.len()).collect();
    by_invocation.sort_unstable_by_key(|at| operations[*at].invoked);
    let is_rest = |at: usize| matches!(operations[at].call, Call::Rest(_));
    // Of those that began earlier, the one that went on for longest.
    let mut longest: Option<usize> = None;
    for at in by_invocation {
        if let Some(before) = longest.filter(|before| operations[*before].overlaps(&operations[at]))
        {
            if is_rest(at) {
                return Some(Senseless::Restless(at, before));
            }
            if is_rest(before) {
                return Some(Senseless::Restless(before, at));
            }
        }
        let goes_on = |before: usize| operations[before].returned > operations[at].returned;
        longest = longest.filter(|before| goes_on(*before)).or(Some(at));
    }
    None
}
