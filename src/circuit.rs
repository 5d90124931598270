//! Every decision of a breaker, on one cache line.
//!
//! Joins the word, the stamp and the rules: who is admitted, what an outcome
//! does, what an order does. It counts nothing and tells nobody; its callers get
//! the transition they won, with its cause and time, and do the rest.

use crate::clock::{Nanos, Tick};
use crate::config::{Limit, Opening, Rules};
use crate::contention::{By, Tried};
use crate::event::{Cause, Change};
use crate::opens::AtomicOpens;
use crate::planted::{Bug, planted};
use crate::saved::Revived;
use crate::stamp::AtomicStamp;
use crate::sync::const_fn;
use crate::window::Opinion;
use crate::word::{
    Admission, AtomicWord, Era, Finding, Judgement, Order, Reason, Spell, State, Turn, Update, Word,
};
use core::time::Duration;

/// The shared state that calls read. Closed traffic never writes to this line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Circuit {
    word: AtomicWord,
    stamp: AtomicStamp,
    opens: AtomicOpens,
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

    /// Whether what it returns goes into windows and streaks.
    pub(crate) fn is_judged(&self) -> bool {
        self.seen.is_judged()
    }
}

/// Why a call was turned away, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) wait: Option<Duration>,
}

/// How things stood at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) word: Word,
    /// When its spell began, if it is in one and that has been written down.
    began: Option<Tick>,
    /// The time, where the state depends on it.
    now: Nanos,
}

/// What the circuit answered, and what that changed.
#[must_use]
pub(crate) struct Decision<T> {
    pub(crate) out: T,
    /// The transition that this caller won, if there was one.
    pub(crate) change: Option<Change>,
    /// Swaps that failed and were tried again, or given up.
    pub(crate) retries: u64,
    /// All of them, by site.
    #[cfg_attr(not(feature = "contention"), allow(dead_code))]
    pub(crate) tried: Tried,
}

/// How a call ended, as far as the state is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Success,
    Failure,
    Neutral,
}

impl Verdict {
    fn by(self) -> By {
        match self {
            Verdict::Success => By::Success,
            Verdict::Failure => By::Failure,
            Verdict::Neutral => By::GiveBack,
        }
    }
}

