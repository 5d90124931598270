//! Two clocks for one script: one that the script moves, and this machine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ampacity::{Clock, ManualClock, StdClock};
use serde::{Deserialize, Serialize};

/// What a breaker's clock shows when a scenario begins: far enough from zero to step back.
const DAY: Duration = Duration::from_secs(86_400);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    /// Time passes when the script says so.
    Manual,
    /// Time passes, threads run, and calls go to a server over loopback.
    Real,
}

impl How {
    pub(super) const BOTH: [Self; 2] = [Self::Manual, Self::Real];

    /// As checks and labels name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Real => "for_real",
        }
    }
}

/// The clock of a scenario's breakers; clones show the same time.
#[derive(Clone, Debug)]
pub(super) struct Time {
    kind: Kind,
    start: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    Manual(ManualClock),
    /// The machine's, and what it is set ahead by, in ns.
    Real(Arc<AtomicU64>),
}

impl Time {
    pub(super) fn new(how: How) -> Self {
        let kind = match how {
            How::Manual => {
                let clock = ManualClock::new();
                clock.set(DAY);
                Kind::Manual(clock)
            }
            How::Real => Kind::Real(Arc::new(AtomicU64::new(nanos(DAY)))),
        };
        let mut time = Self { kind, start: 0 };
        time.start = time.now();
        time
    }

    pub(super) fn how(&self) -> How {
        match self.kind {
            Kind::Manual(_) => How::Manual,
            Kind::Real(_) => How::Real,
        }
    }

    /// What it showed at first.
    pub(super) fn start(&self) -> Duration {
        Duration::from_nanos(self.start)
    }

    /// Lets time pass: the clock has moved by so much, at least, when this returns.
    pub(super) fn pass(&self, by: Duration) {
        match &self.kind {
            Kind::Manual(clock) => clock.advance(by),
            Kind::Real(_) => std::thread::sleep(by),
        }
    }

    /// Sets the clock ahead, as if it had been wrong.
    pub(super) fn set_ahead(&self, by: Duration) {
        match &self.kind {
            Kind::Manual(clock) => clock.advance(by),
            // Relaxed: only one thread moves a clock, and it tells the others by other means.
            Kind::Real(ahead) => drop(ahead.fetch_add(nanos(by), Ordering::Relaxed)),
        }
    }

    /// Sets the clock back by less than a day.
    pub(super) fn set_back(&self, by: Duration) {
        match &self.kind {
            Kind::Manual(clock) => {
                clock.set(Duration::from_nanos(clock.now().saturating_sub(nanos(by))));
            }
            // Relaxed: as above.
            Kind::Real(ahead) => drop(ahead.fetch_sub(nanos(by), Ordering::Relaxed)),
        }
    }
}

impl Clock for Time {
    fn now(&self) -> u64 {
        match &self.kind {
            Kind::Manual(clock) => clock.now(),
            // Relaxed: as above.
            Kind::Real(ahead) => StdClock.now().saturating_add(ahead.load(Ordering::Relaxed)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_can_be_set_ahead_and_back() {
        for how in How::BOTH {
            let time = Time::new(how);
            let (hour, before) = (Duration::from_secs(3_600), time.now());
            assert_eq!(time.how(), how);
            time.set_ahead(hour);
            let ahead = time.now();
            assert!(ahead >= before + nanos(hour));
            time.set_back(2 * hour);
            assert!(time.now() < ahead - nanos(hour));
        }
    }
}
