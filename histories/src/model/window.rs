//! Opening by the failure rate of the last calls: exact where nothing else is being settled,
//! and otherwise within what the contract allows.
//!
//! A result is put in the window, the window is looked at, and the word is swapped: three
//! steps. In one thread the trip is on the very call that reaches it. Under contention it
//! may be late "by at most the failures settled while an evaluation runs, seen at the latest
//! by the next failure", and an evaluation sees of the results beside it some and not others.
//! So here:
//!
//! * a result that overlaps another may fail to trip though the window is at its threshold;
//! * one that overlaps others may trip if any choice of them, present or not yet, reaches
//!   the threshold with it;
//! * a failure that overlaps no other result must trip exactly where the window says so: it
//!   is the "next failure" that sees what was missed. That is the bound, and it is strict:
//!   each failure that came too late overlapped a result whose evaluation ran.
//! * after results that overlapped, a success that overlaps none may see what they missed,
//!   and does not have to.

use super::{Model, View};
use crate::history::{Answer, Call, Rest, Wait};
use crate::spec::consecutive::{End, Order};
use crate::spec::windows::{self, Figures, Rules, Shape};
use ampacity::{Reason, State};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A breaker of a failure rate.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Window {
    pub(super) model: windows::Model,
    /// Which operation each result in the window is of, the oldest first; those of an
    /// earlier history have the number of none.
    pub(super) by: VecDeque<u32>,
    /// Results overlapped in this era, and no failure has been judged alone since.
    is_murky: bool,
    pub(super) stale: u64,
}

const NOBODY: u32 = u32::MAX;

/// Whether the model has such a call: it has no half-open, and no orders that lead on.
pub(super) fn knows(call: &Call) -> bool {
    match call {
        Call::Settle { end, .. } => !matches!(end, End::OpenFor(_)),
        Call::Order(order) => matches!(order, Order::Reset | Order::Close | Order::Trip),
        Call::Glance { .. } => false,
        _ => true,
    }
}

pub(super) fn never_changes(call: &Call) -> bool {
    !matches!(call, Call::Settle { .. } | Call::Order(_))
}

impl Window {
    /// What is set.
    pub fn rules(&self) -> Rules {
        self.model.rules
    }

    pub(super) fn new(rules: Rules, now: u64) -> Self {
        let model = windows::Model { now, ..windows::Model::new(rules) };
        Window { model, by: VecDeque::new(), is_murky: false, stale: 0 }
    }

    /// Begins a new history.
    pub(super) fn forget(&mut self) {
        self.by.iter_mut().for_each(|by| *by = NOBODY);
    }

    pub(super) fn after(&self, call: &Call, view: View<'_>, into: &mut Vec<Model>) {
        let mut add = |next: Window| {
            let next = Model::Window(next);
            if !into.contains(&next) {
                into.push(next);
            }
        };
        match *call {
            Call::Settle { era, .. } if era < self.model.era => {
                add(Window { stale: self.stale + 1, ..self.clone() });
            }
            Call::Settle { era, .. } if era > self.model.era => {}
            Call::Settle { end, .. } => self.settled(end, view, &mut add),
            Call::Order(order) => self.ordered(order, view, &mut add),
            _ if self.is_so(call) => add(self.clone()),
            _ => {}
        }
    }

    fn is_so(&self, call: &Call) -> bool {
        let windows::Model { era, state, .. } = self.model;
        match *call {
            Call::Acquire(answer) => answer == self.answer(),
            Call::State(seen) => seen == state,
            Call::WouldAdmit(would) => would == (state != State::Open),
            Call::Era(seen) => seen == era,
            Call::Rest(rest) => rest == self.rest(rest.opens),
            _ => false,
        }
    }

    fn answer(&self) -> Answer {
        match self.model.state {
            State::Open => Answer::Refused { reason: Reason::Open, wait: Wait::Nanos(u64::MAX) },
            _ => Answer::Admitted { era: self.model.era, probe: false },
        }
    }

    /// Of openings in a row this model knows nothing.
    fn rest(&self, opens: u64) -> Rest {
        let windows::Model { era, state, streak, .. } = self.model;
        Rest { state, era, streak, opens, stale: self.stale }
    }

