//! What the breaker did, told from the log of what was done to it.
//!
//! The log is in order and has the era after each entry, so every transition shows at the
//! entry that made it. The story follows the breaker through its states by its contract,
//! and notes every entry that a breaker of that contract could not have answered so.

use std::time::Duration;

use serde::Serialize;

use super::lane::Policy;

/// A deadline is rounded up to whole ticks of this.
const TICK: Duration = Duration::from_millis(1);

/// Something done to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call was let through.
    Admitted {
        /// The permit's era.
        era: u64,
        /// Whether it is a probe.
        probe: bool,
    },
    /// A call was turned away.
    Rejected {
        /// Because the breaker was open; else because the probes were out.
        open: bool,
    },
    /// A permit was settled.
    Settled {
        /// The permit's era.
        era: u64,
        /// A success, a failure, or neither.
        passed: Option<bool>,
        /// For how long the failure said to stay away.
        wait: Option<Duration>,
    },
}

/// An entry of the log.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Before it was done, from the start of the run.
    pub at: Duration,
    /// After it was done.
    pub done: Duration,
    /// The breaker's era after it.
    pub era: u64,
    /// What it was.
    pub event: Event,
}

/// Where the breaker went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// It let everything through again.
    Closed,
    /// It turned everything away.
    Open,
    /// It let probes through.
    HalfOpen,
}

/// A transition.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The index of the entry that made it.
    pub entry: usize,
    /// When it was made, at the latest.
    pub at: Duration,
    /// Where to.
    pub to: To,
}

/// What a log says.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Every transition, in order.
    pub changes: Vec<Change>,
    /// Arrivals past an open breaker's deadline that found it still open. None may.
    pub kept_out: Vec<String>,
    /// Everything else that its contract does not allow.
    pub faults: Vec<String>,
    /// How often an arrival past the deadline became a probe.
    pub let_in: u64,
}

/// What the breaker is known to be in.
#[derive(Clone, Copy)]
enum Now {
    Closed {
        /// Failures in a row.
        streak: u32,
    },
    /// Its deadline lies between these.
    Open {
        after: Duration,
        by: Duration,
    },
    HalfOpen {
        passed: u32,
    },
}

impl Now {
    /// Where a result that counts must take the breaker, and what is known if it stays.
    ///
    /// A failure that says for how long to stay away opens it at once.
    fn after(self, passed: Option<bool>, given: bool, policy: &Policy) -> (Option<To>, Self) {
        match (self, passed) {
            (Self::Closed { .. }, Some(false)) if given => (Some(To::Open), self),
            (Self::Closed { streak }, Some(false)) => {
                let streak = streak + 1;
                ((streak >= policy.failures).then_some(To::Open), Self::Closed { streak })
            }
            (Self::Closed { .. }, Some(true)) => (None, Self::Closed { streak: 0 }),
            (Self::HalfOpen { passed }, Some(true)) => {
                let passed = passed + 1;
                ((passed >= policy.successes).then_some(To::Closed), Self::HalfOpen { passed })
            }
            (Self::HalfOpen { .. }, Some(false)) => (Some(To::Open), self),
            (_, None) | (Self::Open { .. }, _) => (None, self),
        }
    }

    /// The fault of a breaker that is here and did not go `to` where it had to.
    fn stayed(self, to: To, wait: Option<Duration>, policy: &Policy) -> String {
        match (self, to) {
            (_, To::Open) if wait.is_some() => "a wait that was given did not open it".to_owned(),
            (Self::Closed { streak }, _) => {
                format!("{} failures in a row did not open it", streak + 1)
            }
            (_, To::Open) => "a failed probe did not reopen it".to_owned(),
            _ => format!("{} successes did not close it", policy.successes),
        }
    }

    /// The fault of a breaker that was here and moved by a result that counts.
    fn moved(self, how: Option<bool>) -> String {
        match (self, how) {
            (Self::Closed { streak }, Some(false)) => {
                format!("opened by {} failures in a row", streak + 1)
            }
            (Self::HalfOpen { passed }, Some(true)) => {
                format!("closed by {} successes", passed + 1)
            }
            (_, None) => "a result that says nothing moved it".to_owned(),
            (_, Some(_)) => "a result moved it that could not".to_owned(),
        }
    }
}