impl Circuit {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { word: AtomicWord::new(), stamp: AtomicStamp::new(), opens: AtomicOpens::new() }
        }
    }

    pub(crate) fn word(&self) -> Word {
        self.word.load()
    }

    pub(crate) fn era_of(&self, word: Word) -> Era {
        self.word.era_of(word)
    }

    /// The era now: whoever makes a later one sees what the caller wrote before.
    pub(crate) fn era_from_now_on(&self) -> (Era, Tried) {
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
        let update = self.word.update(By::Admission, |word| {
            // The clock is read after the word, so a deadline in the word is
            // never compared with a time from before it was set.
            let now = now();
            read = now;
            let (mut began, mut spell) = (None, Spell::InTime);
            if word.state() == State::HalfOpen {
                began = Some(self.began(word, now));
                let reopen = || self.open_until(word, rules, None, now);
                spell = self.spell(word, rules, began, now, reopen);
            }
            let opens = || self.opens_before(word);
            let (admission, next) = word.admit(Tick::of(now), rules.permits, spell, opens);
            let out = match admission {
                Admission::Pass => {
                    let seen = next.unwrap_or(word);
                    let begun = u64::from(seen.era() != word.era());
                    Ok(Pass { seen: seen.bare(), era: Era(self.word.era_of(word).0 + begun) })
                }
                Admission::Reject(reason) => {
                    let seen = next.unwrap_or(word);
                    let spell_end = began.and_then(|began| spell_end(word, rules, began));
                    Err(Refusal { reason, wait: wait(reason, seen, spell_end, now) })
                }
            };
            (out, next)
        });
        self.decided(update, Cause::of_admission, read)
    }

    /// Whether a success has nothing to change: same era, same state, and neither
    /// a streak to end nor a probe to count.
    #[inline(always)]
    pub(crate) fn is_unchanged(&self, pass: Pass) -> bool {
        // A probe's own place keeps the rest of its word from being empty.
        self.word.load() == pass.seen
    }

    /// Whether the era of `pass` is not over; and if so, whether results of any kind are
    /// to be judged.
    pub(crate) fn is_watched(&self, pass: Pass) -> Option<bool> {
        let word = self.word.load();
        self.is_of_this_era(pass, word).then(|| word.is_watched())
    }

    /// Applies how a call ended. Returns whether it still counted, that is,
    /// whether its era was not over. `finding` is what is left of the opinion's own by
    /// then.
    pub(crate) fn settle(
        &self,
        pass: Pass,
        verdict: Verdict,
        opinion: &Opinion,
        finding: impl Fn() -> Finding,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Decision<bool> {
        let is_unasked = opinion.finding == Finding::Unasked;
        let wait = opinion.wait;
        if verdict == Verdict::Success && is_unasked && self.is_unchanged(pass) {
            return Decision { out: true, change: None, retries: 0, tried: Tried::NONE };
        }
        let mut read = Nanos(0);
        let mut last = pass.seen; // the word of the last run of the step
        let mut first = None; // for the canaries that judge an older word
        let thresholds = &rules.thresholds;
        let update = self.word.update(verdict.by(), |word| {
            if !self.is_of_this_era(pass, word) && !is_checked_once(&first) {
                return (false, None);
            }
            last = word;
            // Asked after the word was read, whose Acquire shows the evaluations that it
            // follows from: so nobody takes back what a later one has had the word say.
            let finding = finding();
            let judgement = match verdict {
                Verdict::Success => word.succeed(thresholds, finding),
                Verdict::Failure => word.fail(thresholds, finding),
                Verdict::Neutral => word.give_back(),
            };
            let next = match judged(pass, *first.get_or_insert(judgement), judgement) {
                Judgement::Keep => None,
                Judgement::Count(next) => Some(next),
                Judgement::Close => {
                    read = now();
                    Some(word.close())
                }
                Judgement::Open => {
                    read = now();
                    Some(word.open(deadline(self.open_until(word, rules, wait, read))))
                }
                Judgement::WouldOpen(next) => {
                    read = now();
                    Some(next)
                }
            };
            (true, next)
        });
        if planted(Bug::DeadlineLate) && update.turn.is_some() {
            let late = |word: Word| word.redeadlined(self.open_until(word, rules, wait, read));
            let _ = self.word.update(verdict.by(), |word| ((), late(word)));
        }
        let cause = |turn: Turn| match turn.to == State::Closed {
            true => Cause::of_closing(last),
            false => cause_of_opening(last, verdict, rules, opinion),
        };
        self.decided(update, cause, read)
    }

    /// Whether `word` is of the era that `pass` was issued in: the low bits come
    /// with the word, the rest from the whole era beside it.
    fn is_of_this_era(&self, pass: Pass, word: Word) -> bool {
        planted(Bug::EraCheck)
            || (planted(Bug::FullEraCheck) && word.era() == pass.seen.era())
            || self.word.era_of(word) == pass.era
    }

    /// Opens the breaker for what a window says before a call of it has begun; nothing if
    /// its era is over.
    pub(crate) fn give_way(
        &self,
        pass: Pass,
        opinion: &Opinion,
        finding: impl Fn() -> Finding,
        rules: &Rules,
        now: Nanos,
    ) -> Decision<()> {
        let update = self.word.update(By::GiveWay, |word| {
            let finding = finding(); // as in `settle`
            if !self.is_of_this_era(pass, word) || finding == Finding::Unasked {
                return ((), None);
            }
            let next = match word.settled_by(&rules.thresholds, finding) {
                Judgement::Open => Some(word.open(self.open_until(word, rules, opinion.wait, now))),
                Judgement::Count(next) | Judgement::WouldOpen(next) => Some(next),
                Judgement::Keep | Judgement::Close => None,
            };
            ((), next)
        });
        self.decided(update, |_| opinion.cause, now)
    }

    /// Has every result of this era judged from now on, if it is still `era`.
    pub(crate) fn arm(&self, era: Era) -> Decision<()> {
        let update = self.word.update(By::Arm, |word| {
            let armed = (self.word.era_of(word) == era).then(|| word.arm()).flatten();
            ((), armed)
        });
        self.decided(update, |_| Cause::Restore, Nanos(0)) // which is told of no transition
    }

    /// Brings the breaker to what was saved, under a new era.
    pub(crate) fn restore(
        &self,
        revived: &Revived,
        rules: &Rules,
        now: impl Fn() -> Nanos,
    ) -> Decision<()> {
        let Revived { state, streak, opens, wait, .. } = *revived;
        // Without that policy no streak is kept, and nothing would end it.
        let streak = rules.thresholds.streak.map_or(0, |_| streak);
        let mut read = Nanos(0);
        let update = self.word.update(By::Restore, |word| {
            read = now();
            let deadline = match (state, wait) {
                // Due whatever the clock does next.
                (State::HalfOpen, _) | (_, Some(0)) => Tick(0),
                (_, Some(wait)) => Tick::at_or_after(Nanos(read.0.saturating_add(wait))),
                (_, None) => Tick::NEVER,
            };
            if matches!(state, State::Open | State::HalfOpen) {
                // Before the swap. It does not follow from the word: a trip at the same
                // time notes another number for this era, and the larger one stays.
                self.opens.note(Era(self.word.era_of(word).0 + 1), opens);
            }
            ((), Some(word.restore(state, streak, deadline)))
        });
        self.decided(update, |_| Cause::Restore, read)
    }

    /// Carries out an order; no transition means that it changed nothing. `is_blank` says
    /// that the window of that era holds nothing.
    pub(crate) fn obey(
        &self,
        order: Order,
        rules: &Rules,
        is_blank: impl Fn(Era) -> bool,
        now: impl Fn() -> Nanos,
    ) -> Decision<()> {
        let mut read = Nanos(0);
        let update = self.word.update(By::Order, |word| {
            read = now();
            let is_blank = order != Order::Close || is_blank(self.word.era_of(word));
            let next = word.obey(order, Tick::of(read), Tick::NEVER, is_blank);
            // The deadline last: working it out notes a step of the back-off, which a trip
            // that changes nothing must not take.
            let opens = next.filter(|_| order == Order::Trip);
            let opened = opens.map(|_| word.open(self.open_until(word, rules, None, read)));
            ((), opened.or(next))
        });
        self.decided(update, |_| Cause::of_order(order), read)
    }

    /// How often in a row the breaker of `word` has opened.
    pub(crate) fn opens_before(&self, word: Word) -> u32 {
        match word.state() {
            State::Open => self.opens.of(self.word.era_of(word)),
            State::HalfOpen => word.opens(),
            _ => 0,
        }
    }

    /// When the breaker of `word` may probe if it opens at `now`, for the wait that was
    /// `given` if one was. Notes the step of the back-off.
    fn open_until(&self, word: Word, rules: &Rules, given: Option<u64>, now: Nanos) -> Tick {
        let nth = self.opens_before(word) + 1;
        let era = Era(self.word.era_of(word).0 + 1);
        // Before the swap, and the same from everybody who saw this word.
        self.opens.note(era, nth);
        rules.open_until(now, Opening { nth, era, given })
    }

    /// What somebody sees who asks how things stand; never writes. It was all so at one
    /// moment: in the era that there was before and after, at the latest when the clock had
    /// been read. Of two eras it might tell of a wait or a spell that was over before its time.
    pub(crate) fn look(&self, now: impl Fn() -> Nanos) -> Seen {
        let mut word = self.word.load();
        loop {
            let began = match word.state() {
                State::Open => None,
                // Without a beginning the spell is so young that its winner has not written it
                // down, or it has ended.
                State::HalfOpen => self.stamp.peek(self.word.era_of(word)),
                _ => return Seen { word, began: None, now: Nanos(0) },
            };
            let now = now();
            let newer = self.word.load();
            if newer.era() == word.era() {
                return Seen { word, began, now };
            }
            word = newer;
        }
    }

    /// The state as it was [`seen`](Self::look).
    pub(crate) fn state(&self, seen: &Seen, rules: &Rules) -> State {
        let &Seen { word, began, now } = seen;
        match word.state() {
            State::Open if word.is_due(Tick::of(now)) => State::HalfOpen,
            State::HalfOpen => match self.spell(word, rules, began, now, || Tick::NEVER) {
                Spell::Closes => State::Closed,
                Spell::Opens(_) => State::Open,
                Spell::InTime | Spell::LeaseOver => State::HalfOpen,
            },
            state => state,
        }
    }

    /// Whether a call would be admitted now; never writes.
    pub(crate) fn would_admit(&self, rules: &Rules, now: impl Fn() -> Nanos) -> bool {
        let Seen { word, began, now } = self.look(now);
        let spell = self.spell(word, rules, began, now, || Tick::NEVER);
        let (admission, _) = word.admit(Tick::of(now), rules.permits, spell, || 0);
        admission == Admission::Pass
    }

    /// The tick at which the era of `word` began, or at the latest `now` if its
    /// winner has not written that down yet; `None` in era 0. Never writes.
    pub(crate) fn last_turn(&self, word: Word, now: impl Fn() -> Nanos) -> Option<Tick> {
        let era = self.word.era_of(word);
        let begun = || self.stamp.peek(era).unwrap_or_else(|| Tick::at_or_after(now()));
        (era != Era(0)).then(begun)
    }

    /// When the spell that `word` is in began; tick 0 if it has ended meanwhile.
    fn began(&self, word: Word, now: Nanos) -> Tick {
        // Writes at most what the winner of the spell is about to write itself.
        let era = self.word.era_of(word);
        let is_current = || self.word.load().era() == word.era();
        // If the spell has ended meanwhile its lease is over: the swap that follows from
        // that fails, and the call is decided by the newer word instead of being turned
        // away by this one.
        self.stamp.of(era, Tick::at_or_after(now), is_current).unwrap_or(Tick(0))
    }

    /// What has become of the spell of `word` that `began` then. Without that, nothing:
    /// whoever began it is about to write it down. If it opens, then until `reopen` says.
    fn spell(
        &self,
        word: Word,
        rules: &Rules,
        began: Option<Tick>,
        now: Nanos,
        reopen: impl Fn() -> Tick,
    ) -> Spell {
        let Some(began) = began.filter(|_| word.state() == State::HalfOpen) else {
            return Spell::InTime;
        };
        if let Some(limit) = &rules.half_open_limit
            && Tick::of(now) >= limit_end(word, rules, limit, began)
        {
            return match limit.then_opens {
                true => Spell::Opens(reopen()),
                false => Spell::Closes,
            };
        }
        match lease_end(word, rules, began) {
            Some(end) if Tick::of(now) >= end => Spell::LeaseOver,
            _ => Spell::InTime,
        }
    }

    /// The answer, after writing down when the transition was decided, if there was
    /// one; `cause` and `at` are those of the run of the step that won.
    fn decided<T>(
        &self,
        update: Update<T>,
        cause: impl FnOnce(Turn) -> Cause,
        at: Nanos,
    ) -> Decision<T> {
        let Update { out, turn, retries, tried } = update;
        let change = turn.map(|turn| {
            let is_current = || self.word.era_of(self.word.load()) == turn.era;
            self.stamp.of(turn.era, Tick::at_or_after(at), is_current);
            Change { turn, cause: cause(turn), at }
        });
        Decision { out, change, retries, tried }
    }
}

