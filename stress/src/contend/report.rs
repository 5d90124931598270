//! The contended workloads: figures, checks and tables.

use std::collections::BTreeMap;

use serde_json::json;

use super::course::{Course, Outcome, Point, Round, Row};
use super::timed::Recorder;
use crate::measure::{Better, Labels, Latency, Measure, Unit, labels};
use crate::program::{Check, Section, Table};
use crate::stats::Middle;
use crate::workload::Rival;

/// Below this share of the cores, threads seldom ran at once, and what they cost each other
/// does not show.
const ENOUGH: f64 = 0.9;

/// Adds what there is to a section.
pub(super) fn add_to(section: &mut Section, course: &Course, outcome: &Outcome) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    section.measures.extend(outcome.rows.iter().flat_map(|row| figures(row, outcome, cores)));
    section.measures.extend(outcome.rows.iter().flat_map(|row| sites(row, cores)));
    section.measures.extend(places(outcome));
    section.latencies.extend(
        outcome
            .rows
            .iter()
            .filter(|row| !row.times.is_empty())
            .map(|row| Latency::new("call", point_labels(&row.point), &row.times)),
    );
    section.checks.extend(checks(course, outcome));
    let (added, cost) = Recorder::cost();
    section.tables.extend(course.counts.iter().map(|&threads| workloads(outcome, threads, cores)));
    section.tables.push(latencies(course, outcome, cores, (added, cost)));
    section.tables.push(site_table(course, outcome));
    section.partial |= outcome.partial;
    section.figures = json!({
        "cores": cores,
        "repetitions": course.repetitions,
        "point_ms": course.point.as_millis() as u64,
        "recorder": { "in_each_time_ns": added, "a_timed_call_ns": cost },
    });
}

fn point_labels(point: &Point) -> Labels {
    labels([
        ("workload", point.workload.name().to_owned()),
        ("subject", point.rival.name().to_owned()),
        ("threads", point.threads.to_string()),
    ])
}

/// Why a contended figure is not to be believed.
fn doubt(row: &Row, cores: usize) -> Option<String> {
    let threads = row.point.threads;
    if threads > cores {
        return Some(format!("oversubscribed: {threads} threads on {cores} cores"));
    }
    let share = Middle::of(row.rounds.iter().map(|round| round.share))?.median;
    (threads > 1 && share < ENOUGH).then(|| format!("share of the cores {share:.2}"))
}

/// The throughput of each round, of what one thread's in the same round would be on as many
/// cores.
fn of_linear(row: &Row, outcome: &Outcome, cores: usize) -> Vec<f64> {
    let alone = Point { threads: 1, ..row.point };
    let Some(alone) = outcome.rows.iter().find(|row| row.point == alone) else {
        return Vec::new();
    };
    let ideal = row.point.threads.min(cores).max(1) as f64;
    let pairs = row.rounds.iter().zip(&alone.rounds);
    pairs.map(|(round, alone)| round.calls_per_s / (alone.calls_per_s * ideal)).collect()
}

fn figures(row: &Row, outcome: &Outcome, cores: usize) -> Vec<Measure> {
    use Better::{Higher, Lower, Neither};
    let of = |name, unit, better, figure: fn(&Round) -> f64| {
        let rounds = row.rounds.iter().map(figure);
        Measure::new(name, point_labels(&row.point), unit, better, rounds)
    };
    let linear = of_linear(row, outcome, cores);
    let mut figures = vec![
        of("calls_per_s", Unit::CallsPerS, Higher, |round| round.calls_per_s),
        of("cpu_ns_a_call", Unit::Ns, Lower, |round| round.cpu_ns),
        of("share_of_the_cores", Unit::Share, Neither, |round| round.share),
        Measure::new("of_linear", point_labels(&row.point), Unit::Share, Higher, linear),
        of("jain", Unit::Share, Higher, |round| round.jain),
        of("slowest_over_median", Unit::Share, Higher, |round| round.slowest),
        of("voluntary_switches_a_million_calls", Unit::Count, Lower, |round| round.voluntary),
        of("involuntary_switches_a_million_calls", Unit::Count, Lower, |round| round.involuntary),
    ];
    for figure in &mut figures {
        figure.doubt = doubt(row, cores);
    }
    figures.retain(|figure| !figure.samples.is_empty());
    figures
}

/// Swaps and lost swaps a call at every site where any round tried one.
fn by_site(row: &Row) -> BTreeMap<&'static str, (Vec<f64>, Vec<f64>)> {
    let mut all = BTreeMap::<_, (Vec<f64>, Vec<f64>)>::new();
    let rounds = || row.rounds.iter().filter_map(|round| Some((round.calls, round.contention?)));
    let tried = rounds()
        .flat_map(|(_, contention)| contention.sites().map(|(site, _)| site).collect::<Vec<_>>());
    for site in tried.collect::<Vec<_>>() {
        all.entry(site.as_str()).or_insert_with(|| {
            rounds()
                .map(|(calls, contention)| {
                    let (attempts, calls) = (contention.at(site), calls.max(1) as f64);
                    (attempts.swaps as f64 / calls, attempts.retries as f64 / calls)
                })
                .unzip()
        });
    }
    all
}

