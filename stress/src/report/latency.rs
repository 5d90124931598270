//! How long calls took, from the median to the slowest.

use hdrhistogram::Histogram;

use super::axis::Axis;
use super::chart::{Chart, Curve, Dot};
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, SUBJECTS, WORKLOADS, label};
use super::picture::{Key, Panel, Picture};
use super::words;
use crate::measure::{Latency, Unit};

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// One of several, and what to call it.
struct Named {
    name: String,
    kind: usize,
    run: usize,
    histogram: Histogram<u64>,
}

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let all: Vec<(usize, &Latency)> = found(runs, "contend", "call").collect();
    let labels = || all.iter().map(|(_, latency)| &latency.labels);
    let workloads = find::values(labels(), "workload", &WORKLOADS);
    let workload = workloads.first()?;
    let of = |latency: &Latency| label(&latency.labels, "workload") == workload;
    let cores = runs.iter().map(|run| run.record.machine.cores).min().unwrap_or(1).max(1) as f64;
    // The most threads that have a core each; else the fewest there are.
    let counts = || all.iter().filter(|(_, l)| of(l)).filter_map(|(_, l)| find::threads(&l.labels));
    let at = counts()
        .filter(|&threads| threads <= cores)
        .max_by(f64::total_cmp)
        .or_else(|| counts().min_by(f64::total_cmp))?;
    let subjects = all
        .iter()
        .filter(|(_, latency)| of(latency) && find::threads(&latency.labels) == Some(at))
        .map(|&(run, latency)| named(runs, run, latency, "subject", &SUBJECTS));
    let by_subject = draft(
        runs,
        &format!(
            "How long a call takes, with {}: {}",
            count(&at.to_string()),
            words::spoken(workload)
        ),
        subjects.collect(),
    );
    let mut threads: Vec<(usize, &Latency)> = all
        .iter()
        .copied()
        .filter(|(_, l)| of(l) && matches!(label(&l.labels, "subject"), "ampacity" | ""))
        .collect();
    threads.sort_by(|a, b| {
        let count = |l: &Latency| find::threads(&l.labels).unwrap_or(0.0);
        count(a.1).total_cmp(&count(b.1))
    });
    let mut counts: Vec<&str> = threads.iter().map(|(_, l)| label(&l.labels, "threads")).collect();
    counts.dedup();
    let rank = |l: &Latency| counts.iter().position(|one| *one == label(&l.labels, "threads"));
    let threads = threads.iter().map(|&(run, latency)| Named {
        name: find::named(runs, run, &count(label(&latency.labels, "threads"))),
        kind: rank(latency).unwrap_or(0),
        run,
        histogram: latency.histogram(),
    });
    let by_threads = draft(
        runs,
        "How long a call of ampacity takes, by the number of threads",
        threads.collect(),
    );
    let rest = all.iter().map(|&(run, latency)| {
        let l = &latency.labels;
        let [workload, subject, threads] =
            ["workload", "subject", "threads"].map(|key| label(l, key));
        let name = format!("{workload}, {subject}, {threads} threads");
        (find::named(runs, run, &name), latency.histogram())
    });
    let table =
        Draft { title: "All latencies".to_owned(), tables: vec![table(rest)], ..Draft::default() };
    Some(Chapter {
        id: "latency",
        title: "Latency".to_owned(),
        intro:
            "Of each batch of calls one is timed, by the thread that makes it, into a histogram \
                of its own. A time has about one read of the processor's counter in it, some tens \
                of nanoseconds."
                .to_owned(),
        figures: [by_subject, by_threads].into_iter().flatten().collect(),
        more: vec![table],
    })
}

fn count(threads: &str) -> String {
    format!("{threads} thread{}", if threads == "1" { "" } else { "s" })
}

/// The latencies of one name, each with its run.
pub(super) fn found<'a>(
    runs: &'a [Run],
    program: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (usize, &'a Latency)> {
    runs.iter().enumerate().flat_map(move |(run, of)| {
        let all = of.section(program).into_iter().flat_map(|section| &section.latencies);
        all.filter(move |latency| latency.name == name).map(move |latency| (run, latency))
    })
}

fn named(runs: &[Run], run: usize, latency: &Latency, key: &str, known: &[&str]) -> Named {
    let kind = label(&latency.labels, key);
    let at = known.iter().position(|name| *name == kind).unwrap_or(known.len());
    Named { name: find::named(runs, run, kind), kind: at, run, histogram: latency.histogram() }
}

/// The percentile plot of some latencies that carry a label; for other chapters.
pub(super) fn by_label(
    runs: &[Run],
    found: Vec<(usize, &Latency)>,
    key: &str,
    known: &[&str],
    title: &str,
) -> Option<Draft> {
    let named = found.into_iter().map(|(run, latency)| named(runs, run, latency, key, known));
    draft(runs, title, named.collect())
}

