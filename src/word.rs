//! The packed word: the whole state of a breaker in 64 bits.
//!
//! [`Word`] is a plain value with all the meaning and no atomics: what a call
//! may do, what an outcome does, what a person's order does. [`AtomicWord`] is a
//! cell with the atomics and no meaning: load, and one swap loop. A breaker is
//! right when the value is right (plain asserts, below) and the cell is one
//! atomic step (models, in `loom-tests`).

use crate::bits::Lane;
use crate::clock::Tick;
use crate::contention::{By, Tried};
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Ordering, const_fn, impl_bits};
use core::fmt;

/// The state of a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum State {
    /// Calls pass, and failures are counted.
    #[default]
    Closed = 0,
    /// Calls are turned away until the open wait is over.
    Open = 1,
    /// A few probes pass, and what they return decides.
    HalfOpen = 2,
    /// Calls are turned away until somebody says otherwise.
    ForcedOpen = 3,
    /// Calls pass and are not judged until somebody says otherwise.
    Disabled = 4,
    /// Calls pass and are judged, and what would have opened the breaker is reported,
    /// until somebody says otherwise.
    MetricsOnly = 5,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: &'static [State] = &[
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::MetricsOnly,
    ];

    /// The name that logs and metrics use: `closed`, `open`, `half_open`,
    /// `forced_open`, `disabled`, `metrics_only`.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
            State::ForcedOpen => "forced_open",
            State::Disabled => "disabled",
            State::MetricsOnly => "metrics_only",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a call was turned away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The breaker is open and its wait is not over.
    Open,
    /// The breaker is half-open and all its probes are out.
    HalfOpenFull,
    /// The breaker was forced open by hand.
    ForcedOpen,
}

impl Reason {
    /// The name that logs and metrics use: `open`, `half_open_full`, `forced_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Open => "open",
            Reason::HalfOpenFull => "half_open_full",
            Reason::ForcedOpen => "forced_open",
        }
    }
}

/// The number of transitions so far: the whole number, of which a word has the low bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Era(pub(crate) u64);

/// A model's era wraps after 16 transitions, so that a model can reach it.
pub(crate) const ERA_BITS: u32 = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 4 } else { 21 };

const STATE: Lane = Lane::lowest(3);
const ERA: Lane = STATE.above(ERA_BITS);
const REST: Lane = ERA.above(u64::BITS - ERA.end());
const _: () = assert!(REST.end() == u64::BITS, "the lanes must fill the word");

const STREAK: Lane = ERA.above(32);
const ARMED: Lane = STREAK.above(1);
const OVER: Lane = ARMED.above(1);
const DEADLINE: Lane = ERA.above(40);
const ISSUED: Lane = ERA.above(6);
const PASSED: Lane = ISSUED.above(6);
const FAILED: Lane = PASSED.above(6);
/// Models let it saturate.
const LAPSED: Lane = FAILED.above(if cfg!(any(ampacity_loom, ampacity_shuttle)) { 5 } else { 10 });
const OPENS: Lane = LAPSED.above(12);
const _: () = assert!(OVER.end() <= REST.end(), "streak and flags must fit the closed rest");
const _: () = assert!(DEADLINE.end() <= REST.end(), "the deadline must fit the open rest");
const _: () = assert!(OPENS.end() <= REST.end(), "the probes must fit the half-open rest");
const _: () = assert!(DEADLINE.max() == Tick::NEVER.0, "all ones must read as never");

/// The most probes that a spell can have out.
pub(crate) const MOST_PROBES: u32 = ISSUED.max() as u32;

/// The most spells in a row without a verdict that are told apart.
pub(crate) const MOST_LAPSED: u32 = LAPSED.max() as u32;

/// The most openings in a row that are told apart.
pub(crate) const MOST_OPENS: u32 = OPENS.max() as u32;

