//! The sequential model as the checker asks it: given what was called and what came back,
//! what may the breaker be afterwards?
//!
//! Nothing means that no breaker in that state could have answered so.

mod bounds;
mod streak;
mod window;

pub use streak::Streak;
pub use window::Window;

use crate::history::{Answer, Beside, Call};
use crate::spec::{consecutive, windows};
use serde::{Deserialize, Serialize};

/// A breaker between two operations.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// One that opens by failures in a row, with all that follows.
    Streak(Streak),
    /// One that opens by the failure rate of its last calls, and stays open.
    Window(Window),
}

/// What one operation could know, besides the breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// Its place in the history.
    pub(crate) place: u32,
    /// What it may have read on the clock.
    pub(crate) times: &'a [u64],
    /// What was being settled at the same time.
    pub(crate) beside: Beside<'a>,
}

impl<'a> View<'a> {
    /// Of one that overlaps no other.
    pub(crate) fn alone(times: &'a [u64]) -> Self {
        View { place: 0, times, beside: Beside::NOTHING }
    }
}

impl Model {
    /// A new breaker of failures in a row, at `now` ms.
    pub fn by_streak(rules: consecutive::Rules, now: u64) -> Model {
        Model::Streak(Streak::new(rules, now))
    }

    /// A new breaker of a rate, at `now` ms.
    pub fn by_window(rules: windows::Rules, now: u64) -> Model {
        Model::Window(Window::new(rules, now))
    }

    /// The clock when it was last known, in ms.
    pub fn now(&self) -> u64 {
        match self {
            Model::Streak(streak) => streak.model.now,
            Model::Window(window) => window.model.now,
        }
    }

    /// The same breaker with the clock at `now` ms.
    pub fn at(mut self, now: u64) -> Model {
        match &mut self {
            Model::Streak(streak) => streak.model.now = now,
            Model::Window(window) => window.model.now = now,
        }
        self
    }

    /// The same breaker, of which no permit has been settled too late.
    pub fn afresh(mut self) -> Model {
        match &mut self {
            Model::Streak(streak) => streak.stale = 0,
            Model::Window(window) => window.stale = 0,
        }
        self.nobodys()
    }

    /// The same breaker at the beginning of a history: no operation of it is the source of
    /// what it holds.
    pub(crate) fn nobodys(mut self) -> Model {
        if let Model::Window(window) = &mut self {
            window.forget();
        }
        self
    }

    /// The number of transitions so far.
    pub fn era(&self) -> u64 {
        match self {
            Model::Streak(streak) => streak.model.era,
            Model::Window(window) => window.model.era,
        }
    }

    /// How many results it remembers.
    pub(crate) fn len(&self) -> usize {
        match self {
            Model::Streak(_) => 0,
            Model::Window(window) => window.by.len(),
        }
    }

    /// Adds to `into` each breaker that there may be after `call`.
    pub(crate) fn after(&self, call: &Call, view: View<'_>, into: &mut Vec<Model>) {
        match self {
            Model::Streak(streak) => streak.after(call, view, into),
            Model::Window(window) => window.after(call, view, into),
        }
    }

    /// Whether `call` is one of this model's.
    pub(crate) fn knows(&self, call: &Call) -> bool {
        match self {
            Model::Streak(_) => true,
            Model::Window(_) => window::knows(call),
        }
    }

    /// Whether an operation that answered `call`, and that this breaker allows without a
    /// change, can have changed nothing at any later moment either: so that nothing is lost
    /// by letting it take place now.
    pub(crate) fn is_settled_by_now(&self, call: &Call) -> bool {
        match *call {
            // A permit of an era that is over: eras do not come back. (`after` has counted
            // it as stale, as any later moment would.)
            Call::Settle { era, .. } => era < self.era(),
            // One that this breaker admits without a change is of the era that it is in; the
            // only admissions beyond probes that change anything begin their era.
            Call::Acquire(Answer::Admitted { probe, .. }) => !probe,
            _ => self.never_changes(call),
        }
    }

    /// Whether `call`, given what it answered, changes nothing wherever it takes place.
    pub(crate) fn never_changes(&self, call: &Call) -> bool {
        match self {
            Model::Streak(streak) => streak.never_changes(call),
            Model::Window(_) => window::never_changes(call),
        }
    }

    /// Whether those whom this era admits are probes; none if it admits nobody.
    pub(crate) fn admits_as(&self) -> Option<bool> {
        match self {
            Model::Streak(streak) => streak.admits_as(),
            Model::Window(window) => (window.model.state != ampacity::State::Open).then_some(false),
        }
    }

    /// What this breaker would have answered instead, in words.
    pub fn says(&self, call: &Call) -> String {
        match self {
            Model::Streak(streak) => streak.says(call),
            Model::Window(window) => window.says(call),
        }
    }

    /// Its settings, in words.
    pub fn rules(&self) -> String {
        match self {
            Model::Streak(streak) => format!("{:?}", streak.rules()),
            Model::Window(window) => format!("{:?}", window.rules()),
        }
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        match self {
            Model::Streak(streak) => streak.describe(),
            Model::Window(window) => window.describe(),
        }
    }
}
