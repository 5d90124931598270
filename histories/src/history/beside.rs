//! Which results were being settled beside an operation: what a window may show of them
//! already, or not yet.

use super::{Call, Operation};
use crate::spec::consecutive::End;

/// The results that were being settled beside one operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// Their places among the operations, ascending.
    places: Vec<u32>,
    /// Their permits' eras, and whether they failed.
    results: Vec<(u64, bool)>,
}

impl Beside {
    pub(crate) const NOTHING: &'static Beside = &Beside { places: Vec::new(), results: Vec::new() };

    /// Those beside the one at `place`.
    pub(crate) fn of(place: usize, operations: &[Operation]) -> Self {
        let mut beside = Beside::default();
        for (other, operation) in operations.iter().enumerate() {
            let Call::Settle { era, end } = operation.call else { continue };
            let failed = matches!(end, End::Failure | End::OpenFor(_));
            let is_result = failed || end == End::Success;
            if other != place && is_result && operations[place].overlaps(operation) {
                beside.places.push(other as u32);
                beside.results.push((era, failed));
            }
        }
        beside
    }

    pub(crate) fn contains(&self, place: u32) -> bool {
        self.places.binary_search(&place).is_ok()
    }

    /// How many of `era` failed, and how many succeeded.
    pub(crate) fn of_era(&self, era: u64) -> (u64, u64) {
        let of_era = self.results.iter().filter(|result| result.0 == era);
        of_era.fold(
            (0, 0),
            |(failed, passed), result| {
                if result.1 { (failed + 1, passed) } else { (failed, passed + 1) }
            },
        )
    }
}