/// One value of the breaker's state, unpacked only through its methods.
///
/// ```text
///              63                                       24 23         3 2     0
///             ┌──────────────────────────────────────────┬─────────────┬───────┐
///  closed     │ 0 (6) │ over │ armed │ streak (32)       │ era (21)    │ state │
///  open       │ deadline in ticks (40)                   │ era         │ state │
///  half-open  │ opens (12) │ lapsed (10) │ failed (6)   │             │       │
///             │                 │ passed (6) │ issued (6) │ era        │ state │
///  metrics    │ as closed                                │ era         │ state │
///  by hand    │ 0 (40)                                   │ era         │ state │
///             └──────────────────────────────────────────┴─────────────┴───────┘
/// ```
///
/// * `state`: a [`State`] by its number; 6 and 7 never occur.
/// * `era`: the low 21 bits of the number of transitions; one more at each.
/// * `streak`: failures in a row since the last success; saturates; 0 where no policy
///   asks for it.
/// * `armed`: a rate lacks nothing but calls, so every result is judged.
/// * `over`: metrics-only has said that it would open, and not fallen below since.
/// * `deadline`: the tick from which an open breaker may probe; all ones is
///   never, and the rest lasts 34 years from the clock's start.
/// * `issued`: this spell's permits that were not given back, in 0..=63;
///   `passed`, `failed`: those of them that did, always at most `issued` together.
/// * `lapsed`: how many spells in a row ended without a verdict before this one;
///   saturates at 1,023, when the lease has long reached its cap.
/// * `opens`: how often in a row the breaker opened before this spell; saturates.
///
/// # Aliasing
///
/// A word recurs only with its era, so a swap is safe unless an exact multiple
/// of 2^21 transitions happens between its load and its compare. A cycle of
/// closed, open, half-open is three transitions and takes at least one tick,
/// so that is 2^21 / 3 ms, 12 minutes, for one paused thread; a storm of
/// resets by hand at 20 ns each needs 40 ms. A permit may be held for longer
/// than that, so a settle that would change the word also compares the full
/// era, 64 bits wide, which lies beside the word and which winners raise. A
/// success that changes nothing need not.
///
/// The whole era of a word is the number nearest to the one beside it. A caller
/// that sleeps for 2^20 transitions or more (6 minutes of full cycles at one a
/// tick, 20 ms of that storm) between loading the one and the other can be off by a
/// lap, 2^21. Its permit is then stale from the start, or `era()` says a number that
/// was not; the state is right in any case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl_bits!(Word);

/// What a word says to one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Admission {
    Pass,
    Reject(Reason),
}

/// What has become of a half-open spell at the time of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spell {
    InTime,
    /// Probes that are still out have had their time.
    LeaseOver,
    /// It has been half-open for as long as it may be, and now closes.
    Closes,
    /// The same, and now opens until the deadline.
    Opens(Tick),
}

/// What the window says of the era that a result is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finding {
    /// It was not asked: nothing can have changed that matters.
    Unasked,
    /// No rate is at its threshold.
    Below,
    /// There are too few calls for a rate, and more to come could not be all good; but of
    /// those there are, a share as high as a threshold is bad.
    High,
    /// A rate would be, if only there were enough calls.
    Armed,
    /// A rate is at its threshold.
    Over,
}

/// What an outcome does to a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Judgement {
    /// Nothing.
    Keep,
    /// A count changes, the era stays.
    Count(Word),
    /// The breaker closes.
    Close,
    /// The breaker opens, until a deadline that the caller has to work out.
    Open,
    /// The breaker would open if it were not set to metrics only.
    WouldOpen(Word),
}

/// What decides in a closed breaker and in a spell; each number at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Thresholds {
    /// Failures in a row that open; none if no policy asks for them.
    pub(crate) streak: Option<u32>,
    /// Probes that must succeed to close.
    pub(crate) pass: u32,
    /// Probes that must fail to reopen.
    pub(crate) fail: u32,
}

/// What a person can order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Reset,
    Close,
    Trip,
    ForceOpen,
    Disable,
    MetricsOnly,
}

impl Word {
    pub(crate) fn state(self) -> State {
        match STATE.get(self.0) {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            3 => State::ForcedOpen,
            4 => State::Disabled,
            _ => State::MetricsOnly,
        }
    }

    /// The low bits of the era.
    pub(crate) fn era(self) -> u64 {
        ERA.get(self.0)
    }

    /// The era with these low bits that is nearest to `about`.
    pub(crate) fn era_near(self, about: Era) -> Era {
        Era(about.0.wrapping_add_signed(ERA.ahead(self.era(), about.0)))
    }

    /// State and era without the rest: closed with no streak, for one.
    pub(crate) fn bare(self) -> Word {
        Word(self.0 & !(REST.max() << ERA.end()))
    }

    pub(crate) fn streak(self) -> u64 {
        if self.is_judged() { STREAK.get(self.0) } else { 0 }
    }

    /// Whether windows and streaks are kept in this state.
    pub(crate) fn is_judged(self) -> bool {
        matches!(self.state(), State::Closed | State::MetricsOnly)
    }