fn sites(row: &Row, cores: usize) -> Vec<Measure> {
    let measures = by_site(row).into_iter().flat_map(|(site, (swaps, retries))| {
        let of = || {
            labels([
                ("workload", row.point.workload.name().to_owned()),
                ("threads", row.point.threads.to_string()),
                ("site", site.to_owned()),
            ])
        };
        [
            Measure::new("swaps_a_call", of(), Unit::Count, Better::Neither, swaps),
            Measure::new("retries_a_call", of(), Unit::Count, Better::Lower, retries),
        ]
    });
    measures.map(|measure| measure.doubted(doubt(row, cores))).collect()
}

fn places(outcome: &Outcome) -> Vec<Measure> {
    let mut measures = Vec::new();
    for &(threads, counts, sampled) in &outcome.collisions {
        for (of, collisions) in [("counts", counts), ("sampled_latencies", sampled)] {
            let labels = labels([("threads", threads.to_string()), ("of", of.to_owned())]);
            let collisions = [collisions as f64];
            measures.push(Measure::new(
                "stripe_collisions",
                labels,
                Unit::Count,
                Better::Lower,
                collisions,
            ));
        }
    }
    for (threads, rounds) in &outcome.hand_overs {
        let labels = labels([
            ("threads", threads.to_string()),
            ("workload", "trips_and_closings".to_owned()),
        ]);
        let share = rounds.iter().map(|round| round.by_another as f64 / round.told as f64);
        measures.push(Measure::new("hand_overs", labels, Unit::Share, Better::Neither, share));
    }
    measures
}

fn checks(course: &Course, outcome: &Outcome) -> Vec<Check> {
    let moves = match &outcome.stalled {
        Some(why) => Check::judged("contended_threads_keep_moving", false, why.clone()),
        None => Check::judged("contended_threads_keep_moving", true, "always"),
    };
    let died = format!("{} died", outcome.died);
    let mut checks = vec![moves, Check::judged("no_thread_dies", outcome.died == 0, died)];
    if outcome.judged > 0 {
        let detail = match outcome.wrong.first() {
            Some(first) => format!("{} things did not hold; {first}", outcome.wrong.len()),
            None => format!("{} points, at rest after each", outcome.judged),
        };
        let name = "contended_workloads_account_for_their_calls";
        checks.push(Check::judged(name, outcome.wrong.is_empty(), detail));
    }
    checks.extend(sums(outcome));
    if !outcome.partial && outcome.stalled.is_none() {
        checks.push(handed_over(course, outcome));
    }
    checks
}

/// That the totals of swaps are the sums of their sites, at rest.
fn sums(outcome: &Outcome) -> Option<Check> {
    let rounds = outcome.rows.iter().flat_map(|row| &row.rounds);
    let (mut seen, mut swaps, mut wrong) = (0, 0, 0);
    for contention in rounds.filter_map(|round| round.contention) {
        let (tried, lost) = contention.sites().fold((0, 0), |(tried, lost), (_, attempts)| {
            (tried + attempts.swaps, lost + attempts.retries)
        });
        seen += 1;
        swaps += tried;
        wrong += u64::from((tried, lost) != (contention.swaps, contention.retries));
    }
    let name = "swaps_at_all_sites_are_all_swaps";
    let detail = format!("{swaps} swaps in {seen} points; {wrong} points differ");
    (seen > 0).then(|| match swaps {
        // Workloads in which nothing changes.
        0 => Check::unjudged(name, detail),
        _ => Check::judged(name, wrong == 0, detail),
    })
}

/// That events were told at all, so that a share of them says something.
fn handed_over(course: &Course, outcome: &Outcome) -> Check {
    let told: u64 =
        outcome.hand_overs.iter().flat_map(|(_, rounds)| rounds).map(|round| round.told).sum();
    let name = "events_are_told_under_contention";
    let detail = format!("{told} events by up to {:?} threads", course.counts.last());
    if told > 0 { Check::judged(name, true, detail) } else { Check::not_reached(name, detail) }
}

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

fn workloads(outcome: &Outcome, threads: usize, cores: usize) -> Table {
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
        let by_another: u64 = rounds.iter().map(|round| round.by_another).sum();
        table.notes.push(format!(
            "hand-overs: of {told} events of trips and closings by hand, {by_another} were told by \
             another thread"
        ));
    }
    table
}

