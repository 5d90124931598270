//! The checks, the figures, the tables, and the targets, which are no checks.

use serde_json::{Value, json};

use super::case::{Case, Kind, SEVERAL, Target, Who};
use super::crowd::{Manners, Outcome};
use super::speed::{Measured, Sample};
use crate::measure::{Better, Labels, Measure, Unit, labels};
use crate::print::thousands;
use crate::program::{Check, Section, Table};
use crate::stats::Middle;

/// What an event may cost its caller, in ns.
const MOST_NS: f64 = 500.0;
/// How many times as long the other takes at least.
const LEAST_TIMES: f64 = 5.0;
/// What an event costs that nobody takes.
const MOST_DISABLED_NS: f64 = 2.0;

pub(super) fn section(
    measured: &Measured,
    crowds: &[(Manners, Outcome)],
    partial: bool,
) -> Section {
    let mut checks: Vec<Check> = vec![speed_check(measured)];
    checks.extend(crowds.iter().flat_map(|(manners, outcome)| crowd_checks(*manners, outcome)));
    let targets = Goal::all(measured);
    Section {
        partial,
        checks,
        measures: measures(measured, crowds),
        tables: vec![costs(measured), goals_table(&targets), crowd_table(crowds)],
        figures: json!({
            "rounds": measured.rows.iter().map(|(_, samples)| samples.len()).max(),
            "records": measured.logged,
            "targets": targets.iter().map(Goal::figures).collect::<Vec<_>>(),
            "crowds": crowds
                .iter()
                .map(|(manners, outcome)| crowd_figures(*manners, outcome))
                .collect::<Vec<_>>(),
        }),
        ..Section::default()
    }
}

/// What was measured was written, too: a record that is dropped costs less.
fn speed_check(measured: &Measured) -> Check {
    let sum = |of: fn(&ampacity_log::Counts) -> u64| measured.counts.iter().map(of).sum::<u64>();
    let (emitted, written) = (sum(|counts| counts.emitted), sum(|counts| counts.written));
    let (lost, logged) = (sum(|counts| counts.dropped + counts.failed), measured.logged);
    Check::judged(
        "what_was_measured_was_written",
        logged == emitted && written == emitted && measured.unwritten == 0,
        format!(
            "{logged} logged, {emitted} emitted, {written} written, {lost} lost, {} measurements \
             with records that waited for too long",
            measured.unwritten
        ),
    )
}

fn crowd_checks(manners: Manners, outcome: &Outcome) -> Vec<Check> {
    let Outcome { logged, alive, counts, found, .. } = outcome;
    let name = |check: &str| format!("crowd_{}/{check}", manners.name());
    let (emitted, written) = (counts.emitted, counts.written);
    let mut checks = vec![
        Check::judged(
            name("counts_add_up"),
            // Beside theirs, the log has a few of its own.
            emitted == written + counts.dropped + counts.failed && emitted >= *logged,
            format!(
                "{emitted} emitted = {written} written + {} dropped + {} failed; {logged} logged",
                counts.dropped, counts.failed
            ),
        ),
        Check::judged(
            name("the_file_has_what_was_written"),
            found.records == written && found.end <= emitted,
            format!("{} records of {written} written, of {emitted} numbers", found.records),
        ),
        Check::judged(
            name("every_line_is_whole"),
            found.torn == 0 && found.strange == 0,
            format!("{} torn, {} twice or nobody's", found.torn, found.strange),
        ),
        match alive {
            Some(alive) => Check::judged(
                name("all_threads_alive_at_once"),
                *alive >= outcome.threads,
                format!("{alive} of {}", outcome.threads),
            ),
            None => Check::unjudged(
                name("all_threads_alive_at_once"),
                "this system does not say how many threads there are",
            ),
        },
    ];
    let there = found.theirs;
    checks.push(match manners {
        Manners::Wait => Check::judged(
            name("every_record_is_there"),
            there == *logged && counts.dropped == 0,
            format!("{there} of {logged}"),
        ),
        // What it tells of itself may have been dropped, too.
        Manners::Drop if counts.dropped > 0 => Check::judged(
            name("what_is_missing_was_counted"),
            logged - there <= counts.dropped && found.told <= counts.dropped,
            format!(
                "{} of {logged} missing, {} dropped, of which the log itself tells {}",
                logged - there,
                counts.dropped,
                found.told
            ),
        ),
        Manners::Drop => Check::not_reached(name("what_is_missing_was_counted"), "none dropped"),
    });
    checks
}

