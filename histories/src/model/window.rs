//! Opening by the failure rate of the last calls: exact where nothing else is being settled,
//! and otherwise as far as a result can know of those beside it.
//!
//! A result takes its place in the window, the window is looked at, and the word is swapped:
//! three steps, and others may come between. A failure looks. A success looks if the breaker
//! was armed when its settling began: if it lacked nothing but calls. Who looks sees every
//! result that had returned by then, and of those beside it some and not others; `look.rs`
//! has the choices. So here:
//!
//! * who looks must trip if whatever it may see is at the threshold;
//! * it may trip if something of what it may see is;
//! * a failure beside which nothing is settled trips exactly where the window says so, and so
//!   does a success in one thread.
//!
//! That is the contract's "late by at most the failures settled while an evaluation runs, seen
//! at the latest by the next failure", and stricter: what was beside a failure puts a trip off
//! only if it could make a difference to what that failure saw, and only what had not returned
//! before it began.
//!
//! An order that explains a run of the library, if it keeps to this: results of an era by their
//! tickets, then the one that trips, then those that came too late. The one that trips looked
//! before some of those that come before it here. So more results are kept than the window is
//! long: those that such ones may have pushed out since.

mod look;

use super::{Model, View};
use crate::history::{Answer, Call, Rest, Wait};
use crate::spec::consecutive::{End, Order};
use crate::spec::windows::{self, Figures, Rules, Shape};
use ampacity::{Reason, State};
use look::Look;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A breaker of a failure rate.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Window {
    pub(super) model: windows::Model,
    /// Which operation each result is of, the oldest first; those of an earlier history have
    /// the number of none.
    pub(super) by: VecDeque<u32>,
    /// Who has armed the breaker for certain: whoever begins after it has returned looks, as
    /// long as there are too few calls.
    armed_by: Option<u32>,
    /// Whether it may be armed.
    may_be_armed: bool,
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
        Window { model, by: VecDeque::new(), armed_by: None, may_be_armed: false, stale: 0 }
    }

    /// Begins a new history.
    pub(super) fn forget(&mut self) {
        self.by.iter_mut().for_each(|by| *by = NOBODY);
        self.armed_by = self.armed_by.map(|_| NOBODY);
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
        let look = Look::of(self, failed, view);
        let was_armed = self.armed_by.is_some_and(|by| !view.beside.contains(by));
        let looks = failed || (was_armed && look.is_within_minimum);
        if !(looks && look.must_trip) {
            add(self.with(failed, looks, &look, view));
        }
        if look.may_trip && (failed || self.may_be_armed) {
            add(self.turned(State::Open));
        }
    }

    /// The same era, with one more result.
    fn with(&self, failed: bool, looks: bool, look: &Look, view: View<'_>) -> Window {
        let mut next = self.clone();
        next.model.results.push_back(windows::Result { slice: 0, failed, slow: false });
        next.by.push_back(view.place);
        let most = self.len() + view.beside.most();
        while next.by.len() > most {
            next.model.results.pop_front();
            next.by.pop_front();
        }
        let lacks_calls = (next.by.len() as u64) < self.model.rules.minimum;
        if looks && view.beside.of_era(self.model.era) == (0, 0) {
            // It has the last word on whether the breaker is armed.
            next.armed_by = look.must_arm.then_some(view.place);
            next.may_be_armed = look.must_arm && lacks_calls;
        } else if failed {
            next.armed_by = next.armed_by.or(look.must_arm.then_some(view.place));
            next.may_be_armed |= look.may_arm;
        }
        // Later it may have been disarmed.
        next.armed_by = next.armed_by.filter(|_| lacks_calls);
        next
    }

    /// The next era, in which the window is empty.
    fn turned(&self, to: State) -> Window {
        let mut next = self.clone();
        next.model.turn(to, String::new());
        (next.model.told, next.model.kept) = (None, Figures::default());
        Window { by: VecDeque::new(), armed_by: None, may_be_armed: false, ..next }
    }

    fn len(&self) -> usize {
        match self.model.rules.shape {
            Shape::Last(len) => len,
            Shape::Slices { .. } => 0, // not a window of this model's
        }
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
        let mut shown = Figures::default();
        self.model.results.iter().rev().take(self.len()).for_each(|result| shown.add(result));
        let Figures { calls, failed, .. } = shown;
        let windows::Model { era, state, .. } = self.model;
        format!("era {era}, {state}, {failed} of {calls} failed, {} settled too late", self.stale)
    }
}