    /// Whether results of any kind are to be judged, and not only bad ones.
    pub(crate) fn is_watched(self) -> bool {
        let armed = if planted(Bug::ArmedUnseen) { 0 } else { ARMED.get(self.0) };
        self.is_judged() && (armed | OVER.get(self.0)) != 0
    }

    /// How often in a row a half-open breaker opened.
    pub(crate) fn opens(self) -> u32 {
        OPENS.get(self.0) as u32
    }

    /// When an open breaker may probe.
    pub(crate) fn deadline(self) -> Tick {
        Tick(DEADLINE.get(self.0))
    }

    /// How many spells in a row ended without a verdict before this one.
    pub(crate) fn lapsed(self) -> u32 {
        LAPSED.get(self.0) as u32
    }

    /// For the canary that writes the deadline after the state.
    pub(crate) fn redeadlined(self, deadline: Tick) -> Option<Word> {
        (self.state() == State::Open).then(|| Word(DEADLINE.set(self.0, deadline.0)))
    }

    /// This spell's probes that succeeded.
    pub(crate) fn passed(self) -> u64 {
        PASSED.get(self.0)
    }

    /// This spell's probes that failed.
    pub(crate) fn failed(self) -> u64 {
        FAILED.get(self.0)
    }

    fn has_probes_out(self) -> bool {
        ISSUED.get(self.0) > PASSED.get(self.0) + FAILED.get(self.0)
    }

    /// Whether calls pass unconditionally: the one question of the fast path.
    pub(crate) fn admits_all(self) -> bool {
        matches!(self.state(), State::Closed | State::Disabled | State::MetricsOnly)
    }

    /// Whether an open breaker's wait is over.
    pub(crate) fn is_due(self, now: Tick) -> bool {
        let deadline = self.deadline();
        if planted(Bug::BackwardClock) && now.0 + 1_000_000 < deadline.0 {
            return true;
        }
        deadline != Tick::NEVER && (now >= deadline || planted(Bug::Deadline))
    }

    /// Decides one call at `now`, where a half-open spell hands out `permits` and
    /// `spell` says what has become of this word's own; `opens` is how often in a row
    /// an open breaker opened.
    ///
    /// A lease is about probes that are out. A spell with none out has nobody to
    /// wait for: it admits the next call whatever was issued (settings may have
    /// changed meanwhile), and keeps its passes however long the call was in coming.
    #[inline]
    pub(crate) fn admit(
        self,
        now: Tick,
        permits: u32,
        spell: Spell,
        opens: impl FnOnce() -> u32,
    ) -> (Admission, Option<Word>) {
        let bound = u64::from(permits) + u64::from(planted(Bug::PermitBound));
        match (self.state(), spell) {
            (State::Closed | State::Disabled | State::MetricsOnly, _) => (Admission::Pass, None),
            (State::Open, _) if self.is_due(now) && planted(Bug::SkipHalfOpen) => {
                (Admission::Pass, Some(self.close()))
            }
            (State::Open, _) if self.is_due(now) => (Admission::Pass, Some(self.probe(0, opens()))),
            (State::Open, _) => (Admission::Reject(Reason::Open), None),
            (State::HalfOpen, Spell::Closes) => (Admission::Pass, Some(self.close())),
            (State::HalfOpen, Spell::Opens(deadline)) => {
                (Admission::Reject(Reason::Open), Some(self.open(deadline)))
            }
            (State::HalfOpen, Spell::LeaseOver) if self.has_probes_out() => {
                (Admission::Pass, Some(self.probe(LAPSED.get(self.0) + 1, self.opens())))
            }
            (State::HalfOpen, _) if ISSUED.get(self.0) < bound || !self.has_probes_out() => {
                let issued = ISSUED.get(self.0) + 1;
                (Admission::Pass, Some(Word(ISSUED.set(self.0, issued))))
            }
            (State::HalfOpen, _) => (Admission::Reject(Reason::HalfOpenFull), None),
            (State::ForcedOpen, _) => (Admission::Reject(Reason::ForcedOpen), None),
        }
    }

    /// What a success admitted in this era does.
    #[inline]
    pub(crate) fn succeed(self, thresholds: &Thresholds, finding: Finding) -> Judgement {
        match self.state() {
            State::Closed | State::MetricsOnly => self.judge(thresholds, 0, finding),
            State::HalfOpen => {
                let passed = PASSED.get(self.0) + 1;
                if passed >= u64::from(thresholds.pass) {
                    return Judgement::Close;
                }
                let next = Word(PASSED.set(self.0, passed));
                if planted(Bug::PassGivesBack) {
                    return Judgement::Count(Word(ISSUED.set(next.0, ISSUED.get(next.0) - 1)));
                }
                Judgement::Count(next)
            }
            _ => Judgement::Keep,
        }
    }

