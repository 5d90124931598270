//! `merge`: runs of several hosts as one.
//!
//! What each host measured stays its own, under a label `host`: a mean over machines is a
//! figure of no machine. Only histograms are added, count by count, as all calls are calls
//! (and stay each host's own beside the sum). A check has the worst verdict that it had
//! anywhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use crate::measure::{Labels, Latency};
use crate::program::{Check, Refusal, Section, Verdict};
use crate::record::{Host, Part, Record};

/// The label of what one host measured.
pub const HOST: &str = "host";

/// The flags of `merge`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The runs, one a host, of one commit and size; the record goes to --out
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    runs: Vec<PathBuf>,

    /// Merge runs of different commits, too
    #[arg(long)]
    other_commit: bool,
}

#[cfg(test)]
impl Options {
    pub(crate) fn of(runs: Vec<PathBuf>) -> Self {
        Self { runs, other_commit: true }
    }
}

/// Reads the runs and puts them together.
///
/// # Errors
///
/// A run that cannot be read, is given twice, or is not like the others.
pub fn run(options: &Options) -> Result<Record, Refusal> {
    let runs = options
        .runs
        .iter()
        .map(|path| Record::read(path).map(|run| (path, run)))
        .collect::<Result<Vec<_>, _>>()?;
    for (at, (path, run)) in runs.iter().enumerate() {
        let refuse = |why: String| Err(Refusal(format!("{}: {why}", path.display())));
        if !run.merged.is_empty() {
            return refuse("was merged already; merge the runs it was made of".to_owned());
        }
        let (first, other) = &runs[0];
        if run.size != other.size {
            return refuse(format!("{:?}, and {}: {:?}", run.size, first.display(), other.size));
        }
        if run.commit != other.commit && !options.other_commit {
            return refuse(format!(
                "commit {}, and {}: {}; --other-commit merges them all the same",
                run.commit.hash,
                first.display(),
                other.commit.hash
            ));
        }
        // Counted twice, its calls would be calls that nobody made.
        if let Some((twin, _)) = runs[..at].iter().find(|(_, one)| one == run) {
            return refuse(format!("the same run as {}", twin.display()));
        }
    }
    Ok(merge(runs.into_iter().map(|(_, run)| run).collect()))
}

fn merge(mut runs: Vec<Record>) -> Record {
    let merged: Vec<Host> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| Host {
            name: name(at),
            machine: run.machine.clone(),
            commit: run.commit.clone(),
            started: run.started.clone(),
            wall_s: run.wall_s,
            command: run.command.clone(),
            seed: run.seed,
        })
        .collect();
    let mut programs: Vec<Part> = Vec::new();
    for (at, run) in runs.iter_mut().enumerate() {
        for mut part in std::mem::take(&mut run.programs) {
            own(&mut part.section, &name(at));
            match programs.iter_mut().find(|known| known.name == part.name) {
                Some(known) => join(known, part),
                None => programs.push(part),
            }
        }
    }
    for part in &mut programs {
        part.section.checks = worst(std::mem::take(&mut part.section.checks), merged.len());
        let sums = sums(&part.section.latencies);
        part.section.latencies.splice(0..0, sums);
    }
    let partial = runs.iter().any(|run| run.partial);
    let wall_s = runs.iter().map(|run| run.wall_s).fold(0.0, f64::max);
    let first = runs.swap_remove(0);
    Record { partial, wall_s, programs, merged, ..first }
}

/// Hosts are numbered: a name says more than a record should.
fn name(at: usize) -> String {
    format!("{}", at + 1)
}

/// Marks all of a section as one host's.
fn own(section: &mut Section, host: &str) {
    let own = |labels: &mut Labels| {
        labels.insert(HOST.to_owned(), host.to_owned());
    };
    section.measures.iter_mut().for_each(|one| own(&mut one.labels));
    section.latencies.iter_mut().for_each(|one| own(&mut one.labels));
    section.tracks.iter_mut().for_each(|one| own(&mut one.labels));
    section.bands.iter_mut().for_each(|one| own(&mut one.labels));
    for table in &mut section.tables {
        table.title = format!("host {host}: {}", table.title);
    }
    for check in &mut section.checks {
        check.detail = format!("host {host}: {}", check.detail);
    }
    // What was checked several times is one check of this host's.
    let mut checks: Vec<Check> = Vec::new();
    for check in std::mem::take(&mut section.checks) {
        match checks.iter_mut().find(|known| known.name == check.name) {
            Some(known) if known.verdict.weight() < check.verdict.weight() => *known = check,
            Some(_) => {}
            None => checks.push(check),
        }
    }
    section.checks = checks;
    let figures = section.figures.take();
    section.figures = serde_json::json!({ host: figures });
}

fn join(known: &mut Part, part: Part) {
    let (all, one) = (&mut known.section, part.section);
    known.wall_s = known.wall_s.max(part.wall_s);
    all.partial |= one.partial;
    all.checks.extend(one.checks);
    all.measures.extend(one.measures);
    all.latencies.extend(one.latencies);
    all.tracks.extend(one.tracks);
    all.bands.extend(one.bands);
    all.tables.extend(one.tables);
    if let (Some(all), serde_json::Value::Object(one)) = (all.figures.as_object_mut(), one.figures)
    {
        all.extend(one);
    }
}

