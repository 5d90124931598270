//! The figures and the tables.

use serde_json::{Value, json};

use super::bias::Bias;
use super::instructions::Counts;
use super::{Row, THREADS, targets};
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::{Check, Section, Table};
use crate::rivals::{Path, Who};
use crate::stats::Middle;

/// Below this share of the cores, threads seldom ran at once, and what they cost each
/// other does not show.
const ENOUGH: f64 = 0.9;

pub(super) fn section(rows: &[Row], counts: &Counts, bias: &Bias, partial: bool) -> Section {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shares = shares(rows, cores);
    Section {
        figures: json!({
            "cores": cores,
            "rounds": rows.iter().map(|row| row.samples[0].len()).max(),
            "rows": rows.iter().map(|row| figures(row, rows, counts, cores)).collect::<Vec<_>>(),
            "share_of_the_cores": shares
                .iter()
                .zip(THREADS)
                .map(|(share, threads)| (threads.to_string(), json!(share)))
                .collect::<serde_json::Map<_, _>>(),
            "oversubscribed_from_threads": cores + 1,
            "instructions_missing": counts.missing(),
            "targets": targets::figures(rows, counts, cores),
            "sampling": bias.figures(),
        }),
        tables: vec![
            costs(rows, counts, cores, &shares),
            targets::table(rows, counts, cores),
            ratios(rows, cores),
            bias.table(),
        ],
        checks: checks(rows).into_iter().chain(bias.check()).collect(),
        measures: measures(rows, counts, cores),
        partial,
        ..Section::default()
    }
}

/// Processor time a call, of everybody on each path with each number of threads, and the
/// instructions of one.
fn measures(rows: &[Row], counts: &Counts, cores: usize) -> Vec<Measure> {
    let mut measures = Vec::new();
    for row in rows {
        if let Ok(count) = counts.of(row.path, row.who) {
            let of = labels([
                ("path", row.path.name().to_owned()),
                ("subject", row.who.name().to_owned()),
            ]);
            let name = "instructions_a_call";
            measures.push(Measure::new(name, of, Unit::Count, Better::Lower, [count]).exact());
        }
        for (at, threads) in THREADS.into_iter().enumerate() {
            let of = labels([
                ("path", row.path.name().to_owned()),
                ("subject", row.who.name().to_owned()),
                ("threads", threads.to_string()),
            ]);
            let ns = row.samples[at].iter().map(|sample| sample.ns());
            let doubt = (!mark(&[row], at, cores).is_empty())
                .then(|| format!("the threads got less than {ENOUGH} of the cores"));
            measures.push(
                Measure::new("cpu_ns_a_call", of, Unit::Ns, Better::Lower, ns).doubted(doubt),
            );
        }
    }
    measures
}

fn checks(rows: &[Row]) -> Vec<Check> {
    Path::ALL
        .into_iter()
        .filter_map(|path| {
            let samples = || {
                rows.iter()
                    .filter(|row| row.path == path)
                    .flat_map(|row| row.samples.iter().flatten())
            };
            let wrong: u64 = samples().map(|sample| sample.wrong).sum();
            let calls: u64 = samples().map(|sample| sample.calls).sum();
            // Nothing measured, nothing judged: Ctrl-C came first.
            (calls > 0).then(|| {
                Check::judged(
                    format!("{}_calls_end_as_they_should", path.name()),
                    wrong == 0,
                    format!("{wrong} of {calls} did not"),
                )
            })
        })
        .collect()
}

/// The median share of the cores, by number of threads, that those got who never wait
/// for each other: those behind a mutex get less on an idle machine, too.
fn shares(rows: &[Row], cores: usize) -> Vec<Option<Middle>> {
    THREADS
        .into_iter()
        .enumerate()
        .map(|(at, threads)| {
            let samples =
                rows.iter().filter(|row| !row.who.waits()).flat_map(|row| &row.samples[at]);
            Middle::of(samples.map(|sample| sample.share(threads, cores)))
        })
        .collect()
}

/// How many times as long `other` takes, with as many threads and in the same round.
pub(super) fn times(row: &Row, other: &Row, at: usize) -> Option<Middle> {
    let pairs = row.samples[at].iter().zip(&other.samples[at]);
    Middle::of(pairs.map(|(ours, theirs)| theirs.ns() / ours.ns()))
}

pub(super) fn find(rows: &[Row], path: Path, who: Who) -> Option<&Row> {
    rows.iter().find(|row| row.path == path && row.who == who)
}

/// An empty call that is turned away is one that is not made: that of success serves.
fn empty_for(rows: &[Row], path: Path) -> Option<&Row> {
    find(rows, path, Who::Empty).or_else(|| find(rows, Path::Success, Who::Empty))
}