    /// What a failure admitted in this era does.
    #[inline]
    pub(crate) fn fail(self, thresholds: &Thresholds, finding: Finding) -> Judgement {
        match self.state() {
            // As below, where no window has been asked.
            State::Closed if finding == Finding::Unasked => match thresholds.streak {
                None => Judgement::Keep,
                Some(threshold) if self.streak() + 1 >= threshold.into() => Judgement::Open,
                Some(_) => Judgement::Count(Word(STREAK.set(self.0, self.streak() + 1))),
            },
            State::Closed | State::MetricsOnly => {
                let streak = if thresholds.streak.is_some() { self.streak() + 1 } else { 0 };
                self.judge(thresholds, streak, finding)
            }
            // What says by itself that the breaker must open needs no others to agree.
            State::HalfOpen if finding == Finding::Over => Judgement::Open,
            State::HalfOpen => {
                let failed = FAILED.get(self.0) + 1;
                if failed >= u64::from(thresholds.fail) {
                    return Judgement::Open;
                }
                Judgement::Count(Word(FAILED.set(self.0, failed)))
            }
            _ => Judgement::Keep,
        }
    }

    /// What a result does to a closed breaker, or to one that only says what it would do,
    /// after which there are `streak` failures in a row.
    fn judge(self, thresholds: &Thresholds, streak: u64, finding: Finding) -> Judgement {
        let in_a_row = thresholds.streak.is_some_and(|threshold| streak >= threshold.into());
        let is_over = in_a_row || finding == Finding::Over;
        if is_over && self.state() == State::Closed {
            return Judgement::Open;
        }
        let armed = match finding {
            Finding::Unasked => ARMED.get(self.0),
            Finding::Armed => 1,
            Finding::Below | Finding::High | Finding::Over => 0,
        };
        // A rate that lacks calls is not below its threshold either: the era of what was
        // reported has begun with an empty window.
        let lacks_calls = matches!(finding, Finding::Armed | Finding::High);
        let over = is_over || (lacks_calls && OVER.get(self.0) == 1);
        let next = Word(ARMED.set(STREAK.set(self.bare().0, streak), armed));
        let next = Word(OVER.set(next.0, over.into()));
        let before = if planted(Bug::SayTwice) { 0 } else { OVER.get(self.0) };
        match before {
            0 if over => {
                let next_era = self.enter(State::MetricsOnly).era();
                Judgement::WouldOpen(Word(ERA.set(next.0, next_era)))
            }
            _ if next == self => Judgement::Keep,
            _ => Judgement::Count(next),
        }
    }

    /// What a window says by itself, without a result.
    pub(crate) fn settled_by(self, thresholds: &Thresholds, finding: Finding) -> Judgement {
        if self.is_judged() {
            // A threshold that was lowered to the failures in a row that there are waits
            // for the next failure; one that was reported is still reached.
            let streak = thresholds.streak.filter(|_| OVER.get(self.0) == 1);
            self.judge(&Thresholds { streak, ..*thresholds }, self.streak(), finding)
        } else {
            Judgement::Keep
        }
    }

    /// This word, where every result is judged from now on.
    pub(crate) fn arm(self) -> Option<Word> {
        let armed = Word(ARMED.set(self.0, 1));
        (self.is_judged() && armed != self).then_some(armed)
    }

    /// What a permit of this era does that comes back without a verdict.
    pub(crate) fn give_back(self) -> Judgement {
        let issued = ISSUED.get(self.0);
        match self.state() {
            // A place that passed is not out any more.
            State::HalfOpen if self.has_probes_out() || planted(Bug::GiveBackBound) => {
                Judgement::Count(Word(ISSUED.set(self.0, issued.wrapping_sub(1))))
            }
            _ => Judgement::Keep,
        }
    }

