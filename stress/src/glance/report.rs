//! The figures and the tables.

use serde_json::{Value, json};

use super::bias::Bias;
use super::instructions::Counts;
use super::rivals::{Path, Who};
use super::stats::Middle;
use super::{Row, THREADS, targets};
use crate::program::{Check, Section, Table};

/// Below this share of the cores, threads seldom ran at once, and what they cost each
/// other does not show.
const ENOUGH: f64 = 0.9;

pub(super) fn section(rows: &[Row], counts: &Counts, bias: &Bias, partial: bool) -> Section {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shares = shares(rows, cores);
    Section {
        figures: json!({
            "cores": cores,
            "rows": rows.iter().map(|row| figures(row, rows, counts, cores)).collect::<Vec<_>>(),
            "share_of_the_cores": shares
                .iter()
                .zip(THREADS)
                .map(|(share, threads)| (threads.to_string(), json!(share)))
                .collect::<serde_json::Map<_, _>>(),
            "oversubscribed_from_threads": cores + 1,
            "instructions_missing": counts.missing(),
            "targets": targets::figures(rows, counts),
            "sampling": bias.figures(),
        }),
        tables: vec![
            costs(rows, counts, cores, &shares),
            targets::table(rows, counts, cores),
            ratios(rows, cores),
            bias.table(),
        ],
        checks: checks(rows).into_iter().chain(bias.check()).collect(),
        partial,
    }
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
            cells.extend(row.samples.iter().map(|samples| {
                Middle::of(samples.iter().map(|sample| sample.ns())).map_or_else(
                    || "-".to_owned(),
                    |ns| format!("{:.1} ±{:.1}", ns.median, ns.spread),
                )
            }));
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

fn notes(cores: usize, shares: &[Option<Middle>], counts: &Counts) -> Vec<String> {
    let mut notes = Vec::new();
    let got: Vec<String> = shares
        .iter()
        .zip(THREADS)
        .filter_map(|(share, threads)| Some((threads, (*share)?.median)))
        .map(|(threads, share)| format!("{share:.2} with {threads}"))
        .collect();
    notes.push(format!("share of the cores that threads which never wait got: {}", got.join(", ")));
    let busy = shares
        .iter()
        .zip(THREADS)
        .any(|(share, threads)| threads > 1 && share.is_some_and(|share| share.median < ENOUGH));
    if busy {
        notes.push(format!(
            "the machine was busy: do not believe a contended figure at a share below {ENOUGH}"
        ));
    }
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
    use super::super::{rows, window::Sample};
    use super::*;

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
