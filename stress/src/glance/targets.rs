//! How this crate stands against the floors, and against its targets.
//!
//! A target is a ratio of two medians of one run, or, where no floor does the same work, a
//! time. It is stated and never a check: a time measured on a machine that others use must
//! not decide an exit status.

use serde_json::{Value, json};

use super::instructions::Counts;
use super::report::{find, heading, mark, ratio, times};
use super::{Row, THREADS};
use crate::program::Table;
use crate::rivals::floors::Work;
use crate::rivals::{Path, Policy, Who};
use crate::stats::Middle;

/// This crate's time in relation to that of a floor with the same work.
struct Target {
    path: Path,
    ours: Who,
    floor: Work,
    /// The most, and with how many threads by index; none where the two do not do the same
    /// work, or nobody has set it.
    most: Option<(usize, f64)>,
}

const fn target(path: Path, ours: Who, floor: Work, most: Option<(usize, f64)>) -> Target {
    Target { path, ours, floor, most }
}

const ONE: usize = 0;
const TWO: usize = 1;
const ALL: usize = THREADS.len() - 1;

const COUNT: Who = Who::Policy(Policy::Count);
const TIME: Who = Who::Policy(Policy::Time);
const SLOW: Who = Who::Policy(Policy::Slow);
const IN_FLIGHT: Who = Who::Policy(Policy::InFlight);

const TARGETS: [Target; 17] = [
    target(Path::Success, Who::Adaptive, Work::B, Some((ONE, 1.3))),
    target(Path::Success, Who::Off, Work::A, Some((ONE, 2.0))),
    // Floor C keeps a window of time, which the default policy does not.
    target(Path::Success, Who::Every, Work::C, None),
    // Floor B shares no write; see the times below.
    target(Path::Success, COUNT, Work::B, None),
    target(Path::Success, TIME, Work::C, Some((ONE, 1.12))),
    target(Path::Success, SLOW, Work::C, None),
    target(Path::Success, IN_FLIGHT, Work::C, None),
    target(Path::Rejected, Who::Adaptive, Work::C, Some((ONE, 1.25))),
    target(Path::Rejected, COUNT, Work::C, Some((ONE, 1.25))),
    target(Path::Rejected, TIME, Work::C, Some((ONE, 1.25))),
    target(Path::Rejected, SLOW, Work::C, Some((ONE, 1.25))),
    target(Path::Rejected, IN_FLIGHT, Work::C, Some((ONE, 1.25))),
    // The floors keep what failed, and do not ask whether it is too much.
    target(Path::Failing, Who::Adaptive, Work::B, None),
    target(Path::Failing, COUNT, Work::B, None),
    target(Path::Failing, TIME, Work::C, Some((ALL, 1.5))),
    target(Path::Failing, SLOW, Work::C, None),
    target(Path::Failing, IN_FLIGHT, Work::C, None),
];

/// A time in ns that is not to be exceeded, on the machine of which the targets speak.
struct Time {
    path: Path,
    ours: Who,
    at: usize,
    most: f64,
}

const TIMES: [Time; 4] = [
    Time { path: Path::Success, ours: COUNT, at: ONE, most: 46.0 },
    Time { path: Path::Success, ours: COUNT, at: TWO, most: 160.0 },
    Time { path: Path::Failing, ours: Who::Adaptive, at: TWO, most: 120.0 },
    Time { path: Path::Failing, ours: TIME, at: ALL, most: 75.0 },
];

/// What a success may take with 64 threads of what it takes with one.
const MOST_GROWTH: f64 = 1.1;
const GROWN: [Who; 6] = [Who::Adaptive, Who::Off, Who::Every, TIME, SLOW, IN_FLIGHT];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Times,
    Ns,
}

/// One ratio or time, and what it is to be.
struct Line {
    what: String,
    unit: Unit,
    by_threads: [Option<Middle>; THREADS.len()],
    /// Beside each of them: that it is not to be believed.
    marks: [&'static str; THREADS.len()],
    /// Which of them the target is for.
    at: usize,
    most: Option<f64>,
}

impl Line {
    fn figure(&self) -> Option<f64> {
        self.by_threads[self.at].map(|middle| middle.median)
    }

    /// None, too, where the figure is good and not to be believed.
    fn met(&self) -> Option<bool> {
        let met = self.figure()? <= self.most?;
        (!met || self.marks[self.at].is_empty()).then_some(met)
    }

    fn text(&self, figure: f64) -> String {
        match self.unit {
            Unit::Times => format!("{figure:.2}"),
            Unit::Ns => format!("{figure:.0} ns"),
        }
    }

