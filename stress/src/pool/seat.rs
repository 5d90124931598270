//! One thread's place in a point: how many calls to make next, and whether it is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::watchdog::Station;

/// Calls that each thread makes, whatever the time.
const LEAST: u64 = 4;
/// Calls between two looks at the clock, once they are known to be quick.
const MOST: u64 = 1_024;
/// Calls are quick if so many of them, looks at the clock included, take no longer than
/// this.
const QUICK: Duration = Duration::from_micros(200);

/// One thread's place in a point.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    /// Which thread it is, from 0.
    pub(crate) index: usize,
    /// Where it says what it is at.
    pub(crate) station: &'a Station,
    over: &'a AtomicBool,
    began: Instant,
    length: Duration,
    last: Instant,
    before: u64,
    batch: u64,
    asked: u64,
    made: u64,
    in_time: u64,
}

impl<'a> Seat<'a> {
    pub(super) fn new(
        index: usize,
        station: &'a Station,
        over: &'a AtomicBool,
        began: Instant,
        length: Duration,
    ) -> Self {
        Self {
            index,
            station,
            over,
            began,
            length,
            last: began,
            before: station.calls.load(Ordering::Relaxed),
            batch: 1,
            asked: 0,
            made: 0,
            in_time: 0,
        }
    }

    /// How many calls to make now; those asked for before have been made. `None`: it is
    /// over.
    pub(crate) fn next(&mut self) -> Option<u64> {
        self.made += self.asked;
        // Relaxed: a sign of life.
        self.station.calls.store(self.before + self.made, Ordering::Relaxed);
        let now = Instant::now();
        let is_late = now.saturating_duration_since(self.began) >= self.length;
        if !is_late {
            self.in_time = self.made;
        }
        // Relaxed: a hint to stop.
        if (is_late || self.over.load(Ordering::Relaxed)) && self.made >= LEAST {
            self.asked = 0;
            return None;
        }
        if self.made > 0 {
            let quick = now.saturating_duration_since(self.last) < QUICK;
            self.batch = if quick { (self.batch * 2).min(MOST) } else { (self.batch / 2).max(1) };
        }
        self.last = now;
        self.asked = self.batch;
        Some(self.asked)
    }

    /// The calls that were made in time, and all of them.
    pub(super) fn made(&self) -> (u64, u64) {
        (self.in_time, self.made)
    }
}
