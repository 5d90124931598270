//! A merged record as what it is: the runs of its hosts side by side, and what was added up.
//!
//! `merge` leaves each host its own figures, under a label. Here they become runs of their
//! own again, with the host's machine; what has no such label (checks, added histograms)
//! is that of all hosts.

use super::find::Run;
use crate::measure::Labels;
use crate::merge::HOST;
use crate::program::Section;
use crate::record::Record;

/// More hosts than this are not to be told apart.
const MOST_HOSTS: usize = 24;

/// The run itself, or if it was merged, its hosts' and what they have in common.
pub(super) fn apart(run: Run) -> Vec<Run> {
    if run.record.merged.is_empty() {
        return vec![run];
    }
    let mut runs: Vec<Run> = run
        .record
        .merged
        .iter()
        .take(MOST_HOSTS)
        .map(|host| {
            let mut record = Record {
                started: host.started.clone(),
                wall_s: host.wall_s,
                command: host.command.clone(),
                seed: host.seed,
                commit: host.commit.clone(),
                machine: host.machine.clone(),
                merged: Vec::new(),
                ..run.record.clone()
            };
            for part in &mut record.programs {
                keep(&mut part.section, Some(&host.name));
                part.section.checks.clear();
                part.section.tables.clear();
            }
            Run { label: format!("{}, host {}", run.label, host.name), record }
        })
        .collect();
    let mut all = run;
    for part in &mut all.record.programs {
        keep(&mut part.section, None);
    }
    all.label = format!("{}, all hosts", all.label);
    runs.push(all);
    runs
}

/// Leaves a section what is of `host`, or what is of none, without the label.
fn keep(section: &mut Section, host: Option<&str>) {
    let is = |labels: &mut Labels| labels.remove(HOST).as_deref() == host;
    section.measures.retain_mut(|one| is(&mut one.labels));
    section.latencies.retain_mut(|one| is(&mut one.labels));
    section.tracks.retain_mut(|one| is(&mut one.labels));
    section.bands.retain_mut(|one| is(&mut one.labels));
}
