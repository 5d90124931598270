//! How often in a row a breaker has opened: the step of its back-off.
//!
//! An open word is full of its deadline, so the number lies beside it, tagged with the
//! era that the opening began; a half-open word has room for it. It is written before
//! the swap that opens: whoever finds a breaker open finds its number. Every caller who
//! would begin that era by an opening writes the same number, since it follows from the
//! word that all of them saw; a number whose era began otherwise is never asked for.
//! One who would open an open breaker anew, by hand, notes the next number, and may then
//! find nothing to do: the present number is one less. A restore writes the number that was
//! saved, which may be another: of two for one era the larger stays.

use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Ordering, const_fn};
use crate::word::{Era, MOST_OPENS};

/// The era (48 bits, which never wrap) over the number of openings (16 bits).
#[derive(Debug)]
pub(crate) struct AtomicOpens(Atomic<u64>);

const NUMBER_BITS: u32 = 16;
const _: () = assert!(MOST_OPENS < 1 << NUMBER_BITS, "the number must fit beside the era");

impl AtomicOpens {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(Atomic::new(0))
        }
    }

    /// Notes that the breaker, should it open in `era`, does so for the `nth` time in a row.
    pub(crate) fn note(&self, era: Era, nth: u32) {
        let nth = match planted(Bug::OpensAdded) {
            true => (self.0.load(Ordering::Relaxed) & u64::from(MOST_OPENS)) as u32 + 1,
            false => nth,
        };
        // Relaxed: the Release of the swap that begins the era comes after it.
        self.0.fetch_max(era.0 << NUMBER_BITS | u64::from(nth.min(MOST_OPENS)), Ordering::Relaxed);
    }

    /// The number of the opening that began `era`, while that is the breaker's.
    ///
    /// Somebody may have noted the next era already, who found this one open, would open
    /// it anew, and has not yet or never will: then this one's number is one less.
    pub(crate) fn of(&self, era: Era) -> u32 {
        // Relaxed: the caller has seen the word of `era`, by the Acquire of its load, and
        // so at least what was noted before it.
        let seen = self.0.load(Ordering::Relaxed);
        let number = (seen & u64::from(MOST_OPENS)) as u32;
        match (seen >> NUMBER_BITS).checked_sub(era.0) {
            Some(0) => number,
            Some(1) if !planted(Bug::OpensOvertaken) => number.saturating_sub(1),
            _ => 0, // `era` is over
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_own_era_and_worked_out_for_the_one_before() {
        let opens = AtomicOpens::new();
        opens.note(Era(6), 2);
        opens.note(Era(7), 3);
        assert_eq!([5, 6, 7, 8].map(|era| opens.of(Era(era))), [0, 2, 3, 0]);
    }

    #[test]
    fn who_would_open_an_open_breaker_anew_leaves_its_number_known() {
        let opens = AtomicOpens::new();
        opens.note(Era(7), 3);
        opens.note(Era(8), opens.of(Era(7)) + 1);
        opens.note(Era(8), opens.of(Era(7)) + 1);
        assert_eq!((opens.of(Era(7)), opens.of(Era(8))), (3, 4));
    }

    #[test]
    fn whoever_is_late_does_not_overwrite_a_later_opening() {
        let opens = AtomicOpens::new();
        opens.note(Era(9), 1);
        opens.note(Era(7), 3);
        assert_eq!((opens.of(Era(7)), opens.of(Era(9))), (0, 1));
        opens.note(Era(1 << 40), u32::MAX);
        assert_eq!(opens.of(Era(1 << 40)), MOST_OPENS);
    }
}
