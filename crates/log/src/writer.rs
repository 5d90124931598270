//! The thread that writes a sink's records, and what it does while the sink fails.
//!
//! Each record is one call through a circuit breaker. While that is open, and for each
//! record that could not be written, the fallback gets the record instead. When the sink
//! works again it is told in-band how many records it missed.

use std::sync::Arc;
use std::time::Duration;
use std::{io, mem, thread};

use ampacity::{CallError, CircuitBreaker};

use crate::contained::contained;
use crate::context::Context;
use crate::event_type::EventType;
use crate::json::Rules;
use crate::lane::Lane;
use crate::limits::Limits;
use crate::queue::{Batch, Claim, Orders, Parts, Tally};
use crate::record::Envelope;
use crate::redact::Redaction;
use crate::scratch::Scratch;
use crate::sink::Out;
use crate::stamp::TimeOfDay;

/// The name that in-band records have as their logger, quoted.
const LOGGER: &[u8] = b"\"ampacity-log\"";

pub(crate) struct Writer {
    lane: Arc<Lane>,
    out: Box<dyn Out>,
    /// Where records go that `out` does not take.
    fallback: Option<Box<dyn Out>>,
    /// Whether that took records since it was flushed.
    fell_back: bool,
    breaker: CircuitBreaker,
    voice: Voice,
    /// Whether `out` was prepared for this batch.
    ready: bool,
    /// What became of the batch so far.
    done: Tally,
    news: News,
    /// Rotations that were counted, done and failed.
    rotations: (u64, u64),
}

/// What a writer's own records have of the log's.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) now: TimeOfDay,
    /// The fields of every record, and what they are under.
    pub(crate) base: Context,
    pub(crate) limits: Limits,
    pub(crate) redaction: Redaction,
}

/// What the sink's readers have not been told yet.
#[derive(Default, Debug)]
struct News {
    failed: u64,
    fell_back: u64,
    /// Why the last of the failed was not written.
    error: String,
    /// Dropped records that were told.
    told: u64,
    /// Why a file was not moved aside.
    rotation: Option<String>,
}

