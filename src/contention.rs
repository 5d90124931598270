//! Where callers fight over the shared word: what each swap was for, and which were lost.
//!
//! [`Tried`] travels with what a swap loop did. Without the feature `contention` it is
//! empty and so is all that it does.

pub(crate) use tried::Tried;

/// On whose behalf the word is swapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    Admission,
    Success,
    Failure,
    GiveBack,
    GiveWay,
    Arm,
    Restore,
    Order,
    Listener,
}

#[cfg(not(feature = "contention"))]
mod tried {
    use super::By;
    use crate::word::Word;

    pub(crate) struct Tried;

    impl Tried {
        pub(crate) const NONE: Tried = Tried;

        #[inline(always)]
        pub(crate) fn won(&mut self, _: By, _: Word, _: Word) {}

        #[inline(always)]
        pub(crate) fn lost(&mut self, _: By, _: Word, _: Word) {}
    }
}

#[cfg(feature = "contention")]
mod tried {
    use super::{By, SITES, Site};
    use crate::word::Word;

    /// The swaps of one loop, by site; small, as it is handed from caller to caller.
    pub(crate) struct Tried {
        won: Option<Site>, // which ends the loop
        /// Four slots: a site, from 1, above how many swaps were lost there.
        lost: u64,
    }

    const SLOTS: u32 = 4;
    const SLOT: u32 = u64::BITS / SLOTS;
    const COUNT: u32 = 11;
    /// Of swaps lost at a site by one loop no more are counted.
    const MOST: u64 = (1 << COUNT) - 1;
    const _: () = assert!(SITES < 1 << (SLOT - COUNT), "a slot must have room for each site");

    impl Tried {
        pub(crate) const NONE: Tried = Tried { won: None, lost: 0 };

        #[inline(always)]
        pub(crate) fn won(&mut self, by: By, seen: Word, next: Word) {
            self.won = Some(Site::of(by, seen, next));
        }

        #[cold]
        pub(crate) fn lost(&mut self, by: By, seen: Word, next: Word) {
            let site = Site::of(by, seen, next) as u64 + 1;
            for slot in 0..SLOTS {
                let cell = self.slot(slot);
                // One loop does not lose at more sites than there are slots; if it did, what
                // follows would be counted at the last of them.
                if cell == 0 || cell >> COUNT == site || slot + 1 == SLOTS {
                    let first = if cell == 0 { site << COUNT } else { 0 };
                    let one = u64::from(cell & MOST < MOST);
                    self.lost += (first + one) << (slot * SLOT);
                    return;
                }
            }
        }

        fn slot(&self, slot: u32) -> u64 {
            (self.lost >> (slot * SLOT)) & ((1 << SLOT) - 1)
        }

        #[inline(always)]
        pub(crate) fn is_empty(&self) -> bool {
            self.won.is_none() && self.lost == 0
        }

        /// Where the swap was won, if one was.
        pub(crate) fn site(&self) -> Option<Site> {
            self.won
        }

        /// Whether any was lost.
        pub(crate) fn has_lost(&self) -> bool {
            self.lost != 0
        }

        /// Where swaps were lost, and how many.
        pub(crate) fn losses(&self) -> impl Iterator<Item = (Site, u64)> + '_ {
            let cells = (0..SLOTS).map(|slot| self.slot(slot)).take_while(|&cell| cell != 0);
            cells.map(|cell| (Site::ALL[(cell >> COUNT) as usize - 1], cell & MOST))
        }
    }

    #[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
    mod tests {
        use super::*;
        use crate::word::AtomicWord;

        #[test]
        fn losses_at_several_sites_are_kept_apart_and_do_not_run_over() {
            let mut tried = Tried::NONE;
            let word = AtomicWord::new().load();
            let all = [(By::Arm, 3), (By::Restore, 5_000), (By::Order, 1), (By::Listener, 9_000)];
            for (by, times) in all {
                (0..times).for_each(|_| tried.lost(by, word, word));
            }
            let losses: Vec<(Site, u64)> = tried.losses().collect();
            let counted =
                [(Site::Arm, 3), (Site::Restore, MOST), (Site::ByHand, 1), (Site::Listener, MOST)];
            assert_eq!(losses, counted);
        }
    }
}

