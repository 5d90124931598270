//! Every decision of a breaker, on one cache line.
//!
//! Joins the word, the stamp and the rules: who is admitted, what an outcome
//! does, what an order does. It counts nothing and tells nobody; its callers get
//! the transition they won, with its cause and time, and do the rest.

use crate::clock::{Nanos, Tick};
use crate::config::Rules;
use crate::event::{Cause, Change};
use crate::planted::{Bug, planted};
use crate::stamp::AtomicStamp;
use crate::sync::const_fn;
use crate::word::{Admission, AtomicWord, Era, Judgement, Order, Reason, State, Update, Word};
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

/// What the circuit answered, and what that changed.
#[must_use]
pub(crate) struct Decision<T> {
    pub(crate) out: T,
    /// The transition that this caller won, if there was one.
    pub(crate) change: Option<Change>,
    /// Swaps tried, the last one included.
    #[cfg_attr(not(feature = "contention"), allow(dead_code))]
    pub(crate) swaps: u64,
    /// Swaps that failed and were tried again.
    pub(crate) retries: u64,
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

    /// The era now: whoever makes a later one sees what the caller wrote before.
    pub(crate) fn era_from_now_on(&self) -> Era {
        self.word.era_from_now_on()
    }

    /// Admits a call if the word says so without a look at the clock.
    #[inline(always)]
    pub(crate) fn admit_at_once(&self) -> Option<Pass> {
        let word = self.word.load();
        word.admits_all().then(|| Pass { seen: word.bare(), era: self.word.era_of(word) })
    }