impl Writer {
    pub(crate) fn new(
        lane: Arc<Lane>,
        out: Box<dyn Out>,
        fallback: Option<Box<dyn Out>>,
        breaker: CircuitBreaker,
        voice: Voice,
    ) -> Self {
        Writer {
            lane,
            out,
            fallback,
            fell_back: false,
            breaker,
            voice,
            ready: false,
            done: Tally::default(),
            news: News::default(),
            rotations: (0, 0),
        }
    }

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
        lane.queue.adopt();
        let mut batch = Batch::default();
        while let Some(orders) = lane.queue.next(&mut batch, mem::take(&mut self.done)) {
            // Of its own code nothing panics, and the sinks contain what users hand in; if it
            // happens all the same, what was not counted yet has failed.
            if contained(|| self.write(&batch, orders)).is_none() {
                let Tally { written, failed, .. } = self.done;
                self.done.failed = batch.len() as u64 - written.min(batch.len() as u64);
                self.news.failed += self.done.failed.saturating_sub(failed);
            }
        }
        // Only then is the log closed: a writer may hand on what it kept back when it goes.
        let not_flushed = u64::from(!close(self.out));
        if let Some(fallback) = self.fallback {
            close(fallback);
        }
        lane.queue.gone(Tally { not_flushed, ..Tally::default() });
    }

    fn write(&mut self, batch: &Batch, orders: Orders) {
        if orders.reopen {
            self.ready = false;
            if let Err(error) = self.out.reopen() {
                self.news.error = text_of(error);
            }
        }
        if !batch.is_empty() {
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
            self.done.not_flushed += 1;
            self.news.error = text_of(error);
        }
        if orders.flush
            && mem::take(&mut self.fell_back)
            && let Some(fallback) = &mut self.fallback
        {
            // That it fails cannot be told: it has no fallback itself.
            contained(|| drop(fallback.flush()));
        }
        self.look_at_rotations();
        if healthy {
            self.tell(orders.dropped);
        }
    }

    /// Writes one record; whether the sink took it.
    fn record(&mut self, line: &[u8]) -> bool {
        let Writer { out, breaker, ready, voice, .. } = self;
        match breaker.call(|| offer(out.as_mut(), ready, &voice.now, line)) {
            Ok(()) => {
                self.done.written += 1;
                return true;
            }
            Err(CallError::Failed(error)) => self.news.error = text_of(error),
            Err(CallError::Rejected(_)) => {}
        }
        let fell_back = match &mut self.fallback {
            // With its error, which may panic when it is dropped.
            Some(fallback) => contained(|| fallback.record(line).is_ok()).unwrap_or(false),
            None => false,
        };
        self.fell_back |= fell_back;
        self.done.failed += 1;
        self.done.fell_back += u64::from(fell_back);
        self.news.failed += 1;
        self.news.fell_back += u64::from(fell_back);
        false
    }

    /// Tells the sink, by records of its own, what it missed and what was in the way.
    fn tell(&mut self, dropped: u64) {
        // News is forgotten when it was told: the clock may be anybody's code, and panic.
        if let Some(error) = &self.news.rotation {
            self.voice.tell(&self.lane, EventType::LogRotationFailed, |record, rules| {
                record.field(rules, "error_message", error);
            });
            self.news.rotation = None;
        }
        let News { failed, fell_back, told, ref error, .. } = self.news;
        if failed == 0 && told == dropped {
            return;
        }
        let event_type = match failed {
            0 => EventType::LogRecordsDropped,
            _ => EventType::LogSinkRecovered,
        };
        self.voice.tell(&self.lane, event_type, |record, rules| {
            record.field(rules, "dropped", &(dropped - told));
            if failed > 0 {
                record.field(rules, "failed", &failed);
                record.field(rules, "fell_back", &fell_back);
                record.field(rules, "error_message", error);
            }
        });
        self.news = News { told: dropped, ..News::default() };
    }

    /// Counts what became of rotating since the last batch.
    fn look_at_rotations(&mut self) {
        let Some(rotations) = self.out.rotations() else { return };
        let (rotated, not_rotated) = self.rotations;
        self.rotations = (rotations.done, rotations.failed);
        self.done.rotated = rotations.done - rotated;
        self.done.not_rotated = rotations.failed - not_rotated;
        if self.done.not_rotated > 0 {
            self.news.rotation = rotations.why.as_ref().map(io::Error::to_string);
        }
    }
}

/// Flushes and drops it, which may be anybody's code; whether it was flushed.
fn close(mut out: Box<dyn Out>) -> bool {
    // With its error, which may panic when it is dropped.
    let flushed = contained(|| out.flush().is_ok()).unwrap_or(false);
    contained(move || drop(out));
    flushed
}

/// The error's text, which may be anybody's code.
fn text_of(error: io::Error) -> String {
    let text = contained(|| error.to_string());
    // By itself: one that panics while another panic unwinds would end the program.
    contained(move || drop(error));
    text.unwrap_or_else(|| "an error that panics".to_owned())
}

impl Voice {
    /// Hands a record in that is about the sink itself.
    fn tell(
        &self,
        lane: &Lane,
        event_type: EventType,
        fields: impl FnOnce(&mut Scratch, &Rules<'_>),
    ) {
        let Voice { now, base, limits, redaction } = self;
        let mut scratch = Scratch::take(limits.record_bytes);
        // Nothing of its own is hidden, whatever it is called: readers count by it.
        let nothing = Redaction::off();
        let rules = Rules { value_bytes: 1 << 10, depth: 1, redaction: &nothing };
        scratch.field(&rules, "sink", lane.name());
        fields(&mut scratch, &rules);
        let level = event_type.level();
        let envelope =
            Envelope { now: now.get(), level, logger: LOGGER, event_type, trace: None, base };
        envelope.close(&mut scratch, &limits.rules(redaction));
        let parts = Parts { head: &scratch.head, tail: &scratch.tail };
        lane.queue.push(parts, Claim { urgent: true, wait: Duration::ZERO, in_band: true });
        scratch.give_back();
    }
}

fn offer(out: &mut dyn Out, ready: &mut bool, now: &TimeOfDay, line: &[u8]) -> io::Result<()> {
    if !*ready {
        out.prepare(now.get())?;
        *ready = true;
    }
    out.record(line).map_err(|failure| failure.error)
}
