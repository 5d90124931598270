//! What an operation may have read on the clock.
//!
//! The clock is an input of the breaker and not part of it: an operation reads it once or
//! not at all, at some moment between its invocation and its return. So a clock that is
//! moved beside it gives it a choice of times, and no step of the model is a clock's.

use super::{Call, Operation};
use std::ops::Range;

/// The clock's values in the order in which one thread set them.
#[derive(Debug)]
pub(crate) struct Times {
    values: Vec<u64>,
    /// The operations that set all values but the first.
    sets: Vec<(u64, u64)>,
}

impl Times {
    /// Of a clock that shows `start` in the beginning.
    pub(crate) fn of(start: u64, operations: &[Operation]) -> Self {
        let mut sets: Vec<(u64, u64, u64)> = operations
            .iter()
            .filter_map(|operation| match operation.call {
                Call::Clock(at) => Some((operation.invoked, operation.returned, at)),
                _ => None,
            })
            .collect();
        sets.sort_unstable();
        let values = [start].into_iter().chain(sets.iter().map(|set| set.2)).collect();
        Times { values, sets: sets.into_iter().map(|set| (set.0, set.1)).collect() }
    }

    /// Those that `operation` may have read.
    pub(crate) fn during(&self, operation: &Operation) -> Range<usize> {
        // The value that was set last before it began, and all that were set before it ended.
        let first = self.sets.partition_point(|set| set.1 < operation.invoked);
        let end = self.sets.partition_point(|set| set.0 < operation.returned);
        first..end + 1
    }

    pub(crate) fn values(&self, range: Range<usize>) -> &[u64] {
        &self.values[range]
    }
}
