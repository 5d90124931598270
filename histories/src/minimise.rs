//! A failing history, made small.
//!
//! Only what keeps the fault is left out. If a history is linearizable, so is
//!
//! * what is left of it up to a moment at which nothing goes on;
//! * what is left when an operation goes that changes nothing, wherever it takes place;
//! * what is left after a beginning in which nothing overlaps, from the one state that it
//!   leads to.
//!
//! So if what is left is not linearizable, neither was the whole. Leaving out more (an
//! admission and not what became of it, for one) would make faults that were not there.

use crate::check::{Bound, Verdict, check};
use crate::history::{Call, History};
use crate::model::{Model, View};
use std::cell::Cell;

/// How many states and operations may be looked at for it: what cannot be left out within that
/// stays.
const EFFORT: u64 = 1_000_000;

/// The least that is left of `history` by leaving out one thing after the other, as long as
/// it is not linearizable. One that is, or that the checker gives up on, is left as it is.
pub fn minimise(history: &History, bound: Bound) -> History {
    let left = Cell::new(EFFORT);
    let fails = |history: &History| {
        let verdict = check(history, Bound(bound.0.min(left.get())));
        let states = match &verdict {
            Verdict::NotLinearizable(stuck) => stuck.states,
            Verdict::Linearizable(found) => found.states,
            Verdict::GaveUp { states } => *states,
            Verdict::Senseless(_) => 0,
        };
        left.set(left.get().saturating_sub(states + history.operations.len() as u64));
        matches!(verdict, Verdict::NotLinearizable(_))
    };
    let mut least = history.clone();
    if !fails(&least) {
        return least;
    }
    least.operations.sort_unstable_by_key(|operation| operation.invoked);
    // What fails goes on failing, whatever comes after it.
    let rests = least.rests();
    let first = rests.partition_point(|rest| !fails(&least.up_to(*rest)));
    if let Some(shorter) = rests.get(first).map(|rest| least.up_to(*rest)).filter(&fails) {
        least = shorter;
    }
    let mut at = least.operations.len();
    while at > 0 {
        at -= 1;
        if least.start.never_changes(&least.operations[at].call) && !is_clock(&least, at) {
            let mut without = least.clone();
            without.operations.remove(at);
            if fails(&without) {
                least = without;
            }
        }
    }
    while let Some(shorter) = least.after_the_first().filter(&fails) {
        least = shorter;
    }
    least
}

fn is_clock(history: &History, at: usize) -> bool {
    matches!(history.operations[at].call, Call::Clock(_))
}

impl History {
    /// After how many operations nothing goes on; they are by their invocations.
    fn rests(&self) -> Vec<usize> {
        let mut rests = Vec::new();
        let mut last = 0;
        for (at, operation) in self.operations.iter().enumerate() {
            if at > 0 && last < operation.invoked {
                rests.push(at);
            }
            last = last.max(operation.returned);
        }
        rests
    }

    /// Its first operations.
    fn up_to(&self, operations: usize) -> History {
        let operations = self.operations[..operations].to_vec();
        History { start: self.start.clone(), operations }
    }

    /// Without its first operation, if that overlaps no other and has one effect.
    fn after_the_first(&self) -> Option<History> {
        let (first, rest) = self.operations.split_first()?;
        if rest.iter().any(|operation| operation.overlaps(first)) {
            return None;
        }
        let start = match first.call {
            // A clock that steps back is no step of a model's.
            Call::Clock(at) => (at >= self.start.now()).then(|| self.start.clone().at(at))?,
            ref call => {
                let times = [self.start.now()];
                let mut after = Vec::new();
                self.start.after(call, View::alone(&times), &mut after);
                let [only] = <[Model; 1]>::try_from(after).ok()?;
                only
            }
        };
        // Whose results they are is told by their place.
        Some(History { start: start.nobodys(), operations: rest.to_vec() })
    }
}
