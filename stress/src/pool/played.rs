//! What the threads did in a point, and the figures that follow.

use std::time::Duration;

use crate::system::Switches;
use crate::workload::tally::Tally;

/// What one thread did in a point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Calls that ended in the point's time.
    pub(crate) calls: u64,
    /// All calls, those after the time included.
    pub(crate) all: u64,
    /// Processor time from the beginning to the end of all calls.
    pub(crate) cpu: Duration,
    pub(crate) switches: Switches,
    /// When it ended, from the beginning of the point.
    pub(crate) ended: Duration,
    pub(crate) tally: Tally,
}

/// What all threads did in a point.
#[derive(Debug)]
pub(crate) struct Played {
    /// By index; without those that died.
    pub(crate) reports: Vec<Report>,
    pub(crate) died: usize,
    /// How long it was to last.
    pub(crate) length: Duration,
    /// The longest time without progress, as far as anybody looked.
    pub(crate) quiet: Duration,
    /// Ctrl-C cut it short.
    pub(crate) cut: bool,
}

impl Played {
    /// What all did together.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.reports.iter().for_each(|report| sum += report.tally.clone());
        sum
    }

    /// The same point, of which only the first so many threads are looked at: where the
    /// others do something else.
    pub(crate) fn of_the_first(&self, threads: usize) -> Part<'_> {
        Part { reports: &self.reports[..threads.min(self.reports.len())], length: self.length }
    }

    pub(crate) fn cpu(&self) -> Duration {
        self.reports.iter().map(|report| report.cpu).sum()
    }

    /// From the beginning until the last thread had ended.
    pub(crate) fn wall(&self) -> Duration {
        self.reports.iter().map(|report| report.ended).max().unwrap_or_default()
    }

    /// The processor time they got, of what as many threads could have got on `cores` cores.
    pub(crate) fn share_of_the_cores(&self, cores: usize) -> f64 {
        let most = self.reports.len().min(cores) as f64;
        self.cpu().as_secs_f64() / (self.wall().as_secs_f64() * most)
    }
}

/// Some of the threads of a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    reports: &'a [Report],
    length: Duration,
}

impl Part<'_> {
    /// Calls a second within the point's time.
    pub(crate) fn calls_per_s(self) -> f64 {
        let calls: u64 = self.reports.iter().map(|report| report.calls).sum();
        calls as f64 / self.length.as_secs_f64()
    }

    /// Processor time of a call.
    pub(crate) fn cpu_ns_a_call(self) -> f64 {
        let calls: u64 = self.reports.iter().map(|report| report.all).sum();
        let cpu: Duration = self.reports.iter().map(|report| report.cpu).sum();
        cpu.as_nanos() as f64 / calls as f64
    }
}
