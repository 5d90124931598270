//! The last transitions, for whoever comes later.

use super::{Cause, Change};
use crate::clock::Nanos;
use crate::sync::{Atomic, Ordering};
use crate::window::Window;
use crate::word::{Era, State, Turn};
use core::time::Duration;

/// A ring of changes with one writer at a time and any readers, none of whom waits.
///
/// The n-th change told lies in slot `n % slots`. A slot's tag says which change is being
/// written there; `told` says which have been written in full.
#[derive(Debug)]
pub(super) struct History {
    slots: Box<[Slot]>, // one more than are kept, for the next to be written
    told: Atomic<u64>,
}

#[derive(Debug)]
struct Slot {
    /// The number of the change that lies here, counted from 1.
    tag: Atomic<u64>,
    words: [Atomic<u64>; WORDS],
}

const WORDS: usize = 3 + Window::WORDS;

impl History {
    pub(super) fn new(len: u32) -> Self {
        let slot = |_| Slot { tag: Atomic::new(0), words: std::array::from_fn(|_| Atomic::new(0)) };
        Self { slots: (0..=len).map(slot).collect(), told: Atomic::new(0) }
    }

    fn slot(&self, nth: u64) -> &Slot {
        &self.slots[(nth % self.slots.len() as u64) as usize]
    }

    /// Adds a change; from one caller at a time.
    pub(super) fn write(&self, change: &Change) {
        // Relaxed: only writers change it, and whoever hands that part over orders them.
        let nth = self.told.load(Ordering::Relaxed) + 1;
        let slot = self.slot(nth);
        // Release, edge `taken over -> counted`: pairs with the Acquire of the tag in
        // `read_one`. Whoever finds a slot taken over finds that more has been told.
        slot.tag.store(nth, Ordering::Release);
        for (word, value) in slot.words.iter().zip(encode(change)) {
            // Release, edge `retagged -> reread`: pairs with the Acquire of the words in
            // `read_one`. Whoever reads this word finds the tag that took the slot away
            // from the change before.
            word.store(value, Ordering::Release);
        }
        // Release, edge `written -> read`: pairs with the Acquire in `read`.
        self.told.store(nth, Ordering::Release);
    }

    /// The changes that are kept, the oldest first and without a gap. Shorter than it
    /// might be when changes are told meanwhile.
    pub(super) fn read(&self) -> Vec<Change> {
        loop {
            // Acquire, edge `written -> read`: pairs with the Release in `write`; every
            // change up to this one lies there in full, or a later one in its slot.
            let latest = self.told.load(Ordering::Acquire);
            let oldest = (latest + 2).saturating_sub(self.slots.len() as u64).max(1);
            let mut kept: Vec<Change> =
                (oldest..=latest).rev().map_while(|nth| self.read_one(nth)).collect();
            // All overwritten while we looked: more has been told, and is found next time.
            if kept.is_empty() && latest > 0 {
                continue;
            }
            kept.reverse();
            return kept;
        }
    }

    /// The n-th change, unless its slot has gone to a later one.
    fn read_one(&self, nth: u64) -> Option<Change> {
        let slot = self.slot(nth);
        // Acquire, edge `retagged -> reread`: pairs with the Release of the words in
        // `write`. If one of them is of a later change, the tag that is read below is too.
        let words = slot.words.each_ref().map(|word| word.load(Ordering::Acquire));
        // Acquire, edge `taken over -> counted`: pairs with the Release in `write`; the
        // caller who gets nothing here counts again.
        (slot.tag.load(Ordering::Acquire) == nth).then(|| decode(words))
    }
}

