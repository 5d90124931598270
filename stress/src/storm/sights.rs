//! What all readers saw, taken together: the checks, and how long a snapshot takes.

use std::sync::Arc;
use std::time::Duration;

use ampacity::{CircuitBreaker, EventCounts};
use serde_json::{Value, json};

use super::audience::{Look, Seen};
use super::ear::{Ear, Heard};
use super::report::pair;
use crate::program::Check;
use crate::workload::chain::Faults;
use crate::workload::view::View;

/// Looks at the clock that a snapshot takes: for the state, and for the last transition.
const MOST_CLOCK: u32 = 2;

pub(super) const NOTES: [&str; 5] = [
    "a snapshot reads each place where threads count once, and their number is fixed (the larger",
    "of 128 and 4 a core, and 8 shared ones), however many threads there are: its work is bounded;",
    "its times are not judged, since a reader may lose its core in the middle of one",
    "an event is dropped when too many newer ones wait: while the caller who tells them waits for",
    "a core, the others go on, and hundreds of eras go by",
];

/// What the readers saw of the storm, and their listeners heard.
#[derive(Debug, Default)]
pub(super) struct Sights {
    view: View,
    looks: Vec<Look>,
    glances: u64,
    /// Readers that took a snapshot after the first call and before the last.
    pub(super) awake: u64,
    /// Such snapshots.
    during: u64,
    listeners: usize,
    heard: Heard,
    events: EventCounts,
    /// Transitions that there were to tell.
    eras: u64,
}

impl Sights {
    /// Of the one who watched the storm and of the readers, where `calls` were made.
    pub(super) fn of(watcher: View, readers: Vec<Seen>, calls: u64) -> Self {
        let mut all = Self { view: watcher, ..Self::default() };
        for Seen { view, looks, glances } in readers {
            let during = looks.iter().filter(|look| (1..calls).contains(&look.calls)).count();
            all.during += during as u64;
            all.awake += u64::from(during > 0);
            all.glances += glances;
            all.looks.extend(looks);
            all.view.join(view);
        }
        all
    }

    /// What the listeners heard of a breaker at rest.
    pub(super) fn listened(&mut self, ears: &[Arc<Ear>], breaker: &CircuitBreaker) {
        let mut snapshot = breaker.snapshot();
        // Whoever told the last one may have left some to the next: each snapshot tells
        // a few.
        for _ in 0..snapshot.era {
            if snapshot.events.told + snapshot.events.dropped == snapshot.era {
                break;
            }
            snapshot = breaker.snapshot();
        }
        self.listeners = ears.len();
        self.heard = Heard::of(ears, snapshot.events.told);
        (self.events, self.eras) = (snapshot.events, snapshot.era);
    }

    pub(super) fn told(&self) -> u64 {
        self.events.told
    }

    fn heard(&self) -> [Check; 3] {
        let EventCounts { told, dropped, panics, .. } = self.events;
        let Heard { wrong_number, back, torn } = self.heard;
        let listeners = self.listeners;
        [
            Check::judged(
                "every_listener_hears_eras_in_order",
                back == 0 && torn == 0,
                format!("{back} out of order, {torn} from a state that nobody began"),
            ),
            Check::judged(
                "told_and_dropped_events_are_all_eras",
                told + dropped == self.eras && panics == 0,
                format!("{told} told, {dropped} dropped, era {}; {panics} panics", self.eras),
            ),
            Check::judged(
                "every_listener_hears_all_that_is_told",
                wrong_number == 0,
                format!("{wrong_number} of {listeners} heard more or less than {told} events"),
            ),
        ]
    }

    pub(super) fn kept(&self) -> Vec<Check> {
        let held = |name: &str, faults: &Faults, fine: String| {
            let detail = if faults.count == 0 { fine } else { faults.text() };
            Check::judged(name, faults.count == 0, detail)
        };
        let snapshots = || format!("{} snapshots, each reader for itself", self.view.taken);
        let most = self.looks.iter().map(|look| look.clock).max().unwrap_or(0);
        let seen = [
            held("no_total_ever_falls", &self.view.fell, snapshots()),
            held("no_part_is_above_its_whole", &self.view.parts, snapshots()),
            held(
                "state_and_era_go_forward_together",
                &self.view.order,
                format!("{} glances, {} snapshots", self.glances, self.view.taken),
            ),
            Check::judged(
                "a_snapshot_never_starts_over",
                most <= MOST_CLOCK,
                format!("at most {most} looks at the clock in each of {}", self.looks.len()),
            ),
        ];
        seen.into_iter().chain(self.heard()).collect()
    }

    pub(super) fn figures(&self, readers: u32) -> Value {
        let micros = |times: fn(&Look) -> Duration| {
            let [median, p99, longest] = self.times(times).map(|time| time.as_secs_f64() * 1e6);
            json!({ "median": median, "p99": p99, "longest": longest })
        };
        json!({
            "threads": readers,
            "snapshots": self.looks.len(),
            "snapshots_while_callers_called": self.during,
            "glances": self.glances,
            "events_told": self.events.told,
            "events_dropped": self.events.dropped,
            "snapshot_cpu_us": micros(|look| look.cpu),
            "snapshot_wall_us": micros(|look| look.wall),
        })
    }

    pub(super) fn rows(&self) -> [(String, String); 4] {
        let text = |times: fn(&Look) -> Duration| {
            let [median, p99, longest] = self.times(times);
            format!("{median:.0?} / {p99:.0?} / {longest:.0?}")
        };
        [
            (
                "snapshots by readers (while calls went on)".to_owned(),
                pair(self.looks.len() as u64, self.during),
            ),
            ("  processor time: median / p99 / longest".to_owned(), text(|look| look.cpu)),
            ("  from begin to end, likewise".to_owned(), text(|look| look.wall)),
            (
                format!("events told to {} listeners (dropped)", self.listeners),
                pair(self.events.told, self.events.dropped),
            ),
        ]
    }

    /// The median, the 99th percentile and the longest; zero if there is none.
    fn times(&self, of: fn(&Look) -> Duration) -> [Duration; 3] {
        let mut times: Vec<Duration> = self.looks.iter().map(of).collect();
        times.sort_unstable();
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            times.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
        };
        [at(0.5), at(0.99), at(1.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    fn seen(looks: &[(u64, u64)]) -> Seen {
        let look = |&(calls, millis)| Look {
            calls,
            cpu: Duration::from_millis(millis),
            wall: Duration::from_millis(millis),
            clock: 2,
        };
        Seen { looks: looks.iter().map(look).collect(), ..Seen::default() }
    }

    #[test]
    fn a_reader_was_awake_if_it_looked_between_the_first_call_and_the_last() {
        let readers = vec![seen(&[(0, 1), (5, 3), (9, 2)]), seen(&[(0, 4), (10, 5)])];
        let sights = Sights::of(View::default(), readers, 10);
        assert_eq!((sights.awake, sights.during), (1, 2));
        assert_eq!(sights.times(|look| look.cpu), [3, 5, 5].map(Duration::from_millis));
        assert_eq!(Sights::default().times(|look| look.cpu), [Duration::ZERO; 3]);
    }

    #[test]
    fn a_snapshot_that_looks_at_the_clock_once_more_has_started_over() {
        let mut one = seen(&[(1, 1)]);
        one.looks[0].clock = 3;
        let broken: Vec<String> = Sights::of(View::default(), vec![one], 1)
            .kept()
            .into_iter()
            .filter(|check| check.verdict != Verdict::Held)
            .map(|check| check.name)
            .collect();
        assert_eq!(broken, ["a_snapshot_never_starts_over"]);
    }
}