fn figures(row: &Row, rows: &[Row], counts: &Counts, cores: usize) -> Value {
    let by_threads: serde_json::Map<String, Value> = THREADS
        .into_iter()
        .enumerate()
        .map(|(at, threads)| {
            let ns = Middle::of(row.samples[at].iter().map(|sample| sample.ns()));
            let share =
                Middle::of(row.samples[at].iter().map(|sample| sample.share(threads, cores)));
            let against = |who| find(rows, row.path, who).and_then(|other| times(row, other, at));
            let of_empty = empty_for(rows, row.path)
                .and_then(|empty| times(empty, row, at))
                .map(|middle| middle.median);
            let figures = json!({
                "cpu_ns": ns,
                "share_of_the_cores": share.map(|middle| middle.median),
                "believable": mark(&[row], at, cores).is_empty(),
                "calls": row.samples[at].iter().map(|sample| sample.calls).sum::<u64>(),
                "rounds": row.samples[at].len(),
                "times_an_empty_call": of_empty,
                "std_mutex_takes_times": against(Who::StdMutex).map(|middle| middle.median),
                "parking_lot_takes_times": against(Who::ParkingLot).map(|middle| middle.median),
            });
            (threads.to_string(), figures)
        })
        .collect();
    json!({
        "path": row.path.name(),
        "who": row.who.name(),
        "instructions": counts.of(row.path, row.who).ok(),
        "threads": by_threads,
    })
}

/// Nanoseconds and instructions a call.
fn costs(rows: &[Row], counts: &Counts, cores: usize, shares: &[Option<Middle>]) -> Table {
    let mut head = vec!["ns a call, of processor time".to_owned()];
    head.extend(THREADS.map(|threads| heading(threads, cores)));
    head.push("instructions".to_owned());
    let mut table = Table {
        title: "glance: what a call costs (median, and half the distance of the quartiles)"
            .to_owned(),
        head,
        ..Table::default()
    };
    for path in Path::ALL {
        let mut title = vec![String::new(); 5];
        title[0] = path.title().to_owned();
        table.rows.push(title);
        for row in rows.iter().filter(|row| row.path == path) {
            let mut cells = vec![format!("  {}", row.who.title())];
            cells.extend((0..THREADS.len()).map(|at| cost(row, at, cores)));
            cells.push(
                counts
                    .of(path, row.who)
                    .map_or_else(|_| "-".to_owned(), |count| format!("{count:.0}")),
            );
            table.rows.push(cells);
        }
    }
    table.notes = notes(cores, shares, counts);
    table
}

fn cost(row: &Row, at: usize, cores: usize) -> String {
    Middle::of(row.samples[at].iter().map(|sample| sample.ns())).map_or_else(
        || "-".to_owned(),
        |ns| format!("{:.1} ±{:.1}{}", ns.median, ns.spread, mark(&[row], at, cores)),
    )
}

/// Beside a figure of threads that seldom ran at once, though they never wait for each
/// other: what they cost each other does not show in it.
pub(super) const DOUBT: &str = " ?";

/// [`DOUBT`], or nothing, for a figure that was taken from these rows.
pub(super) fn mark(of: &[&Row], at: usize, cores: usize) -> &'static str {
    let threads = THREADS[at];
    let doubtful = |row: &&Row| {
        let shares = row.samples[at].iter().map(|sample| sample.share(threads, cores));
        !row.who.waits() && Middle::of(shares).is_some_and(|share| share.median < ENOUGH)
    };
    if threads > 1 && of.iter().any(doubtful) { DOUBT } else { "" }
}

fn notes(cores: usize, shares: &[Option<Middle>], counts: &Counts) -> Vec<String> {
    let mut notes = Vec::new();
    let got: Vec<String> = shares
        .iter()
        .zip(THREADS)
        .filter_map(|(share, threads)| Some((threads, (*share)?.median)))
        .map(|(threads, share)| format!("{share:.2} with {threads}"))
        .collect();
    notes.push(format!("share of the cores that threads which never wait got: {}", got.join(", ")));
    notes.push(format!(
        "?: the threads got a share below {ENOUGH}; do not believe such a figure, it looks too good"
    ));
    if THREADS.iter().any(|&threads| threads > cores) {
        notes.push(format!(
            "* oversubscribed: more threads than the {cores} cores, which wait for each other"
        ));
    }
    notes.push(match counts.missing() {
        Some(why) => format!("instructions: not available, {why}"),
        None => {
            "instructions: one thread, by callgrind, where a timed call asks the system for the time"
                .to_owned()
        }
    });
    notes.push("the mutex breakers lock to admit and to record, and time no call".to_owned());
    notes
        .push("built with the feature `contention`, which counts each swap of the word".to_owned());
    notes
}