fn find<'a>(measured: &'a Measured, case: Case) -> Option<&'a [Sample]> {
    measured.rows.iter().find(|row| row.0 == case).map(|(_, samples)| &samples[..])
}

type Figure = fn(&Sample) -> Option<f64>;
const CALL: Figure = |sample| Some(sample.call);
const FULL: Figure = |sample| sample.full;

fn middle(measured: &Measured, case: Case, figure: Figure) -> Option<Middle> {
    Middle::of(find(measured, case)?.iter().filter_map(figure))
}

/// How many times as long as ours another takes, round by round.
fn times(measured: &Measured, case: Case, who: Who, figure: Figure) -> Option<Middle> {
    let ours = find(measured, case.by(Who::Ours))?.iter();
    let pairs = ours.zip(find(measured, case.by(who))?);
    Middle::of(pairs.filter_map(|(ours, other)| Some(figure(other)? / figure(ours)?)))
}

fn of(case: Case) -> Labels {
    labels([
        ("subject", case.who.name().to_owned()),
        ("event", case.kind.name().to_owned()),
        ("target", case.target.name().to_owned()),
        ("threads", case.threads.to_string()),
    ])
}

fn measures(measured: &Measured, crowds: &[(Manners, Outcome)]) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (case, samples) in &measured.rows {
        for (name, figure) in [("caller_cpu_ns", CALL), ("process_cpu_ns", FULL)] {
            let samples: Vec<f64> = samples.iter().filter_map(figure).collect();
            if !samples.is_empty() {
                measures.push(Measure::new(name, of(*case), Unit::Ns, Better::Lower, samples));
            }
        }
    }
    for (manners, outcome) in crowds {
        let rate = outcome.logged as f64 / outcome.wall.as_secs_f64();
        let of = labels([
            ("crowd", manners.name().to_owned()),
            ("threads", outcome.threads.to_string()),
        ]);
        measures.push(Measure::new("records_per_s", of, Unit::CallsPerS, Better::Higher, [rate]));
    }
    measures
}

fn title(case: Case) -> String {
    let what = match case.kind {
        Kind::Event => "three fields",
        Kind::Context => "three fields in a context",
        Kind::Error => "an error with two sources",
        Kind::Disabled => "a level that nobody takes",
        Kind::Off => "a log that nobody configured",
    };
    let to = match case.target {
        _ if !case.kind.is_written() => "",
        Target::File => ", file",
        Target::Discard => ", discarded",
    };
    let threads = if case.threads == 1 { String::new() } else { format!(", {SEVERAL} threads") };
    format!("{what}{to}{threads}")
}

fn text(middle: Option<Middle>, figure: impl Fn(f64) -> String) -> String {
    middle.map_or_else(|| "-".to_owned(), |middle| figure(middle.median))
}

