//! An order of a round; and if there is none, of it and the round before it together.

use super::{Broken, Tally};
use crate::check::{Bound, Order, Verdict, check};
use crate::history::{Call, History, Operation};

/// An order of `history`, or of it and what went `before`; and what the next round may be
/// searched together with.
pub(super) fn explain(
    history: History,
    before: Option<History>,
    bound: Bound,
    tally: &mut Tally,
) -> Result<(Order, Option<History>), Broken> {
    let verdict = check(&history, bound);
    match (verdict, before) {
        (Verdict::Linearizable(found), _) => Ok((found, Some(history))),
        (Verdict::NotLinearizable(_), Some(before)) => {
            tally.together += 1;
            let both = joined(before, history);
            match check(&both, bound) {
                Verdict::Linearizable(found) => Ok((found, None)),
                verdict => Err(Broken::History(Box::new((both, verdict)))),
            }
        }
        (verdict, _) => Err(Broken::History(Box::new((history, verdict)))),
    }
}

/// Two rounds as one history: between them the clock was moved, and the permits that were
/// settled too late in the first are counted again.
fn joined(mut before: History, history: History) -> History {
    let late = before.settled_late();
    let begins = history.operations.iter().map(|operation| operation.invoked).min().unwrap_or(0);
    // The leader's stamps leave no room between the rounds, so all are spread.
    let spread = |operation: Operation| Operation {
        invoked: operation.invoked * 4,
        returned: operation.returned * 4,
        ..operation
    };
    let clock = Operation {
        thread: 0,
        invoked: begins * 4 - 2,
        returned: begins * 4 - 1,
        call: Call::Clock(history.start.now()),
    };
    let mut operations: Vec<Operation> = before.operations.drain(..).map(spread).collect();
    operations.push(clock);
    operations.extend(history.operations.into_iter().map(|operation| {
        let mut operation = spread(operation);
        if let Call::Rest(rest) = &mut operation.call {
            rest.stale += late;
        }
        operation
    }));
    History { start: before.start, operations }
}
