//! What a window records, and what that says.

use super::rules::{Judge, Shape};
use std::collections::VecDeque;

/// One result. Its slice is 0 in a window of the last calls, and may be from before the
/// clock began where it was restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    slice: i64,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it was slow.
    pub slow: bool,
}

/// What a window holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Results, and calls that hang.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were slow, or hang.
    pub slow: u64,
    /// Those that hang.
    pub hanging: u64,
}

impl Figures {
    fn add(&mut self, entry: &Entry) {
        self.calls += 1;
        self.failed += u64::from(entry.failed);
        self.slow += u64::from(entry.slow);
    }

    fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut figures = Figures::default();
        entries.for_each(|entry| figures.add(entry));
        figures
    }

    /// The same, with so many calls that hang.
    pub fn with_hanging(self, hanging: u64) -> Self {
        Figures { calls: self.calls + hanging, slow: self.slow + hanging, hanging, ..self }
    }
}

/// What a window says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Nothing, for nothing can have changed that matters.
    Unasked,
    /// No share is at its threshold.
    Below,
    /// A share as high as a threshold is bad, of too few calls, and more could not all be
    /// good.
    High,
    /// All that is missing is the minimum.
    Armed,
    /// The breaker must open, for this reason.
    Over(String),
}

/// A window in the making: results of one era, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// What is recorded, and what opens.
    pub judge: Judge,
    entries: VecDeque<Entry>,
    /// The newest slice of this era that was recorded in.
    latest: Option<i64>,
    /// What it held when the breaker was last closed or set to metrics only.
    kept: Figures,
}

/// What is saved of a window: of each result, how long before the end of the current slice
/// its own one ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedWindow {
    is_timed: bool,
    entries: Vec<(u64, Entry)>,
}

impl Window {
    /// An empty one.
    pub fn new(judge: Judge) -> Self {
        Window { judge, entries: VecDeque::new(), latest: None, kept: Figures::default() }
    }

    /// The slice that a result gets: a clock that steps back does not go back in it.
    fn slice(&self, now: u64) -> i64 {
        match self.judge.shape {
            Shape::Last(_) => 0,
            Shape::Slices { width, .. } => {
                let now = (now / width) as i64;
                self.latest.map_or(now, |latest| latest.max(now))
            }
        }
    }

    fn is_in(&self, entry: &Entry, slice: i64) -> bool {
        match self.judge.shape {
            Shape::Last(_) => true,
            Shape::Slices { number, .. } => entry.slice + number as i64 > slice,
        }
    }

    fn at(&self, slice: i64) -> Figures {
        Figures::of(self.entries.iter().filter(|entry| self.is_in(entry, slice)))
    }

    /// What it holds now.
    pub fn figures(&self, now: u64) -> Figures {
        self.at(self.slice(now))
    }

    /// What a snapshot shows of a breaker that is not judged: slices do not leave a window
    /// that is over.
    pub fn kept(&self) -> Figures {
        self.kept
    }

    /// Another era begins.
    pub fn turn(&mut self) {
        if let Some(latest) = self.latest.take() {
            self.kept = self.at(latest);
        }
        self.entries.clear();
    }

    fn put(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if let Shape::Last(len) = self.judge.shape
            && self.entries.len() > len
        {
            self.entries.pop_front();
        }
    }

    /// Records a result, and says what follows; `is_watched` says that results of any kind
    /// are to be judged.
    pub fn take(
        &mut self,
        (failed, slow): (bool, bool),
        is_watched: bool,
        hanging: u64,
        now: u64,
    ) -> Finding {
        let slice = self.slice(now);
        let turns = self.latest != Some(slice) && matches!(self.judge.shape, Shape::Slices { .. });
        self.latest = Some(slice);
        self.put(Entry { slice, failed, slow });
        let matters = failed || slow || is_watched;
        if !matters && !turns {
            return Finding::Unasked;
        }
        self.look(matters, hanging, now)
    }

