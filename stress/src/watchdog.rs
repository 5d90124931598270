//! Tells threads that stand still from threads that are slow, and says where they stand.
//!
//! For any program: each thread has a [`Station`] and says there what it is at, whoever
//! waits for them asks a [`Watchdog`] now and then, and if it barks prints a [`report`].
//! Nothing here waits for anybody.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long nobody may get anywhere.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How many threads a report names one by one.
const SHOWN: usize = 20;

/// Where a thread stands; all about it is Relaxed, as it is only ever looked at.
#[derive(Debug, Default)]
#[repr(align(128))] // each is written by its thread at every step; lines come in pairs
pub(crate) struct Station {
    pub(crate) calls: AtomicU64,
    place: AtomicU8,
}

/// What a thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    Waiting,
    Calling,
    Acquiring,
    Holding,
    Settling,
    Posting,
    Rejected,
    Done,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Calling,
        Self::Acquiring,
        Self::Holding,
        Self::Settling,
        Self::Posting,
        Self::Rejected,
        Self::Done,
    ];
}

impl Station {
    pub(crate) fn set(&self, place: Place) {
        self.place.store(place as u8, Ordering::Relaxed);
    }
}

/// Calls made by all threads so far.
pub(crate) fn progress(stations: &[Station]) -> u64 {
    stations.iter().map(|station| station.calls.load(Ordering::Relaxed)).sum()
}

/// What there is to say when a watchdog barked: `what` has not happened for too long, after
/// so many `calls`; what the breaker holds, and where each thread that is not done stands.
pub(crate) fn report(
    what: &str,
    patience: Duration,
    calls: u64,
    breaker: &str,
    stations: &[Station],
) -> String {
    let seconds = patience.as_secs_f64();
    let places = whereabouts(stations);
    format!("{what} in {seconds} s, after {calls} calls; {breaker}; threads: {places}")
}

/// How many threads stand where, and the first few that are not done one by one, with the
/// calls each has made.
pub(crate) fn whereabouts(stations: &[Station]) -> String {
    let place = |station: &Station| station.place.load(Ordering::Relaxed);
    let count = |at: Place| stations.iter().filter(|station| place(station) == at as u8).count();
    let mut text: Vec<String> = Place::ALL
        .into_iter()
        .map(|place| (place, count(place)))
        .filter(|&(_, count)| count > 0)
        .map(|(place, count)| format!("{count} {place}"))
        .collect();
    let stuck = stations.iter().enumerate().filter_map(|(index, station)| {
        let at = Place::ALL.into_iter().find(|&at| at as u8 == place(station))?;
        (at != Place::Done).then(|| {
            let calls = station.calls.load(Ordering::Relaxed);
            format!("thread {index} {at} after {calls} calls")
        })
    });
    let stuck: Vec<String> = stuck.take(SHOWN).collect();
    if !stuck.is_empty() {
        text.push(format!("of them {}", stuck.join(", ")));
    }
    text.join(", ")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Calling => "calling",
            Self::Acquiring => "acquiring",
            Self::Holding => "holding",
            Self::Settling => "settling",
            Self::Posting => "posting",
            Self::Rejected => "rejected",
            Self::Done => "done",
        })
    }
}

/// Looks at progress from time to time.
#[derive(Debug)]
pub(crate) struct Watchdog {
    progress: u64,
    since: Instant,
    /// When it looked last.
    looked: Instant,
    longest: Duration,
    patience: Duration,
}

impl Watchdog {
    pub(crate) fn new(now: Instant) -> Self {
        Self::with_patience(now, PATIENCE)
    }

    /// One that barks after another time.
    pub(crate) fn with_patience(now: Instant, patience: Duration) -> Self {
        Self { progress: 0, since: now, looked: now, longest: Duration::ZERO, patience }
    }

    /// Whether it has seen nothing but this `progress` for too long.
    ///
    /// If whoever asks has not asked for longer than that, the process itself stood still
    /// (stopped by hand, frozen, or starved), and its threads with it: then it begins anew.
    pub(crate) fn barks(&mut self, progress: u64, now: Instant) -> bool {
        let gap = now.saturating_duration_since(self.looked);
        self.looked = now;
        if gap > self.patience {
            (self.progress, self.since) = (progress, now);
            return false;
        }
        let quiet = now.saturating_duration_since(self.since);
        self.longest = self.longest.max(quiet);
        if progress != self.progress {
            self.progress = progress;
            self.since = now;
            return false;
        }
        quiet >= self.patience
    }

    /// The longest time without progress, as far as it looked.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_barks_when_nothing_has_moved_for_as_long_as_its_patience() {
        let start = Instant::now();
        let mut dog = Watchdog::new(start);
        assert!(!dog.barks(0, start + PATIENCE / 2));
        assert!(!dog.barks(1, start + PATIENCE));
        assert!(!dog.barks(1, start + PATIENCE + PATIENCE / 2));
        assert!(!dog.barks(2, start + PATIENCE * 2));
        assert!(!dog.barks(2, start + PATIENCE * 2));
        assert!(dog.barks(2, start + PATIENCE * 3));
        assert_eq!(dog.longest(), PATIENCE);
    }

    #[test]
    fn time_in_which_the_process_stood_still_is_nobodys_fault() {
        let start = Instant::now();
        let mut dog = Watchdog::new(start);
        assert!(!dog.barks(5, start + PATIENCE / 2));
        assert!(!dog.barks(5, start + PATIENCE * 9), "stopped by hand, and gone on");
        assert!(!dog.barks(5, start + PATIENCE * 9 + PATIENCE / 2));
        assert!(dog.barks(5, start + PATIENCE * 10), "and now?");
    }

    #[test]
    fn whereabouts_count_the_threads_at_each_place_and_name_those_that_are_not_done() {
        let stations: Vec<Station> = (0..4).map(|_| Station::default()).collect();
        stations[1].set(Place::Holding);
        stations[2].set(Place::Holding);
        stations[3].set(Place::Done);
        stations[2].calls.store(5, Ordering::Relaxed);
        assert_eq!(
            whereabouts(&stations),
            "1 waiting, 2 holding, 1 done, of them thread 0 waiting after 0 calls, \
             thread 1 holding after 0 calls, thread 2 holding after 5 calls"
        );
        assert_eq!(progress(&stations), 5);
        stations.iter().for_each(|station| station.set(Place::Done));
        assert_eq!(whereabouts(&stations), "4 done");
    }

    #[test]
    fn of_thousands_of_threads_that_are_stuck_the_first_twenty_are_named() {
        let stations: Vec<Station> = (0..5_000).map(|_| Station::default()).collect();
        stations[4_999].set(Place::Settling);
        let text = whereabouts(&stations);
        assert!(text.starts_with("4999 waiting, 1 settling, of them thread 0 "), "{text}");
        assert!(text.contains("thread 19 ") && !text.contains("thread 20 "), "{text}");
    }

    #[test]
    fn a_report_says_what_did_not_happen_what_the_breaker_holds_and_who_is_where() {
        let stations = [Station::default()];
        let text = report("no call ended", PATIENCE, 41, "a breaker", &stations);
        for says in ["no call ended in 10 s, after 41 calls", "; a breaker; threads: 1 waiting"] {
            assert!(text.contains(says), "{says}: {text}");
        }
    }
}
