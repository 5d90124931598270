//! The cut by era: what is known of when an operation took place from the era in its answer.
//!
//! Each transition begins the next era, so transitions are in one order, and an operation
//! whose answer names era e took place between the transition to e and the one to e + 1. So
//! no order leaves an era before all operations that name it have been taken; and one that
//! is tried stops there, and not some hundred operations later.
//!
//! For the same reason an era in which somebody was admitted is one that admits, as a probe or
//! not: an order that makes another of it stops at once.

use crate::history::{Answer, Call, Operation};
use crate::model::Model;
use std::collections::{BTreeMap, HashMap};

/// How many operations that name each era are not yet taken.
#[derive(Debug)]
pub(super) struct Eras {
    left: BTreeMap<u64, u32>,
    /// Whether those who were admitted in an era were probes.
    probing: HashMap<u64, bool>,
}

impl Eras {
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut left = BTreeMap::new();
        for era in operations.iter().filter_map(|operation| operation.call.era()) {
            *left.entry(era).or_insert(0) += 1;
        }
        let admitted = operations.iter().filter_map(|operation| match operation.call {
            Call::Acquire(Answer::Admitted { era, probe }) => Some((era, probe)),
            _ => None,
        });
        Eras { left, probing: admitted.collect() }
    }

    pub(super) fn take(&mut self, call: &Call) {
        let Some(era) = call.era() else { return };
        if let Some(left) = self.left.get_mut(&era) {
            *left -= 1;
            if *left == 0 {
                self.left.remove(&era);
            }
        }
    }

    pub(super) fn put_back(&mut self, call: &Call) {
        if let Some(era) = call.era() {
            *self.left.entry(era).or_insert(0) += 1;
        }
    }

    /// Whether `model` admits as somebody was admitted in its era, if anybody was.
    pub(super) fn fit(&self, model: &Model) -> bool {
        self.probing.get(&model.era()).is_none_or(|probe| model.admits_as() == Some(*probe))
    }

    /// Whether operations that are not yet taken belong to an era before `era`.
    pub(super) fn are_left_before(&self, era: u64) -> bool {
        self.left.first_key_value().is_some_and(|(first, _)| *first < era)
    }
}
