//! What a window records, and when that opens a breaker.

use ampacity::{Builder, CircuitBreaker, State, Timing};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

pub const NAME: &str = "model";
/// Calls are slow that take longer, in ms.
pub const SLOW_OVER: u64 = 10;

/// What can be set. Shares are in percent, times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rules {
    pub shape: Shape,
    pub failed: Option<u64>,
    pub slow: Option<u64>,
    pub minimum: u64,
    pub streak: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Shape {
    Last(usize),
    Slices { width: u64, number: u64 },
}

impl Rules {
    pub fn settings(self) -> Builder {
        let share = |percent: u64| percent as f64 / 100.0;
        let mut builder = CircuitBreaker::builder(NAME).timing(Timing::Every);
        builder = builder.minimum_calls(self.minimum as u32).open_for(Duration::MAX);
        builder = match self.shape {
            Shape::Last(len) => builder.count_window(len as u32),
            Shape::Slices { width, number } => builder
                .time_window(Duration::from_millis(width * number))
                .time_slices(number as u32),
        };
        if let Some(percent) = self.failed {
            builder = builder.failure_rate(share(percent));
        }
        if let Some(percent) = self.slow {
            let over = Duration::from_millis(SLOW_OVER);
            builder = builder.slow_call(over).slow_call_rate(share(percent));
        }
        if let Some(streak) = self.streak {
            builder = builder.failure_threshold(streak as u32);
        }
        builder
    }
}

/// One result in the window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Result {
    pub slice: u64, // 0 in a window of the last calls
    pub failed: bool,
    pub slow: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    pub calls: u64,
    pub failed: u64,
    pub slow: u64,
}

impl Figures {
    pub fn add(&mut self, result: &Result) {
        self.calls += 1;
        self.failed += u64::from(result.failed);
        self.slow += u64::from(result.slow);
    }
}

/// What a breaker is, one operation at a time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Model {
    pub rules: Rules,
    pub now: u64,
    pub era: u64,
    #[serde(with = "crate::names::state")]
    pub state: State,
    pub streak: u64,
    /// Results of this era, the oldest first.
    pub results: VecDeque<Result>,
    /// The newest slice of this era that has a result.
    pub latest: u64,
    /// What the window held when the breaker was last closed or set to metrics only.
    pub kept: Figures,
    /// Metrics-only has said that it would open, and not fallen below since.
    pub reported: bool,
    /// The next result is judged whatever it is, because the settings have changed.
    pub changed: bool,
    /// The last transition: from, to, why.
    #[serde(skip)]
    pub told: Option<(State, State, String)>,
}

impl Model {
    pub fn new(rules: Rules) -> Self {
        Model {
            rules,
            now: 0,
            era: 0,
            state: State::Closed,
            streak: 0,
            results: VecDeque::new(),
            latest: 0,
            kept: Figures::default(),
            reported: false,
            changed: false,
            told: None,
        }
    }

    pub fn is_judged(&self) -> bool {
        matches!(self.state, State::Closed | State::MetricsOnly)
    }

    /// The slice that a result gets now: a clock that steps back does not go back in it.
    pub fn slice(&self) -> u64 {
        match self.rules.shape {
            Shape::Last(_) => 0,
            Shape::Slices { width, .. } => (self.now / width).max(self.latest),
        }
    }

