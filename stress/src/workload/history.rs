//! What the threads saw of each era, written down by whoever saw it.
//!
//! Nobody sees every era, but every era has somebody who can be relied on to see it:
//!
//! * an open one: the [hand](super::hand) that moves the clock past it, for nothing
//!   else ends it;
//! * a closed one: the failing calls that end it, each of which knows its era;
//! * a half-open one: the caller who began it, from its permit.
//!
//! So at the end every era is known, and one that is not is a gap. The one exception,
//! a call without a permit that cannot tell its era, is in [`chain`](super::chain).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use ampacity::State;

/// Eras are kept in pieces that are made when they are reached.
const PIECE: usize = 1 << 12;
const PIECES: usize = if cfg!(test) { 1 << 2 } else { 1 << 11 };

/// The most eras that are kept.
pub(crate) const MOST_ERAS: u64 = (PIECE * PIECES) as u64;

/// One era, while the storm goes on.
///
/// All counts lean to the safe side: taking a place is noted after it was taken and
/// giving it back before it is given, so that what is noted as out was out.
///
/// Relaxed throughout, unless said otherwise: the counts are read after the threads
/// have ended. For `out` the breaker's own swaps put the notes in order: whoever gets
/// a place that was given back comes after the note that it would be.
#[derive(Debug, Default)]
struct Spot {
    seen: AtomicU8, // a bit for each state
    out: AtomicU32,
    most_out: AtomicU32,
    admitted: AtomicU32,
    given_back: AtomicU32,
    passed: AtomicU32,
    failed: AtomicU32,
}

/// One era, as it was in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A bit for each state that somebody saw it in.
    pub(crate) states: u8,
    /// Probes that were out at once, at most.
    pub(crate) most_out: u32,
    /// Probes admitted.
    pub(crate) admitted: u32,
    /// Probes that ended, or were about to, without a verdict.
    pub(crate) given_back: u32,
    /// Probes that succeeded, or were about to.
    pub(crate) passed: u32,
    /// Calls that failed, or were about to.
    pub(crate) failed: u32,
}

/// How a call is about to end, as far as its era's record is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    GivenBack,
    /// Anyhow, but its era is over, so that it can no longer be the cause of anything.
    Late,
}