    /// What it says. A share that came to its threshold by results becoming too old does
    /// not open the breaker, unless this result matters or completes the minimum.
    pub fn look(&self, matters: bool, hanging: u64, now: u64) -> Finding {
        let sums = self.figures(now).with_hanging(hanging);
        let Figures { calls, failed, slow, hanging } = sums;
        let complete = calls.max(self.judge.minimum);
        if let Some(cause) = self.reached(sums, complete) {
            return match calls < complete {
                true if matters && self.policy_says(sums) => self.by_policy(sums),
                true => Finding::Armed,
                false if matters || calls <= self.judge.minimum => Finding::Over(match cause {
                    "failed" => format!("{failed} of {calls} calls failed"),
                    _ if hanging > 0 => {
                        format!("{slow} of {calls} calls were slow, {hanging} of them not finished")
                    }
                    _ => format!("{slow} of {calls} calls were slow"),
                }),
                false => Finding::Unasked,
            };
        }
        if matters && self.policy_says(sums) {
            return self.by_policy(sums);
        }
        match calls > 0 && self.reached(sums, calls).is_some() {
            true => Finding::High,
            false => Finding::Below,
        }
    }

    /// Which share is at its threshold, of so many calls: the failures come first.
    fn reached(&self, sums: Figures, calls: u64) -> Option<&'static str> {
        let reached = |part: u64, percent: Option<u64>| {
            percent.is_some_and(|percent| part * 100 >= percent * calls)
        };
        if reached(sums.failed, self.judge.failed) {
            Some("failed")
        } else {
            reached(sums.slow, self.judge.slow).then_some("slow")
        }
    }

    /// Whether results alone, without calls that hang, are at a threshold.
    pub fn results_suffice(&self, now: u64) -> bool {
        let sums = self.figures(now);
        sums.calls >= self.judge.minimum && self.reached(sums, sums.calls).is_some()
    }

    fn policy_says(&self, sums: Figures) -> bool {
        let says = |policy: super::rules::Policy| policy.says(sums.calls, sums.failed + sums.slow);
        self.judge.policy.and_then(says).unwrap_or(false)
    }

    fn by_policy(&self, sums: Figures) -> Finding {
        let Figures { calls, failed, slow, .. } = sums;
        Finding::Over(format!("its policy said so, of {calls} calls, {failed} failed, {slow} slow"))
    }

    /// What is in it, to be kept elsewhere.
    pub fn save(&self, now: u64) -> SavedWindow {
        let end = self.slice(now);
        let width = match self.judge.shape {
            Shape::Last(_) => 0,
            Shape::Slices { width, .. } => width,
        };
        let aged = |entry: &Entry| ((end - entry.slice) as u64 * width, *entry);
        let entries = self.entries.iter().filter(|entry| self.is_in(entry, end)).map(aged);
        SavedWindow { is_timed: width > 0, entries: entries.collect() }
    }

    /// Adds what was saved: the newest that fit, and nothing between calls and time. Says
    /// whether all that is missing is the minimum.
    pub fn restore(&mut self, saved: &SavedWindow, now: u64) -> bool {
        self.add(saved, now);
        self.look(false, 0, now) == Finding::Armed
    }

    fn add(&mut self, saved: &SavedWindow, now: u64) {
        match self.judge.shape {
            Shape::Last(_) if !saved.is_timed => {
                for &(_, entry) in &saved.entries {
                    self.latest = Some(0);
                    self.put(entry);
                }
            }
            Shape::Slices { width, .. } if saved.is_timed => {
                let end = self.slice(now);
                for &(age, entry) in &saved.entries {
                    self.latest = Some(end);
                    self.put(Entry { slice: end - (age / width) as i64, ..entry });
                }
            }
            _ => {}
        }
    }

    /// New settings: the newest results stay, where they can be told apart. A slice goes to
    /// the one in which it ended.
    pub fn change(&mut self, judge: Judge, now: u64) {
        let old = std::mem::replace(self, Window::new(judge));
        match (old.judge.shape, judge.shape) {
            (shape, same) if shape == same => *self = Window { judge, ..old },
            (Shape::Last(_), Shape::Last(_)) => self.add(&old.save(now), now),
            (Shape::Slices { width, .. }, Shape::Slices { width: new, .. }) => {
                let end = self.slice(now);
                self.latest = Some(end);
                let their_end = old.slice(now);
                for entry in old.entries.iter().filter(|entry| old.is_in(entry, their_end)) {
                    let ended = (entry.slice + 1) * width as i64;
                    let ago = ((end + 1) * new as i64 - ended).max(0);
                    self.entries.push_back(Entry { slice: end - ago / new as i64, ..*entry });
                }
            }
            _ => {}
        }
    }
}
