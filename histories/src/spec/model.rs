//! A breaker, one operation at a time: who is admitted, and what an order does. What an
//! outcome does is in `settle`.

use super::counts::{Counts, Latencies};
use super::rules::{Rules, SLOW_OVER, TICK};
use super::window::{Figures, SavedWindow, Window};
use ampacity::{Reason, State};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a breaker is. Times are in ns, but for those that say that they are ticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    /// What is set.
    pub rules: Rules,
    /// What the clock shows.
    pub now: u64,
    /// How many transitions there were.
    pub era: u64,
    /// The state, and what belongs to it.
    pub phase: Phase,
    /// Results of any kind are judged, because a share lacks nothing but calls, or because
    /// the settings have changed.
    pub armed: bool,
    /// What is judged by its recent past.
    pub window: Option<Window>,
    /// Since the beginning.
    pub counts: Counts,
    /// What of `counts` the last reset has taken away.
    pub before_reset: Counts,
    /// Transitions, by where from and where to.
    pub edges: BTreeMap<(&'static str, &'static str), u64>,
    /// The tick of the last transition.
    pub turned_at: Option<u64>,
    /// Transitions that nobody has asked for yet.
    pub untold: VecDeque<Turn>,
    /// Of successes, and of failures.
    pub latencies: [Latencies; 2],
    /// Calls that are counted as in flight: their eras, their beginnings, and by whom.
    pub(super) running: BTreeMap<u64, (u64, u64, u64)>,
    /// Who counts calls in flight: another after each change that begins anew.
    pub(super) flight: u64,
    /// When somebody last looked for calls that hang, in ticks.
    looked: Option<u64>,
}

/// A transition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Its number.
    pub era: u64,
    /// Where from.
    pub from: State,
    /// Where to.
    pub to: State,
    /// Why, in words.
    pub cause: String,
    /// When.
    pub at: u64,
}

/// The state, and what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// With so many failures in a row.
    Closed {
        /// The failures.
        streak: u64,
    },
    /// Turns calls away.
    Open {
        /// From this tick on it may probe; nothing is never.
        deadline: Option<u64>,
        /// How often in a row it has opened.
        opens: u32,
    },
    /// Probes.
    HalfOpen(Spell),
    /// Reported: it would be open, and says so no more until it has fallen below.
    MetricsOnly {
        /// Failures in a row.
        streak: u64,
        /// Whether it has said so.
        reported: bool,
    },
    /// Forced open, or disabled.
    ByHand(State),
}

/// One stay in half-open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spell {
    /// Probes handed out and not given back.
    pub issued: u64,
    /// Those of them that succeeded.
    pub passed: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// The tick it began in.
    pub began: u64,
    /// How many before it ended in vain.
    pub lapsed: u32,
    /// How often in a row the breaker has opened.
    pub opens: u32,
}

impl Spell {
    /// Whether it waits for any.
    pub fn has_probes_out(&self) -> bool {
        self.issued > self.passed + self.failed
    }
}

/// What a call finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Finds {
    Pass,
    /// A spell begins, for the wait or a lease is over; so many before it in vain.
    NewSpell {
        lapsed: u32,
        opens: u32,
    },
    Probe,
    /// It has been half-open for too long.
    TooLong(State),
    Refused(Reason, Option<Duration>),
}

/// What a call that is admitted takes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The number of the call.
    pub call: u64,
    /// The era it was admitted in.
    pub era: u64,
    /// Whether it is a probe.
    pub is_probe: bool,
    /// Whether its result is recorded.
    pub(super) is_judged: bool,
    /// When it began, if it is timed.
    pub(super) began: Option<u64>,
}

/// What becomes of a call that asks to be admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It may go.
    Passes(Pass),
    /// It is turned away, for that long.
    Refused(Reason, Option<Duration>),
    /// Calls that hang have made the breaker change: once that is told, it asks again.
    Again,
}

/// What is saved of a breaker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved {
    phase: Phase,
    opens: u32,
    /// Of an open one: what is left of its wait, unless that is never.
    wait: Option<u64>,
    window: Option<SavedWindow>,
}