/// All eras.
#[derive(Debug)]
pub(crate) struct History {
    pieces: Box<[OnceLock<Box<[Spot]>>]>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { pieces: (0..PIECES).map(|_| OnceLock::new()).collect() }
    }

    /// The record of an era; none beyond the last that is kept.
    fn spot(&self, era: u64) -> Option<&Spot> {
        let era = usize::try_from(era).ok()?;
        let piece = self.pieces.get(era / PIECE)?;
        let piece = piece.get_or_init(|| (0..PIECE).map(|_| Spot::default()).collect());
        piece.get(era % PIECE)
    }

    /// Somebody saw `era` in `state`.
    pub(crate) fn saw(&self, era: u64, state: State) {
        let Some(spot) = self.spot(era) else { return };
        let bit = bit(state);
        // Looked at first: most calls see what is known already.
        if spot.seen.load(Ordering::Relaxed) & bit == 0 {
            // Release: pairs with the Acquire in `was`.
            spot.seen.fetch_or(bit, Ordering::Release);
        }
    }

    /// Whether somebody saw `era` in `state`, as far as is known by now.
    pub(crate) fn was(&self, era: u64, state: State) -> bool {
        self.spot(era).is_some_and(|spot| spot.seen.load(Ordering::Acquire) & bit(state) != 0)
    }

    /// A call was admitted in `era`, and is noted as out if it is a probe.
    pub(crate) fn admitted(&self, era: u64, state: State) {
        self.saw(era, state);
        if state == State::HalfOpen
            && let Some(spot) = self.spot(era)
        {
            spot.admitted.fetch_add(1, Ordering::Relaxed);
            let out = spot.out.fetch_add(1, Ordering::Relaxed) + 1;
            spot.most_out.fetch_max(out, Ordering::Relaxed);
        }
    }

    /// The call is about to end so.
    pub(crate) fn settles(&self, era: u64, state: State, verdict: Verdict) {
        // A success on a closed breaker leaves no trace in the word, and none here.
        if state != State::HalfOpen && verdict != Verdict::Failed {
            return;
        }
        let Some(spot) = self.spot(era) else { return };
        let count = match verdict {
            Verdict::Passed => Some(&spot.passed),
            Verdict::Failed => Some(&spot.failed),
            Verdict::GivenBack => Some(&spot.given_back),
            Verdict::Late => None,
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if state == State::HalfOpen {
            spot.out.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Eras 0 to `last`, or as many of them as are kept.
    pub(crate) fn read(&self, last: u64) -> Vec<Seen> {
        (0..=last.min(MOST_ERAS - 1))
            .filter_map(|era| self.spot(era))
            .map(|spot| Seen {
                states: spot.seen.load(Ordering::Relaxed),
                most_out: spot.most_out.load(Ordering::Relaxed),
                admitted: spot.admitted.load(Ordering::Relaxed),
                given_back: spot.given_back.load(Ordering::Relaxed),
                passed: spot.passed.load(Ordering::Relaxed),
                failed: spot.failed.load(Ordering::Relaxed),
            })
            .collect()
    }
}

impl Seen {
    /// The one state that the era was seen in; `Err` with all of them if it is not one.
    pub(crate) fn state(&self) -> Result<State, Vec<State>> {
        let states: Vec<State> =
            State::ALL.iter().copied().filter(|&state| self.states & bit(state) != 0).collect();
        match states[..] {
            [state] => Ok(state),
            _ => Err(states),
        }
    }

    /// An era of which only the state is known.
    #[cfg(test)]
    pub(crate) fn of(state: State) -> Self {
        Self { states: bit(state), ..Self::default() }
    }
}

fn bit(state: State) -> u8 {
    1 << state as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_out_from_its_admission_until_it_is_about_to_end() {
        let history = History::new();
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::GivenBack] {
            history.admitted(7, State::HalfOpen);
            history.admitted(7, State::HalfOpen);
            history.settles(7, State::HalfOpen, verdict);
            history.settles(7, State::HalfOpen, verdict);
        }
        let seen = history.read(7)[7];
        assert_eq!(seen.state(), Ok(State::HalfOpen));
        assert_eq!((seen.most_out, seen.admitted), (2, 6));
        assert_eq!((seen.passed, seen.failed, seen.given_back), (2, 2, 2));
    }

    #[test]
    fn a_probe_that_comes_late_is_no_longer_out_and_no_cause() {
        let history = History::new();
        for _ in 0..2 {
            history.admitted(1, State::HalfOpen);
            history.settles(1, State::HalfOpen, Verdict::Late);
        }
        let seen = history.read(1)[1];
        assert_eq!((seen.most_out, seen.passed, seen.failed, seen.given_back), (1, 0, 0, 0));
    }

    #[test]
    fn an_era_seen_in_two_states_has_none_and_says_which() {
        let history = History::new();
        history.saw(PIECE as u64, State::Open);
        history.saw(PIECE as u64, State::Closed);
        let seen = history.read(PIECE as u64);
        assert_eq!(seen.len(), PIECE + 1);
        assert_eq!(seen[PIECE].state(), Err(vec![State::Closed, State::Open]));
        assert_eq!(seen[0].state(), Err(vec![]));
    }

    #[test]
    fn an_era_beyond_the_last_is_let_go() {
        let history = History::new();
        history.admitted(MOST_ERAS, State::HalfOpen);
        history.settles(u64::MAX, State::HalfOpen, Verdict::Passed);
        assert!(!history.was(MOST_ERAS, State::HalfOpen));
    }
}