/// Why a result opens the breaker that `word` is of: what the result itself says comes
/// first, then failures in a row, then the window.
fn cause_of_opening(word: Word, verdict: Verdict, rules: &Rules, opinion: &Opinion) -> Cause {
    let failed = verdict == Verdict::Failure;
    match (opinion.wait, rules.thresholds.streak) {
        (Some(_), _) => opinion.cause,
        _ if word.state() == State::HalfOpen => Cause::of_reopening(word),
        (_, Some(threshold)) if failed && word.streak() + 1 >= threshold.into() => {
            Cause::of_streak(word)
        }
        _ => opinion.cause,
    }
}

/// When the spell of `word`, which began at `began`, lets go of its probes.
fn lease_end(word: Word, rules: &Rules, began: Tick) -> Option<Tick> {
    (!planted(Bug::Lease)).then(|| began.plus(rules.lease(word.lapsed())))
}

/// When the spell of `word`, which began at `began`, has been half-open for long enough.
fn limit_end(word: Word, rules: &Rules, limit: &Limit, began: Tick) -> Tick {
    began.plus(rules.limit_left(limit, word.lapsed()))
}

/// When a call that finds all probes out finds something else, whatever they do.
fn spell_end(word: Word, rules: &Rules, began: Tick) -> Option<Tick> {
    let limit = rules.half_open_limit.as_ref();
    let limit = limit.map(|limit| limit_end(word, rules, limit, began));
    lease_end(word, rules, began).into_iter().chain(limit).min()
}