    /// Admits a call, or says why not.
    pub(crate) fn admit(
        &self,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Decision<Result<Pass, Refusal>> {
        let mut read = Nanos(0);
        let mut cause = Cause::WaitOver;
        let update = self.word.update(|word| {
            // The clock is read after the word, so a deadline in the word is
            // never compared with a time from before it was set.
            let now = now();
            read = now;
            cause = Cause::of_admission(word);
            let lease_end = self.lease_end(word, rules, now);
            let (admission, next) =
                word.admit(Tick::of(now), rules.permits, is_over(lease_end, now));
            let out = match admission {
                Admission::Pass => {
                    let seen = next.unwrap_or(word);
                    let begun = u64::from(seen.era() != word.era());
                    Ok(Pass { seen: seen.bare(), era: Era(self.word.era_of(word).0 + begun) })
                }
                Admission::Reject(reason) => {
                    Err(Refusal { reason, wait: wait(reason, word, lease_end, now) })
                }
            };
            (out, next)
        });
        self.decided(update, cause, read)
    }

    /// Whether a success has nothing to change: same era, same state, and neither
    /// a streak to end nor a probe to count.
    #[inline(always)]
    pub(crate) fn is_unchanged(&self, pass: Pass) -> bool {
        // A probe's own place keeps the rest of its word from being empty.
        self.word.load() == pass.seen
    }

    /// Applies how a call ended. Returns whether it still counted, that is,
    /// whether its era was not over.
    pub(crate) fn settle(
        &self,
        pass: Pass,
        verdict: Verdict,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Decision<bool> {
        if verdict == Verdict::Success && self.is_unchanged(pass) {
            return Decision { out: true, change: None, swaps: 0, retries: 0 };
        }
        let mut read = Nanos(0);
        let mut cause = Cause::ProbeFailed;
        let mut first = None; // for the canaries that judge an older word
        let update = self.word.update(|word| {
            if !self.is_of_this_era(pass, word) && !is_checked_once(&first) {
                return (false, None);
            }
            let judgement = match verdict {
                Verdict::Success => word.succeed(rules.success_threshold),
                Verdict::Failure => word.fail(rules.failure_threshold),
                Verdict::Neutral => word.give_back(),
            };
            let next = match judged(pass, *first.get_or_insert(judgement), judgement) {
                Judgement::Keep => None,
                Judgement::Count(next) => Some(next),
                Judgement::Close => {
                    read = now();
                    cause = Cause::of_closing(word);
                    Some(word.close())
                }
                Judgement::Open => {
                    read = now();
                    cause = Cause::of_opening(word);
                    Some(word.open(deadline(rules.open_until(read))))
                }
            };
            (true, next)
        });
        if planted(Bug::DeadlineLate) && update.turn.is_some() {
            let late = |word: Word| word.redeadlined(rules.open_until(read));
            let _ = self.word.update(|word| ((), late(word)));
        }
        self.decided(update, cause, read)
    }

    /// Whether `word` is of the era that `pass` was issued in: the low bits come
    /// with the word, the rest from the whole era beside it.
    fn is_of_this_era(&self, pass: Pass, word: Word) -> bool {
        planted(Bug::EraCheck)
            || (planted(Bug::FullEraCheck) && word.era() == pass.seen.era())
            || self.word.era_of(word) == pass.era
    }

    /// Carries out an order; no transition means that it changed nothing.
    pub(crate) fn obey(
        &self,
        order: Order,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Decision<()> {
        let mut read = Nanos(0);
        let update = self.word.update(|word| {
            read = now();
            ((), word.obey(order, Tick::of(read), rules.open_until(read)))
        });
        self.decided(update, Cause::of_order(order), read)
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
        let begun = self.stamp.peek(self.word.era_of(word));
        let lease_end = begun.and_then(|begun| lease_end(word, rules, begun));
        let (admission, _) = word.admit(Tick::of(now), rules.permits, is_over(lease_end, now));
        admission == Admission::Pass
    }

    /// The tick at which the era of `word` began, or at the latest `now` if its
    /// winner has not written that down yet; `None` in era 0. Never writes.
    pub(crate) fn last_turn(&self, word: Word, now: impl Fn() -> Nanos) -> Option<Tick> {
        let era = self.word.era_of(word);
        let begun = || self.stamp.peek(era).unwrap_or_else(|| Tick::at_or_after(now()));
        (era != Era(0)).then(begun)
    }

    /// When the spell that `word` is in lets go of its probes.
    fn lease_end(&self, word: Word, rules: &Rules, now: Nanos) -> Option<Tick> {
        if word.state() != State::HalfOpen {
            return None;
        }
        // Writes at most what the winner of the spell is about to write itself.
        let era = self.word.era_of(word);
        let is_current = || self.word.load().era() == word.era();
        match self.stamp.of(era, Tick::at_or_after(now), is_current) {
            Some(begun) => lease_end(word, rules, begun),
            // The spell has ended meanwhile. Its lease is over, then: the swap that
            // follows from that fails, and the call is decided by the newer word
            // instead of being turned away by this one.
            None => Some(Tick(0)),
        }
    }

    /// The answer, after writing down when the transition was decided, if there was
    /// one; `cause` and `at` are those of the run of the step that won.
    fn decided<T>(&self, update: Update<T>, cause: Cause, at: Nanos) -> Decision<T> {
        let Update { out, turn, swaps, retries } = update;
        if let Some(turn) = turn {
            let is_current = || self.word.era_of(self.word.load()) == turn.era;
            self.stamp.of(turn.era, Tick::at_or_after(at), is_current);
        }
        Decision { out, change: turn.map(|turn| Change { turn, cause, at }), swaps, retries }
    }
}

/// When the spell of `word`, which began at `begun`, lets go of its probes.
fn lease_end(word: Word, rules: &Rules, begun: Tick) -> Option<Tick> {
    (word.state() == State::HalfOpen && !planted(Bug::Lease))
        .then(|| begun.plus(rules.lease(word.lapsed())))
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

// Three canaries; in an ordinary build each is the constant or the identity.

/// Looks at the era on the first attempt only.
fn is_checked_once(first: &Option<Judgement>) -> bool {
    first.is_some() && planted(Bug::StaleVerdict)
}

/// Judges a retry by the word of the first attempt.
fn judged(pass: Pass, first: Judgement, now: Judgement) -> Judgement {
    let stale = if pass.is_probe() { Bug::StaleVerdict } else { Bug::StaleStreak };
    if planted(stale) { first } else { now }
}

/// Opens with a deadline that is over, until it is written.
fn deadline(deadline: Tick) -> Tick {
    if planted(Bug::DeadlineLate) { Tick(0) } else { deadline }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::config::DEFAULT_SETTINGS;

    fn due() -> Circuit {
        let circuit = Circuit::new();
        let rules = &DEFAULT_SETTINGS.rules;
        let _ = circuit.obey(Order::Trip, rules, || Nanos(0));
        circuit
    }

    fn at(secs: u64) -> impl Fn() -> Nanos {
        move || Nanos(secs * 1_000_000_000)
    }

    /// As a writer leaves it behind that slept for a million transitions.
    #[test]
    fn a_stamp_from_a_far_era_does_not_keep_abandoned_probes_for_ever() {
        let rules = &DEFAULT_SETTINGS.rules;
        for far in [1 << 20, (1 << 23) - 1, (1 << 23) + 5, 1 << 21] {
            let circuit = due();
            let _ = circuit.admit(rules, at(60)).out.expect("due");
            circuit.stamp.overwrite(Era(far), Tick(1));
            let _ = circuit.admit(rules, at(61)).out.expect("the second probe");
            circuit.admit(rules, at(62)).out.expect_err("both are out");
            let fresh = circuit.admit(rules, at(200)).out;
            assert!(fresh.is_ok(), "far by {far}: {fresh:?}");
        }
    }

    #[test]
    fn a_caller_with_a_word_from_before_is_decided_by_the_newer_one() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = due();
        let probes = [circuit.admit(rules, at(60)).out, circuit.admit(rules, at(60)).out];
        let full = circuit.word();
        for probe in probes {
            let _ = circuit.settle(probe.unwrap(), Verdict::Success, rules, at(61));
        }
        assert_eq!(circuit.word().state(), State::Closed);
        assert!(is_over(circuit.lease_end(full, rules, at(61)()), at(61)()));
    }
}
