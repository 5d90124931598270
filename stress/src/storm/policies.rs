//! Windows at rest: under every policy, against what the threads did.
//!
//! The same threads, all alive throughout, call one breaker after the other. Time stands
//! still while they call and is stepped between two phases, so that what a window holds
//! at rest is no matter of chance: it has to be exactly what the [`model`] says, which
//! adds up what was asked of the threads. Where it depends on their order (which results
//! are the last hundred), there are bounds instead of a number.
//!
//! Each breaker is brought to one failure below its threshold and must still be closed;
//! then all threads fail at once, and it must trip once, by its own policy, and tell so
//! in one event with the figures it saw. A permit of the era that is over may still be
//! settled; the next closed era must begin with nothing.

mod crowd;
mod findings;
mod model;
mod policy;
mod stage;

use std::time::Instant;

use serde_json::{Value, json};

use super::report::cores;
use crate::print::thousands;
use crate::program::{Check, Context, Failure, Table};
use crowd::Crowd;
use findings::Findings;
use policy::Policy;
use stage::{Ended, Stage};

/// Calls that each thread makes in a phase, on average.
const EACH: u64 = 10;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Policies {
    rows: Vec<Row>,
    findings: Findings,
    stalled: Option<String>,
    died: usize,
    wall_s: f64,
    pub(super) partial: bool,
}

/// What one policy's threads did.
#[derive(Clone, Debug, Default)]
struct Row {
    policy: &'static str,
    name: &'static str,
    threads: u64,
    calls: u64,
    failed: u64,
    slow: u64,
    turned_away: u64,
    trips: u64,
    /// Failures, or slow calls, beyond the one that had to trip it, of the worst trip;
    /// none where calls in flight trip it.
    late: Option<u64>,
    /// Settled after their era.
    stale: u64,
    looks: u64,
    cpu_ns: u64,
}

/// Plays all policies with `threads` threads, until Ctrl-C.
///
/// # Errors
///
/// A thread could not be started, or a breaker not be built.
pub(super) fn play(ctx: &Context, threads: u32) -> Result<Policies, Failure> {
    let mut all = Policies::default();
    let bar = ctx.bar("storm: windows", Policy::ALL.len() as u64);
    let start = Instant::now();
    let mut crowd = Crowd::gather(threads as usize, &ctx.stop)?;
    for policy in Policy::ALL {
        if ctx.stop.requested() {
            // Perhaps before all could be started.
            all.partial = true;
            break;
        }
        bar.set_message(policy.title());
        let mut stage = Stage::new(policy, &crowd, &ctx.stop, &mut all.findings)?;
        let ended = stage.play();
        all.rows.push(stage.row());
        match ended {
            Ok(()) => bar.inc(1),
            Err(Ended::Stopped) => {
                all.partial = true;
                break;
            }
            Err(Ended::Stalled(what)) => {
                // The threads are left where they stand; they end with the process.
                all.stalled = Some(format!("{}: {what}", policy.title()));
                crowd.leave();
                break;
            }
        }
    }
    all.died = crowd.dismiss();
    all.wall_s = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    Ok(all)
}

impl Policies {
    /// What had to hold. Nothing is judged of a policy that was not played to its end.
    pub(super) fn checks(&self) -> Vec<Check> {
        if self.rows.is_empty() || self.partial {
            return Vec::new();
        }
        let stalled = Check::judged(
            "keeps_moving/policies",
            self.stalled.is_none(),
            self.stalled.clone().unwrap_or_else(|| format!("{} policies", self.rows.len())),
        );
        let died = format!("{} died", self.died);
        let mut checks =
            vec![stalled, Check::judged("no_thread_dies/policies", self.died == 0, died)];
        if self.stalled.is_none() {
            checks.extend(self.findings.checks());
        }
        checks
    }

    /// For the record.
    pub(super) fn figures(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "policy": row.name,
                    "threads": row.threads,
                    "calls": row.calls,
                    "failed": row.failed,
                    "slow": row.slow,
                    "turned_away": row.turned_away,
                    "stale": row.stale,
                    "trips": row.trips,
                    "late_failures": row.late,
                    "windows_compared": row.looks,
                    "cpu_ns_a_call": row.ns(),
                })
            })
            .collect();
        json!({ "wall_s": self.wall_s, "rows": rows })
    }

    /// For people.
    pub(super) fn table(&self) -> Table {
        let cells = |row: &Row| {
            let late = row.late.map_or_else(|| "-".to_owned(), thousands);
            vec![
                row.policy.to_owned(),
                thousands(row.threads),
                thousands(row.calls),
                thousands(row.failed),
                thousands(row.slow),
                row.trips.to_string(),
                late,
                format!("{:.0}", row.ns()),
            ]
        };
        let mut notes = vec![
            "at rest each window was compared with what the threads had been asked to do"
                .to_owned(),
            "late: results that came after the one that had to trip it, and still counted; at most"
                .to_owned(),
            "one a thread may. ns: processor time, the wait for a phase not included".to_owned(),
        ];
        if self.rows.iter().any(|row| row.threads > cores() as u64) {
            notes.push(format!("oversubscribed: more threads than the {} cores", cores()));
        }
        Table {
            title: format!("storm: windows at rest under every policy, {:.1} s", self.wall_s),
            head: ["policy", "threads", "calls", "failed", "slow", "trips", "late", "ns a call"]
                .map(str::to_owned)
                .into(),
            rows: self.rows.iter().map(cells).collect(),
            notes,
        }
    }
}

impl Row {
    /// Processor time of a call.
    fn ns(&self) -> f64 {
        self.cpu_ns as f64 / self.calls.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Stop, Verdict};

    #[test]
    fn every_window_of_a_small_storm_is_what_its_threads_did() {
        for threads in [1, 3, 64] {
            let all =
                play(&Context::quiet(7, Stop::default(), &std::env::temp_dir()), threads).unwrap();
            let checks = all.checks();
            assert!(checks.len() >= 10, "{checks:?}");
            for check in checks {
                assert_eq!(check.verdict, Verdict::Held, "{threads} threads: {check:?}");
            }
            assert_eq!(all.rows.len(), Policy::ALL.len());
            assert!(all.rows.iter().all(|row| row.trips >= 2 && row.looks >= 7), "{all:?}");
        }
    }

    #[test]
    fn ctrl_c_ends_it_and_nothing_is_judged() {
        let stop = Stop::default();
        stop.request();
        let all = play(&Context::quiet(7, stop, &std::env::temp_dir()), 4).unwrap();
        assert!(all.partial && all.checks().is_empty());
    }
}
