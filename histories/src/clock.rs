//! A clock by hand that now and then lets somebody else run before it answers.
//!
//! A breaker reads its clock between the load of its word and the swap, and the clock is a
//! user's code: on a machine with few cores that is where threads can be made to meet.

use ampacity::{Clock, ManualClock};
#[cfg(not(ampacity_shuttle))]
use std::cell::Cell;

#[derive(Clone, Debug)]
pub(crate) struct Slow(pub(crate) ManualClock);

impl Clock for Slow {
    fn now(&self) -> u64 {
        let now = self.0.now();
        dawdle();
        now
    }
}

/// Gives the processor away, about every other time, by this thread's own dice.
#[cfg(not(ampacity_shuttle))]
pub(crate) fn dawdle() {
    thread_local!(static DICE: Cell<u32> = const { Cell::new(1) });
    let thrown = DICE.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    DICE.set(thrown);
    if thrown >> 31 == 0 {
        std::thread::yield_now();
    }
}

/// Under the model checker every access is a place to switch: none has to be made.
#[cfg(ampacity_shuttle)]
pub(crate) fn dawdle() {}