#[cfg(feature = "contention")]
pub(crate) use site::SITES;
#[cfg(feature = "contention")]
pub use site::{Place, Site};

#[cfg(feature = "contention")]
mod site {
    use super::By;
    use crate::word::{State, Word};
    use core::fmt;

    pub(crate) const SITES: usize = Site::ALL.len();

    /// What a swap of a breaker's word was for; with the feature `contention`.
    ///
    /// A swap that was lost is counted where it was tried: the caller who tries again may
    /// find another state, and then does so for another reason, or not at all.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
    #[non_exhaustive]
    pub enum Site {
        /// A failure that is counted in a row, or that changes what is known of the window.
        ClosedFailure,
        /// A success that ends a row of failures, or changes what is known of the window.
        ClosedSuccess,
        /// A result that opens the breaker.
        ClosedToOpen,
        /// A result that would open it, if it were not set to metrics only.
        WouldOpen,
        /// The first call after the open wait.
        OpenToHalfOpen,
        /// A further probe.
        HalfOpenAdmit,
        /// A call that comes after the lease of probes that are still out.
        HalfOpenRenewed,
        /// A call that comes when the breaker has been half-open for as long as it may be.
        HalfOpenLimit,
        /// A probe that succeeds and does not decide yet.
        HalfOpenPass,
        /// A probe that fails and does not decide yet.
        HalfOpenFail,
        /// The probe that closes the breaker.
        HalfOpenToClosed,
        /// The probe that opens it again.
        HalfOpenToOpen,
        /// A probe that comes back without a verdict.
        GiveBack,
        /// A call that finds too many others in flight, and opens the breaker.
        GiveWay,
        /// New settings or a restored window: every result is judged from now on.
        Arm,
        /// By hand: [`restore`](crate::CircuitBreaker::restore).
        Restore,
        /// By hand: a reset, a close, a trip and the like.
        ByHand,
        /// A listener that came, and learns the era that it came in.
        Listener,
    }

    impl Site {
        /// Every site, in the order of a breaker's life.
        pub const ALL: &'static [Site] = &[
            Site::ClosedFailure,
            Site::ClosedSuccess,
            Site::ClosedToOpen,
            Site::WouldOpen,
            Site::OpenToHalfOpen,
            Site::HalfOpenAdmit,
            Site::HalfOpenRenewed,
            Site::HalfOpenLimit,
            Site::HalfOpenPass,
            Site::HalfOpenFail,
            Site::HalfOpenToClosed,
            Site::HalfOpenToOpen,
            Site::GiveBack,
            Site::GiveWay,
            Site::Arm,
            Site::Restore,
            Site::ByHand,
            Site::Listener,
        ];

