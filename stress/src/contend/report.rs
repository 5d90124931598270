//! The contended workloads: figures and checks.

mod tables;

use std::collections::BTreeMap;

use serde_json::json;

use super::course::{Course, Outcome, Point, Round, Row};
use super::timed::Recorder;
use crate::measure::{Better, Labels, Latency, Measure, Unit, labels};
use crate::program::{Check, Section};
use crate::stats::Middle;

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
    section
        .tables
        .extend(course.counts.iter().map(|&threads| tables::workloads(outcome, threads, cores)));
    section.tables.push(tables::latencies(course, outcome, cores, (added, cost)));
    section.tables.push(tables::sites(course, outcome));
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

/// The same of a figure that is held against one thread's: that it had its core, too.
fn doubt_beside(row: &Row, outcome: &Outcome, cores: usize) -> Option<String> {
    doubt(row, cores).or_else(|| {
        let share = Middle::of(alone(row, outcome)?.rounds.iter().map(|one| one.share))?.median;
        (share < ENOUGH).then(|| format!("one thread's share of its core {share:.2}"))
    })
}

/// The same by one thread.
fn alone<'a>(row: &Row, outcome: &'a Outcome) -> Option<&'a Row> {
    let alone = Point { threads: 1, ..row.point };
    outcome.rows.iter().find(|row| row.point == alone)
}

/// The throughput of each round, of what one thread's in the same round would be by as many
/// callers on as many cores.
fn of_linear(row: &Row, outcome: &Outcome, cores: usize) -> Vec<f64> {
    let Some(alone) = alone(row, outcome) else { return Vec::new() };
    let pairs = row.rounds.iter().zip(&alone.rounds);
    let share = |(round, alone): (&Round, &Round)| {
        let ideal = round.callers.min(cores).max(1) as f64;
        round.calls_per_s / (alone.calls_per_s * ideal)
    };
    pairs.map(share).collect()
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
        figure.doubt = match &*figure.name {
            "of_linear" if row.point.threads > 1 => doubt_beside(row, outcome, cores),
            _ => doubt(row, cores),
        };
    }
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
    if outcome.judged + outcome.died as u64 == 0 && outcome.stalled.is_none() {
        return Vec::new(); // Ctrl-C came before the first point's end
    }
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
    checks.extend(turns(outcome));
    if !outcome.partial && outcome.stalled.is_none() {
        checks.push(handed_over(course, outcome));
    }
    checks
}

/// That the swaps won at the sites that make transitions are the transitions, at rest.
fn turns(outcome: &Outcome) -> Option<Check> {
    let rounds = || outcome.rows.iter().flat_map(|row| &row.rounds);
    let (seen, all) = (
        rounds().filter(|round| round.contention.is_some()).count(),
        rounds().map(|round| round.turns).sum::<u64>(),
    );
    let unlike: Vec<&String> = rounds().flat_map(|round| &round.unlike).collect();
    let name = "swaps_won_are_the_transitions";
    let detail = match unlike.first() {
        Some(first) => format!("{} differ; {first}", unlike.len()),
        None => format!("{all} transitions in {seen} points"),
    };
    (seen > 0).then(|| match (all, unlike.is_empty()) {
        // Workloads in which nothing changes.
        (0, true) => Check::unjudged(name, detail),
        (_, holds) => Check::judged(name, holds, detail),
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

#[cfg(test)]
mod tests;
