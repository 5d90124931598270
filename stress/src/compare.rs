//! `compare`: which figures of two runs moved beyond their noise.
//!
//! A figure has moved if a rank test over its repetitions says that they would hardly
//! differ so by chance, *and* the middles differ by more than a stated part: what is
//! certain but small is not worth a look, what is large but within the noise is none.
//! Figures that a run itself doubts, or took too seldom to tell, are counted and named,
//! never passed in silence; so are those that one of the runs lacks.

mod judge;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::machine::Machine;
use crate::measure::Measure;
use crate::print;
use crate::program::{Failure, Refusal, Table, Verdict};
use crate::record::{RECORD, Record, put};
use judge::{Judgement, Rule, judge};

/// What a run is compared with when no other is named.
const BASELINE: &str = "results/baseline";
/// Rows of the table: the furthest moved.
const MOST_ROWS: usize = 60;

/// The flags of `compare`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The run to compare with, and the run; one alone is compared with results/baseline
    #[arg(value_name = "RUN", num_args = 1..=2, required = true)]
    runs: Vec<PathBuf>,

    /// Make the run the new baseline, after it was compared with the old one if there is one
    #[arg(long)]
    save: bool,

    /// Compare runs of different machines, too
    #[arg(long)]
    other_machine: bool,

    /// Chance at most that a figure that did not move is said to have
    #[arg(long, value_name = "P", default_value_t = 0.02, value_parser = part)]
    alpha: f64,

    /// Least change of the middle that counts, as a part
    #[arg(long, value_name = "PART", default_value_t = 0.05, value_parser = part)]
    least: f64,
}

fn part(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if part > 0.0 && part < 1.0 => Ok(part),
        _ => Err("not a number between 0 and 1".to_owned()),
    }
}

/// What came of it: whether something got worse.
///
/// # Errors
///
/// A run that cannot be read, runs that cannot be compared.
pub fn run(options: &Options, as_json: bool) -> Result<bool, Refusal> {
    let baseline = Path::new(BASELINE);
    let (old, new) = match options.runs.as_slice() {
        [old, new] => (old.as_path(), new.as_path()),
        [new] => (baseline, new.as_path()),
        _ => return Err(Refusal("one or two runs are compared".to_owned())),
    };
    let after = Record::read(new)?;
    // The first baseline has none before it.
    let alone = options.runs.len() == 1 && !baseline.join(RECORD).exists();
    let first = options.save && alone;
    if alone && !first {
        return Err(Refusal(format!(
            "{BASELINE}: no baseline yet; with --save this run becomes the first"
        )));
    }
    let mut worse = false;
    if !first {
        let before = Record::read(old)?;
        comparable(&before, &after, options.other_machine)?;
        let report = Report::of(&before, &after, options);
        worse = report.worse();
        if as_json {
            print::out(&format!("{:#}\n", report.json()));
        } else {
            print::tables(&[report.table(options)]);
        }
    }
    if options.save {
        save(&after, baseline)?;
        print::err(&format!("baseline: {}", baseline.join(RECORD).display()));
    }
    Ok(worse)
}

fn save(record: &Record, baseline: &Path) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal(format!("{}: {why}", baseline.display()));
    if record.partial {
        return Err(refuse("a run that was interrupted is no baseline".to_owned()));
    }
    let json = record.json().map_err(|why| refuse(why.to_string()))?;
    std::fs::create_dir_all(baseline).map_err(|why| refuse(why.to_string()))?;
    put(&baseline.join(RECORD), &json).map_err(|Failure(why)| Refusal(why))
}

