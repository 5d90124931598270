//! The calls that could not tell their era, and the one era that each may speak for.
//!
//! Such a call was admitted in a single era of its range. If it spoke for all of them, a
//! storm full of such calls could not show anything: some call or other would excuse
//! every era. Eras are asked for in order, and each takes, of the calls that may have
//! been there, one whose range ends first: no other choice could serve more eras.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::tally::Unplaced;

#[derive(Debug)]
pub(crate) struct Vouchers {
    /// Those whose range is still ahead, the next one last.
    ahead: Vec<Unplaced>,
    /// The last eras of those whose range has begun and is not over.
    here: BinaryHeap<Reverse<u64>>,
    era: u64,
}

impl Vouchers {
    pub(crate) fn new(unplaced: &[Unplaced]) -> Self {
        let mut ahead = unplaced.to_vec();
        ahead.sort_unstable_by_key(|call| Reverse(call.first));
        Self { ahead, here: BinaryHeap::new(), era: 0 }
    }

    /// Goes on to `era`, which is not before the one it is at.
    pub(crate) fn go_on_to(&mut self, era: u64) {
        self.era = era;
        while let Some(call) = self.ahead.pop_if(|call| call.first <= era) {
            self.here.push(Reverse(call.last));
        }
        while self.here.peek().is_some_and(|last| last.0 < era) {
            self.here.pop();
        }
    }

    /// Takes a call that may have been admitted in this era; the last era it may have
    /// been admitted in.
    pub(crate) fn take(&mut self) -> Option<u64> {
        self.here.pop().map(|Reverse(last)| last)
    }

    /// Takes a call that may have succeeded in this era, in time to count.
    ///
    /// Its range ends here: it looked at the era once more before it was settled, and if
    /// that was a later one it came too late for this.
    pub(crate) fn take_success(&mut self) -> bool {
        let ends_here = self.here.peek().is_some_and(|last| last.0 == self.era);
        ends_here && self.here.pop().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouchers(ranges: &[(u64, u64)]) -> Vouchers {
        let calls: Vec<_> = ranges.iter().map(|&(first, last)| Unplaced { first, last }).collect();
        Vouchers::new(&calls)
    }

    #[test]
    fn a_call_is_taken_once_however_wide_its_range() {
        let mut calls = vouchers(&[(0, 9)]);
        calls.go_on_to(3);
        assert_eq!(calls.take(), Some(9));
        for era in 3..=9 {
            calls.go_on_to(era);
            assert_eq!(calls.take(), None);
        }
    }

    #[test]
    fn the_range_that_ends_first_is_taken_first_so_that_the_others_last() {
        let mut calls = vouchers(&[(0, 9), (2, 3), (1, 5), (4, 4), (8, 9)]);
        let mut taken = Vec::new();
        for era in [2, 4, 5, 9] {
            calls.go_on_to(era);
            taken.push(calls.take());
        }
        assert_eq!(taken, [Some(3), Some(4), Some(5), Some(9)]);
    }

    #[test]
    fn a_range_that_is_over_or_still_ahead_vouches_for_nothing() {
        let mut calls = vouchers(&[(1, 2), (6, 7)]);
        calls.go_on_to(4);
        assert_eq!(calls.take(), None);
    }

    #[test]
    fn a_success_in_time_is_one_of_a_call_that_ended_in_the_era() {
        let mut calls = vouchers(&[(0, 2), (0, 3), (0, 3)]);
        calls.go_on_to(1);
        assert!(!calls.take_success(), "all of them were settled later");
        calls.go_on_to(3);
        assert_eq!([(); 3].map(|()| calls.take_success()), [true, true, false]);
    }
}