fn ns(ns: f64) -> String {
    if ns < 10.0 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

fn costs(measured: &Measured) -> Table {
    let mut head = vec!["ns an event, of processor time".to_owned()];
    head.extend(["ours", "tracing", "times", "appender", "times"].map(str::to_owned));
    let mut rows = Vec::new();
    for (figure, all) in [(CALL, "of its caller"), (FULL, "of all threads, until it is written")] {
        let mut heading = vec![String::new(); head.len()];
        heading[0] = all.to_owned();
        rows.push(heading);
        for case in Case::all().into_iter().filter(|case| case.who == Who::Ours) {
            if middle(measured, case, figure).is_none() {
                continue;
            }
            let mut row = vec![format!("  {}", title(case))];
            row.push(text(middle(measured, case, figure), ns));
            for who in [Who::Tracing, Who::Appender] {
                row.push(text(middle(measured, case.by(who), figure), ns));
                row.push(text(times(measured, case, who, figure), |times| format!("{times:.1}")));
            }
            rows.push(row);
        }
    }
    Table {
        title: "log: what an event costs (median of the rounds)".to_owned(),
        head,
        rows,
        notes: [
            "tracing: tracing-subscriber's JSON layer, the same content; its callers write",
            "appender: the same through tracing-appender, whose thread writes, as ours does",
            "a line is one write, whoever writes it: that is the greater part of what all threads spend",
        ]
        .map(str::to_owned)
        .into(),
    }
}

/// A figure and what it is to be.
struct Goal {
    what: String,
    had: Option<f64>,
    limit: f64,
    least: bool,
}

impl Goal {
    fn all(measured: &Measured) -> Vec<Self> {
        let event = |who| Case { who, kind: Kind::Event, target: Target::File, threads: 1 };
        let ours = event(Who::Ours);
        let median = |middle: Option<Middle>| middle.map(|middle| middle.median);
        let disabled = |kind| Case { kind, ..ours };
        vec![
            Self {
                what: "the caller's time for three fields, ns".to_owned(),
                had: median(middle(measured, ours, CALL)),
                limit: MOST_NS,
                least: false,
            },
            Self {
                what: "tracing-subscriber's caller takes, times".to_owned(),
                had: median(times(measured, ours, Who::Tracing, CALL)),
                limit: LEAST_TIMES,
                least: true,
            },
            Self {
                what: "a level that nobody takes, ns".to_owned(),
                had: median(middle(measured, disabled(Kind::Disabled), CALL)),
                limit: MOST_DISABLED_NS,
                least: false,
            },
            Self {
                what: "a log that nobody configured, ns".to_owned(),
                had: median(middle(measured, disabled(Kind::Off), CALL)),
                limit: MOST_DISABLED_NS,
                least: false,
            },
        ]
    }

    fn met(&self) -> Option<bool> {
        let had = self.had?;
        Some(if self.least { had >= self.limit } else { had <= self.limit })
    }

    fn figures(&self) -> Value {
        let bound = if self.least { "at_least" } else { "at_most" };
        json!({ "what": self.what, "had": self.had, bound: self.limit, "met": self.met() })
    }
}

fn goals_table(targets: &[Goal]) -> Table {
    let row = |target: &Goal| {
        let bound = if target.least { "at least" } else { "at most" };
        let met = target.met().map_or("-", |met| if met { "met" } else { "missed" });
        vec![
            target.what.clone(),
            target.had.map_or_else(|| "-".to_owned(), |had| format!("{had:.1}")),
            format!("{bound} {}", target.limit),
            met.to_owned(),
        ]
    };
    Table {
        title: "log: the targets (no checks), for one thread and a file".to_owned(),
        head: ["figure", "had", "target", ""].map(str::to_owned).into(),
        rows: targets.iter().map(row).collect(),
        notes: Vec::new(),
    }
}

fn crowd_table(crowds: &[(Manners, Outcome)]) -> Table {
    let head = ["crowd", "threads", "emitted", "written", "dropped", "failed", "read back", "s"];
    let rows = crowds.iter().map(|(manners, outcome)| {
        let who = match manners {
            Manners::Wait => "callers wait for room",
            Manners::Drop => "a small queue, nobody waits",
        };
        let counts = &outcome.counts;
        let mut row = vec![who.to_owned()];
        row.extend(
            [
                outcome.threads,
                counts.emitted,
                counts.written,
                counts.dropped,
                counts.failed,
                outcome.found.records,
            ]
            .map(thousands),
        );
        row.push(format!("{:.2}", outcome.wall.as_secs_f64()));
        row
    });
    Table {
        title: "log: threads that log at once, into a file".to_owned(),
        head: head.map(str::to_owned).into(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn crowd_figures(manners: Manners, outcome: &Outcome) -> Value {
    let Outcome { logged, alive, wall, counts, found, threads } = outcome;
    json!({
        "crowd": manners.name(),
        "threads": threads,
        "alive": alive,
        "logged": logged,
        "emitted": counts.emitted,
        "written": counts.written,
        "dropped": counts.dropped,
        "failed": counts.failed,
        "read_back": found.records,
        "of_the_threads": found.theirs,
        "wall_s": wall.as_secs_f64(),
    })
}
