//! What was seen of the costs: figures, a table, and the targets, which are no checks.

use serde_json::{Value, json};

use super::case::{Case, Kind, SEVERAL, Target, Who};
use super::speed::{Measured, Sample};
use crate::measure::{Better, Labels, Measure, Unit, labels};
use crate::program::Table;
use crate::stats::Middle;

/// What an event may cost its caller, in ns.
const MOST_NS: f64 = 500.0;
/// How many times as long the other takes at least.
const LEAST_TIMES: f64 = 5.0;
/// What an event costs that nobody takes.
const MOST_DISABLED_NS: f64 = 2.0;

fn find(measured: &Measured, case: Case) -> Option<&[Sample]> {
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

/// Each measurement of each case.
pub(super) fn measures(measured: &Measured) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (case, samples) in &measured.rows {
        for (name, figure) in [("caller_cpu_ns", CALL), ("process_cpu_ns", FULL)] {
            let samples: Vec<f64> = samples.iter().filter_map(figure).collect();
            if !samples.is_empty() {
                measures.push(Measure::new(name, of(*case), Unit::Ns, Better::Lower, samples));
            }
        }
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

pub(super) fn table(measured: &Measured) -> Table {
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
pub(super) struct Goal {
    what: String,
    had: Option<f64>,
    limit: f64,
    least: bool,
}

impl Goal {
    pub(super) fn all(measured: &Measured) -> Vec<Self> {
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

    pub(super) fn met(&self) -> Option<bool> {
        let had = self.had?;
        Some(if self.least { had >= self.limit } else { had <= self.limit })
    }

    pub(super) fn figures(&self) -> Value {
        let bound = if self.least { "at_least" } else { "at_most" };
        json!({ "what": self.what, "had": self.had, bound: self.limit, "met": self.met() })
    }
}

pub(super) fn goals_table(targets: &[Goal]) -> Table {
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