    fn settled(&self, end: End, view: View<'_>, add: &mut impl FnMut(Window)) {
        let failed = match end {
            End::Success => false,
            End::Failure => true,
            _ => return add(self.clone()), // in no window
        };
        let mut stays = self.clone();
        stays.put(failed, view.place);
        if view.beside.of_era(self.model.era) != (0, 0) {
            stays.is_murky = true;
            add(stays);
            if self.may_reach(failed, view) {
                add(self.turned(State::Open));
            }
            return;
        }
        let reached = stays.is_reached();
        stays.is_murky &= !failed;
        if self.is_murky && !failed {
            add(stays);
            if reached {
                add(self.turned(State::Open));
            }
            return;
        }
        let mut exact = self.model.clone();
        exact.settle(self.model.era, failed, false);
        let trips = exact.era != self.model.era || (failed && reached);
        add(if trips { self.turned(State::Open) } else { stays });
    }

    /// The next era, in which the window is empty.
    fn turned(&self, to: State) -> Window {
        let mut next = self.clone();
        next.model.turn(to, String::new());
        (next.model.told, next.model.kept) = (None, Figures::default());
        Window { by: VecDeque::new(), is_murky: false, ..next }
    }

    /// Puts a result in the window, and nothing else.
    fn put(&mut self, failed: bool, by: u32) {
        self.model.results.push_back(windows::Result { slice: 0, failed, slow: false });
        self.by.push_back(by);
        while self.model.results.len() > self.len() {
            self.model.results.pop_front();
            self.by.pop_front();
        }
    }

    fn len(&self) -> usize {
        match self.model.rules.shape {
            Shape::Last(len) => len,
            Shape::Slices { .. } => 0, // not a window of this model's
        }
    }

    fn is_reached(&self) -> bool {
        self.model.share_reached(self.model.figures(), self.model.rules.minimum).is_some()
    }

    /// Whether a result trips if just the right ones of those beside it are in the window.
    fn may_reach(&self, failed: bool, view: View<'_>) -> bool {
        let (failures, successes) = view.beside.of_era(self.model.era);
        let is_older = |by: &u32| !view.beside.contains(*by);
        let older: Vec<bool> = (self.by.iter().zip(&self.model.results))
            .filter(|(by, _)| is_older(by))
            .map(|(_, result)| result.failed)
            .collect();
        let len = self.len() as u64;
        (0..=failures).any(|more_failed| {
            (0..=successes + failures - more_failed).any(|more_passed| {
                // One that is being written counts as a success, whatever it is.
                let new = 1 + more_failed + more_passed;
                let left = len.saturating_sub(new) as usize;
                let kept = &older[older.len().saturating_sub(left)..];
                let bad = kept.iter().filter(|failed| **failed).count() as u64;
                let figures = Figures {
                    calls: (kept.len() as u64 + new).min(len),
                    failed: (bad + more_failed + u64::from(failed)).min(len),
                    slow: 0,
                };
                self.model.share_reached(figures, self.model.rules.minimum).is_some()
            })
        })
    }

    fn ordered(&self, order: Order, view: View<'_>, add: &mut impl FnMut(Window)) {
        let order = match order {
            Order::Reset => windows::Order::Reset,
            Order::Close => windows::Order::Close,
            Order::Trip => windows::Order::Trip,
            _ => return, // see `knows`
        };
        let mut after = self.model.clone();
        after.order(order);
        let changes = after.era != self.model.era;
        let turned = || self.turned(after.state);
        add(if changes { turned() } else { self.clone() });
        // Whether a window holds nothing depends on the results beside the question.
        let is_beside = view.beside.of_era(self.model.era) != (0, 0);
        if order == windows::Order::Close && self.model.state == State::Closed && is_beside {
            match changes {
                true if self.by.iter().all(|by| view.beside.contains(*by)) => add(self.clone()),
                true => {}
                false => add(self.turned(State::Closed)),
            }
        }
    }

    pub(super) fn says(&self, call: &Call) -> String {
        match call {
            Call::Acquire(_) => format!("{:?}", self.answer()),
            Call::State(_) => self.model.state.as_str().to_owned(),
            Call::WouldAdmit(_) => (self.model.state != State::Open).to_string(),
            Call::Era(_) => format!("era {}", self.model.era),
            Call::Rest(_) => format!("{:?}", self.rest(0)),
            Call::Settle { .. } => "that no such era has begun".to_owned(),
            _ => "nothing".to_owned(),
        }
    }

    pub(super) fn describe(&self) -> String {
        let Figures { calls, failed, .. } = self.model.figures();
        let windows::Model { era, state, .. } = self.model;
        format!("era {era}, {state}, {failed} of {calls} failed, {} settled too late", self.stale)
    }
}
