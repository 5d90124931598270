//! Opening by failures in a row: every answer and every effect is exact, under any
//! contention. The one choice is the time that an operation read.

use super::{Model, View};
use crate::history::{Answer, Call, Rest, Wait};
use crate::spec::consecutive::{self, Phase, Rules};
use ampacity::{Reason, State};
use serde::{Deserialize, Serialize};

/// A breaker of failures in a row.
///
/// The totals of the sequential model are zero here: who was admitted, turned away and
/// settled follows from the answers alone, whatever the order. Only how many settled too late
/// depends on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Streak {
    pub(super) model: consecutive::Model,
    pub(super) stale: u64,
}

impl Streak {
    /// What is set.
    pub fn rules(&self) -> Rules {
        self.model.rules
    }

    pub(super) fn new(rules: Rules, now: u64) -> Self {
        Streak { model: consecutive::Model::new(rules, now), stale: 0 }
    }

    /// The model, with its clock at `time`, does `act`; what it is then.
    fn then<T>(&self, time: u64, act: impl FnOnce(&mut consecutive::Model) -> T) -> (T, Streak) {
        let mut next = self.clone();
        let model = &mut next.model;
        model.now = time;
        let out = act(model);
        next.stale += model.stale;
        model.stale = 0;
        (model.admitted, model.succeeded, model.failed) = (0, 0, 0);
        (model.neutral, model.rejected) = (0, 0);
        model.told = None;
        if model.era == self.model.era {
            // Nothing that this time could be told by has been left behind.
            model.now = self.model.now;
        }
        (out, next)
    }

    pub(super) fn after(&self, call: &Call, view: View<'_>, into: &mut Vec<Model>) {
        // Every change follows a look at the clock that follows the change before it.
        for &time in view.times.iter().filter(|time| **time >= self.model.now) {
            let next = match *call {
                Call::Acquire(answer) => {
                    let (got, next) = self.then(time, consecutive::Model::acquire);
                    agrees(answer, got, &next.model).then_some(next)
                }
                // No probe of this spell is out: it cannot come back.
                Call::Settle { era, .. } if era == self.model.era && self.has_none_out() => None,
                Call::Settle { era, end } => {
                    (era <= self.model.era).then(|| self.then(time, |m| m.settle(era, end)).1)
                }
                Call::Order(order) => Some(self.then(time, |model| model.order(order)).1),
                Call::State(state) => (self.at(time).state() == state).then(|| self.clone()),
                Call::WouldAdmit(would) => {
                    (self.at(time).would_admit() == would).then(|| self.clone())
                }
                Call::Era(era) => (self.model.era == era).then(|| self.clone()),
                Call::Glance { era, streak } => {
                    let is_so = (era, streak) == (self.model.era, self.model.streak());
                    is_so.then(|| self.clone())
                }
                Call::Rest(rest) => (self.rest(time) == rest).then(|| self.clone()),
                Call::Clock(_) => None, // no step of a breaker's
            };
            let Some(next) = next.map(Model::Streak) else { continue };
            if !into.contains(&next) {
                into.push(next);
            }
        }
    }

    fn has_none_out(&self) -> bool {
        matches!(self.model.phase, Phase::HalfOpen(spell) if !spell.has_probes_out())
    }

    fn at(&self, time: u64) -> consecutive::Model {
        consecutive::Model { now: time, ..self.model.clone() }
    }

    fn rest(&self, time: u64) -> Rest {
        Rest {
            state: self.at(time).state(),
            era: self.model.era,
            streak: self.model.streak(),
            opens: self.model.opens().into(),
            stale: self.stale,
        }
    }

    pub(super) fn admits_as(&self) -> Option<bool> {
        match self.model.phase {
            Phase::HalfOpen(_) => Some(true),
            Phase::Open { .. } | Phase::ByHand(State::ForcedOpen) => None,
            _ => Some(false),
        }
    }

    pub(super) fn never_changes(&self, call: &Call) -> bool {
        let limit = self.model.rules.limit;
        let may_open = matches!(limit, Some((_, State::Open)));
        let may_close = matches!(limit, Some((_, State::Closed)));
        match *call {
            // Unless the refusal is itself the end of a spell that took too long.
            Call::Acquire(Answer::Refused { reason, .. }) => reason != Reason::Open || !may_open,
            // Unless it is the end of a spell that took too long, and begins the next era.
            Call::Acquire(Answer::Admitted { probe, .. }) => !probe && !may_close,
            Call::Settle { .. } | Call::Order(_) => false,
            _ => true,
        }
    }

    pub(super) fn says(&self, call: &Call) -> String {
        let time = self.model.now;
        match *call {
            Call::Acquire(_) => {
                let (got, next) = self.then(time, consecutive::Model::acquire);
                let is_probe = matches!(next.model.phase, Phase::HalfOpen(_));
                match got {
                    Ok(era) if is_probe => format!("a probe of era {era}"),
                    Ok(era) => format!("a permit of era {era}"),
                    Err((reason, None)) => format!("{}, without a wait", reason.as_str()),
                    Err((reason, Some(ms))) => format!("{} for {ms} ms", reason.as_str()),
                }
            }
            Call::Settle { era, .. } if era == self.model.era => "that none is out".to_owned(),
            Call::Settle { .. } => "that no such era has begun".to_owned(),
            Call::State(_) => self.at(time).state().as_str().to_owned(),
            Call::WouldAdmit(_) => self.at(time).would_admit().to_string(),
            Call::Era(_) => format!("era {}", self.model.era),
            Call::Glance { .. } => {
                format!("era {} and a streak of {}", self.model.era, self.model.streak())
            }
            Call::Rest(_) => format!("{:?}", self.rest(time)),
            Call::Order(_) | Call::Clock(_) => "nothing: it is always possible".to_owned(),
        }
    }

    pub(super) fn describe(&self) -> String {
        let consecutive::Model { era, now, phase, .. } = &self.model;
        format!("era {era}, {phase:?}, {} settled too late, clock at {now} ms", self.stale)
    }
}

/// Whether the model's answer is the one that was recorded.
fn agrees(
    answer: Answer,
    got: Result<u64, (Reason, Option<u64>)>,
    after: &consecutive::Model,
) -> bool {
    match (answer, got) {
        (Answer::Admitted { era, probe }, Ok(got)) => {
            era == got && probe == matches!(after.phase, Phase::HalfOpen(_))
        }
        (Answer::Refused { reason, wait }, Err((got, ms))) => {
            let is_so = match (wait, ms) {
                (Wait::Unseen, _) | (Wait::Unsaid, None) => true,
                (Wait::Nanos(nanos), Some(ms)) => nanos == ms.saturating_mul(1_000_000),
                _ => false,
            };
            reason == got && is_so
        }
        _ => false,
    }
}
