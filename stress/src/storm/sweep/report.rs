//! What the sweep came to: checks, measures and tables.

use serde_json::{Value, json};

use super::super::report::cores;
use super::{Outcome, Row, Sweep};
use crate::measure::{Better, Labels, Measure, Unit, labels};
use crate::print::thousands;
use crate::program::{Section, Table};
use crate::stats::Middle;
use crate::workload::{Rival, Workload, many, readers};

/// A share of the cores below it makes a figure doubtful.
const ENOUGH: f64 = 0.9;
/// Thread counts that a table has room for.
const COLUMNS: usize = 8;

pub(super) fn section(sweep: &Sweep, outcome: &Outcome) -> Section {
    let rows: Vec<&Row> = outcome.rows.iter().filter(|row| !row.cpu_ns.is_empty()).collect();
    let mut tables = vec![
        by_threads(
            "calls a second, all threads together",
            &rows,
            |row| median(&row.calls_per_s).map(short),
            notes(sweep, outcome),
        ),
        by_threads(
            "processor time of a call, ns",
            &rows,
            |row| median(&row.cpu_ns).map(|ns| format!("{ns:.0}")),
            vec!["waits are no processor time: a baseline's callers sleep while others hold its lock".into()],
        ),
        special(sweep, &rows),
    ];
    tables.retain(|table| !table.rows.is_empty());
    Section {
        partial: outcome.partial,
        checks: outcome.checks(),
        measures: rows.iter().flat_map(|row| measures(row)).collect(),
        tables,
        figures: figures(sweep, outcome),
        ..Section::default()
    }
}

/// The three figures of a point, with their repetitions.
fn measures(row: &Row) -> [Measure; 3] {
    let point = row.point;
    let labels: Labels = labels([
        ("workload", point.workload.name().to_owned()),
        ("subject", point.rival.name().to_owned()),
        ("threads", point.threads.to_string()),
    ]);
    let one = |name, unit, better, samples: &[f64]| {
        Measure::new(name, labels.clone(), unit, better, samples.iter().copied())
            .doubted(doubt(row, cores()))
    };
    [
        one("calls_per_s", Unit::CallsPerS, Better::Higher, &row.calls_per_s),
        one("cpu_ns_a_call", Unit::Ns, Better::Lower, &row.cpu_ns),
        one("share_of_the_cores", Unit::Share, Better::Neither, &row.share),
    ]
}