/// How long a call that was turned away should wait.
fn wait(reason: Reason, word: Word, spell_end: Option<Tick>, now: Nanos) -> Option<Duration> {
    match reason {
        Reason::Open if word.deadline() == Tick::NEVER => Some(Duration::MAX),
        Reason::Open => Some(word.deadline().remaining(now)),
        Reason::HalfOpenFull => spell_end.map(|end| end.remaining(now)),
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
        let _ = circuit.obey(Order::Trip, rules, |_| true, || Nanos(0));
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

    /// Somebody asks about a spell that is over and is followed by another meanwhile.
    #[test]
    fn a_question_beside_a_fresh_spell_is_answered_by_it_or_by_the_one_that_lapsed() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = due();
        let _ = [circuit.admit(rules, at(60)).out, circuit.admit(rules, at(60)).out];
        let overtaken = || {
            let _ = circuit.admit(rules, at(200));
            at(200)()
        };
        assert!(circuit.would_admit(rules, overtaken), "a lease that is over, or a free place");
        assert_eq!(circuit.word().era(), 3);
    }

    /// Somebody who trips a breaker that is due sleeps between its note and its swap.
    #[test]
    fn a_probe_that_overtakes_a_trip_keeps_the_step_of_the_back_off() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = due();
        let word = circuit.word();
        let _ = circuit.open_until(word, rules, None, at(60)());
        assert_eq!(circuit.opens_before(word), 1);
        let _ = circuit.admit(rules, at(60)).out.expect("due");
        assert_eq!(circuit.opens_before(circuit.word()), 1);
    }

    #[test]
    fn a_stamp_from_a_far_era_does_not_hide_when_a_transition_was() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = Circuit::new();
        circuit.stamp.overwrite(Era(1 << 20), Tick(1));
        let _ = circuit.obey(Order::Trip, rules, |_| true, at(5));
        assert_eq!(circuit.last_turn(circuit.word(), at(99)), Some(Tick(5_000)));
    }

    /// Between its swap and its stamp the winner of era 1 slept.
    #[test]
    fn a_winner_who_is_late_leaves_the_time_of_a_later_transition_alone() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = Circuit::new();
        let (by, to) = (By::Order, State::ForcedOpen);
        let late = circuit
            .word
            .update(by, |word| ((), word.obey(Order::ForceOpen, Tick(0), Tick(0), true)));
        assert_eq!(late.turn, Some(Turn { from: State::Closed, to, era: Era(1) }));
        let _ = circuit.obey(Order::Close, rules, |_| true, at(5));
        let _ = circuit.decided(late, |_| Cause::of_order(Order::ForceOpen), at(1)());
        assert_eq!(circuit.last_turn(circuit.word(), at(99)), Some(Tick(5_000)));
    }

    #[test]
    fn what_a_window_says_of_an_era_that_is_over_opens_nothing() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = Circuit::new();
        let pass = circuit.admit_at_once().expect("closed");
        let over = Opinion::over(Cause::of_order(Order::Trip), None);
        let _ = circuit.obey(Order::Reset, rules, |_| true, at(1));
        let gave_way = circuit.give_way(pass, &over, || Finding::Over, rules, at(2)());
        assert_eq!((gave_way.change, circuit.word().state()), (None, State::Closed));
        let pass = circuit.admit_at_once().expect("closed");
        let gave_way = circuit.give_way(pass, &over, || Finding::Over, rules, at(2)());
        assert!(gave_way.change.is_some());
        assert_eq!(circuit.word().state(), State::Open);
    }

    #[test]
    fn a_caller_with_a_word_from_before_is_decided_by_the_newer_one() {
        let rules = &DEFAULT_SETTINGS.rules;
        let circuit = due();
        let probes = [circuit.admit(rules, at(60)).out, circuit.admit(rules, at(60)).out];
        let full = circuit.word();
        for probe in probes {
            let (passed, none) = (Verdict::Success, &Opinion::NONE);
            let finding = || Finding::Unasked;
            let _ = circuit.settle(probe.unwrap(), passed, none, finding, rules, at(61));
        }
        assert_eq!(circuit.word().state(), State::Closed);
        let now = at(61)();
        let began = Some(circuit.began(full, now));
        assert_eq!(circuit.spell(full, rules, began, now, || Tick(0)), Spell::LeaseOver);
    }
}
