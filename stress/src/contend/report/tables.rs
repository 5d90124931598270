//! The contended workloads, in tables for people.

use hdrhistogram::Histogram;

use super::{ENOUGH, by_site, doubt, of_linear};
use crate::contend::course::{Course, Outcome, Point, Round, Row};
use crate::program::Table;
use crate::stats::Middle;
use crate::workload::Rival;

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn title(text: String, width: usize) -> Vec<String> {
    let mut row = vec![String::new(); width];
    row[0] = text;
    row
}

/// A few digits that say something.
fn few(figure: f64) -> String {
    match figure {
        figure if !figure.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        figure if figure >= 1e6 => format!("{:.1e}", figure),
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure if figure >= 0.01 => format!("{figure:.2}"),
        figure => format!("{figure:.0e}"),
    }
}

fn median(figures: impl IntoIterator<Item = f64>) -> String {
    Middle::of(figures).map_or_else(|| "-".to_owned(), |middle| few(middle.median))
}

pub(super) fn workloads(outcome: &Outcome, threads: usize, cores: usize) -> Table {
    let over = if threads > cores { ", oversubscribed" } else { "" };
    let plural = if threads == 1 { "" } else { "s" };
    let mut table = Table {
        title: format!("contend: {threads} thread{plural} on {cores} cores{over} (medians)"),
        head: head(&[
            "",
            "M calls/s",
            "cpu ns",
            "of linear",
            "cores",
            "Jain",
            "slowest",
            "vol. sw",
            "invol. sw",
        ]),
        ..Table::default()
    };
    let mut last = None;
    let mut doubtful = false;
    for row in outcome.rows.iter().filter(|row| row.point.threads == threads) {
        if last != Some(row.point.workload) {
            last = Some(row.point.workload);
            table.rows.push(title(row.point.workload.title().trim().to_owned(), table.head.len()));
        }
        let mark = if doubt(row, cores).is_some() { " ?" } else { "" };
        doubtful |= !mark.is_empty();
        let of = |figure: fn(&Round) -> f64| median(row.rounds.iter().map(figure));
        table.rows.push(vec![
            format!("  {}{mark}", row.point.rival.name()),
            of(|round| round.calls_per_s / 1e6),
            of(|round| round.cpu_ns),
            median(of_linear(row, outcome, cores)),
            of(|round| round.share),
            of(|round| round.jain),
            of(|round| round.slowest),
            of(|round| round.voluntary),
            of(|round| round.involuntary),
        ]);
    }
    if threads == 1 {
        table
            .notes
            .push("cores: the share of the cores that the threads could use and got".to_owned());
        table.notes.push(
            "slowest: its calls, of the median thread's; sw: switches a million calls".to_owned(),
        );
    }
    if doubtful {
        table.notes.push(format!(
            "?: more threads than cores, or less than {ENOUGH} of the cores: not to be believed"
        ));
    }
    table
        .notes
        .extend(outcome.collisions.iter().filter(|at| at.0 == threads).map(|(_, counts, sampled)| {
        format!(
            "stripe collisions: {counts} threads count where others do, {sampled} share a stripe \
                 for sampled times"
        )
    }));
    if let Some((_, rounds)) = outcome.hand_overs.iter().find(|(at, _)| *at == threads)
        && !rounds.is_empty()
    {
        let told: u64 = rounds.iter().map(|round| round.told).sum();
        let dropped: u64 = rounds.iter().map(|round| round.dropped).sum();
        let by_another: u64 = rounds.iter().map(|round| round.by_another).sum();
        table.notes.push(format!(
            "hand-overs: {told} trips and closings by hand were told of ({dropped} dropped), \
             {by_another} by another thread"
        ));
    }
    table
}

pub(super) fn latencies(
    course: &Course,
    outcome: &Outcome,
    cores: usize,
    cost: (u64, f64),
) -> Table {
    let most = course.counts.last().copied().unwrap_or(1);
    let threads = course.counts.iter().copied().filter(|&count| count <= cores).max().unwrap_or(1);
    let mut table = Table {
        title: "contend: how long a call takes, ns, of the last of each batch".to_owned(),
        head: head(&["", "p50", "p90", "p99", "p99.9", "p99.99", "max", "timed"]),
        ..Table::default()
    };
    let mut last = None;
    let shown = |row: &&Row| [threads, most].contains(&row.point.threads) && !row.times.is_empty();
    for row in outcome.rows.iter().filter(shown) {
        let Point { workload, rival, threads } = row.point;
        if last != Some((workload, threads)) {
            last = Some((workload, threads));
            let text = format!("{}, {threads} threads", workload.title().trim());
            table.rows.push(title(text, table.head.len()));
        }
        let mut cells = vec![format!("  {}", rival.name())];
        let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999];
        cells.extend(quantiles.map(|q| quantile(&row.times, q)));
        cells.extend([row.times.max().to_string(), row.times.len().to_string()]);
        table.rows.push(cells);
    }
    table.notes = vec![
        "the last call of each batch is timed, into a histogram of the thread's own, of 2 digits;"
            .to_owned(),
        "-: too few were timed for one of them to lie above".to_owned(),
        format!(
            "{} ns of each time are the timing itself; a timed call takes {:.0} ns more",
            cost.0, cost.1
        ),
    ];
    table
}

/// What so many of the calls took at most; of fewer than it takes for one to lie above, nothing.
fn quantile(times: &Histogram<u64>, q: f64) -> String {
    match times.len() as f64 * (1.0 - q) > 0.999 {
        true => times.value_at_quantile(q).to_string(),
        false => "-".to_owned(),
    }
}

pub(super) fn sites(course: &Course, outcome: &Outcome) -> Table {
    let mut table = Table {
        title: "contend: swaps of the word by site: tried in 1,000 calls (and lost)".to_owned(),
        head: std::iter::once(String::new())
            .chain(course.counts.iter().map(|&threads| match threads {
                1 => "1 thread".to_owned(),
                threads => format!("{threads} threads"),
            }))
            .collect(),
        ..Table::default()
    };
    for &workload in &course.workloads {
        let rows: Vec<_> = course
            .counts
            .iter()
            .map(|&threads| {
                let point = Point { workload, rival: Rival::Ampacity, threads };
                let row = outcome.rows.iter().find(|row| row.point == point);
                row.map(by_site).unwrap_or_default()
            })
            .collect();
        let mut names: Vec<&str> = rows.iter().flat_map(|sites| sites.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            let mut row = title(workload.title().trim().to_owned(), table.head.len());
            row[1..].fill("none".to_owned());
            table.rows.push(row);
            continue;
        }
        table.rows.push(title(workload.title().trim().to_owned(), table.head.len()));
        for name in names {
            let mut cells = vec![format!("  {name}")];
            cells.extend(rows.iter().map(|sites| {
                let Some((swaps, retries)) = sites.get(name) else { return "-".to_owned() };
                let a_thousand = |of: &[f64]| median(of.iter().map(|one| one * 1e3));
                format!("{} ({})", a_thousand(swaps), a_thousand(retries))
            }));
            table.rows.push(cells);
        }
    }
    table.notes =
        vec!["lost: another caller's swap came between, and it is tried again".to_owned()];
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contend::timed;

    #[test]
    fn a_quantile_is_told_of_as_many_calls_as_it_takes() {
        let mut times = timed::none();
        times.record_n(7, 99).unwrap();
        assert_eq!((&*quantile(&times, 0.9), &*quantile(&times, 0.99)), ("7", "-"));
        times.record(9).unwrap();
        assert_eq!((&*quantile(&times, 0.99), &*quantile(&times, 0.999)), ("7", "-"));
    }
}