        /// The variant's name in snake case: `closed_to_open`, `half_open_admit` and so on.
        pub const fn as_str(self) -> &'static str {
            match self {
                Site::ClosedFailure => "closed_failure",
                Site::ClosedSuccess => "closed_success",
                Site::ClosedToOpen => "closed_to_open",
                Site::WouldOpen => "would_open",
                Site::OpenToHalfOpen => "open_to_half_open",
                Site::HalfOpenAdmit => "half_open_admit",
                Site::HalfOpenRenewed => "half_open_renewed",
                Site::HalfOpenLimit => "half_open_limit",
                Site::HalfOpenPass => "half_open_pass",
                Site::HalfOpenFail => "half_open_fail",
                Site::HalfOpenToClosed => "half_open_to_closed",
                Site::HalfOpenToOpen => "half_open_to_open",
                Site::GiveBack => "give_back",
                Site::GiveWay => "give_way",
                Site::Arm => "arm",
                Site::Restore => "restore",
                Site::ByHand => "by_hand",
                Site::Listener => "listener",
            }
        }

        #[inline]
        pub(crate) fn of(by: By, seen: Word, next: Word) -> Self {
            let is_turn = seen.era() != next.era();
            match (by, seen.state(), next.state()) {
                (By::Admission, State::Open, _) => Site::OpenToHalfOpen,
                (By::Admission, _, State::HalfOpen) if is_turn => Site::HalfOpenRenewed,
                (By::Admission, _, State::HalfOpen) => Site::HalfOpenAdmit,
                (By::Admission, _, _) => Site::HalfOpenLimit,
                (By::Success | By::Failure, State::HalfOpen, State::Closed) => {
                    Site::HalfOpenToClosed
                }
                (By::Success | By::Failure, State::HalfOpen, State::Open) => Site::HalfOpenToOpen,
                (By::Success, State::HalfOpen, _) => Site::HalfOpenPass,
                (By::Failure, State::HalfOpen, _) => Site::HalfOpenFail,
                (By::Success | By::Failure, _, State::Open) => Site::ClosedToOpen,
                (By::Success | By::Failure, _, _) if is_turn => Site::WouldOpen,
                (By::Success, _, _) => Site::ClosedSuccess,
                (By::Failure, _, _) => Site::ClosedFailure,
                (By::GiveBack, _, _) => Site::GiveBack,
                (By::GiveWay, _, _) => Site::GiveWay,
                (By::Arm, _, _) => Site::Arm,
                (By::Restore, _, _) => Site::Restore,
                (By::Order, _, _) => Site::ByHand,
                (By::Listener, _, _) => Site::Listener,
            }
        }
    }

    impl fmt::Display for Site {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.pad(self.as_str())
        }
    }

    /// Where the calling thread counts its calls; with the feature `contention`. From
    /// [`CircuitBreaker::place`](crate::CircuitBreaker::place).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    #[non_exhaustive]
    pub struct Place {
        /// Whether its counters are its own: then it writes them without a locked instruction.
        /// Else it shares those of its stripe.
        pub own: bool,
        /// The stripe, of a few, that it shares with other threads: for the latencies of calls
        /// that are sampled, and for all its counts if it has none of its own.
        pub stripe: usize,
    }
}

#[cfg(all(test, feature = "contention", not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, Decision, Verdict};
    use crate::clock::Nanos;
    use crate::config::DEFAULT_SETTINGS;
    use crate::window::Opinion;
    use crate::word::{Finding, Order, State};
    use core::cell::Cell;

    /// One failure or another result, where `other` comes between its look at the word and
    /// its swap, once.
    fn overtaken(circuit: &Circuit, verdict: Verdict, other: impl Fn()) -> Decision<bool> {
        let first = Cell::new(true);
        let pass = circuit.admit_at_once().expect("closed");
        let finding = || {
            if first.replace(false) {
                other();
            }
            Finding::Unasked
        };
        let (none, rules) = (&Opinion::NONE, &DEFAULT_SETTINGS.rules);
        circuit.settle(pass, verdict, none, finding, rules, || Nanos(0))
    }

    fn fail(circuit: &Circuit) {
        let _ = overtaken(circuit, Verdict::Failure, || ());
    }

    fn sites<T>(decision: &Decision<T>) -> (Option<Site>, Vec<(Site, u64)>) {
        (decision.tried.site(), decision.tried.losses().collect())
    }

    #[test]
    fn a_swap_that_another_makes_fail_is_lost_where_it_was_tried_and_won_where_it_ends() {
        let circuit = Circuit::new();
        let counted = overtaken(&circuit, Verdict::Failure, || fail(&circuit));
        assert_eq!(sites(&counted), (Some(Site::ClosedFailure), vec![(Site::ClosedFailure, 1)]));
        // The third of five, until another is: then it is the fourth; and so on.
        fail(&circuit);
        let last = overtaken(&circuit, Verdict::Failure, || fail(&circuit));
        assert_eq!(sites(&last), (Some(Site::ClosedToOpen), vec![(Site::ClosedFailure, 1)]));
        assert_eq!((last.retries, circuit.word().state()), (1, State::Open));
    }

    #[test]
    fn a_swap_that_is_lost_for_good_is_counted_too() {
        let circuit = Circuit::new();
        (0..4).for_each(|_| fail(&circuit));
        let last = overtaken(&circuit, Verdict::Failure, || {
            let rules = &DEFAULT_SETTINGS.rules;
            let _ = circuit.obey(Order::ForceOpen, rules, |_| true, || Nanos(0));
        });
        assert_eq!(sites(&last), (None, vec![(Site::ClosedToOpen, 1)]));
        assert!(!last.out && !last.tried.is_empty());
    }
}