/// Why a point's figures are not to be believed, if so.
fn doubt(row: &Row, cores: usize) -> Option<String> {
    let threads = row.point.threads;
    let crowded =
        (threads > cores).then(|| format!("oversubscribed: {threads} threads on {cores} cores"));
    let share = median(&row.share).filter(|&share| share < ENOUGH);
    let little = share.map(|share| format!("share of the cores {share:.2}"));
    let all: Vec<String> = crowded.into_iter().chain(little).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A row for each workload and rival, a column for each thread count.
fn by_threads(
    what: &str,
    rows: &[&Row],
    cell: impl Fn(&Row) -> Option<String>,
    notes: Vec<String>,
) -> Table {
    let rows: Vec<&Row> = rows.iter().copied().filter(|row| !is_special(row)).collect();
    let mut counts: Vec<usize> = rows.iter().map(|row| row.point.threads).collect();
    counts.sort_unstable();
    counts.dedup();
    let counts = thinned(&counts, COLUMNS);
    let mut cells = Vec::new();
    for workload in Workload::ALL {
        for rival in Rival::ALL {
            let mine = |row: &&&Row| (row.point.workload, row.point.rival) == (workload, rival);
            let of: Vec<&&Row> = rows.iter().filter(mine).collect();
            if of.is_empty() {
                continue;
            }
            let title = match rival {
                Rival::Ampacity => workload.title().to_owned(),
                rival => format!("  {}", rival.name()),
            };
            let figures = counts.iter().map(|&threads| {
                let row = of.iter().find(|row| row.point.threads == threads);
                row.and_then(|row| cell(row)).unwrap_or_else(|| "-".to_owned())
            });
            cells.push(std::iter::once(title).chain(figures).collect());
        }
    }
    let head = counts.iter().map(|&count| mark(count));
    Table {
        title: format!("storm: {what}"),
        head: std::iter::once("threads".to_owned()).chain(head).collect(),
        rows: cells,
        notes,
    }
}

/// Those with thread counts of their own.
fn special(sweep: &Sweep, rows: &[&Row]) -> Table {
    let line = |row: &&Row| {
        let threads = row.point.threads;
        let what = match row.point.workload {
            Workload::Readers => {
                let writers = readers::writers(threads);
                format!("{writers} writers, {} readers", thousands((threads - writers) as u64))
            }
            _ => format!("{} breakers", thousands(sweep.breakers as u64)),
        };
        vec![
            what,
            mark(threads),
            median(&row.calls_per_s).map_or_else(|| "-".to_owned(), short),
            median(&row.cpu_ns).map(|ns| format!("{ns:.0}")).unwrap_or_default(),
        ]
    };
    Table {
        title: "storm: readers, and many breakers".to_owned(),
        head: ["", "threads", "calls a second", "ns a call"].map(str::to_owned).into(),
        rows: rows.iter().copied().filter(|row| is_special(row)).map(|row| line(&row)).collect(),
        notes: vec!["calls are the writers'; readers take snapshots as fast as they can".into()],
    }
}

fn is_special(row: &Row) -> bool {
    matches!(row.point.workload, Workload::Readers | Workload::ManyBreakers)
}

fn mark(threads: usize) -> String {
    let oversubscribed = if threads > cores() { " *" } else { "" };
    format!("{}{oversubscribed}", thousands(threads as u64))
}

/// At most so many of them, evenly, the first and the last among them.
fn thinned(counts: &[usize], most: usize) -> Vec<usize> {
    if counts.len() <= most {
        return counts.to_vec();
    }
    (0..most).map(|at| counts[at * (counts.len() - 1) / (most - 1)]).collect()
}

fn notes(sweep: &Sweep, outcome: &Outcome) -> Vec<String> {
    let mut notes = vec![format!(
        "median of {} repetitions of {} ms each, interleaved; sweep {:.1} s, {} threads{}",
        sweep.repetitions,
        sweep.point.as_millis(),
        outcome.wall.as_secs_f64(),
        thousands(outcome.rows.iter().map(|row| row.point.threads).max().unwrap_or(0) as u64),
        if sweep.pin { ", pinned" } else { "" },
    )];
    if outcome.rows.iter().any(|row| row.point.threads > cores()) {
        notes.push(format!(
            "* oversubscribed: more threads than the {} cores, which wait for each other",
            cores()
        ));
    }
    if sweep.size != crate::program::Size::Full {
        notes
            .push("a part of what `stress storm` does: fewer thread counts, shorter points".into());
    }
    notes
        .push("trips and recovers, herd: with the books that each thread keeps of each era".into());
    notes
}

fn figures(sweep: &Sweep, outcome: &Outcome) -> Value {
    let rows: Vec<Value> = outcome
        .rows
        .iter()
        .map(|row| {
            json!({
                "workload": row.point.workload.name(),
                "subject": row.point.rival.name(),
                "threads": row.point.threads,
                "calls": row.calls,
                "voluntary_context_switches": row.switches.voluntary,
                "involuntary_context_switches": row.switches.involuntary,
            })
        })
        .collect();
    json!({
        "point_ms": sweep.point.as_millis() as u64,
        "repetitions": sweep.repetitions,
        "pinned": sweep.pin,
        "stack_kib": sweep.stack / 1024,
        "breakers": sweep.breakers,
        "threads_of_many_breakers": many::THREADS,
        "spawn_s": outcome.spawn.as_secs_f64(),
        "wall_s": outcome.wall.as_secs_f64(),
        "longest_without_progress_s": outcome.quiet.as_secs_f64(),
        "stalled": outcome.stalled,
        "points": rows,
    })
}

fn median(samples: &[f64]) -> Option<f64> {
    Middle::of(samples.iter().copied()).map(|middle| middle.median)
}

/// A number in at most six characters: `12.3 M`.
fn short(number: f64) -> String {
    match number {
        1e9.. => format!("{:.1} G", number / 1e9),
        1e8.. => format!("{:.0} M", number / 1e6),
        1e6.. => format!("{:.1} M", number / 1e6),
        1e5.. => format!("{:.0} k", number / 1e3),
        1e3.. => format!("{:.1} k", number / 1e3),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Point;
    use super::*;

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 999.0, 1_234.0, 123_456.0, 12_345_678.0, 123_456_789.0, 1.5e9].map(short);
        assert_eq!(all, ["0", "999", "1.2 k", "123 k", "12.3 M", "123 M", "1.5 G"]);
    }

    #[test]
    fn of_many_thread_counts_a_table_has_the_ends_and_some_in_between() {
        let counts: Vec<usize> = (1..=12).collect();
        let some = thinned(&counts, COLUMNS);
        assert_eq!((some.len(), some[0], some[COLUMNS - 1]), (COLUMNS, 1, 12));
        assert_eq!(thinned(&counts[..3], COLUMNS), [1, 2, 3]);
    }

    #[test]
    fn a_figure_is_doubted_for_too_many_threads_and_for_too_little_of_the_cores() {
        let doubt = |threads, share| {
            let point = Point { workload: Workload::Success, rival: Rival::Ampacity, threads };
            super::doubt(&Row { share: vec![share], ..Row::of(&point) }, 4)
        };
        assert_eq!(doubt(4, 0.95), None);
        assert_eq!(doubt(4, 0.5).unwrap(), "share of the cores 0.50");
        assert_eq!(doubt(64, 1.0).unwrap(), "oversubscribed: 64 threads on 4 cores");
        assert_eq!(
            doubt(8, 0.5).unwrap(),
            "oversubscribed: 8 threads on 4 cores; share of the cores 0.50"
        );
    }
}