    pub fn is_in(&self, result: &Result) -> bool {
        match self.rules.shape {
            Shape::Last(_) => true,
            Shape::Slices { number, .. } => result.slice + number > self.slice(),
        }
    }

    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        self.results
            .iter()
            .filter(|result| self.is_in(result))
            .for_each(|result| figures.add(result));
        figures
    }

    /// What a snapshot shows: of a breaker that is not judged, what it held at the last.
    pub fn held(&self) -> Figures {
        if self.is_judged() { self.figures() } else { self.kept }
    }

    pub fn turn(&mut self, to: State, cause: String) {
        if !self.results.is_empty() {
            // Slices do not leave a window that is over.
            let newest = self.latest;
            let shape = self.rules.shape;
            self.kept = Figures::default();
            for result in &self.results {
                match shape {
                    Shape::Slices { number, .. } if result.slice + number <= newest => {}
                    _ => self.kept.add(result),
                }
            }
        }
        self.told = Some((self.state, to, cause));
        self.state = to;
        self.era += 1;
        self.streak = 0;
        self.results.clear();
        self.latest = 0;
        (self.reported, self.changed) = (false, false);
    }

    /// A share at its threshold, of at least so many calls: the failures come first.
    pub fn share_reached(&self, of: Figures, least: u64) -> Option<String> {
        let Figures { calls, failed, slow } = of;
        let reached = |part: u64, percent: Option<u64>| {
            calls >= least && percent.is_some_and(|percent| part * 100 >= percent * calls)
        };
        if reached(failed, self.rules.failed) {
            Some(format!("{failed} of {calls} calls failed"))
        } else if reached(slow, self.rules.slow) {
            Some(format!("{slow} of {calls} calls were slow"))
        } else {
            None
        }
    }

    pub fn settle(&mut self, era: u64, failed: bool, slow: bool) {
        if era != self.era || !self.is_judged() {
            return;
        }
        let slow = slow && self.rules.slow.is_some();
        let before = self.figures();
        let slice = self.slice();
        self.latest = slice;
        self.results.push_back(Result { slice, failed, slow });
        if let Shape::Last(len) = self.rules.shape
            && self.results.len() > len
        {
            self.results.pop_front();
        }
        let after = self.figures();

        self.streak = match self.rules.streak {
            Some(_) if failed => self.streak + 1,
            _ => 0,
        };
        let in_a_row = self.rules.streak.is_some_and(|streak| self.streak >= streak);
        let completes = before.calls < self.rules.minimum;
        let is_asked = failed || slow || completes || self.changed || self.reported;
        let reached = self.share_reached(after, self.rules.minimum).filter(|_| is_asked);
        self.changed = false;

        if !in_a_row && reached.is_none() {
            // Below, unless there are too few calls, and of those too many bad ones.
            self.reported &= self.share_reached(after, 1).is_some();
            return;
        }
        let cause = match (in_a_row, self.streak, reached) {
            (true, 1, _) => "1 failure".to_owned(),
            (true, streak, _) => format!("{streak} failures in a row"),
            (false, _, reached) => reached.unwrap_or_default(),
        };
        match self.state {
            State::Closed => self.turn(State::Open, cause),
            _ if self.reported => {}
            _ => {
                let streak = self.streak;
                self.turn(State::MetricsOnly, cause);
                (self.streak, self.reported) = (streak, true);
            }
        }
    }

    pub fn order(&mut self, order: Order) {
        let (to, cause) = match order {
            Order::Reset => (State::Closed, "reset by hand"),
            Order::Close => (State::Closed, "closed by hand"),
            Order::Trip => (State::Open, "tripped by hand"),
            Order::Disable => (State::Disabled, "disabled by hand"),
            Order::MetricsOnly => (State::MetricsOnly, "set to metrics only by hand"),
        };
        let is_blank = self.streak == 0 && self.figures() == Figures::default();
        let changes = match order {
            Order::Reset => true,
            Order::Close => self.state != State::Closed || !is_blank,
            _ => self.state != to,
        };
        if changes {
            self.turn(to, cause.to_owned());
        }
    }

    /// New settings: the newest results stay, where they can be told apart.
    pub fn change(&mut self, rules: Rules) {
        let old = self.rules.shape;
        self.results = match (old, rules.shape) {
            (old, new) if old == new => std::mem::take(&mut self.results),
            (Shape::Last(_), Shape::Last(len)) => {
                let surplus = self.results.len().saturating_sub(len);
                self.results.iter().skip(surplus).copied().collect()
            }
            (Shape::Slices { width, .. }, Shape::Slices { width: new_width, .. }) => {
                // A slice goes to the one in which it ended.
                let current = self.now / new_width;
                let moved = |result: &Result| Result {
                    slice: (((result.slice + 1) * width).div_ceil(new_width) - 1).min(current),
                    ..*result
                };
                self.results.iter().filter(|result| self.is_in(result)).map(moved).collect()
            }
            _ => VecDeque::new(),
        };
        self.rules = rules;
        if old != rules.shape {
            self.latest = match (old, rules.shape) {
                (Shape::Slices { .. }, Shape::Slices { width, .. }) => self.now / width,
                _ => 0,
            };
            self.kept = Figures::default();
        }
        self.changed = true;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Order {
    Reset,
    Close,
    Trip,
    Disable,
    MetricsOnly,
}
