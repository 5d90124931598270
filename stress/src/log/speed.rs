//! What an event costs: its caller, and the process.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use ampacity_log::Counts;

use super::case::{Case, Who};
use super::ours::Ours;
use super::theirs;
use crate::cpu::{process_cpu, thread_cpu};
use crate::program::{Context, Failure};

/// Records a measurement: so many that the writers have to be woken while it goes on, and
/// that none is dropped even if they are not.
const CALLS: u64 = 10_000;
/// Where nothing is written, each call is too short for so few.
const IDLE_CALLS: u64 = 1_000_000;
/// Made before, by each thread: what is allocated at first is there then.
const WARM_UP: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    pub(super) rounds: u32,
}

/// One measurement, in ns of processor time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Of the calling threads, a call.
    pub(super) call: f64,
    /// Of the whole process until it is written, a call; where one thread calls.
    pub(super) full: Option<f64>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) rows: Vec<(Case, Vec<Sample>)>,
    /// Of our sinks.
    pub(super) counts: Vec<Counts>,
    /// Records that were handed to them.
    pub(super) logged: u64,
    /// Measurements at whose end something still waited.
    pub(super) unwritten: u64,
}

struct Bench {
    ours: Ours,
    files: [PathBuf; 2],
    logged: u64,
    unwritten: u64,
}

impl Speed {
    /// Measures everything, in turn.
    ///
    /// # Errors
    ///
    /// A file cannot be opened or a thread not be started.
    pub(super) fn run(&self, ctx: &Context, dir: &Path) -> Result<Measured, Failure> {
        let files = ["ours.jsonl", "theirs.jsonl"].map(|name| dir.join(name));
        let ours = Ours::open(&files[0]).map_err(|error| Failure(error.to_string()))?;
        theirs::install(&files[1]).map_err(|error| Failure(error.to_string()))?;
        let mut bench = Bench { ours, files, logged: 0, unwritten: 0 };
        let mut rows: Vec<(Case, Vec<Sample>)> =
            Case::all().into_iter().map(|case| (case, Vec::new())).collect();
        let bar = ctx.bar("log", u64::from(self.rounds) * rows.len() as u64);
        'rounds: for round in 1..=self.rounds {
            bar.set_message(format!("round {round} of {}", self.rounds));
            for (case, samples) in &mut rows {
                if ctx.stop.requested() {
                    break 'rounds;
                }
                let sample = bench.measure(*case);
                samples.push(sample.map_err(|error| Failure(error.to_string()))?);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        let (counts, Bench { logged, unwritten, .. }) = (bench.ours.counts(), bench);
        Ok(Measured { rows, counts, logged, unwritten })
    }
}

impl Bench {
    fn measure(&mut self, case: Case) -> io::Result<Sample> {
        let calls = if case.kind.is_written() { CALLS } else { IDLE_CALLS };
        let threads = case.threads as u64;
        self.call(case, WARM_UP);
        self.settle(case, WARM_UP);
        let sample = if threads == 1 {
            let (all, own) = (process_cpu(), thread_cpu());
            self.call(case, calls);
            let own = thread_cpu().saturating_sub(own);
            self.settle(case, calls);
            let all = process_cpu().saturating_sub(all);
            let full = case.kind.is_written().then(|| ns(all, calls));
            Sample { call: ns(own, calls), full }
        } else {
            let each = calls / threads;
            let own = self.together(case, each)?;
            self.settle(case, (WARM_UP + each) * threads);
            Sample { call: ns(own, each * threads), full: None }
        };
        for file in &self.files {
            // Neither grows for as long as the program runs; both go on at their new end.
            OpenOptions::new().write(true).open(file)?.set_len(0)?;
        }
        Ok(sample)
    }

    fn call(&self, case: Case, calls: u64) {
        match case.who {
            Who::Ours => self.ours.call(case.kind, case.target, calls),
            who => theirs::call(who, case.kind, case.target, calls),
        }
    }

    /// Waits until the `calls` that were made last are written.
    fn settle(&mut self, case: Case, calls: u64) {
        if !case.kind.is_written() {
            return;
        }
        let written = match case.who {
            Who::Ours => {
                self.logged += calls;
                self.ours.flush(case.target, PATIENCE)
            }
            // Its callers have written.
            Who::Tracing => true,
            Who::Appender => theirs::flushed(PATIENCE),
        };
        self.unwritten += u64::from(!written);
    }

    /// Processor time of all threads for their calls, all at once.
    fn together(&self, case: Case, each: u64) -> io::Result<Duration> {
        // Held shut by the write lock until all have been started.
        let gate = RwLock::new(());
        let work = || {
            self.call(case, WARM_UP);
            drop(gate.read().unwrap_or_else(PoisonError::into_inner));
            let before = thread_cpu();
            self.call(case, each);
            thread_cpu().saturating_sub(before)
        };
        thread::scope(|scope| {
            let shut = gate.write().unwrap_or_else(PoisonError::into_inner);
            let workers: io::Result<Vec<_>> = (0..case.threads)
                .map(|_| thread::Builder::new().spawn_scoped(scope, work))
                .collect();
            drop(shut);
            let ended = workers?.into_iter().map(thread::ScopedJoinHandle::join);
            let panicked = |_| io::Error::other("a measuring thread panicked");
            ended.map(|worker| worker.map_err(panicked)).sum()
        })
    }
}

fn ns(time: Duration, calls: u64) -> f64 {
    time.as_nanos() as f64 / calls.max(1) as f64
}
