//! What a replay hands back: figures, tables, checks.

use std::time::Duration;

use serde_json::json;

use super::course;
use super::lane::{Lane, Plan, Policy};
use super::pace::Pace;
use super::script::is_outage;
use super::story::Story;
use super::tally::{Percentiles, Tally};
use super::verdict::{self, Due, Following};
use crate::program::{Check, Section, Table};
use crate::trace::Trace;

/// The section of a replay in three lanes: bare, guarded, and guarded in peace.
pub fn section(
    name: &str,
    trace: &Trace,
    pace: Pace,
    plans: &[Plan<'_>; 3],
    lanes: &[Lane; 3],
) -> Section {
    let [bare, guarded, peace] = lanes;
    let timeline = &plans[1].timeline;
    let phases = timeline.phases();
    let policy = plans[1].guard.unwrap_or(Policy::waiting(pace.open_for));
    let story = Story::read(&guarded.events, &policy);
    let times = due_times(&plans[1]);
    let due = Due { times: &times, pace: &pace, timeline };
    let following = verdict::following(due, guarded, &story);
    let without = Tally::by_phase(phases, &bare.requests);
    let with = Tally::by_phase(phases, &guarded.requests);
    let all = |lane: &Lane| Tally::of("all", lane.requests.iter());
    let complete = lanes.iter().all(|lane| lane.launched.complete);
    let gave_up = lanes.iter().any(|lane| lane.launched.gave_up);

    let figures = json!({
        "trace": name,
        "requests": trace.arrivals().len(),
        "trace_span_s": trace.span().as_secs_f64(),
        "speed": pace.speed,
        "length_s": pace.length.as_secs_f64(),
        "client_timeout_ms": pace.timeout.as_secs_f64() * 1e3,
        "breaker": {
            "failure_threshold": policy.failures,
            "success_threshold": policy.successes,
            "half_open_permits": policy.successes,
            "open_for_ms": policy.open_for.as_secs_f64() * 1e3,
        },
        "without": { "all": all(bare), "phases": without },
        "with": { "all": all(guarded), "phases": with },
        "all_healthy": all(peace),
        "following": following,
        "transitions": story.changes.len(),
        "latest_arrival_ms": lanes.each_ref().map(|lane| verdict::worst(lane).as_secs_f64() * 1e3),
    });
    let mut counts = counts(name, pace, &without, &with);
    let outages = |tallies: &[Tally]| -> u64 {
        let of = phases.iter().zip(tallies).filter(|(phase, _)| is_outage(phase));
        of.map(|(_, tally)| tally.failed).sum()
    };
    counts.notes.push(format!(
        "callers wait {:.0} ms at most; {} failures in a row open the breaker for {:.0} ms, {} \
         successes close it",
        pace.timeout.as_secs_f64() * 1e3,
        policy.failures,
        policy.open_for.as_secs_f64() * 1e3,
        policy.successes
    ));
    counts.notes.push(format!(
        "in the outages {} requests were wasted without the breaker, {} with it",
        outages(&without),
        outages(&with)
    ));
    counts.rows.push(row(&all(bare), &all(guarded)));
    // Where the load was not what the script says, nothing else can be said.
    let checks = match (complete, gave_up) {
        (true, _) => checks(due, &policy, lanes, &story),
        (false, true) => loads(pace, lanes),
        (false, false) => Vec::new(),
    };
    let mut section = Section {
        figures,
        tables: vec![
            counts,
            latencies(&without, &with, &all(bare), &all(guarded)),
            followed(&following),
        ],
        checks,
        partial: !complete && !gave_up,
        ..Section::default()
    };
    course::add(&mut section, pace, lanes, &story, &following);
    section
}

/// When each request of `plan` is due.
fn due_times(plan: &Plan<'_>) -> Vec<Duration> {
    plan.arrivals.iter().map(|arrival| plan.pace.compress(arrival.at)).collect()
}

/// Every check of a complete replay.
fn checks(due: Due<'_>, policy: &Policy, lanes: &[Lane; 3], story: &Story) -> Vec<Check> {
    let [bare, guarded, peace] = lanes;
    let phases = due.timeline.phases();
    let without = Tally::by_phase(phases, &bare.requests);
    let with = Tally::by_phase(phases, &guarded.requests);
    let mut checks = vec![verdict::peace(peace, due.pace)];
    checks.extend(verdict::waste(due, &without, &with));
    checks.extend(verdict::served(due, &without, &with));
    checks.extend(verdict::contract(story));
    checks.extend(verdict::cures(due, guarded, story, policy));
    checks.extend(verdict::totals(guarded, policy));
    checks.extend(loads(*due.pace, lanes));
    checks
}

fn loads(pace: Pace, lanes: &[Lane; 3]) -> Vec<Check> {
    let names = ["without", "with", "all_healthy"];
    let each = names.iter().zip(lanes);
    each.flat_map(|(name, lane)| verdict::load(name, lane, &pace)).collect()
}

/// Between what was without the breaker and what was with it. Not the ASCII bar, which
/// would end a cell of a Markdown table.
const BAR: &str = "│";

fn heads<const N: usize>(heads: [&str; N]) -> Vec<String> {
    heads.map(str::to_owned).into()
}

fn counts(name: &str, pace: Pace, without: &[Tally], with: &[Tally]) -> Table {
    Table {
        title: format!(
            "replay of {name} at {:.*} times its speed: without a breaker {BAR} with one",
            if pace.speed < 10.0 { 2 } else { 0 },
            pace.speed
        ),
        head: heads([
            "phase", "requests", BAR, "served", "wasted", BAR, "served", "wasted", "rejected",
        ]),
        rows: without
            .iter()
            .zip(with)
            .filter(|(without, _)| without.requests > 0)
            .map(|(without, with)| row(without, with))
            .collect(),
        notes: Vec::new(),
    }
}

fn row(without: &Tally, with: &Tally) -> Vec<String> {
    let count = |n: u64| n.to_string();
    vec![
        with.phase.to_owned(),
        count(without.requests),
        BAR.to_owned(),
        count(without.served),
        count(without.failed),
        BAR.to_owned(),
        count(with.served),
        count(with.failed),
        count(with.rejected),
    ]
}

fn latencies(without: &[Tally], with: &[Tally], bare: &Tally, guarded: &Tally) -> Table {
    let row = |(without, with): (&Tally, &Tally)| {
        let side = |tally: &Tally| std::iter::once(BAR.to_owned()).chain(ranks(tally.caller));
        let phase = std::iter::once(with.phase.to_owned());
        phase.chain(side(without)).chain(side(with)).collect()
    };
    let pairs = without
        .iter()
        .zip(with)
        .chain(std::iter::once((bare, guarded)))
        .filter(|(without, _)| without.requests > 0);
    Table {
        title: format!("what the caller waited, in ms: without a breaker {BAR} with one"),
        head: heads(["phase", BAR, "p50", "p95", "p99", BAR, "p50", "p95", "p99"]),
        rows: pairs.map(row).collect(),
        notes: vec!["from the moment a request was due; timers fire up to 1 ms late".to_owned()],
    }
}

fn ranks(of: Percentiles) -> [String; 3] {
    [of.p50_ms, of.p95_ms, of.p99_ms].map(|ms| milliseconds(ms, 1))
}

fn milliseconds(ms: Option<f64>, digits: usize) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.digits$}"))
}

fn followed(following: &[Following]) -> Table {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for pair in following.chunks(2) {
        let cure = pair.get(1).and_then(|cure| cure.cure_to_closed_ms);
        rows.push(vec![
            pair[0].phase.to_owned(),
            format!("{:.2}", pair[0].at_s),
            milliseconds(pair[0].onset_to_open_ms, 1),
            milliseconds(cure, 1),
        ]);
    }
    Table {
        title: "how the breaker followed each trouble".to_owned(),
        head: heads(["trouble", "at s", "onset to open, ms", "cure to closed, ms"]),
        rows,
        notes: Vec::new(),
    }
}