impl Story {
    /// Reads `log`, that of a breaker with `policy` which began closed.
    pub fn read(log: &[Told], policy: &Policy) -> Self {
        let mut story = Self::default();
        let mut now = Now::Closed { streak: 0 };
        let mut last = log.first().map_or(0, |told| match told.event {
            Event::Admitted { era, .. } | Event::Settled { era, .. } => era,
            Event::Rejected { .. } => told.era,
        });
        for (entry, told) in log.iter().enumerate() {
            let moved = told.era.wrapping_sub(last);
            if moved > 1 {
                story.fault(told, format!("era {last} became {}", told.era));
            }
            now = story.step(now, entry, told, moved != 0, policy);
            last = told.era;
        }
        story
    }

    fn step(&mut self, now: Now, entry: usize, told: &Told, moved: bool, policy: &Policy) -> Now {
        match (now, told.event, moved) {
            (_, Event::Admitted { era, .. }, _) if era != told.era => {
                self.fault(told, format!("a permit was of era {era}"));
                now
            }
            (Now::Closed { .. }, Event::Admitted { probe: false, .. }, false) => now,
            (Now::Open { after, .. }, Event::Admitted { probe: true, .. }, true) => {
                if told.done < after {
                    self.fault(told, "a probe was let in before the deadline".to_owned());
                }
                self.let_in += 1;
                self.change(entry, told, To::HalfOpen);
                Now::HalfOpen { passed: 0 }
            }
            (Now::Open { by, .. }, Event::Rejected { open: true }, false) => {
                if told.at >= by {
                    let late = told.at.saturating_sub(by);
                    self.kept_out.push(format!("at {:.3?}, {late:.3?} past it", told.at));
                }
                now
            }
            (Now::HalfOpen { .. }, Event::Admitted { probe: true, .. }, false)
            | (Now::HalfOpen { .. }, Event::Rejected { open: false }, false) => now,
            // The lease of the spell ran out, and a new one began.
            (Now::HalfOpen { .. }, Event::Admitted { probe: true, .. }, true) => {
                self.change(entry, told, To::HalfOpen);
                Now::HalfOpen { passed: 0 }
            }
            (_, Event::Settled { .. }, _) => self.settle(now, entry, told, moved, policy),
            (_, event, _) => {
                self.fault(told, format!("{event:?} is not possible there"));
                now
            }
        }
    }

    /// A permit came back: what it owes the breaker, against what the breaker did.
    ///
    /// The log has an order, so there is nothing to allow for: a permit of the era that the
    /// breaker was in counts, and no other does.
    fn settle(&mut self, now: Now, entry: usize, told: &Told, moved: bool, policy: &Policy) -> Now {
        let Event::Settled { era, passed, wait } = told.event else { return now };
        let counts = era.wrapping_add(u64::from(moved)) == told.era;
        let (owed, next) =
            if counts { now.after(passed, wait.is_some(), policy) } else { (None, now) };
        match (owed, moved) {
            (Some(_), true) | (None, false) => {}
            (Some(to), false) => self.fault(told, now.stayed(to, wait, policy)),
            (None, true) if !counts => {
                self.fault(told, format!("a permit of the past era {era} moved it"));
            }
            (None, true) => self.fault(told, now.moved(passed)),
        }
        // Where it really is, also if it should not be there: one fault is to be one.
        match passed.filter(|_| moved) {
            Some(true) => {
                self.change(entry, told, To::Closed);
                Now::Closed { streak: 0 }
            }
            Some(false) => {
                self.change(entry, told, To::Open);
                let wait = wait.unwrap_or(policy.open_for);
                Now::Open {
                    after: told.at.saturating_add(wait),
                    by: told.done.saturating_add(wait).saturating_add(TICK),
                }
            }
            None => next,
        }
    }

    fn change(&mut self, entry: usize, told: &Told, to: To) {
        self.changes.push(Change { entry, at: told.done, to });
    }

    fn fault(&mut self, told: &Told, what: String) {
        self.faults.push(format!("at {:.3?}, era {}: {what}", told.at, told.era));
    }

    /// Where the breaker was at `at`.
    pub fn state_at(&self, at: Duration) -> To {
        let before = self.changes.iter().take_while(|change| change.at <= at);
        before.last().map_or(To::Closed, |change| change.to)
    }

    /// For how long in all it was open, until `end`.
    pub fn open_time(&self, end: Duration) -> Duration {
        let ends = self.changes.iter().skip(1).map(|next| next.at).chain([end]);
        let open = self.changes.iter().zip(ends).filter(|(change, _)| change.to == To::Open);
        open.map(|(change, end)| end.saturating_sub(change.at)).sum()
    }

    /// The first change to `to` from `at` on.
    pub fn first(&self, to: To, at: Duration) -> Option<&Change> {
        self.changes.iter().find(|change| change.at >= at && change.to == to)
    }
}

#[cfg(test)]
mod tests;
