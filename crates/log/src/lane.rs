//! One sink as the log sees it: the level it takes, its queue, what to do when that is full.

use std::time::Duration;

use crate::counts::Counts;
use crate::level::Level;
use crate::queue::{Bounds, Claim, Parts, Queue};

/// What a caller does whose record finds the queue full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Overflow {
    /// Goes on; the record is dropped and counted.
    Drop,
    /// Waits for room for so long at most; then as above.
    Wait(Duration),
}

/// Callers of records of [`Level::Error`] and above wait so long by default.
pub(crate) const ERRORS_WAIT: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(crate) struct Lane {
    name: Box<str>,
    level: Level,
    waits: [Duration; Level::ALL.len()],
    pub(crate) queue: Queue,
}

impl Lane {
    pub(crate) fn new(
        name: Box<str>,
        level: Level,
        waits: [Duration; Level::ALL.len()],
        bounds: Bounds,
    ) -> Self {
        Lane { name, level, waits, queue: Queue::new(bounds, crate::random::number()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The least level that it takes.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn push(&self, parts: Parts<'_>, level: Level, urgent: bool) {
        let wait = self.waits[level as usize];
        self.queue.push(parts, Claim { urgent, wait, in_band: false });
    }

    pub(crate) fn counts(&self) -> Counts {
        self.queue.counts()
    }
}