    /// What `order` does at `now`; `None` if it changes nothing. A trip opens
    /// until `deadline`; `is_blank` says that the window holds nothing.
    pub(crate) fn obey(
        self,
        order: Order,
        now: Tick,
        deadline: Tick,
        is_blank: bool,
    ) -> Option<Word> {
        let to = |state| (self.state() != state).then(|| self.enter(state));
        match order {
            Order::Reset if planted(Bug::ResetKeepsEra) => {
                Some(Word(ERA.set(self.close().0, self.era())))
            }
            Order::Reset => Some(self.close()),
            // Of a blank window it says nothing whether the word is armed.
            Order::Close if self.state() == State::Closed && self.streak() == 0 && is_blank => None,
            Order::Close => Some(self.close()),
            // An open breaker that is due looks half-open from outside: it opens anew.
            Order::Trip if self.state() == State::Open && !self.is_due(now) => None,
            Order::Trip => Some(self.open(deadline)),
            Order::ForceOpen => to(State::ForcedOpen),
            Order::Disable => to(State::Disabled),
            Order::MetricsOnly => to(State::MetricsOnly),
        }
    }

    /// A breaker in `state`, with these failures in a row if they count there, or open until
    /// `deadline`. Probes are not restored: half-open is open until then, too.
    pub(crate) fn restore(self, state: State, streak: u32, deadline: Tick) -> Word {
        match state {
            State::Closed if planted(Bug::RestoreKeepsEra) => {
                Word(ERA.set(self.close().0, self.era()))
            }
            State::Closed | State::MetricsOnly => {
                Word(STREAK.set(self.enter(state).0, streak.into()))
            }
            State::Open | State::HalfOpen => self.open(deadline),
            State::ForcedOpen | State::Disabled => self.enter(state),
        }
    }

    /// A breaker that opens until `deadline`.
    pub(crate) fn open(self, deadline: Tick) -> Word {
        let mut open = self.enter(State::Open);
        if planted(Bug::EraStep) {
            open = Word(ERA.set(open.0, self.era()));
        }
        Word(DEADLINE.set(open.0, deadline.0))
    }

    /// A breaker that closes, with no streak.
    pub(crate) fn close(self) -> Word {
        let closed = self.enter(State::Closed);
        if planted(Bug::EraReuse) && self.state() == State::HalfOpen {
            return Word(ERA.set(closed.0, self.era().wrapping_sub(2) & ERA.max()));
        }
        closed
    }

    /// A new spell that has issued one permit, to the caller who begins it.
    fn probe(self, lapsed: u64, opens: u32) -> Word {
        let spell = ISSUED.set(self.enter(State::HalfOpen).0, 1);
        Word(OPENS.set(LAPSED.set(spell, lapsed), opens.into()))
    }

    /// `state` in the next era, with an empty rest. Every transition is made here.
    fn enter(self, state: State) -> Word {
        let era = self.era().wrapping_add(1) & ERA.max();
        Word(ERA.set(STATE.set(0, state as u64), era))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Word");
        out.field("state", &self.state()).field("era", &self.era());
        match self.state() {
            State::Closed | State::MetricsOnly => out
                .field("streak", &self.streak())
                .field("armed", &ARMED.get(self.0))
                .field("over", &OVER.get(self.0)),
            State::Open => out.field("deadline", &self.deadline()),
            State::HalfOpen => out
                .field("issued", &ISSUED.get(self.0))
                .field("passed", &PASSED.get(self.0))
                .field("failed", &FAILED.get(self.0))
                .field("lapsed", &LAPSED.get(self.0))
                .field("opens", &OPENS.get(self.0)),
            _ => &mut out,
        };
        out.finish()
    }
}

/// The word in its cell, and the whole era beside it.
#[derive(Debug)]
pub(crate) struct AtomicWord {
    word: Atomic<Word>,
    era: Atomic<u64>,
}

/// What [`AtomicWord::update`] did.
#[must_use]
pub(crate) struct Update<T> {
    /// What the last run of the step returned.
    pub(crate) out: T,
    /// The transition that this caller won, if its swap was one.
    pub(crate) turn: Option<Turn>,
    /// Swaps that failed and were tried again, or given up.
    pub(crate) retries: u64,
    /// All of them, by site.
    pub(crate) tried: Tried,
}

/// One transition, known to the caller who won it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) from: State,
    pub(crate) to: State,
    /// The era that began.
    pub(crate) era: Era,
}

impl AtomicWord {
    const_fn! {
        /// Closed, in era 0.
        pub(crate) fn new() -> Self {
            Self { word: Atomic::new(0), era: Atomic::new(0) }
        }
    }

    #[inline(always)]
    pub(crate) fn load(&self) -> Word {
        // Acquire, edge `report -> admit`: pairs with the Release half of the
        // swap in `update` by which another caller reported. What that caller
        // wrote before its report is visible to whoever is admitted after it.
        self.word.load(Ordering::Acquire)
    }

