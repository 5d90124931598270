//! Every decision of a breaker, on one cache line.
//!
//! Joins the word, the stamp and the rules: who is admitted, what an outcome
//! does, what an order does. It counts nothing and tells nobody; its callers get
//! the transition they won and do the rest.

use crate::clock::{Nanos, Tick};
use crate::config::Rules;
use crate::planted::{Bug, planted};
use crate::stamp::AtomicStamp;
use crate::sync::const_fn;
use crate::word::{
    Admission, AtomicWord, Era, Judgement, Order, Reason, State, Turn, Update, Word,
};
use core::time::Duration;

/// The shared state that calls read. Closed traffic never writes to this line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Circuit {
    word: AtomicWord,
    stamp: AtomicStamp,
}

/// What a permit remembers of its admission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// The word the call was admitted in, without its rest.
    seen: Word,
    era: Era,
}

impl Pass {
    pub(crate) fn era(&self) -> Era {
        self.era
    }

    pub(crate) fn is_probe(&self) -> bool {
        self.seen.state() == State::HalfOpen
    }
}

/// Why a call was turned away, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) wait: Option<Duration>,
}

/// How a call ended, as far as the state is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Success,
    Failure,
    Neutral,
}

impl Circuit {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { word: AtomicWord::new(), stamp: AtomicStamp::new() }
        }
    }

    pub(crate) fn word(&self) -> Word {
        self.word.load()
    }

    pub(crate) fn era_of(&self, word: Word) -> Era {
        self.word.era_of(word)
    }

    /// Admits a call if the word says so without a look at the clock.
    #[inline(always)]
    pub(crate) fn admit_at_once(&self) -> Option<Pass> {
        let word = self.word.load();
        word.admits_all().then(|| Pass {
            seen: word.bare(),
            era: self.word.era_of(word),
        })
    }

    /// Admits a call, or says why not.
    #[inline(never)]
    pub(crate) fn admit(
        &self,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Update<Result<Pass, Refusal>> {
        let update = self.word.update(|word| {
            // The clock is read after the word, so a deadline in the word is
            // never compared with a time from before it was set.
            let now = now();
            let lease_end = self.lease_end(word, rules, now);
            let (admission, next) =
                word.admit(Tick::of(now), rules.permits, is_over(lease_end, now));
            let out = match admission {
                Admission::Pass => {
                    let seen = next.unwrap_or(word);
                    let begun = u64::from(seen.era() != word.era());
                    Ok(Pass {
                        seen: seen.bare(),
                        era: Era(self.word.era_of(word).0 + begun),
                    })
                }
                Admission::Reject(reason) => Err(Refusal {
                    reason,
                    wait: wait(reason, word, lease_end, now),
                }),
            };
            (out, next)
        });
        self.stamp_turn(update.turn, now);
        update
    }

    /// Applies how a call ended. Returns whether it still counted, that is,
    /// whether its era was not over.
    #[inline(always)]
    pub(crate) fn settle(
        &self,
        pass: Pass,
        verdict: Verdict,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Update<bool> {
        // Nothing to change: same era, same state, and no streak to end.
        if verdict == Verdict::Success && self.word.load() == pass.seen && !pass.is_probe() {
            return Update {
                out: true,
                turn: None,
                swaps: 0,
                retries: 0,
            };
        }
        self.settle_by_swap(pass, verdict, rules, now)
    }

    #[inline(never)]
    fn settle_by_swap(
        &self,
        pass: Pass,
        verdict: Verdict,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Update<bool> {
        let mut first = None; // for the canaries that judge an older word
        let update = self.word.update(|word| {
            let checked = first.is_some() && planted(Bug::StaleVerdict);
            if !checked && !self.is_of_this_era(pass, word) {
                return (false, None);
            }
            let judgement = match verdict {
                Verdict::Success => word.succeed(rules.success_threshold),
                Verdict::Failure => word.fail(rules.failure_threshold),
                Verdict::Neutral => word.give_back(),
            };
            let first = *first.get_or_insert(judgement);
            let stale = if pass.is_probe() {
                Bug::StaleVerdict
            } else {
                Bug::StaleStreak
            };
            let next = match if planted(stale) { first } else { judgement } {
                Judgement::Keep => None,
                Judgement::Count(next) => Some(next),
                Judgement::Close => Some(word.close()),
                Judgement::Open if planted(Bug::DeadlineLate) => Some(word.open(Tick(0))),
                Judgement::Open => Some(word.open(rules.open_until(now()))),
            };
            (true, next)
        });
        if planted(Bug::DeadlineLate) && update.turn.is_some() {
            let late = |word: Word| word.redeadlined(rules.open_until(now()));
            let _ = self.word.update(|word| ((), late(word)));
        }
        self.stamp_turn(update.turn, now);
        update
    }

    /// Whether `word` is of the era that `pass` was issued in: the low bits come
    /// with the word, the rest from the whole era beside it.
    fn is_of_this_era(&self, pass: Pass, word: Word) -> bool {
        planted(Bug::EraCheck)
            || (planted(Bug::FullEraCheck) && word.era() == pass.seen.era())
            || self.word.era_of(word) == pass.era
    }

    /// Carries out an order; no transition means that it changed nothing.
    pub(crate) fn obey(&self, order: Order, rules: &Rules, now: impl Fn() -> Nanos) -> Update<()> {
        let update = self.word.update(|word| {
            let now = now();
            ((), word.obey(order, Tick::of(now), rules.open_until(now)))
        });
        self.stamp_turn(update.turn, now);
        update
    }

    /// The state as somebody sees it who looks at the clock; never writes.
    pub(crate) fn state(&self, word: Word, now: impl Fn() -> Nanos) -> State {
        match word.state() {
            State::Open if word.is_due(Tick::of(now())) => State::HalfOpen,
            state => state,
        }
    }

    /// Whether a call would be admitted now; never writes.
    pub(crate) fn would_admit(&self, rules: &Rules, now: impl Fn() -> Nanos) -> bool {
        let word = self.word.load();
        if word.admits_all() {
            return true;
        }
        let now = now();
        let stamped = self.stamp.peek(self.word.era_of(word));
        let lease_end = stamped.map(|at| at.plus(rules.lease(word.lapsed())));
        let (admission, _) = word.admit(Tick::of(now), rules.permits, is_over(lease_end, now));
        admission == Admission::Pass
    }

    /// The tick at which the present era began, and the era; `None` in era 0.
    pub(crate) fn last_turn(&self, word: Word, now: impl Fn() -> Nanos) -> Option<Tick> {
        let era = self.word.era_of(word);
        if era == Era(0) {
            return None;
        }
        self.stamp
            .peek(era)
            .or_else(|| self.stamp.of(era, Tick::at_or_after(now())))
    }

    /// When the spell that `word` is in lets go of its probes.
    fn lease_end(&self, word: Word, rules: &Rules, now: Nanos) -> Option<Tick> {
        if word.state() != State::HalfOpen || planted(Bug::Lease) {
            return None;
        }
        // Writes at most what the winner of the spell is about to write itself.
        let begun = self
            .stamp
            .of(self.word.era_of(word), Tick::at_or_after(now));
        // A stamp of a later era says that this spell has ended meanwhile. Its
        // lease is over, then: the swap that follows from that fails, and the
        // call is decided by the newer word instead of being turned away by this.
        Some(begun.map_or(Tick(0), |begun| begun.plus(rules.lease(word.lapsed()))))
    }

    fn stamp_turn(&self, turn: Option<Turn>, now: impl Fn() -> Nanos) {
        if let Some(turn) = turn {
            self.stamp.of(turn.era, Tick::at_or_after(now()));
        }
    }
}

fn is_over(lease_end: Option<Tick>, now: Nanos) -> bool {
    lease_end.is_some_and(|end| Tick::of(now) >= end)
}

/// How long a call that was turned away should wait.
fn wait(reason: Reason, word: Word, lease_end: Option<Tick>, now: Nanos) -> Option<Duration> {
    match reason {
        Reason::Open if word.deadline() == Tick::NEVER => Some(Duration::MAX),
        Reason::Open => Some(word.deadline().remaining(now)),
        Reason::HalfOpenFull => lease_end.map(|end| end.remaining(now)),
        Reason::ForcedOpen => None,
    }
}