/// What a person orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Order {
    Reset,
    Close,
    Trip,
    ForceOpen,
    Disable,
    MetricsOnly,
}

const CLOSED: Phase = Phase::Closed { streak: 0 };

impl Model {
    /// One that is closed.
    pub fn new(rules: Rules, now: u64) -> Self {
        Model {
            window: rules.judge.map(Window::new),
            rules,
            now,
            era: 0,
            phase: CLOSED,
            armed: false,
            counts: Counts::default(),
            before_reset: Counts::default(),
            edges: BTreeMap::new(),
            turned_at: None,
            untold: VecDeque::new(),
            latencies: Default::default(),
            running: BTreeMap::new(),
            flight: 0,
            looked: None,
        }
    }

    /// The state without a look at the clock.
    pub fn bare_state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
            Phase::MetricsOnly { .. } => State::MetricsOnly,
            Phase::ByHand(state) => state,
        }
    }

    /// The state.
    pub fn state(&self) -> State {
        match (self.phase, self.finds()) {
            (Phase::Open { .. }, Finds::NewSpell { .. }) => State::HalfOpen,
            (_, Finds::TooLong(then)) => then,
            _ => self.bare_state(),
        }
    }

    /// How often in a row it has opened.
    pub fn opens(&self) -> u32 {
        match self.phase {
            Phase::Open { opens, .. } | Phase::HalfOpen(Spell { opens, .. }) => opens,
            _ => 0,
        }
    }

    /// Failures in a row.
    pub fn streak(&self) -> u64 {
        match self.phase {
            Phase::Closed { streak } | Phase::MetricsOnly { streak, .. } => streak,
            _ => 0,
        }
    }

    /// Whether results are recorded.
    pub fn is_judged(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. } | Phase::MetricsOnly { .. })
    }

    /// What a snapshot shows of the window.
    pub fn figures(&self) -> Figures {
        match &self.window {
            Some(window) if self.is_judged() => {
                window.figures(self.now).with_hanging(self.hanging())
            }
            Some(window) => window.kept(),
            None => Figures::default(),
        }
    }

    /// How many calls of this era are in flight for longer than calls should take.
    pub(super) fn hanging(&self) -> u64 {
        if !self.rules.judge.is_some_and(|judge| judge.in_flight) {
            return 0;
        }
        let hangs = |&&(era, began, flight): &&(u64, u64, u64)| {
            (era, flight) == (self.era, self.flight) && self.now.saturating_sub(began) > SLOW_OVER
        };
        self.running.values().filter(hangs).count() as u64
    }

    pub(super) fn turn(&mut self, phase: Phase, cause: impl Into<String>) {
        let from = self.bare_state();
        self.phase = phase;
        self.armed = false;
        self.era += 1;
        self.turned_at = Some(self.now.div_ceil(TICK));
        if let Some(window) = &mut self.window {
            window.turn();
        }
        let (era, to, at) = (self.era, self.bare_state(), self.now);
        *self.edges.entry((from.as_str(), to.as_str())).or_default() += 1;
        self.untold.push_back(Turn { era, from, to, cause: cause.into(), at });
    }

    pub(super) fn open(&mut self, given: Option<u64>, cause: impl Into<String>) {
        let opens = self.opens() + 1;
        let wait = match given {
            Some(given) => Some(given.min(self.rules.longest_given)),
            None => self.rules.wait(opens),
        };
        let deadline = wait.map(|wait| (self.now + wait).div_ceil(TICK));
        self.turn(Phase::Open { deadline, opens }, cause);
    }

    fn until(&self, tick: u64) -> Duration {
        Duration::from_nanos((tick * TICK).saturating_sub(self.now))
    }

    fn finds(&self) -> Finds {
        match self.phase {
            Phase::Closed { .. } | Phase::MetricsOnly { .. } => Finds::Pass,
            Phase::ByHand(State::ForcedOpen) => Finds::Refused(Reason::ForcedOpen, None),
            Phase::ByHand(_) => Finds::Pass,
            Phase::Open { deadline: None, .. } => Finds::Refused(Reason::Open, Some(Duration::MAX)),
            Phase::Open { deadline: Some(deadline), opens } if self.now / TICK >= deadline => {
                Finds::NewSpell { lapsed: 0, opens }
            }
            Phase::Open { deadline: Some(deadline), .. } => {
                Finds::Refused(Reason::Open, Some(self.until(deadline)))
            }
            Phase::HalfOpen(spell) => self.finds_in(spell),
        }
    }

    fn finds_in(&self, spell: Spell) -> Finds {
        let Spell { began, lapsed, opens, .. } = spell;
        let tick = self.now / TICK;
        let mut limit_end = u64::MAX;
        if let Some((limit, then)) = self.rules.limit {
            // Spells that lapsed took their leases of it.
            let gone: u64 = (0..lapsed).map(|nth| self.rules.lease_ticks(nth)).sum();
            limit_end = began + limit.div_ceil(TICK).saturating_sub(gone);
            if tick >= limit_end {
                return Finds::TooLong(then);
            }
        }
        let lease_end = began + self.rules.lease_ticks(lapsed);
        match spell.has_probes_out() {
            true if tick >= lease_end => Finds::NewSpell { lapsed: lapsed + 1, opens },
            true if spell.issued >= self.rules.permits => {
                Finds::Refused(Reason::HalfOpenFull, Some(self.until(lease_end.min(limit_end))))
            }
            _ => Finds::Probe,
        }
    }

    /// Whether a call would be let through.
    pub fn would_admit(&self) -> bool {
        !matches!(self.finds(), Finds::Refused(..) | Finds::TooLong(State::Open))
    }

    /// A call asks to be let through.
    pub fn acquire(&mut self) -> Asked {
        if self.gives_way() {
            return Asked::Again;
        }
        match (self.finds(), &mut self.phase) {
            (Finds::Refused(reason, wait), _) => return self.refused(reason, wait),
            (Finds::TooLong(State::Open), _) => {
                self.open(None, "it was half-open for as long as it may be");
                let Phase::Open { deadline, .. } = self.phase else { unreachable!("it opens") };
                let wait = deadline.map_or(Duration::MAX, |deadline| self.until(deadline));
                return self.refused(Reason::Open, Some(wait));
            }
            (Finds::TooLong(_), _) => {
                self.turn(CLOSED, "it was half-open for as long as it may be");
            }
            (Finds::NewSpell { lapsed, opens }, phase) => {
                let cause = match phase {
                    Phase::Open { .. } => "the open wait is over",
                    _ => "the lease of its probes is over",
                };
                let began = self.now.div_ceil(TICK);
                let spell = Spell { issued: 1, passed: 0, failed: 0, began, lapsed, opens };
                self.turn(Phase::HalfOpen(spell), cause);
            }
            (Finds::Probe, Phase::HalfOpen(spell)) => spell.issued += 1,
            _ => {}
        }
        self.counts.admitted += 1;
        let (call, era, is_judged) = (self.counts.admitted, self.era, self.is_judged());
        let began = self.rules.times_calls().then_some(self.now);
        if is_judged && self.rules.judge.is_some_and(|judge| judge.in_flight) {
            self.running.insert(call, (era, self.now, self.flight));
        }
        let is_probe = matches!(self.phase, Phase::HalfOpen(_));
        Asked::Passes(Pass { call, era, is_probe, is_judged, began })
    }

    fn refused(&mut self, reason: Reason, wait: Option<Duration>) -> Asked {
        self.counts.reject(reason);
        Asked::Refused(reason, wait)
    }

    /// Whether calls that hang have just made the breaker change. Looked for once in a tick,
    /// and left to the next result if results alone suffice.
    fn gives_way(&mut self) -> bool {
        let tick = self.now / TICK;
        let counts = self.rules.judge.is_some_and(|judge| judge.in_flight);
        if !counts || !self.is_judged() || self.looked == Some(tick) {
            return false;
        }
        self.looked = Some(tick);
        let (now, hanging) = (self.now, self.hanging());
        let Some(window) = self.window.as_ref().filter(|_| hanging > 0) else { return false };
        if window.results_suffice(now) {
            return false;
        }
        let finding = window.look(true, hanging, now);
        // Failures in a row wait for the next one, unless they are reported.
        let reported = matches!(self.phase, Phase::MetricsOnly { reported: true, .. });
        let threshold = self.rules.streak.filter(|_| reported);
        let era = self.era;
        self.judge(threshold, self.streak(), None, finding);
        self.era != era
    }

    /// A person orders something.
    pub fn order(&mut self, order: Order) {
        let is = self.bare_state();
        let is_blank = self.streak() == 0 && self.figures().calls == 0;
        match order {
            Order::Reset => {
                self.before_reset = self.counts;
                self.before_reset.admitted = self.counts.settled();
                self.turn(CLOSED, "reset by hand");
            }
            Order::Close if is != State::Closed || !is_blank => {
                self.turn(CLOSED, "closed by hand");
            }
            Order::Trip => match self.phase {
                Phase::Open { deadline, .. }
                    if deadline.is_none_or(|deadline| self.now / TICK < deadline) => {}
                _ => self.open(None, "tripped by hand"),
            },
            Order::ForceOpen if is != State::ForcedOpen => {
                self.turn(Phase::ByHand(State::ForcedOpen), "forced open by hand");
            }
            Order::Disable if is != State::Disabled => {
                self.turn(Phase::ByHand(State::Disabled), "disabled by hand");
            }
            Order::MetricsOnly if is != State::MetricsOnly => {
                let fresh = Phase::MetricsOnly { streak: 0, reported: false };
                self.turn(fresh, "set to metrics only by hand");
            }
            _ => {}
        }
    }

    /// New settings: the state stays, and what there is room for in the new window.
    pub fn reconfigure(&mut self, rules: Rules) {
        let in_flight = |rules: &Rules| rules.judge.is_some_and(|judge| judge.in_flight);
        if !in_flight(&self.rules) || !in_flight(&rules) {
            (self.flight, self.looked) = (self.flight + 1, None);
        }
        self.window = match (self.window.take(), rules.judge) {
            (Some(mut window), Some(judge)) => {
                window.change(judge, self.now);
                Some(window)
            }
            (None, judge) => judge.map(Window::new),
            (_, None) => None,
        };
        self.rules = rules;
        self.armed |= self.window.is_some() && self.is_judged();
    }

    /// What is saved.
    pub fn save(&self) -> Saved {
        let wait = match self.phase {
            Phase::Open { deadline: Some(deadline), .. } => {
                Some((deadline * TICK).saturating_sub(self.now))
            }
            _ => None,
        };
        let window = self.window.as_ref().filter(|_| self.is_judged());
        let window = window.map(|window| window.save(self.now));
        Saved { phase: self.phase, opens: self.opens(), wait, window }
    }

    /// Goes on from what was saved: a half-open breaker is open and due.
    pub fn restore(&mut self, saved: &Saved) {
        let streak = |streak| if self.rules.streak.is_some() { streak } else { 0 };
        let opens = saved.opens;
        let phase = match saved.phase {
            Phase::Closed { streak: saved } => Phase::Closed { streak: streak(saved) },
            Phase::MetricsOnly { streak: saved, .. } => {
                Phase::MetricsOnly { streak: streak(saved), reported: false }
            }
            Phase::HalfOpen(_) => Phase::Open { deadline: Some(0), opens },
            Phase::Open { .. } => {
                let at = |wait: u64| if wait == 0 { 0 } else { (self.now + wait).div_ceil(TICK) };
                Phase::Open { deadline: saved.wait.map(at), opens }
            }
            by_hand => by_hand,
        };
        self.turn(phase, "restored from what was saved");
        if let (Some(window), Some(saved)) = (&mut self.window, &saved.window) {
            self.armed = window.restore(saved, self.now);
        }
    }
}
