//! Tells a storm that stands still from one that is slow.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long nobody may get anywhere.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where a thread stands; all about it is Relaxed, as it is only ever looked at.
#[derive(Debug, Default)]
#[repr(align(64))] // each is written by its thread at every step
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

/// How many threads stand where, in words.
pub(crate) fn whereabouts(stations: &[Station]) -> String {
    let at = |place: Place| {
        stations
            .iter()
            .filter(|station| station.place.load(Ordering::Relaxed) == place as u8)
            .count()
    };
    Place::ALL
        .into_iter()
        .map(|place| (place, at(place)))
        .filter(|&(_, count)| count > 0)
        .map(|(place, count)| format!("{count} {place}"))
        .collect::<Vec<_>>()
        .join(", ")
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
    longest: Duration,
}

impl Watchdog {
    pub(crate) fn new(now: Instant) -> Self {
        Self { progress: 0, since: now, longest: Duration::ZERO }
    }

    /// Whether it has seen nothing but this `progress` for too long.
    pub(crate) fn barks(&mut self, progress: u64, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(self.since);
        self.longest = self.longest.max(quiet);
        if progress != self.progress {
            self.progress = progress;
            self.since = now;
            return false;
        }
        quiet >= PATIENCE
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
        assert!(!dog.barks(2, start + PATIENCE * 3));
        assert!(!dog.barks(2, start + PATIENCE * 3));
        assert!(dog.barks(2, start + PATIENCE * 4));
        assert_eq!(dog.longest(), PATIENCE * 2);
    }

    #[test]
    fn whereabouts_count_the_threads_at_each_place() {
        let stations: Vec<Station> = (0..3).map(|_| Station::default()).collect();
        stations[1].set(Place::Holding);
        stations[2].set(Place::Holding);
        assert_eq!(whereabouts(&stations), "1 waiting, 2 holding");
        stations[0].calls.store(5, Ordering::Relaxed);
        assert_eq!(progress(&stations), 5);
    }
}
