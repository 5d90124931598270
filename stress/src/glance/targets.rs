//! How this crate stands against the floors, and against its targets.
//!
//! A target is a ratio of two medians of one run. It is stated and never a check: a time
//! measured on a machine that others use must not decide an exit status.

use serde_json::{Value, json};

use super::floors::Work;
use super::instructions::Counts;
use super::report::{find, heading, ratio, times};
use super::rivals::{Path, Who};
use super::stats::Middle;
use super::{Row, THREADS};
use crate::program::Table;

/// This crate's time in relation to that of a floor with the same work.
struct Target {
    path: Path,
    ours: Who,
    floor: Work,
    /// The most, on one thread; none where the two do not do the same work.
    most: Option<f64>,
}

const TARGETS: [Target; 4] = [
    Target { path: Path::Success, ours: Who::Adaptive, floor: Work::B, most: Some(1.3) },
    Target { path: Path::Success, ours: Who::Off, floor: Work::A, most: Some(2.0) },
    // This crate keeps no window of time yet, which floor C does.
    Target { path: Path::Success, ours: Who::Every, floor: Work::C, most: None },
    Target { path: Path::Rejected, ours: Who::Adaptive, floor: Work::C, most: Some(1.25) },
];

/// What a success may take with 64 threads of what it takes with one.
const MOST_GROWTH: f64 = 1.1;
const GROWN: [Who; 3] = [Who::Adaptive, Who::Off, Who::Every];

/// One ratio, and what it is to be.
struct Line {
    what: String,
    by_threads: [Option<Middle>; THREADS.len()],
    /// Which of the ratios the target is for.
    at: usize,
    most: Option<f64>,
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        self.by_threads[self.at].map(|middle| middle.median)
    }

    fn met(&self) -> Option<bool> {
        Some(self.ratio()? <= self.most?)
    }

    fn verdict(&self) -> String {
        match (self.ratio(), self.most) {
            (Some(had), Some(most)) if had <= most => format!("met: {had:.2} of {most:.2}"),
            (Some(had), Some(most)) => format!("{had:.2} of {most:.2}"),
            _ => "-".to_owned(),
        }
    }
}

fn lines(rows: &[Row]) -> Vec<Line> {
    let floors = TARGETS.iter().filter_map(|target| {
        let ours = find(rows, target.path, target.ours)?;
        let floor = find(rows, target.path, Who::Floor(target.floor))?;
        Some(Line {
            what: format!("{}, {} / floor {:?}", target.path.name(), ours.short(), target.floor),
            by_threads: std::array::from_fn(|at| times(floor, ours, at)),
            at: 0,
            most: target.most,
        })
    });
    let last = THREADS.len() - 1;
    let growth = GROWN.into_iter().filter_map(|who| {
        let row = find(rows, Path::Success, who)?;
        let grown = |at: usize| {
            let pairs = row.samples[0].iter().zip(&row.samples[at]);
            Middle::of(pairs.map(|(one, many)| many.ns() / one.ns()))
        };
        Some(Line {
            what: format!("success, {}: all threads / one", row.short()),
            by_threads: std::array::from_fn(|at| if at > 0 { grown(at) } else { None }),
            at: last,
            most: Some(MOST_GROWTH),
        })
    });
    floors.chain(growth).collect()
}

/// For the record.
pub(super) fn figures(rows: &[Row], counts: &Counts) -> Value {
    let ratios: Vec<Value> = lines(rows)
        .iter()
        .map(|line| {
            json!({
                "what": line.what,
                "threads": THREADS[line.at],
                "ratio": line.by_threads[line.at],
                "target": line.most,
                "met": line.met(),
            })
        })
        .collect();
    let floors: Vec<Value> = [Work::A, Work::B, Work::C]
        .into_iter()
        .map(|work| {
            json!({
                "floor": format!("{work:?}"),
                "instructions": counts.of(Path::Success, Who::Floor(work)).ok(),
                "at_most": work.most_instructions(),
            })
        })
        .collect();
    json!({ "ratios": ratios, "floors": floors })
}

/// For people.
pub(super) fn table(rows: &[Row], counts: &Counts, cores: usize) -> Table {
    let mut head = vec!["how many times as long".to_owned()];
    head.extend(THREADS.map(|threads| heading(threads, cores)));
    head.push("target".to_owned());
    let rows = lines(rows)
        .into_iter()
        .map(|line| {
            let verdict = line.verdict();
            let mut cells = vec![line.what];
            let text = |times: Option<Middle>| {
                times.map_or_else(|| "-".to_owned(), |times| ratio(times.median))
            };
            cells.extend(line.by_threads.map(text));
            cells.push(verdict);
            cells
        })
        .collect();
    Table {
        title: "glance: against the least work there is, and the targets (no checks)".to_owned(),
        head,
        rows,
        notes: notes(counts, cores),
    }
}

fn notes(counts: &Counts, cores: usize) -> Vec<String> {
    let floors = [Work::A, Work::B, Work::C];
    let counted: Vec<String> = floors
        .into_iter()
        .filter_map(|work| {
            let count = counts.of(Path::Success, Who::Floor(work)).ok()?;
            Some(format!("{work:?} {count:.0} of {}", work.most_instructions()))
        })
        .collect();
    let mut notes = vec![
        "a floor admits, counts and times, and decides nothing; targets are for 1 thread, or 64".into(),
        "Timing::Every / floor C is for information: floor C keeps a window of time, this crate none"
            .into(),
    ];
    if THREADS.iter().any(|&threads| threads > cores) {
        notes.push("* says what waiting for a core costs, and nothing about more cores".into());
    }
    if !counted.is_empty() {
        notes.push(format!("instructions of the floors, of at most: {};", counted.join(", ")));
        notes.push(
            "with 1 for a read of the counter, which takes 3 by the bare instruction, 8 by quanta"
                .into(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(had: Option<f64>, most: Option<f64>) -> Line {
        let by_threads = [Middle::of(had), None, None];
        Line { what: String::new(), by_threads, at: 0, most }
    }

    #[test]
    fn a_target_is_met_missed_or_not_set() {
        assert_eq!(line(Some(1.2), Some(1.3)).verdict(), "met: 1.20 of 1.30");
        assert_eq!(line(Some(1.42), Some(1.3)).verdict(), "1.42 of 1.30");
        assert_eq!(line(Some(1.42), None).verdict(), "-");
        assert_eq!(line(None, Some(1.3)).met(), None);
        assert_eq!(line(Some(1.42), Some(1.3)).met(), Some(false));
    }
}