fn latencies(course: &Course, outcome: &Outcome, cores: usize, cost: (u64, f64)) -> Table {
    let most = course.counts.last().copied().unwrap_or(1);
    let threads = course.counts.iter().copied().filter(|&count| count <= cores).max().unwrap_or(1);
    let mut table = Table {
        title: "contend: how long a call takes, ns, of one in 8 to 256".to_owned(),
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
        cells.extend(quantiles.map(|q| row.times.value_at_quantile(q).to_string()));
        cells.extend([row.times.max().to_string(), row.times.len().to_string()]);
        table.rows.push(cells);
    }
    table.notes = vec![
        "the last call of each batch is timed, into a histogram of the thread's own, of 2 digits"
            .to_owned(),
        format!(
            "{} ns of each time are the timing itself; a timed call takes {:.0} ns more",
            cost.0, cost.1
        ),
    ];
    table
}

fn site_table(course: &Course, outcome: &Outcome) -> Table {
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
    use std::time::Duration;

    use super::*;
    use crate::contend::timed;
    use crate::program::{Stop, Verdict};
    use crate::workload::Workload;

    fn course() -> Course {
        Course {
            counts: vec![1, 2],
            workloads: vec![Workload::Success, Workload::HalfFail],
            repetitions: 2,
            point: Duration::from_millis(1),
        }
    }

    fn row(threads: usize, calls_per_s: f64, share: f64) -> Row {
        let round = Round { calls: 100, calls_per_s, share, jain: 1.0, ..Round::default() };
        let point = Point { workload: Workload::Success, rival: Rival::Ampacity, threads };
        Row { point, rounds: vec![round.clone(), round], times: timed::none() }
    }

    #[test]
    fn the_linear_ideal_is_what_one_thread_does_on_as_many_cores_as_there_are() {
        let (one, four) = (row(1, 100.0, 1.0), row(4, 150.0, 1.0));
        let outcome = Outcome { rows: vec![one.clone(), four.clone()], ..Outcome::default() };
        assert_eq!(of_linear(&four, &outcome, 2), [0.75, 0.75]);
        assert_eq!(of_linear(&four, &outcome, 8), [0.375, 0.375]);
        assert_eq!(of_linear(&one, &outcome, 8), [1.0, 1.0]);
        assert!(of_linear(&four, &Outcome::default(), 8).is_empty(), "nothing to hold it against");
    }

    #[test]
    fn threads_beyond_the_cores_or_with_little_of_them_are_doubted_and_one_alone_is_not() {
        assert_eq!(doubt(&row(2, 1.0, 0.95), 2), None);
        assert_eq!(doubt(&row(1, 1.0, 0.5), 2), None);
        assert_eq!(doubt(&row(2, 1.0, 0.5), 2).as_deref(), Some("share of the cores 0.50"));
        let over = doubt(&row(3, 1.0, 1.0), 2).unwrap();
        assert_eq!(over, "oversubscribed: 3 threads on 2 cores");
    }

    #[test]
    fn a_run_fits_a_terminal_and_its_checks_hold() {
        let context = crate::program::Context::quiet(1, Stop::default(), std::path::Path::new(""));
        let outcome = course().run(&context, |_| {}).unwrap();
        let mut section = Section::default();
        add_to(&mut section, &course(), &outcome);
        let broken: Vec<_> =
            section.checks.iter().filter(|check| check.verdict != Verdict::Held).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for table in &section.tables {
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{}", table.title);
            assert!(table.notes.iter().all(|note| note.chars().count() <= 100));
        }
        assert!(!section.partial && !section.latencies.is_empty());
        let sites = |measure: &&Measure| measure.name == "swaps_a_call";
        let sites: Vec<_> = section.measures.iter().filter(sites).collect();
        assert!(sites.iter().any(|measure| measure.labels["site"] == "closed_failure"));
        assert!(sites.iter().all(|measure| measure.labels["workload"] == "half_fail"));
    }

    #[test]
    fn what_did_not_hold_of_a_point_breaks_a_check_and_so_does_a_stall() {
        let wrong = Outcome {
            judged: 3,
            wrong: vec!["success: totals".to_owned()],
            died: 1,
            stalled: Some("where".to_owned()),
            ..Outcome::default()
        };
        let checks = checks(&course(), &wrong);
        assert!(checks.len() == 3 && checks.iter().all(|check| check.verdict == Verdict::Broken));
    }

    #[test]
    fn ctrl_c_leaves_what_there_is_and_says_so() {
        let stop = Stop::default();
        stop.request();
        let context = crate::program::Context::quiet(1, stop, std::path::Path::new(""));
        let outcome = course().run(&context, |_| {}).unwrap();
        let mut section = Section::default();
        add_to(&mut section, &course(), &outcome);
        assert!(section.partial);
        assert!(section.checks.iter().all(|check| check.verdict == Verdict::Held));
        assert!(section.measures.iter().all(|measure| measure.name != "calls_per_s"));
    }
}