fn draft(runs: &[Run], title: &str, mut all: Vec<Named>) -> Option<Draft> {
    all.retain(|named| !named.histogram.is_empty());
    all.sort_by_key(|named| (named.kind, named.run));
    all.truncate(find::MOST_CURVES);
    let most = all.iter().map(|named| named.histogram.len()).max()?;
    let (mut keys, mut curves) = (Vec::new(), Vec::new());
    for (at, named) in all.iter().enumerate() {
        let mut style = find::style_of(runs.len(), named.run, named.kind, at);
        // A mark at each bucket would be a second line.
        let dots = curve(&named.histogram);
        if dots.len() > 12 {
            style.marker = super::picture::Marker::None;
        }
        keys.push(Key { name: named.name.clone(), style });
        curves.push(Curve { style, dots });
    }
    let dots = || curves.iter().flat_map(|curve| &curve.dots);
    let chart = Chart {
        heading: "time, at most".to_owned(),
        below: "of the calls, in order of time".to_owned(),
        x: Axis::percentiles(most as f64),
        y: Axis::log(dots().map(|dot| dot.y), Unit::Ns)?,
        curves: curves.clone(),
        shade: None,
        height: 340.0,
    };
    let rows = all.into_iter().map(|named| (named.name, named.histogram));
    Some(Draft {
        title: title.to_owned(),
        picture: Some(Picture { keys, panels: vec![Panel::Chart(chart)] }),
        read: "Lower and flatter is better. To the right stand ever rarer calls: at p99.9, one in \
               a thousand took longer than the line says. The last point of a line is its slowest \
               call."
            .to_owned(),
        doubts: Vec::new(),
        tables: vec![table(rows)],
    })
}

/// 1 / (1 - q) against the time that so many did not exceed, to the slowest.
fn curve(histogram: &Histogram<u64>) -> Vec<Dot> {
    let all = histogram.len() as f64;
    let mut dots: Vec<Dot> = Vec::new();
    let mut before = 0.0;
    for bucket in histogram.iter_recorded() {
        let value = bucket.value_iterated_to().max(1) as f64;
        // Where the bucket begins, and where the next one does: a stair.
        dots.push(Dot::new((all / (all - before), value)));
        before += bucket.count_since_last_iteration() as f64;
    }
    // Buckets nearer to each other than can be drawn.
    let mut kept: Vec<Dot> = Vec::new();
    for (at, dot) in dots.iter().enumerate() {
        let near = kept.last().is_some_and(|last| {
            (dot.x / last.x).ln().abs() < 0.02 && (dot.y / last.y).ln().abs() < 0.02
        });
        if !near || at + 1 == dots.len() {
            kept.push(*dot);
        }
    }
    if let Some(last) = kept.last().copied() {
        kept.push(Dot::new((all.max(1.0), last.y)));
    }
    kept
}

fn table(all: impl Iterator<Item = (String, Histogram<u64>)>) -> Data {
    let head = ["of", "p50", "p90", "p99", "p99.9", "p99.99", "max", "timed"];
    let mut data = Data::new("the time that so many calls did not exceed", head);
    for (name, histogram) in all {
        let mut row = vec![name];
        let said = |value: u64| words::figure(value as f64, Unit::Ns);
        row.extend(QUANTILES.map(|(_, q)| {
            // Of so few calls there is no such one.
            let enough = histogram.len() as f64 * (1.0 - q) >= 1.0 - 1e-9;
            if enough { said(histogram.value_at_quantile(q)) } else { "-".to_owned() }
        }));
        row.push(if histogram.is_empty() { "-".to_owned() } else { said(histogram.max()) });
        row.push(words::count(histogram.len() as f64));
        data.rows.push(row);
    }
    data.cut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_at_the_slowest_call_and_rises_to_it() {
        let mut histogram = Latency::recorder();
        for (value, count) in [(10, 900), (20, 90), (1_000, 9), (500_000, 1)] {
            histogram.record_n(value, count).unwrap();
        }
        let dots = curve(&histogram);
        assert!(dots.is_sorted_by(|a, b| a.x <= b.x && a.y <= b.y), "{dots:?}");
        assert_eq!((dots[0].x, dots[0].y), (1.0, 10.0));
        let last = dots[dots.len() - 1];
        assert_eq!(last.x, 1_000.0);
        assert!((499_000.0..501_000.0).contains(&last.y));
        // One call in ten took more than 10 ns: its bucket begins at p90.
        assert!(dots.iter().any(|dot| (dot.x - 10.0).abs() < 1e-9 && dot.y == 20.0));
        assert!(curve(&Latency::recorder()).is_empty());
    }
}
