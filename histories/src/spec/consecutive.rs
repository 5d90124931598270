//! Opening by failures in a row, and everything that follows.

use ampacity::{Builder, CircuitBreaker, Reason, State, Timing};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What can be set. Times are in ms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rules {
    pub failure_threshold: u64,
    pub open_for: u64,
    /// By how much each wait is longer than the one before, and the longest.
    pub backoff: (u64, u64),
    pub longest_given: u64,
    pub verdict: Verdict,
    pub permits: u64,
    pub lease: u64,
    #[serde(with = "crate::names::limit")]
    pub limit: Option<(u64, State)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Verdict {
    Successes(u64),
    /// The percentage of probes that must fail.
    Share(u64),
}

impl Rules {
    pub fn settings(self, name: &'static str) -> Builder {
        let ms = Duration::from_millis;
        let (factor, cap) = self.backoff;
        let mut builder = CircuitBreaker::builder(name)
            .failure_threshold(self.failure_threshold as u32)
            .open_for(ms(self.open_for))
            .backoff(factor as f64, ms(cap))
            .longest_given_wait(ms(self.longest_given))
            .half_open_permits(self.permits as u32)
            .probe_lease(ms(self.lease))
            .timing(Timing::Off);
        builder = match self.verdict {
            Verdict::Successes(needed) => builder.success_threshold(needed as u32),
            Verdict::Share(percent) => builder.half_open_failure_rate(percent as f64 / 100.0),
        };
        match self.limit {
            Some((limit, then)) => builder.half_open_limit(ms(limit), then),
            None => builder,
        }
    }

    /// The wait of the `nth` opening in a row.
    pub fn wait(&self, nth: u32) -> u64 {
        let (factor, cap) = self.backoff;
        (1..nth).fold(self.open_for, |wait, _| (wait * factor).min(cap))
    }

    pub fn lease(&self, lapsed: u32) -> u64 {
        (self.lease << lapsed.min(30)).min(self.lease.max(3_600_000))
    }

    /// How many probes must fail to reopen, and how many must pass to close.
    pub fn verdict(&self) -> (u64, u64) {
        match self.verdict {
            Verdict::Successes(needed) => (1, needed),
            Verdict::Share(percent) => {
                let reopens = |failed: &u64| failed * 100 >= percent * self.permits;
                let fail = (1..).find(reopens).unwrap_or_default();
                (fail, self.permits - fail + 1)
            }
        }
    }
}

/// What a breaker is, one operation at a time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Model {
    pub rules: Rules,
    pub now: u64,
    pub era: u64,
    pub phase: Phase,
    /// The last transition: from, to, why.
    #[serde(skip)]
    pub told: Option<(State, State, String)>,
    pub admitted: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub neutral: u64,
    pub stale: u64,
    pub rejected: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Phase {
    Closed {
        streak: u64,
    },
    Open {
        deadline: u64,
        opens: u32,
    },
    HalfOpen(Spell),
    /// Reported: it would be open, and says so no more until it has fallen below.
    MetricsOnly {
        streak: u64,
        reported: bool,
    },
    ByHand(#[serde(with = "crate::names::state")] State),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Spell {
    pub issued: u64,
    pub passed: u64,
    pub failed: u64,
    pub began: u64,
    pub lapsed: u32,
    pub opens: u32,
}

impl Spell {
    pub fn has_probes_out(&self) -> bool {
        self.issued > self.passed + self.failed
    }
}

/// What a call finds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Finds {
    Pass,
    /// A spell begins, for the wait or a lease is over; the other lapsed in vain.
    NewSpell {
        lapsed: u32,
        opens: u32,
    },
    Probe,
    /// It has been half-open for too long.
    TooLong(State),
    Refused(Reason, Option<u64>),
}

pub const CLOSED: Phase = Phase::Closed { streak: 0 };

impl Model {
    pub fn new(rules: Rules, now: u64) -> Self {
        Model {
            rules,
            now,
            era: 0,
            phase: CLOSED,
            told: None,
            admitted: 0,
            succeeded: 0,
            failed: 0,
            neutral: 0,
            stale: 0,
            rejected: 0,
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

    pub fn state(&self) -> State {
        match (self.phase, self.finds()) {
            (Phase::Open { .. }, Finds::NewSpell { .. }) => State::HalfOpen,
            (_, Finds::TooLong(then)) => then,
            _ => self.bare_state(),
        }
    }

    pub fn opens(&self) -> u32 {
        match self.phase {
            Phase::Open { opens, .. } | Phase::HalfOpen(Spell { opens, .. }) => opens,
            _ => 0,
        }
    }

    pub fn streak(&self) -> u64 {
        match self.phase {
            Phase::Closed { streak } | Phase::MetricsOnly { streak, .. } => streak,
            _ => 0,
        }
    }

    pub fn turn(&mut self, phase: Phase, cause: impl Into<String>) {
        let from = self.bare_state();
        self.phase = phase;
        self.era += 1;
        self.told = Some((from, self.bare_state(), cause.into()));
    }

    pub fn open(&mut self, given: Option<u64>, cause: impl Into<String>) {
        let opens = self.opens() + 1;
        let wait = match given {
            Some(given) => given.min(self.rules.longest_given),
            None => self.rules.wait(opens),
        };
        self.turn(Phase::Open { deadline: self.now + wait, opens }, cause);
    }

    pub fn finds(&self) -> Finds {
        let now = self.now;
        match self.phase {
            Phase::Closed { .. } | Phase::MetricsOnly { .. } => Finds::Pass,
            Phase::ByHand(State::ForcedOpen) => Finds::Refused(Reason::ForcedOpen, None),
            Phase::ByHand(_) => Finds::Pass,
            Phase::Open { deadline, opens } if now >= deadline => {
                Finds::NewSpell { lapsed: 0, opens }
            }
            Phase::Open { deadline, .. } => Finds::Refused(Reason::Open, Some(deadline - now)),
            Phase::HalfOpen(spell) => self.finds_in(spell),
        }
    }

    pub fn finds_in(&self, spell: Spell) -> Finds {
        let Spell { began, lapsed, opens, .. } = spell;
        let mut limit_end = u64::MAX;
        if let Some((limit, then)) = self.rules.limit {
            // Spells that lapsed took their leases of it.
            let gone: u64 = (0..lapsed).map(|nth| self.rules.lease(nth)).sum();
            limit_end = began + limit.saturating_sub(gone);
            if self.now >= limit_end {
                return Finds::TooLong(then);
            }
        }
        let lease_end = began + self.rules.lease(lapsed);
        match spell.has_probes_out() {
            true if self.now >= lease_end => Finds::NewSpell { lapsed: lapsed + 1, opens },
            true if spell.issued >= self.rules.permits => {
                Finds::Refused(Reason::HalfOpenFull, Some(lease_end.min(limit_end) - self.now))
            }
            _ => Finds::Probe,
        }
    }

    pub fn would_admit(&self) -> bool {
        !matches!(self.finds(), Finds::Refused(..) | Finds::TooLong(State::Open))
    }

    /// The era of the permit, or why there is none and how long to wait.
    pub fn acquire(&mut self) -> Result<u64, (Reason, Option<u64>)> {
        match (self.finds(), &mut self.phase) {
            (Finds::Refused(reason, wait), _) => {
                self.rejected += 1;
                return Err((reason, wait));
            }
            (Finds::TooLong(State::Open), _) => {
                self.open(None, "it was half-open for as long as it may be");
                self.rejected += 1;
                return Err((Reason::Open, Some(self.rules.wait(self.opens()))));
            }
            (Finds::TooLong(_), _) => {
                self.turn(CLOSED, "it was half-open for as long as it may be")
            }
            (Finds::NewSpell { lapsed, opens }, phase) => {
                let cause = match phase {
                    Phase::Open { .. } => "the open wait is over",
                    _ => "the lease of its probes is over",
                };
                let began = self.now;
                let spell = Spell { issued: 1, passed: 0, failed: 0, began, lapsed, opens };
                self.turn(Phase::HalfOpen(spell), cause);
            }
            (Finds::Probe, Phase::HalfOpen(spell)) => spell.issued += 1,
            _ => {}
        }
        self.admitted += 1;
        Ok(self.era)
    }

    pub fn settle(&mut self, era: u64, end: End) {
        match end {
            End::Success => self.succeeded += 1,
            End::Failure | End::OpenFor(_) => self.failed += 1,
            End::Ignore | End::Drop => self.neutral += 1,
        }
        if era != self.era {
            self.stale += 1;
            return;
        }
        match end {
            End::Success => self.succeed(),
            End::OpenFor(0) | End::Failure => self.fail(None),
            End::OpenFor(wait) => self.fail(Some(wait)),
            End::Ignore | End::Drop => {
                if let Phase::HalfOpen(spell) = &mut self.phase {
                    spell.issued -= 1;
                }
            }
        }
    }

    pub fn succeed(&mut self) {
        let (_, pass) = self.rules.verdict();
        match &mut self.phase {
            Phase::Closed { streak } => *streak = 0,
            Phase::MetricsOnly { streak, reported } => (*streak, *reported) = (0, false),
            Phase::HalfOpen(spell) => {
                spell.passed += 1;
                let passed = spell.passed;
                if passed >= pass {
                    self.turn(CLOSED, probes(passed, "succeeded"));
                }
            }
            _ => {}
        }
    }

    /// A failure, which may say for how long to stay away.
    pub fn fail(&mut self, given: Option<u64>) {
        let (fail, _) = self.rules.verdict();
        let asks = given.map(|wait| {
            format!("a result asked to stay away for {:?}", Duration::from_millis(wait))
        });
        match &mut self.phase {
            Phase::Closed { streak } => {
                *streak += 1;
                let streak = *streak;
                if asks.is_some() || streak >= self.rules.failure_threshold {
                    self.open(given, asks.unwrap_or_else(|| in_a_row(streak)));
                }
            }
            Phase::HalfOpen(spell) => {
                spell.failed += 1;
                let failed = spell.failed;
                if asks.is_some() || failed >= fail {
                    self.open(given, asks.unwrap_or_else(|| probes(failed, "failed")));
                }
            }
            Phase::MetricsOnly { streak, reported } => {
                *streak += 1;
                let (streak, was_reported) = (*streak, *reported);
                *reported = asks.is_some() || streak >= self.rules.failure_threshold;
                if *reported && !was_reported {
                    let phase = self.phase;
                    self.turn(phase, asks.unwrap_or_else(|| in_a_row(streak)));
                }
            }
            _ => {}
        }
    }

    pub fn order(&mut self, order: Order) {
        let is = self.bare_state();
        match order {
            Order::Reset => {
                self.admitted -= self.succeeded + self.failed + self.neutral;
                (self.succeeded, self.failed, self.neutral) = (0, 0, 0);
                (self.stale, self.rejected) = (0, 0);
                self.turn(CLOSED, "reset by hand");
            }
            Order::Close if self.phase != CLOSED => self.turn(CLOSED, "closed by hand"),
            Order::Trip => match self.phase {
                Phase::Open { deadline, .. } if self.now < deadline => {}
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
}

fn in_a_row(failures: u64) -> String {
    match failures {
        1 => "1 failure".to_owned(),
        failures => format!("{failures} failures in a row"),
    }
}

fn probes(number: u64, ended: &str) -> String {
    match (number, ended) {
        (1, "failed") => "a probe failed".to_owned(),
        (1, _) => format!("1 probe {ended}"),
        _ => format!("{number} probes {ended}"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum End {
    Success,
    Failure,
    /// A failure that says for how long, in ms; no time is a failure like any other.
    OpenFor(u64),
    Ignore,
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Order {
    Reset,
    Close,
    Trip,
    ForceOpen,
    Disable,
    MetricsOnly,
}