    /// The whole era of a word that was just loaded.
    #[inline(always)]
    pub(crate) fn era_of(&self, word: Word) -> Era {
        // Relaxed: a hint. The low bits come with the word, and the number
        // nearest to a hint that is late by less than half a lap is the same
        // one. On hardware it lags by at most one for each winner that stands
        // between its swap and its raise; in the abstract nothing orders a raise
        // before the next winner's swap, and nothing here needs it to. It would be
        // wrong after 2^20 transitions between the load of the word and this one:
        // see "Aliasing".
        word.era_near(Era(self.era.load(Ordering::Relaxed)))
    }

    /// Applies `step` until it wins or declines.
    ///
    /// `step` may run several times and sees a newer word each time, so it must
    /// not have effects of its own.
    #[inline]
    pub(crate) fn update<T>(
        &self,
        by: By,
        mut step: impl FnMut(Word) -> (T, Option<Word>),
    ) -> Update<T> {
        let mut seen = self.load();
        let (mut retries, mut tried) = (0, Tried::NONE);
        loop {
            let (out, next) = step(seen);
            let Some(next) = next else {
                return Update { out, turn: None, retries, tried };
            };
            // Worked out before the swap, which proves by its success that no
            // transition came between.
            let era = self.era_of(seen);
            match self.swap(seen, next) {
                Ok(_) => {
                    tried.won(by, seen, next);
                    let turn = (next.era() != seen.era()).then(|| {
                        // Relaxed: only raises the hint, see `era_of`.
                        self.era.fetch_max(era.0 + 1, Ordering::Relaxed);
                        Turn { from: seen.state(), to: next.state(), era: Era(era.0 + 1) }
                    });
                    return Update { out, turn, retries, tried };
                }
                Err(now) => {
                    tried.lost(by, seen, next);
                    retries += 1;
                    seen = now;
                    if planted(Bug::GivesUp) && retries > 8 {
                        return Update { out, turn: None, retries, tried };
                    }
                }
            }
        }
    }

    /// The era now, by a swap of the word with itself: whoever makes a transition
    /// later sees what the caller wrote before this. A load would not do: it could
    /// come before a transition whose winner has looked for our writing in vain.
    pub(crate) fn era_from_now_on(&self) -> (Era, Tried) {
        let (mut seen, mut tried) = (self.load(), Tried::NONE);
        loop {
            let era = self.era_of(seen);
            // Release, edge `attached -> turned`: pairs with the Acquire half of the
            // swap that begins the next era.
            match self.swap(seen, seen) {
                Ok(_) => {
                    tried.won(By::Listener, seen, seen);
                    return (era, tried);
                }
                Err(now) => {
                    tried.lost(By::Listener, seen, seen);
                    seen = now;
                }
            }
        }
    }

    fn swap(&self, seen: Word, next: Word) -> Result<Word, Word> {
        // Release, edge `report -> admit`: pairs with the Acquire in `load` and
        // with both of these. Acquire on success, the same edge: the word may
        // have gone and come back (a probe issued and given back) since it was
        // loaded, and the caller is admitted after that report too. Acquire on
        // failure, the same edge: the next step decides by what it sees here.
        let swap = self.word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire);
        #[cfg(any(ampacity_loom, ampacity_shuttle))]
        let swap = self.sabotaged(swap, seen, next);
        swap
    }

    /// Takes a lost swap for a won one, where a canary says so.
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    fn sabotaged(&self, swap: Result<Word, Word>, seen: Word, next: Word) -> Result<Word, Word> {
        let blind = match (seen.state(), next.state()) {
            (State::Open, State::HalfOpen) => Bug::BlindHalfOpen,
            (State::Closed, State::Open) => Bug::BlindTrip,
            (State::Closed, State::Closed) => Bug::BlindStreak,
            (State::HalfOpen, State::Closed) => Bug::BlindClose,
            (State::HalfOpen, State::Open) => Bug::BlindReopen,
            (_, State::ForcedOpen | State::Disabled | State::MetricsOnly) => Bug::BlindManual,
            _ => {
                return swap.or_else(|now| if planted(Bug::NoRetry) { Ok(now) } else { Err(now) });
            }
        };
        match swap {
            Err(_) if planted(blind) => {
                self.word.store(next, Ordering::Release);
                Ok(next)
            }
            Err(now) if planted(Bug::NoRetry) => Ok(now),
            swap => swap,
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests;
