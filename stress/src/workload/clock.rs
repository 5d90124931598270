//! The storm's clock: it shows what it was set to, and now and then holds up who looks.
//!
//! A breaker that is not closed looks at the clock between reading its word and swapping
//! it. A thread that is held up just there finds the word changed when it goes on, also
//! on a machine with a single core, where it would hardly ever happen by chance.

use std::cell::Cell;
use std::thread::yield_now;

use ampacity::{Clock, ManualClock};

/// A thread is held up at one look in so many; prime, to be in step with nothing.
pub(crate) const EVERY: u32 = 499;

thread_local! {
    static LOOKS: Cell<u32> = const { Cell::new(0) };
}

/// How often the calling thread has looked, in all.
pub(crate) fn looks() -> u32 {
    LOOKS.try_with(Cell::get).unwrap_or_default()
}

#[derive(Debug)]
pub(crate) struct Obstacle(pub(crate) ManualClock);

impl Clock for Obstacle {
    fn now(&self) -> u64 {
        // A thread at its very end is let through.
        let looks = LOOKS.try_with(|looks| looks.replace(looks.get().wrapping_add(1)));
        if looks.is_ok_and(|looks| looks % EVERY == EVERY - 1) {
            yield_now();
        }
        self.0.now()
    }
}
