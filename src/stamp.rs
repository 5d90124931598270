//! When the latest transition happened, tagged with its era.
//!
//! It gives a half-open spell the beginning of its lease and a snapshot the time
//! of the last transition. It lies beside the word and not in it: 40 bits of time
//! would leave no room for the probes. The winner of a transition writes it after
//! the swap; anybody who finds it behind the word writes it too, with a time of
//! their own, which is later and thus only lengthens the lease. So nobody waits
//! for a winner that was put to sleep between the two, and a stamp that is read
//! under a word's own era belongs to that word's own spell.

use crate::bits::Lane;
use crate::clock::Tick;
use crate::sync::{Atomic, Bits, Ordering, const_fn};
use crate::word::Era;
use core::cmp::Ordering as Order;

const TAG: Lane = Lane::lowest(24);
const AT: Lane = TAG.above(40);
const _: () = assert!(AT.end() == u64::BITS, "the lanes must fill the stamp");

/// A transition's tick (40 bits) over the low bits of its era (24).
///
/// The tag wraps after 2^24 transitions. A stamp that old could only be taken for
/// a new one if no transition in between had been stamped by anybody; the lease
/// would then look long over, and the spell would be followed by a fresh one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp(u64);

impl Bits for Stamp {
    fn bits(self) -> u64 {
        self.0
    }
    fn from_bits(bits: u64) -> Self {
        Stamp(bits)
    }
}

impl Stamp {
    fn new(era: Era, at: Tick) -> Self {
        Stamp(AT.set(TAG.set(0, era.0 & TAG.max()), at.0))
    }

    fn at(self) -> Tick {
        Tick(AT.get(self.0))
    }

    /// Whether this stamp is of `era`, of an earlier or of a later one.
    fn against(self, era: Era) -> Order {
        let spare = u64::BITS - TAG.end();
        let ahead = (TAG.get(self.0).wrapping_sub(era.0) << spare).cast_signed();
        ahead.cmp(&0)
    }
}

#[derive(Debug)]
pub(crate) struct AtomicStamp(Atomic<Stamp>);

impl AtomicStamp {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(Atomic::new(0))
        }
    }

    /// The tick at which `era` began, writing `now` if nobody has yet; `None` if
    /// the stamp belongs to a later era, so that `era` is over.
    pub(crate) fn of(&self, era: Era, now: Tick) -> Option<Tick> {
        // Relaxed, here and below: the stamp is one value that is complete in
        // itself and says which era it is of; nothing else is read on the
        // strength of it.
        let mut seen = self.0.load(Ordering::Relaxed);
        let mine = Stamp::new(era, now);
        loop {
            match seen.against(era) {
                Order::Equal => return Some(seen.at()),
                Order::Greater => return None,
                Order::Less => {}
            }
            match self
                .0
                .compare_exchange_weak(seen, mine, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(now),
                Err(now) => seen = now,
            }
        }
    }

    /// The tick at which `era` began, if it has been written down; never writes.
    pub(crate) fn peek(&self, era: Era) -> Option<Tick> {
        let seen = self.0.load(Ordering::Relaxed);
        (seen.against(era) == Order::Equal).then(|| seen.at())
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_come_stamps_an_era_and_later_ones_read_it() {
        let stamp = AtomicStamp::new();
        assert_eq!(stamp.peek(Era(3)), None);
        assert_eq!(stamp.of(Era(3), Tick(70)), Some(Tick(70)));
        assert_eq!(stamp.of(Era(3), Tick(99)), Some(Tick(70)));
        assert_eq!(stamp.peek(Era(3)), Some(Tick(70)));
    }

    #[test]
    fn an_earlier_era_neither_reads_nor_overwrites_a_later_stamp() {
        let stamp = AtomicStamp::new();
        stamp.of(Era(9), Tick(70));
        assert_eq!(stamp.of(Era(8), Tick(99)), None);
        assert_eq!(stamp.peek(Era(9)), Some(Tick(70)));
    }

    #[test]
    fn a_tag_that_wraps_still_goes_forward() {
        let stamp = AtomicStamp::new();
        let last = Era(TAG.max());
        for quarter in 1..=3 {
            stamp.of(Era(last.0 / 4 * quarter), Tick(1));
        }
        assert_eq!(stamp.of(last, Tick(5)), Some(Tick(5)));
        assert_eq!(stamp.of(Era(last.0 + 1), Tick(6)), Some(Tick(6)));
        assert_eq!(stamp.of(last, Tick(7)), None);
    }
}
