//! When the latest transition happened, tagged with its era.
//!
//! It gives a half-open spell the beginning of its lease and a snapshot the time
//! of the last transition. It lies beside the word and not in it: 40 bits of time
//! would leave no room for the probes. The winner of a transition writes it after
//! the swap; a caller who needs it and finds it behind the word writes it too,
//! with a later time of their own, which lengthens the lease. So nobody waits for
//! a winner that was put to sleep between the two, and a stamp that is read under
//! a word's own era belongs to that word's own spell.

use crate::bits::Lane;
use crate::clock::Tick;
use crate::sync::{Atomic, Ordering, const_fn, impl_bits};
use crate::word::Era;

const TAG: Lane = Lane::lowest(24);
const AT: Lane = TAG.above(40);
const _: () = assert!(AT.end() == u64::BITS, "the lanes must fill the stamp");

/// A transition's tick (40 bits) over the low bits of its era (24).
///
/// The tag wraps after 2^24 transitions, and after half as many an old stamp looks
/// like one of a later era. A writer that slept for so long can leave such a stamp
/// behind, so a stamp that claims to be ahead is believed only if the word has moved
/// on; otherwise it is overwritten. A stamp that is taken for the word's own after a
/// whole lap shows a lease that is long over: the spell is followed by a fresh one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp(u64);

impl_bits!(Stamp);

impl Stamp {
    fn new(era: Era, at: Tick) -> Self {
        Stamp(AT.set(TAG.set(0, era.0 & TAG.max()), at.0))
    }

    fn at(self) -> Tick {
        Tick(AT.get(self.0))
    }

    /// How many transitions this stamp is ahead of `era`; negative, behind it.
    fn ahead_of(self, era: Era) -> i64 {
        TAG.ahead(TAG.get(self.0), era.0)
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

    /// The tick at which `era` began, writing `now` if nobody has yet; `None` if a
    /// later era has begun, of which `is_current` has the last word.
    pub(crate) fn of(&self, era: Era, now: Tick, is_current: impl Fn() -> bool) -> Option<Tick> {
        // Acquire, edge `turned -> stamped`: pairs with the Release below. Whoever
        // finds the stamp of a later era finds the word of that era or of a later
        // one when `is_current` loads it again.
        let mut seen = self.0.load(Ordering::Acquire);
        let mine = Stamp::new(era, now);
        loop {
            match seen.ahead_of(era) {
                0 => return Some(seen.at()),
                1.. if !is_current() => return None,
                _ => {}
            }
            // Release, edge `turned -> stamped`: pairs with the Acquire above. The
            // caller has seen the word of `era`, or swapped it in. Relaxed on
            // failure: the stamp was behind a moment ago, so the lease begins about
            // now; a later era's stamp that is then overwritten by mistake is behind
            // for its own callers, who write it again.
            match self.0.compare_exchange_weak(seen, mine, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some(now),
                Err(newer) => seen = newer,
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn overwrite(&self, era: Era, at: Tick) {
        self.0.store(Stamp::new(era, at), Ordering::Relaxed);
    }

    /// The tick at which `era` began, if it has been written down; never writes.
    pub(crate) fn peek(&self, era: Era) -> Option<Tick> {
        // Acquire, edge `turned -> stamped`: pairs with the Release in `of`. Whoever finds
        // the stamp of a later era finds that the word has moved on.
        let seen = self.0.load(Ordering::Acquire);
        (seen.ahead_of(era) == 0).then(|| seen.at())
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    const CURRENT: fn() -> bool = || true;
    const OVER: fn() -> bool = || false;

    #[test]
    fn the_first_to_come_stamps_an_era_and_later_ones_read_it() {
        let stamp = AtomicStamp::new();
        assert_eq!(stamp.peek(Era(3)), None);
        assert_eq!(stamp.of(Era(3), Tick(70), CURRENT), Some(Tick(70)));
        assert_eq!(stamp.of(Era(3), Tick(99), CURRENT), Some(Tick(70)));
        assert_eq!(stamp.peek(Era(3)), Some(Tick(70)));
    }

    #[test]
    fn an_era_that_is_over_neither_reads_nor_overwrites_a_later_stamp() {
        let stamp = AtomicStamp::new();
        assert_eq!(stamp.of(Era(9), Tick(70), CURRENT), Some(Tick(70)));
        assert_eq!(stamp.of(Era(8), Tick(99), OVER), None);
        assert_eq!(stamp.peek(Era(9)), Some(Tick(70)));
    }

    #[test]
    fn a_stamp_that_claims_to_be_ahead_of_the_current_era_is_overwritten() {
        let stamp = AtomicStamp::new();
        assert_eq!(stamp.of(Era(1 << 20), Tick(70), CURRENT), Some(Tick(70)));
        assert_eq!(stamp.of(Era(8), Tick(99), CURRENT), Some(Tick(99)));
        assert_eq!(stamp.peek(Era(8)), Some(Tick(99)));
    }

    #[test]
    fn a_tag_that_wraps_still_goes_forward() {
        let stamp = AtomicStamp::new();
        let last = Era(TAG.max());
        assert_eq!(stamp.of(last, Tick(5), CURRENT), Some(Tick(5)));
        assert_eq!(stamp.of(Era(last.0 + 1), Tick(6), CURRENT), Some(Tick(6)));
        assert_eq!(stamp.of(last, Tick(7), OVER), None);
    }
}