/// Of each name the worst, and on how many hosts it held.
fn worst(checks: Vec<Check>, hosts: usize) -> Vec<Check> {
    let mut names: Vec<String> = Vec::new();
    let mut by_name: BTreeMap<String, Vec<Check>> = BTreeMap::new();
    for check in checks {
        if !by_name.contains_key(&check.name) {
            names.push(check.name.clone());
        }
        by_name.entry(check.name.clone()).or_default().push(check);
    }
    names
        .into_iter()
        .filter_map(|name| {
            let of = by_name.remove(&name)?;
            let held = of.iter().filter(|check| check.verdict == Verdict::Held).count();
            let worst = of.into_iter().rev().max_by_key(|check| check.verdict.weight())?;
            let detail = format!("held on {held} of {hosts} hosts; {}", worst.detail);
            Some(Check { detail, ..worst })
        })
        .collect()
}

/// Histograms of one name, added over the hosts.
fn sums(latencies: &[Latency]) -> Vec<Latency> {
    let mut sums: Vec<Latency> = Vec::new();
    for one in latencies {
        let mut labels = one.labels.clone();
        labels.remove(HOST);
        match sums.iter_mut().find(|sum| sum.name == one.name && sum.labels == labels) {
            Some(sum) => {
                let mut counts: BTreeMap<u64, u64> = sum.counts.iter().copied().collect();
                for &(value, count) in &one.counts {
                    let all = counts.entry(value).or_default();
                    *all = all.saturating_add(count);
                }
                sum.counts = counts.into_iter().collect();
            }
            None => sums.push(Latency { labels, ..one.clone() }),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Better, Measure, Unit, labels};
    use crate::program::Size;

    fn run(seed: u64, ns: &[u64], held: bool) -> Record {
        let mut record = Record::begin(&["stress".into()], seed, Size::Full);
        let mut times = Latency::recorder();
        ns.iter().for_each(|&ns| times.record(ns).unwrap());
        let of = || labels([("threads", "2".to_owned())]);
        let section = Section {
            checks: vec![Check::judged("x", held, "as it was")],
            measures: vec![Measure::new("ns", of(), Unit::Ns, Better::Lower, [seed as f64])],
            latencies: vec![Latency::new("call", of(), &times)],
            figures: serde_json::json!({ "seed": seed }),
            ..Section::default()
        };
        record.programs.push(Part { name: "contend".to_owned(), wall_s: seed as f64, section });
        record
    }

    #[test]
    fn histograms_are_added_and_all_else_stays_its_hosts_own() {
        let merged = merge(vec![run(1, &[10, 20, 20], true), run(2, &[20, 1_000_000], true)]);
        let section = &merged.programs[0].section;
        assert_eq!(merged.programs.len(), 1);
        assert_eq!((section.measures.len(), section.latencies.len()), (2, 3));
        let sum = &section.latencies[0];
        assert!(!sum.labels.contains_key(HOST));
        assert_eq!(sum.counts.iter().map(|&(_, count)| count).collect::<Vec<_>>(), [1, 3, 1]);
        assert_eq!(sum.histogram().len(), 5);
        assert_eq!(section.latencies[2].labels[HOST], "2");
        let samples: Vec<_> = section.measures.iter().map(|one| one.samples.clone()).collect();
        assert_eq!(samples, [[1.0], [2.0]]);
        assert_eq!(section.figures, serde_json::json!({ "1": {"seed": 1}, "2": {"seed": 2} }));
        assert_eq!(merged.merged.len(), 2);
    }

    #[test]
    fn a_check_that_broke_on_one_host_is_broken() {
        let merged = merge(vec![run(1, &[1], true), run(2, &[1], false), run(3, &[1], true)]);
        let check = &merged.programs[0].section.checks[0];
        assert_eq!(check.verdict, Verdict::Broken);
        assert_eq!(check.detail, "held on 2 of 3 hosts; host 2: as it was");
    }

    #[test]
    fn a_check_that_a_host_made_twice_is_one_of_its_checks_the_worse() {
        let twice = |seed, second| {
            let mut run = run(seed, &[1], true);
            run.programs[0].section.checks.push(Check::judged("x", second, "again"));
            run
        };
        let detail = |runs| merge(runs).programs[0].section.checks[0].detail.clone();
        assert_eq!(detail(vec![twice(1, true), twice(2, true)])[..19], *"held on 2 of 2 host");
        let broken = detail(vec![twice(1, true), twice(2, false)]);
        assert_eq!(broken, "held on 1 of 2 hosts; host 2: again");
    }

    #[test]
    fn what_cannot_be_added_is_refused_by_the_file_it_is_in() {
        let dir = tempfile::tempdir().unwrap();
        let keep = |name: &str, record: &Record| {
            let path = dir.path().join(name);
            std::fs::write(&path, record.json().unwrap()).unwrap();
            path
        };
        let good = keep("good", &run(1, &[1], true));
        let quick = keep("quick", &Record { size: Size::Quick, ..run(2, &[1], true) });
        let commit = crate::machine::Commit { hash: "other".to_owned(), dirty: None };
        let other = keep("other", &Record { commit, ..run(3, &[1], true) });
        let twice = keep("twice", &merge(vec![run(1, &[1], true), run(2, &[1], true)]));
        for (second, says) in [
            (&good, "the same run as"),
            (&quick, "quick: Quick, and"),
            (&other, "commit other, and"),
            (&twice, "was merged already"),
            (&dir.path().join("none"), "none: cannot be read"),
        ] {
            let runs = vec![good.clone(), second.clone()];
            let Refusal(why) =
                super::run(&Options { runs, other_commit: false }).map(|_| ()).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