/// This crate's times against the others'.
fn ratios(rows: &[Row], cores: usize) -> Table {
    let mut head = vec!["how many times as long".to_owned()];
    head.extend(THREADS.map(|threads| heading(threads, cores)));
    let mut table = Table {
        title: "glance: ratios, of medians round by round".to_owned(),
        head,
        ..Table::default()
    };
    let mut line = |title: String, row: &Row, other: &Row| {
        let mut cells = vec![title];
        cells.extend((0..THREADS.len()).map(|at| {
            times(row, other, at).map_or_else(|| "-".to_owned(), |times| ratio(times.median))
        }));
        table.rows.push(cells);
    };
    for ours in rows.iter().filter(|row| row.who.is_ours()) {
        let what = format!("{}, {}", ours.path.name(), ours.short());
        if let Some(empty) = empty_for(rows, ours.path) {
            line(format!("{what}: it / an empty call"), empty, ours);
        }
        for rival in [Who::StdMutex, Who::ParkingLot] {
            if let Some(rival) = find(rows, ours.path, rival) {
                line(format!("{what}: {} / it", rival.who.title()), ours, rival);
            }
        }
    }
    table
}

/// Two digits that say something.
pub(super) fn ratio(times: f64) -> String {
    if times < 10.0 { format!("{times:.2}") } else { format!("{times:.0}") }
}

pub(super) fn heading(threads: usize, cores: usize) -> String {
    let plural = if threads == 1 { "" } else { "s" };
    let star = if threads > cores { " *" } else { "" };
    format!("{threads} thread{plural}{star}")
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;
    use crate::rivals::window::Sample;

    fn sample(ns: u64) -> Sample {
        Sample { calls: 10, wrong: 0, cpu_ns: ns * 10, wall_ns: ns * 10 }
    }

    fn measured() -> Vec<Row> {
        let mut rows = rows().unwrap();
        for row in &mut rows {
            let ns = match row.who {
                Who::Empty => 2,
                Who::StdMutex => 40,
                _ => 10,
            };
            for samples in &mut row.samples {
                *samples = vec![sample(ns), sample(ns * 3), sample(ns)];
            }
        }
        rows
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let section = section(&measured(), &Counts::none("not asked"), &Bias::default(), false);
        let rows = section.figures["rows"].as_array().unwrap();
        let ours = rows
            .iter()
            .find(|row| row["path"] == "success" && row["who"] == "ampacity_timing_off")
            .unwrap();
        let figures = &ours["threads"]["64"];
        assert_eq!(figures["cpu_ns"]["median"], 10.0);
        assert_eq!(figures["times_an_empty_call"], 5.0);
        assert_eq!(figures["std_mutex_takes_times"], 4.0);
        assert_eq!(ours["instructions"], Value::Null);
        assert!(section.checks.len() == Path::ALL.len());
    }

    #[test]
    fn targets_are_for_the_ratio_to_the_floor_with_the_same_work_and_are_no_checks() {
        let mut rows = measured();
        for row in rows.iter_mut().filter(|row| row.who == Who::Adaptive) {
            row.samples[0] = vec![sample(14), sample(42), sample(14)];
        }
        let section = section(&rows, &Counts::none("not asked"), &Bias::default(), false);
        let line = &section.figures["targets"]["ratios"][0];
        assert_eq!(line["what"], "success, Timing::Adaptive / floor B");
        assert_eq!(line["ratio"]["median"], 1.4);
        assert_eq!((&line["target"], &line["met"]), (&json!(1.3), &json!(false)));
        assert!(section.tables[1].rows[0].contains(&"1.40 of 1.30".to_owned()));
        assert!(section.checks.iter().all(|check| check.verdict == crate::program::Verdict::Held));
    }

    #[test]
    fn a_contended_figure_at_a_small_share_of_the_cores_is_marked() {
        let mut rows = measured();
        let row = rows.iter_mut().find(|row| row.who == Who::Adaptive).unwrap();
        for samples in &mut row.samples {
            samples.iter_mut().for_each(|sample| sample.wall_ns = sample.cpu_ns * 2);
        }
        let ours = find(&rows, Path::Success, Who::Adaptive).unwrap();
        let other = find(&rows, Path::Success, Who::Every).unwrap();
        assert!([0, 1, 2].map(|at| mark(&[ours], at, 1)) == ["", DOUBT, DOUBT]);
        assert!([0, 1, 2].map(|at| mark(&[other], at, 1)) == ["", "", ""]);
        assert_eq!(mark(&[other, ours], 1, 1), DOUBT);
        assert!(cost(ours, 1, 1).ends_with(DOUBT));
    }

    #[test]
    fn one_call_that_ended_otherwise_breaks_the_check_of_its_path() {
        let mut rows = measured();
        rows[0].samples[1][2].wrong = 1;
        let broken: Vec<String> = checks(&rows)
            .into_iter()
            .filter(|check| check.verdict != crate::program::Verdict::Held)
            .map(|check| check.name)
            .collect();
        assert_eq!(broken, ["success_calls_end_as_they_should"]);
    }

    #[test]
    fn tables_fit_a_terminal_and_say_what_is_not_available() {
        let section = section(&measured(), &Counts::none("not asked"), &Bias::default(), true);
        for table in &section.tables {
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()));
            assert!(table.notes.iter().all(|note| note.chars().count() <= 100));
        }
        let notes = section.tables[0].notes.join("\n");
        assert!(notes.contains("instructions: not available, not asked"));
        assert!(section.partial);
    }
}