    fn verdict(&self) -> String {
        let (Some(had), Some(most)) = (self.figure(), self.most) else {
            return "-".to_owned();
        };
        let (had, most, mark) = (self.text(had), self.text(most), self.marks[self.at]);
        format!("{}{had}{mark} of {most}", if self.met() == Some(true) { "met: " } else { "" })
    }
}

fn lines(rows: &[Row], cores: usize) -> Vec<Line> {
    let floors = TARGETS.iter().filter_map(|target| {
        let ours = find(rows, target.path, target.ours)?;
        let floor = find(rows, target.path, Who::Floor(target.floor))?;
        Some(Line {
            what: format!("{}, {} / floor {:?}", target.path.name(), ours.short(), target.floor),
            unit: Unit::Times,
            by_threads: std::array::from_fn(|at| times(floor, ours, at)),
            marks: std::array::from_fn(|at| mark(&[ours, floor], at, cores)),
            at: target.most.map_or(ONE, |(at, _)| at),
            most: target.most.map(|(_, most)| most),
        })
    });
    let ns = TIMES.iter().filter_map(|time| {
        let row = find(rows, time.path, time.ours)?;
        let middle = |at: usize| Middle::of(row.samples[at].iter().map(|sample| sample.ns()));
        Some(Line {
            what: format!("{}, {}: ns", time.path.name(), row.short()),
            unit: Unit::Ns,
            by_threads: std::array::from_fn(|at| if at == time.at { middle(at) } else { None }),
            marks: std::array::from_fn(|at| mark(&[row], at, cores)),
            at: time.at,
            most: Some(time.most),
        })
    });
    let growth = GROWN.into_iter().filter_map(|who| {
        let row = find(rows, Path::Success, who)?;
        let grown = |at: usize| {
            let pairs = row.samples[0].iter().zip(&row.samples[at]);
            Middle::of(pairs.map(|(one, many)| many.ns() / one.ns()))
        };
        Some(Line {
            what: format!("success, {}: all threads / one", row.short()),
            unit: Unit::Times,
            by_threads: std::array::from_fn(|at| if at > 0 { grown(at) } else { None }),
            marks: std::array::from_fn(|at| mark(&[row], at, cores)),
            at: ALL,
            most: Some(MOST_GROWTH),
        })
    });
    floors.chain(ns).chain(growth).collect()
}

/// For the record.
pub(super) fn figures(rows: &[Row], counts: &Counts, cores: usize) -> Value {
    let lines = lines(rows, cores);
    let of = |unit: Unit, figure: &str| -> Vec<Value> {
        let lines = lines.iter().filter(|line| line.unit == unit);
        lines
            .map(|line| {
                json!({
                    "what": line.what,
                    "threads": THREADS[line.at],
                    figure: line.by_threads[line.at],
                    "believable": line.marks[line.at].is_empty(),
                    "target": line.most,
                    "met": line.met(),
                })
            })
            .collect()
    };
    let (ratios, times) = (of(Unit::Times, "ratio"), of(Unit::Ns, "ns"));
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
    json!({ "ratios": ratios, "times": times, "floors": floors })
}

/// For people.
pub(super) fn table(rows: &[Row], counts: &Counts, cores: usize) -> Table {
    let mut head = vec!["how many times as long".to_owned()];
    head.extend(THREADS.map(|threads| heading(threads, cores)));
    head.push("target".to_owned());
    let rows = lines(rows, cores)
        .into_iter()
        .map(|line| {
            let verdict = line.verdict();
            let mut cells = vec![line.what.clone()];
            let text = |(figure, mark): (&Option<Middle>, &&str)| match figure {
                Some(figure) if line.unit == Unit::Ns => format!("{:.0}{mark}", figure.median),
                Some(figure) => ratio(figure.median) + mark,
                None => "-".to_owned(),
            };
            cells.extend(line.by_threads.iter().zip(&line.marks).map(text));
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
        "a floor admits, counts and times, and decides nothing; targets in ns are for one machine"
            .into(),
        "without a target: the floor does more (Timing::Every: a window of time) or less than it must"
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
        Line { what: String::new(), unit: Unit::Times, by_threads, marks: [""; 3], at: 0, most }
    }

    #[test]
    fn a_target_is_met_missed_or_not_set() {
        assert_eq!(line(Some(1.2), Some(1.3)).verdict(), "met: 1.20 of 1.30");
        assert_eq!(line(Some(1.42), Some(1.3)).verdict(), "1.42 of 1.30");
        assert_eq!(line(Some(1.42), None).verdict(), "-");
        assert_eq!(line(None, Some(1.3)).met(), None);
        assert_eq!(line(Some(1.42), Some(1.3)).met(), Some(false));
        let time = Line { unit: Unit::Ns, ..line(Some(43.2), Some(46.0)) };
        assert_eq!(time.verdict(), "met: 43 ns of 46 ns");
        let busy = Line { marks: [" ?"; 3], ..line(Some(1.2), Some(1.3)) };
        assert_eq!((busy.verdict().as_str(), busy.met()), ("1.20 ? of 1.30", None));
        let busy = Line { marks: [" ?"; 3], ..line(Some(1.4), Some(1.3)) };
        assert_eq!(busy.met(), Some(false), "it looks too good, and is not good enough");
    }
}