fn encode(change: &Change) -> [u64; WORDS] {
    let Change { turn: Turn { from, to, era }, cause, at } = *change;
    let one = |figure: u64| [figure, 0, 0, 0, 0];
    let (kind, figures): (u64, [u64; Window::WORDS]) = match cause {
        Cause::ConsecutiveFailures { failures } => (0, one(failures.into())),
        Cause::WaitOver => (1, one(0)),
        Cause::ProbesSucceeded { successes } => (2, one(successes.into())),
        Cause::ProbesFailed { failures } => (3, one(failures.into())),
        Cause::LeaseOver => (4, one(0)),
        Cause::Reset => (5, one(0)),
        Cause::Close => (6, one(0)),
        Cause::Trip => (7, one(0)),
        Cause::ForceOpen => (8, one(0)),
        Cause::Disable => (9, one(0)),
        Cause::MetricsOnly => (10, one(0)),
        Cause::FailureRate { window } => (11, window.to_words()),
        Cause::SlowCallRate { window } => (12, window.to_words()),
        Cause::TripWhen { window } => (13, window.to_words()),
        Cause::WaitGiven { wait } => {
            (14, [wait.as_secs(), u64::from(wait.subsec_nanos()), 0, 0, 0])
        }
        Cause::HalfOpenLimit => (15, one(0)),
        Cause::Restore => (16, one(0)),
    };
    let [a, b, c, d, e] = figures;
    [era.0, at.0, kind << 16 | (from as u64) << 8 | to as u64, a, b, c, d, e]
}

fn decode([era, at, what, a, b, c, d, e]: [u64; WORDS]) -> Change {
    let state = |number: u64| State::ALL[(number & 0xff) as usize];
    let figure = a as u32;
    let window = Window::from_words([a, b, c, d, e]);
    let cause = match what >> 16 {
        0 => Cause::ConsecutiveFailures { failures: figure },
        1 => Cause::WaitOver,
        2 => Cause::ProbesSucceeded { successes: figure },
        3 => Cause::ProbesFailed { failures: figure },
        4 => Cause::LeaseOver,
        5 => Cause::Reset,
        6 => Cause::Close,
        7 => Cause::Trip,
        8 => Cause::ForceOpen,
        9 => Cause::Disable,
        10 => Cause::MetricsOnly,
        11 => Cause::FailureRate { window },
        12 => Cause::SlowCallRate { window },
        13 => Cause::TripWhen { window },
        14 => Cause::WaitGiven { wait: Duration::new(a, b as u32) },
        15 => Cause::HalfOpenLimit,
        _ => Cause::Restore,
    };
    let turn = Turn { from: state(what >> 8), to: state(what), era: Era(era) };
    Change { turn, cause, at: Nanos(at) }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;
    use std::thread;

    fn change(era: u64, cause: Cause) -> Change {
        let turn = Turn { from: State::MetricsOnly, to: State::HalfOpen, era: Era(era) };
        Change { turn, cause, at: Nanos(era << 40) }
    }

    #[test]
    fn every_cause_comes_back_with_its_figures() {
        let failures = Cause::ConsecutiveFailures { failures: u32::MAX };
        let successes = Cause::ProbesSucceeded { successes: 63 };
        let window = Window::from_words([1, 2, 3, 4, 0b11]);
        for cause in [
            failures,
            Cause::WaitOver,
            successes,
            Cause::FailureRate { window },
            Cause::SlowCallRate { window },
            Cause::TripWhen { window },
            Cause::WaitGiven { wait: Duration::MAX },
            Cause::HalfOpenLimit,
            Cause::Restore,
            Cause::ProbesFailed { failures: 7 },
            Cause::LeaseOver,
            Cause::Reset,
            Cause::Close,
            Cause::Trip,
            Cause::ForceOpen,
            Cause::Disable,
            Cause::MetricsOnly,
        ] {
            let change = change(u64::MAX >> 30, cause);
            assert_eq!(decode(encode(&change)), change);
        }
    }

    #[test]
    fn the_last_changes_are_kept_the_oldest_first() {
        let history = History::new(3);
        assert_eq!(history.read(), []);
        for era in 1..=7 {
            history.write(&change(era, Cause::Trip));
            let eras: Vec<u64> = history.read().iter().map(|kept| kept.turn.era.0).collect();
            assert_eq!(eras, (1.max(era.saturating_sub(2))..=era).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_reader_beside_the_writer_finds_whole_changes_without_a_gap() {
        let history = History::new(4);
        let over = AtomicBool::new(false);
        let (history, over) = (&history, &over);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let kept = history.read();
                    for pair in kept.windows(2) {
                        assert_eq!(pair[0].turn.era.0 + 1, pair[1].turn.era.0);
                    }
                    for kept in kept {
                        let era = kept.turn.era.0;
                        let failures = era as u32;
                        assert_eq!(kept, change(era, Cause::ConsecutiveFailures { failures }));
                    }
                }
            });
            for era in 1..=200_000 {
                let failures = era as u32;
                history.write(&change(era, Cause::ConsecutiveFailures { failures }));
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