/// Whether figures of the two say anything about each other.
fn comparable(before: &Record, after: &Record, other_machine: bool) -> Result<(), Refusal> {
    let differ = |what: &str, a: &dyn std::fmt::Display, b: &dyn std::fmt::Display, how: &str| {
        Err(Refusal(format!("{what}: {a} and {b}; {how}")))
    };
    let (a, b) = (&before.machine, &after.machine);
    if !other_machine {
        let how = "--other-machine compares them all the same";
        if a.cpu != b.cpu {
            return differ("different processors", &a.cpu, &b.cpu, how);
        }
        if a.cores != b.cores {
            return differ("different numbers of cores", &a.cores, &b.cores, how);
        }
        if !about_the_same_memory(a, b) {
            return differ("different memory in MiB", &a.memory_mib, &b.memory_mib, how);
        }
        if before.merged.len() != after.merged.len() {
            let (a, b) = (before.merged.len(), after.merged.len());
            return differ("merged from different numbers of hosts", &a, &b, how);
        }
    }
    if before.size != after.size {
        let (a, b) = (format!("{:?}", before.size), format!("{:?}", after.size));
        return differ("different sizes", &a, &b, "run the one as the other was run");
    }
    Ok(())
}

/// What a kernel keeps for itself differs from version to version.
fn about_the_same_memory(a: &Machine, b: &Machine) -> bool {
    a.memory_mib.abs_diff(b.memory_mib) <= a.memory_mib / 50
}

/// A figure that stands in both runs.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    judgement: Judgement,
}

#[derive(Debug)]
struct Report {
    figures: Vec<Figure>,
    /// In one of the runs alone.
    only_before: Vec<String>,
    only_after: Vec<String>,
    /// Checks that do not hold and were not known not to.
    broken: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    fn of(before: &Record, after: &Record, options: &Options) -> Self {
        let rule = Rule { alpha: options.alpha, least: options.least };
        let (old, new) = (measures(before), measures(after));
        let without = |a: &BTreeMap<String, &Measure>, b: &BTreeMap<String, &Measure>| {
            a.keys().filter(|key| !b.contains_key(*key)).cloned().collect()
        };
        Self {
            figures: old
                .iter()
                .filter_map(|(name, old)| {
                    let judgement = judge(old, new.get(name)?, rule);
                    Some(Figure { name: name.clone(), judgement })
                })
                .collect(),
            only_before: without(&old, &new),
            only_after: without(&new, &old),
            broken: broken(before, after),
            notes: notes(before, after),
        }
    }

    fn worse(&self) -> bool {
        !self.broken.is_empty()
            || self.figures.iter().any(|figure| matches!(figure.judgement, Judgement::Worse(_)))
    }

    fn count(&self, is: impl Fn(&Judgement) -> bool) -> usize {
        self.figures.iter().filter(|figure| is(&figure.judgement)).count()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "worse": self.worse(),
            "figures": self.figures,
            "only_before": self.only_before,
            "only_after": self.only_after,
            "checks_that_no_longer_hold": self.broken,
            "notes": self.notes,
        })
    }

    fn table(&self, options: &Options) -> Table {
        let mut moved: Vec<_> = self
            .figures
            .iter()
            .filter_map(|figure| figure.judgement.moved().map(|by| (figure, by)))
            .collect();
        moved.sort_by(|(_, a), (_, b)| b.part().abs().total_cmp(&a.part().abs()));
        let mut notes = vec![
            format!(
                "{} figures in both runs: {} worse, {} better, {} moved either way, {} as before",
                self.figures.len(),
                self.count(|one| matches!(one, Judgement::Worse(_))),
                self.count(|one| matches!(one, Judgement::Better(_))),
                self.count(|one| matches!(one, Judgement::Moved(_))),
                self.count(|one| matches!(one, Judgement::Still)),
            ),
            format!(
                "not judged: {} too few repetitions for a chance of {}, {} doubted by their run",
                self.count(|one| matches!(one, Judgement::TooFew(_))),
                options.alpha,
                self.count(|one| matches!(one, Judgement::Doubted(_))),
            ),
            format!(
                "moved: by a rank test by chance with at most {}, and the middle by more than {:.0} %",
                options.alpha,
                options.least * 100.0
            ),
        ];
        let judged = self.count(|one| one.moved().is_some() || *one == Judgement::Still);
        notes.push(format!(
            "of {judged} judged up to {:.0} may be said to have moved by chance: look at one alone again",
            (judged as f64 * options.alpha).ceil()
        ));
        if moved.len() > MOST_ROWS {
            notes.push(format!("the {MOST_ROWS} furthest of {} that moved", moved.len()));
        }
        for (names, what) in [
            (&self.only_before, "only in the first run"),
            (&self.only_after, "only in the second run"),
        ] {
            if let Some(name) = names.first() {
                notes.push(format!("{what}: {} figures, such as {name}", names.len()));
            }
        }
        notes.extend(self.broken.iter().map(|check| format!("DOES NOT HOLD: {check}")));
        notes.extend(self.notes.iter().cloned());
        Table {
            title: "compare: what moved beyond noise".to_owned(),
            head: ["figure", "before", "after", "change", "chance", ""].map(str::to_owned).into(),
            rows: moved
                .into_iter()
                .take(MOST_ROWS)
                .map(|(figure, by)| {
                    vec![
                        figure.name.clone(),
                        short(by.before),
                        short(by.after),
                        format!("{:+.1} %", by.part() * 100.0),
                        by.chance.map_or_else(|| "exact".to_owned(), |p| format!("{p:.4}")),
                        figure.judgement.word().to_owned(),
                    ]
                })
                .collect(),
            notes,
        }
    }
}

