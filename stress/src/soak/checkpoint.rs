//! What is looked at once a minute, with all threads at rest.

use std::time::Duration;

use ampacity::{CircuitBreaker, Snapshot, State};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::books::Book;
use super::crew::Crew;
use super::mix::{self, KINDS, Weather};
use crate::measure::Latency;
use crate::program::Failure;
use crate::sample::Dice;
use crate::{heap, resident};

/// Calls that a visitor makes on each breaker.
const VISITS: u32 = 50;

/// A line of the journal. Nothing of it is on the heap, which is one of its figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Checkpoint {
    pub(super) at_s: f64,
    /// Since the start, as the next few.
    pub(super) calls: u64,
    pub(super) rejected: u64,
    pub(super) trips: u64,
    pub(super) recoveries: u64,
    /// Since the last checkpoint, as all below but memory.
    pub(super) calls_per_s: f64,
    pub(super) skipped: u64,
    pub(super) latest_ms: f64,
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) max_ns: u64,
    pub(super) cpu_ns_a_call: f64,
    pub(super) heap_bytes: u64,
    pub(super) resident_bytes: Option<u64>,
    /// Whether breakers and threads agreed on every count.
    pub(super) accounts_agree: bool,
}

/// What is kept from one checkpoint to the next.
pub(super) struct Auditor {
    /// Of those who came and went.
    visitors: [Book; KINDS],
    last: [Option<Snapshot>; KINDS],
    before: Checkpoint,
    cpu: Duration,
    pub(super) all: Histogram<u64>,
    pub(super) faults: u64,
    pub(super) first_fault: Option<String>,
    seed: u64,
}

impl Auditor {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            visitors: Default::default(),
            last: Default::default(),
            before: Checkpoint::default(),
            cpu: Duration::ZERO,
            all: Latency::recorder(),
            faults: 0,
            first_fault: None,
            seed,
        }
    }

    /// Has a thread come, call, make a breaker of its own and go; then all stand still and
    /// are compared with what the breakers say.
    pub(super) fn look(
        &mut self,
        crew: &mut Crew,
        breakers: &[std::sync::Arc<CircuitBreaker>],
    ) -> Result<Checkpoint, Failure> {
        self.visit(breakers)?;
        let at = crew.start_time();
        let mut now = Checkpoint::default();
        let mut books = self.visitors;
        let mut cpu = Duration::ZERO;
        let mut recent = Latency::recorder();
        let faults = crew.still(|all| {
            now.at_s = at.elapsed().as_secs_f64();
            for mut done in all {
                books.iter_mut().zip(done.books).for_each(|(sum, book)| *sum += book);
                // Cannot fail between recorders of one kind.
                let _ = recent.add(&done.latency);
                done.latency.reset();
                now.skipped += done.skipped;
                now.latest_ms = now.latest_ms.max(done.late.as_secs_f64() * 1e3);
                cpu += done.cpu;
            }
            // Nobody calls now, so that what they say is exact.
            breakers.each_snapshot(|kind, snapshot| self.audit(kind, books[kind], snapshot))
        })?;
        for snapshot in self.last.iter().flatten() {
            now.trips += snapshot.transitions.between(State::Closed, State::Open);
            now.recoveries += snapshot.transitions.between(State::HalfOpen, State::Closed);
        }
        let _ = self.all.add(&recent);
        now.calls = books.iter().map(|book| book.calls()).sum();
        now.rejected = books.iter().map(|book| book.rejected).sum();
        let calls = (now.calls - self.before.calls) as f64;
        now.calls_per_s = calls / (now.at_s - self.before.at_s).max(1e-9);
        now.cpu_ns_a_call = (cpu.saturating_sub(self.cpu)).as_nanos() as f64 / calls.max(1.0);
        now.p50_ns = recent.value_at_quantile(0.5);
        now.p99_ns = recent.value_at_quantile(0.99);
        now.max_ns = recent.max();
        now.accounts_agree = faults == 0;
        drop(recent);
        now.heap_bytes = heap::bytes();
        now.resident_bytes = resident::bytes(None);
        (self.before, self.cpu) = (now, cpu);
        Ok(now)
    }

    /// Compares one breaker, and keeps what it says; how many faults.
    fn audit(&mut self, kind: usize, book: Book, said: Snapshot) -> u64 {
        let fell = self.last[kind].as_ref().is_some_and(|last| {
            said.era < last.era
                || said.admitted < last.admitted
                || said.rejected.total() < last.rejected.total()
        });
        let fault = book
            .fault(&said)
            .or_else(|| fell.then(|| format!("{}: a count or the era went back", said.name)));
        self.last[kind] = Some(said);
        let Some(fault) = fault else { return 0 };
        self.faults += 1;
        self.first_fault.get_or_insert(fault);
        1
    }

    fn visit(&mut self, breakers: &[std::sync::Arc<CircuitBreaker>]) -> Result<(), Failure> {
        self.seed = self.seed.wrapping_add(1);
        let mut dice = Dice(self.seed);
        let visitors = &mut self.visitors;
        let visit = move || {
            for (breaker, book) in breakers.iter().zip(visitors.iter_mut()) {
                (0..VISITS).for_each(|_| mix::call(breaker, Weather::Fair, &mut dice, book));
            }
            if let Ok(own) = CircuitBreaker::builder("visitor").failure_threshold(3).build() {
                let mut book = Book::default();
                (0..VISITS).for_each(|_| mix::call(&own, Weather::Poor, &mut dice, &mut book));
            }
        };
        std::thread::scope(|scope| {
            let visitor = std::thread::Builder::new().spawn_scoped(scope, visit);
            let visitor =
                visitor.map_err(|error| Failure(format!("no thread could be started: {error}")))?;
            visitor.join().map_err(|_| Failure("a thread that came and went died".to_owned()))
        })
    }

    /// Kinds of breaker that never tripped, or never came back.
    pub(super) fn not_reached(&self) -> Vec<&str> {
        self.last
            .iter()
            .flatten()
            .filter(|said| {
                said.transitions.between(State::Closed, State::Open) == 0
                    || said.transitions.between(State::HalfOpen, State::Closed) == 0
            })
            .map(|said| said.name.as_str())
            .collect()
    }
}

trait EachSnapshot {
    fn each_snapshot(&self, look: impl FnMut(usize, Snapshot) -> u64) -> u64;
}

impl EachSnapshot for [std::sync::Arc<CircuitBreaker>] {
    fn each_snapshot(&self, mut look: impl FnMut(usize, Snapshot) -> u64) -> u64 {
        self.iter().enumerate().map(|(kind, breaker)| look(kind, breaker.snapshot())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_that_says_otherwise_or_goes_back_is_a_fault() {
        let said = |calls| {
            let breaker = CircuitBreaker::new("b");
            (0..calls).for_each(|_| breaker.call(|| Ok::<_, ()>(())).unwrap());
            breaker.snapshot()
        };
        let book = |succeeded| Book { succeeded, ..Book::default() };
        let mut auditor = Auditor::new(1);
        assert_eq!(auditor.audit(0, book(3), said(3)), 0);
        assert_eq!(auditor.audit(0, book(4), said(3)), 1);
        assert_eq!(auditor.audit(0, book(2), said(2)), 1);
        assert_eq!(auditor.audit(1, book(0), said(0)), 0);
        assert_eq!(auditor.faults, 2);
        assert_eq!(auditor.first_fault.unwrap(), "b: 4 admitted, it says 3");
    }
}
