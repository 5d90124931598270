//! What all handles of a log share.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::context::Context;
use crate::json::Rules;
use crate::lane::Lane;
use crate::level::Level;
use crate::limits::Limits;
use crate::redact::Redaction;
use crate::reporter::Reporter;
use crate::stamp::TimeOfDay;

/// No level reaches this: what a log that takes nothing has as its least level.
const NOTHING: u8 = Level::ALL.len() as u8;

#[derive(Debug)]
pub(crate) struct Shared {
    /// The least level that any sink takes and [`set_level`](Shared::set_level) admits.
    least: AtomicU8,
    lanes: Box<[Arc<Lane>]>,
    settings: Settings,
}

#[derive(Debug)]
pub(crate) struct Settings {
    /// The fields of every record.
    pub(crate) base: Context,
    /// Of records, what the envelope leaves to their fields.
    pub(crate) limits: Limits,
    pub(crate) redaction: Redaction,
    pub(crate) now: TimeOfDay,
    pub(crate) close_within: Duration,
    pub(crate) reporter: Reporter,
    /// Whether its records are events of `tracing`, too.
    #[cfg(feature = "tracing")]
    pub(crate) bridged: bool,
}

impl Shared {
    pub(crate) fn new(lanes: Box<[Arc<Lane>]>, settings: Settings) -> Self {
        let shared = Shared { least: AtomicU8::new(NOTHING), lanes, settings };
        // Relaxed: nobody else has it yet.
        shared.least.store(shared.least_of_sinks(), Ordering::Relaxed);
        shared
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn is_bridged(&self) -> bool {
        self.settings.bridged
    }

    /// As [`Level`] counts; more than that if there are no sinks.
    pub(crate) fn least_of_sinks(&self) -> u8 {
        self.lanes.iter().map(|lane| lane.level() as u8).min().unwrap_or(NOTHING)
    }

    /// Admits no records below `level`, whatever the sinks take.
    pub(crate) fn set_level(&self, level: Level) {
        // Relaxed: a setting; a record that is made while it changes may go either way.
        self.least.store(self.least_of_sinks().max(level as u8), Ordering::Relaxed);
    }

    /// Whether some sink takes records of `level`.
    #[inline]
    pub(crate) fn takes(&self, level: Level) -> bool {
        // Relaxed: as above.
        level as u8 >= self.least.load(Ordering::Relaxed)
    }

    pub(crate) fn shows_tool_parameters(&self) -> bool {
        self.settings.redaction.shows_tool_parameters()
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        &self.settings.reporter
    }

    #[inline]
    pub(crate) fn rules(&self) -> Rules<'_> {
        self.settings.limits.rules(&self.settings.redaction)
    }

    pub(crate) fn record_bytes(&self) -> usize {
        self.settings.limits.record_bytes
    }

    pub(crate) fn base(&self) -> &Context {
        &self.settings.base
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.settings.now.get()
    }

    pub(crate) fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    pub(crate) fn close_within(&self) -> Duration {
        self.settings.close_within
    }

    pub(crate) fn close(&self, within: Duration) -> Result<(), Unflushed> {
        // What the reporter says is not to wait, whatever its level is to wait otherwise.
        self.lanes.iter().for_each(|lane| lane.queue.hurry());
        self.settings.reporter.end();
        // All are asked first, so that the sinks finish side by side.
        for lane in &self.lanes {
            let _ = lane.queue.close(Duration::ZERO);
        }
        self.each_lane(within, |lane, left| lane.queue.close(left))
    }

    pub(crate) fn each_lane(
        &self,
        within: Duration,
        wait: impl Fn(&Lane, Duration) -> Result<(), u64>,
    ) -> Result<(), Unflushed> {
        let start = Instant::now();
        let mut unflushed = None;
        for lane in &self.lanes {
            if let Err(more) = wait(lane, within.saturating_sub(start.elapsed())) {
                let Unflushed { waiting } = unflushed.unwrap_or(Unflushed { waiting: 0 });
                unflushed = Some(Unflushed { waiting: waiting + more });
            }
        }
        unflushed.map_or(Ok(()), Err)
    }
}

/// Some records were not written in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unflushed {
    waiting: u64,
}

impl Unflushed {
    /// How many: a record that waits for two sinks counts twice. None, where a sink that has
    /// taken them all is still at its flush.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }
}

impl fmt::Display for Unflushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.waiting {
            0 => f.write_str("a log sink was not flushed in time"),
            1 => f.write_str("1 log record was not written in time"),
            many => write!(f, "{many} log records were not written in time"),
        }
    }
}

impl core::error::Error for Unflushed {}
