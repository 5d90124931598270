//! What the next call is to be: drawn by each thread from dice of its own.

use crate::sample::Dice;

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `call`, or `call_or` where a fallback answers for the breaker.
    Call { fallback: bool },
    /// `try_acquire`, settled at once.
    Permit,
    /// `try_acquire`, and other threads have their turn before it is settled.
    Held,
    /// `try_acquire` and `Permit::run`.
    Run,
    /// `try_acquire_owned`, settled by another thread.
    Sent,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Success,
    Failure,
    Panic,
    Ignore,
    /// The permit is dropped unsettled: by an early return, or by a panic's unwinding.
    Drop {
        unwinding: bool,
    },
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) end: End,
    /// One turned away in sixteen moves an open breaker's clock, one in 256 lets a
    /// spell's lease run out: so that both last a while for the others to meet.
    pub(super) pass_open: bool,
    pub(super) pass_lease: bool,
    /// One turned away in four lets another thread have its turn.
    pub(super) makes_way: bool,
}

impl Plan {
    /// The next one. A fourth fails, so that five in a row are rare and yet come ten
    /// thousand times in ten million calls.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let [way, end, hand, ..] = dice.next().to_le_bytes();
        Self {
            way: match way {
                0..80 => Way::Call { fallback: false },
                80..96 => Way::Call { fallback: true },
                96..216 => Way::Permit,
                216..224 => Way::Held,
                224..248 => Way::Run,
                248.. => Way::Sent,
            },
            end: match end {
                0..62 => End::Failure,
                62..64 => End::Panic,
                64..76 => End::Ignore,
                76..86 => End::Drop { unwinding: false },
                86..88 => End::Drop { unwinding: true },
                88.. => End::Success,
            },
            pass_open: hand % 16 == 0,
            pass_lease: hand == 0,
            makes_way: hand % 4 == 1,
        }
    }
}

/// Dice for thread `thread` of a run with this seed.
pub(super) fn dice(seed: u64, thread: u64) -> Dice {
    // Seeds side by side would give the same sequence, shifted; a draw sets them apart.
    let mut dice = Dice(seed ^ thread.wrapping_mul(0xd6e8_feb8_6659_fd93));
    Dice(dice.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_thread_draw_the_same_plans_and_others_do_not() {
        let draw = |seed, thread| {
            let mut dice = dice(seed, thread);
            (0..32).map(|_| Plan::draw(&mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
