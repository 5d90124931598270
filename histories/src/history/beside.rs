//! Which results were being settled beside an operation: what a window may show of them
//! already, or not yet.

use super::{Call, Operation};
use crate::spec::consecutive::End;
use std::collections::HashMap;

/// All results of a history, so that those beside an operation can be counted.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// The stamps of every operation, by its place.
    stamps: Vec<(u64, u64)>,
    /// For each result its permit's era and whether it failed, by its place.
    kinds: HashMap<u32, Kind>,
    /// The stamps of the results of each kind.
    of_kind: HashMap<Kind, Stamps>,
    most_beside: usize,
}

/// The era of a result's permit, and whether it failed.
type Kind = (u64, bool);

/// The invocations of some operations and their returns, each ascending.
#[derive(Debug, Default)]
struct Stamps {
    invoked: Vec<u64>,
    returned: Vec<u64>,
}

impl Stamps {
    fn add(&mut self, operation: &Operation) {
        self.invoked.push(operation.invoked);
        self.returned.push(operation.returned);
    }

    fn sort(&mut self) {
        self.invoked.sort_unstable();
        self.returned.sort_unstable();
    }

    /// How many overlap one of these stamps: all but those that were over before, and those
    /// that came after.
    fn overlapping(&self, (invoked, returned): (u64, u64)) -> usize {
        let before = self.returned.partition_point(|stamp| *stamp <= invoked);
        self.invoked.partition_point(|stamp| *stamp < returned).saturating_sub(before)
    }
}

impl Results {
    pub(crate) fn of(operations: &[Operation]) -> Self {
        let mut results = Results::default();
        let mut all = Stamps::default();
        for (operation, place) in operations.iter().zip(0..) {
            results.stamps.push((operation.invoked, operation.returned));
            let Call::Settle { era, end } = operation.call else { continue };
            let failed = matches!(end, End::Failure | End::OpenFor(_));
            if failed || end == End::Success {
                results.kinds.insert(place, (era, failed));
                results.of_kind.entry((era, failed)).or_default().add(operation);
                all.add(operation);
            }
        }
        results.of_kind.values_mut().for_each(Stamps::sort);
        all.sort();
        let most = results.stamps.iter().map(|stamps| all.overlapping(*stamps)).max();
        results.most_beside = most.unwrap_or(0);
        results
    }
}

/// The results that were being settled beside one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside<'a> {
    /// Where the operation is, and all results; nothing of one that overlaps no other.
    of: Option<(u32, &'a Results)>,
}

impl<'a> Beside<'a> {
    pub(crate) const NOTHING: Beside<'static> = Beside { of: None };

    /// Those beside the one at `place`.
    pub(crate) fn of(place: u32, results: &'a Results) -> Self {
        Beside { of: Some((place, results)) }
    }

    /// Whether the operation at `place` is beside this one, if it is another.
    pub(crate) fn contains(&self, place: u32) -> bool {
        let Some((own, results)) = self.of else { return false };
        let stamps = |place: u32| results.stamps.get(place as usize);
        match (stamps(own), stamps(place)) {
            (Some(own), Some(other)) => own.0 < other.1 && other.0 < own.1,
            _ => false,
        }
    }

    /// How many of `era` failed, and how many succeeded.
    pub(crate) fn of_era(&self, era: u64) -> (usize, usize) {
        let Some((own, results)) = self.of else { return (0, 0) };
        let count = |failed: bool| {
            let Some(of_kind) = results.of_kind.get(&(era, failed)) else { return 0 };
            let overlapping = of_kind.overlapping(results.stamps[own as usize]);
            overlapping - usize::from(results.kinds.get(&own) == Some(&(era, failed)))
        };
        (count(true), count(false))
    }

    /// The most results that are beside any one operation.
    pub(crate) fn most(&self) -> usize {
        self.of.map_or(0, |(_, results)| results.most_beside)
    }
}