/// Four digits that say something.
fn short(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.3}"),
        large if large < 100_000.0 => format!("{value:.1}"),
        _ => format!("{value:.3e}"),
    }
}

/// Every figure of a run by its whole name: program, name, labels.
fn measures(record: &Record) -> BTreeMap<String, &Measure> {
    let named = |part: &str, measure: &Measure| {
        let labels: Vec<String> =
            measure.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{part}/{} {}", measure.name, labels.join(" ")).trim_end().to_owned()
    };
    record
        .programs
        .iter()
        .flat_map(|part| {
            part.section.measures.iter().map(|measure| (named(&part.name, measure), measure))
        })
        .collect()
}

fn broken(before: &Record, after: &Record) -> Vec<String> {
    // What was checked several times is as good as the worst of them.
    let checks = |record: &Record| {
        let mut worst: BTreeMap<String, Verdict> = BTreeMap::new();
        for part in &record.programs {
            for check in &part.section.checks {
                let known = worst.entry(format!("{}/{}", part.name, check.name));
                let known = known.or_insert(check.verdict);
                if known.weight() < check.verdict.weight() {
                    *known = check.verdict;
                }
            }
        }
        worst
    };
    let was = checks(before);
    let bad = |verdict: &Verdict| matches!(verdict, Verdict::Broken | Verdict::NotReached);
    // One that is new is among them: a program that could not go on has no other check.
    checks(after)
        .into_iter()
        .filter(|(name, now)| bad(now) && !was.get(name).is_some_and(bad))
        .map(|(name, _)| name)
        .collect()
}

/// What a reader should know of the two before believing a figure.
fn notes(before: &Record, after: &Record) -> Vec<String> {
    let mut notes = Vec::new();
    for (which, run) in [("first", before), ("second", after)] {
        if run.partial {
            notes.push(format!("the {which} run was interrupted"));
        }
        if run.commit.dirty != Some(false) {
            notes.push(format!("the {which} run is not known to be of its commit as it stands"));
        }
    }
    let pairs = [
        ("kernels", &before.machine.kernel, &after.machine.kernel),
        ("systems", &before.machine.os, &after.machine.os),
        ("processors", &before.machine.cpu, &after.machine.cpu),
    ];
    for (what, a, b) in pairs {
        if a != b {
            notes.push(format!("different {what}: {a} and {b}"));
        }
    }
    notes
}

#[cfg(test)]
mod tests;
