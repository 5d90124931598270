//! The numbers that are missing from a stream, as ranges; their memory is bounded.

use core::ops::RangeInclusive;

/// Ranges that do not touch, the lowest first.
#[derive(Clone, Default, Debug)]
pub(super) struct Ranges {
    list: Vec<RangeInclusive<u64>>,
    // Numbers in ranges that had no place in the list.
    unlisted: u64,
}

impl Ranges {
    pub(super) const MOST: usize = 64;

    pub(super) fn list(&self) -> &[RangeInclusive<u64>] {
        &self.list
    }

    pub(super) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Adds a range above all others.
    pub(super) fn push(&mut self, range: RangeInclusive<u64>) {
        self.insert(self.list.len(), range);
    }

    /// Adds a range below all others.
    pub(super) fn push_front(&mut self, range: RangeInclusive<u64>) {
        self.insert(0, range);
    }

    /// Takes `number` out; whether it was in the list.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let at = self.list.partition_point(|range| *range.end() < number);
        let Some(range) = self.list.get(at).filter(|range| range.contains(&number)).cloned() else {
            return false;
        };
        self.list.remove(at);
        if number < *range.end() {
            self.insert(at, number + 1..=*range.end());
        }
        if *range.start() < number {
            self.insert(at, *range.start()..=number - 1);
        }
        true
    }

    fn insert(&mut self, at: usize, range: RangeInclusive<u64>) {
        if self.list.len() < Self::MOST {
            self.list.insert(at, range);
        } else {
            // No overflow: ranges do not touch, and a stream that has a record has at most
            // 2^64 - 1 numbers without one.
            self.unlisted += range.end() - range.start() + 1;
        }
    }
}
