//! The thread that writes a sink's records, and what it does while the sink fails.
//!
//! Each record is one call through a circuit breaker. While that is open, and for each
//! record that could not be written, the fallback gets the record instead. When the sink
//! works again it is told in-band how many records it missed.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use ampacity::{CallError, CircuitBreaker};

use crate::event_type::EventType;
use crate::json::Rules;
use crate::lane::Lane;
use crate::level::Level;
use crate::queue::{Batch, Claim, Orders, Parts, Tally};
use crate::record::Envelope;
use crate::redact::Redaction;
use crate::scratch::Scratch;
use crate::sink::Out;
use crate::stamp::TimeOfDay;

/// The name that in-band records have as their logger, quoted.
const LOGGER: &[u8] = b"\"ampacity-log\"";

pub(crate) struct Writer {
    pub(crate) lane: Arc<Lane>,
    pub(crate) out: Box<dyn Out>,
    /// Where records go that `out` does not take.
    pub(crate) fallback: Option<Box<dyn Out>>,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) now: TimeOfDay,
    /// Whether `out` was prepared for this batch.
    pub(crate) ready: bool,
    pub(crate) done: Tally,
    pub(crate) news: News,
}

/// What the sink's readers have not been told yet.
#[derive(Default, Debug)]
pub(crate) struct News {
    failed: u64,
    fell_back: u64,
    /// Why the last of the failed was not written.
    error: String,
    /// Dropped records that were told.
    told: u64,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub(crate) fn start(self) -> io::Result<thread::JoinHandle<()>> {
        let name = format!("log {}", self.lane.name());
        // A name that a thread may have: anything but NUL.
        thread::Builder::new().name(name.replace('\0', " ")).spawn(move || self.run())
    }

    fn run(mut self) {
        let lane = Arc::clone(&self.lane);
        let mut batch = Batch::default();
        while let Some(orders) = lane.queue.next(&mut batch, std::mem::take(&mut self.done)) {
            // Of its own code nothing panics, and the sinks contain what users hand in; if it
            // happens all the same, what was not counted yet has failed.
            let written = panic::catch_unwind(AssertUnwindSafe(|| self.write(&batch, orders)));
            if written.is_err() {
                let Tally { written, failed, .. } = self.done;
                self.done.failed = batch.len() as u64 - written.min(batch.len() as u64);
                self.news.failed += self.done.failed.saturating_sub(failed);
            }
        }
        lane.queue.gone();
    }

    fn write(&mut self, batch: &Batch, orders: Orders) {
        if orders.reopen {
            self.ready = false;
            if let Err(error) = self.out.reopen() {
                self.news.error = error.to_string();
            }
        }
        if batch.len() > 0 {
            // Files are rotated, and looked after, before a batch.
            self.ready = false;
        }
        let mut healthy = false;
        for line in batch.lines() {
            healthy = self.record(line);
        }
        if orders.flush
            && let Err(error) = self.out.flush()
        {
            self.news.error = error.to_string();
        }
        if healthy {
            self.tell(orders.dropped);
        }
    }

    /// Writes one record; whether the sink took it.
    fn record(&mut self, line: &[u8]) -> bool {
        let Writer { out, breaker, ready, now, .. } = self;
        match breaker.call(|| offer(out.as_mut(), ready, now, line)) {
            Ok(()) => {
                self.done.written += 1;
                return true;
            }
            Err(CallError::Failed(error)) => self.news.error = error.to_string(),
            Err(CallError::Rejected(_)) => {}
        }
        let fell_back = match &mut self.fallback {
            Some(fallback) => fallback.record(line).is_ok(),
            None => false,
        };
        self.done.failed += 1;
        self.done.fell_back += u64::from(fell_back);
        self.news.failed += 1;
        self.news.fell_back += u64::from(fell_back);
        false
    }

    /// Tells the sink, by a record of its own, what it missed.
    fn tell(&mut self, dropped: u64) {
        let News { failed, fell_back, told, .. } = self.news;
        if failed == 0 && dropped == told {
            return;
        }
        let event_type = match failed {
            0 => EventType::LogRecordsDropped,
            _ => EventType::LogSinkRecovered,
        };
        let redaction = Redaction::off();
        let rules = Rules { value_bytes: 1 << 10, depth: 1, redaction: &redaction };
        let mut scratch = Scratch::take(4 << 10);
        scratch.field(&rules, "sink", self.lane.name());
        scratch.field(&rules, "dropped", &(dropped - told));
        if failed > 0 {
            scratch.field(&rules, "failed", &failed);
            scratch.field(&rules, "fell_back", &fell_back);
            scratch.field(&rules, "error_message", &self.news.error);
        }
        let now = self.now.get();
        let level = Level::Warning;
        Envelope { now, level, logger: LOGGER, event_type, trace: None }
            .close(&mut scratch, &rules);
        let parts = Parts { head: &scratch.head, tail: &scratch.tail };
        self.lane.queue.push(parts, Claim { urgent: true, wait: Duration::ZERO });
        scratch.give_back();
        self.news = News { told: dropped, ..News::default() };
    }
}

fn offer(out: &mut dyn Out, ready: &mut bool, now: &TimeOfDay, line: &[u8]) -> io::Result<()> {
    if !*ready {
        out.prepare(now.get())?;
        *ready = true;
    }
    out.record(line).map_err(|failure| failure.error)
}
