//! What came of it: the checks, the figures and the table.

use ampacity::Snapshot;
use serde_json::json;

use super::account::{Account, RULES, closings};
use super::brief::{self, Brief};
use super::crew::Shared;
use super::policies::Policies;
use super::sights;
use super::sights::Sights;
use crate::print::thousands;
use crate::program::{Check, Section, Table};
use crate::system::Usage;
use crate::watchdog;
use crate::workload::chain::{self, Edges, Findings};
use crate::workload::clock;
use crate::workload::history::MOST_ERAS;
use crate::workload::tally::Tally;

/// What a storm left behind.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Threads that stood at the gate, by the system's count; `None` where it has none.
    pub(super) alive: Option<u64>,
    pub(super) spawn_s: f64,
    pub(super) wall_s: f64,
    pub(super) usage: Usage,
    pub(super) peak_memory_kib: Option<u64>,
    pub(super) longest_quiet_s: f64,
    pub(super) tally: Tally,
    pub(super) died: usize,
    pub(super) seen: Sights,
    pub(super) brief: Brief,
    pub(super) policies: Policies,
    pub(super) partial: bool,
}

/// Ctrl-C came before any call was made.
pub(super) fn nothing_done() -> Section {
    Section { figures: json!({}), partial: true, ..Section::default() }
}

/// The storm stood still: `what` has not happened for too long, after `calls` calls.
///
/// It only looks: nothing here waits for a thread or takes a snapshot, which may be what
/// stands still.
pub(super) fn stalled(shared: &Shared, what: &str, calls: u64) -> Section {
    let breaker = format!("{:?}", shared.breaker);
    let detail = watchdog::report(what, watchdog::PATIENCE, calls, &breaker, &shared.stations);
    Section {
        figures: json!({ "calls": calls, "stalled": detail }),
        checks: vec![Check::judged("keeps_moving", false, detail)],
        ..Section::default()
    }
}

/// Judges what was done and puts it into figures and words.
pub(super) fn section(options: &Account, outcome: Outcome, shared: &Shared) -> Section {
    let snapshot = shared.breaker.snapshot();
    // An era that ended nobody's call yet has no other witness. One that was made due
    // after it was seen open calls itself half-open, and is known already.
    if !shared.history.was(snapshot.era, ampacity::State::Open) {
        shared.history.saw(snapshot.era, snapshot.state);
    }
    let eras = shared.history.read(snapshot.era);
    let found = chain::judge(&eras, &outcome.tally.unplaced, RULES);

    let mut checks = kept(&outcome, &snapshot, &found);
    if !outcome.partial {
        checks.extend(reached(options, &outcome, &snapshot));
    }
    checks.extend(outcome.policies.checks());
    Section {
        figures: figures(options, &outcome, &snapshot, &found),
        tables: vec![table(options, &outcome, &snapshot, &found), outcome.policies.table()],
        checks,
        partial: outcome.partial,
        ..Section::default()
    }
}

/// What has to hold of any storm, however short.
fn kept(outcome: &Outcome, snapshot: &Snapshot, found: &Findings) -> Vec<Check> {
    let tally = &outcome.tally;
    let mismatches = tally.mismatches(snapshot);
    let edges = Edges::of(snapshot);
    let transitions = format!(
        "{} in the chain, {} counted by the breaker, era {}",
        found.edges.total(),
        edges.total(),
        snapshot.era
    );
    let or = |fault: String, fine: String| if fault.is_empty() { fine } else { fault };
    let mut checks = vec![
        Check::judged(
            "keeps_moving",
            true, // else there would be another report
            format!("at most {:.1} s without a call", outcome.longest_quiet_s),
        ),
        Check::judged(
            "totals_are_what_the_threads_did",
            mismatches.is_empty(),
            or(mismatches.join("; "), format!("{} calls", tally.calls)),
        ),
        Check::judged(
            "an_open_breaker_admits_nobody",
            tally.admitted_open == 0,
            format!("{} admitted", tally.admitted_open),
        ),
        Check::judged(
            "a_spell_never_has_more_probes_out_than_permits",
            found.too_many_out.count == 0,
            or(
                found.too_many_out.text(),
                format!(
                    "at most {} of {} in {} spells",
                    found.most_out, RULES.permits, found.spells
                ),
            ),
        ),
        Check::judged(
            "a_spell_admits_its_permits_and_those_given_back",
            found.too_many_admitted.count == 0,
            or(
                found.too_many_admitted.text(),
                format!(
                    "{} probes in {} spells, {} given back",
                    found.probes, found.spells, found.given_back
                ),
            ),
        ),
        Check::judged("no_thread_dies", outcome.died == 0, format!("{} died", outcome.died)),
    ];
    checks.extend(outcome.seen.kept());
    if snapshot.era >= MOST_ERAS {
        let detail = format!("{} eras, {MOST_ERAS} are kept", snapshot.era);
        checks.push(Check::not_reached("the_chain_of_eras_has_no_gap", detail));
        return checks;
    }
    checks.extend([
        Check::judged(
            "the_chain_of_eras_has_no_gap",
            found.gaps.count == 0,
            or(
                found.gaps.text(),
                format!("{} eras, {} known by their neighbours", snapshot.era + 1, found.inferred),
            ),
        ),
        Check::judged(
            "only_legal_edges",
            found.illegal.count == 0,
            or(found.illegal.text(), format!("{} edges", found.edges.total())),
        ),
        Check::judged(
            "every_edge_has_its_cause",
            found.without_cause.count == 0,
            or(found.without_cause.text(), format!("{} edges", found.edges.total())),
        ),
        Check::judged(
            "edges_are_as_counted",
            edges == found.edges && edges.total() == snapshot.era,
            transitions,
        ),
    ]);
    checks
}

/// What a storm must have met to have shown anything.
fn reached(options: &Account, outcome: &Outcome, snapshot: &Snapshot) -> Vec<Check> {
    let tally = &outcome.tally;
    let threads = u64::from(options.threads);
    let least = |name: &str, had: u64, needed: u64| {
        let detail = format!("{had} of {needed}");
        if had >= needed {
            Check::judged(name, true, detail)
        } else {
            Check::not_reached(name, detail)
        }
    };
    // What takes two of them is no case that one alone could have met.
    let together = |name: &str, had: u64| match options.threads {
        1 => Check::unjudged(name, "one thread alone has no other to meet"),
        _ => least(name, had, 1),
    };
    let alive = "all_threads_alive_at_once";
    let brief = &outcome.brief;
    let lost = Check::judged(
        "short_lived_threads_lose_no_call",
        brief.mismatches.is_empty() && brief.tally.calls == brief.threads * brief::CALLS,
        match &brief.mismatches[..] {
            [] => format!("{} calls by {} threads", brief.tally.calls, brief.threads),
            wrong => wrong.join("; "),
        },
    );
    vec![
        lost,
        least(
            "every_reader_looked_while_callers_called",
            outcome.seen.awake,
            u64::from(options.readers),
        ),
        outcome.alive.map_or_else(
            || Check::unjudged(alive, "this system does not say how many threads there are"),
            |count| least(alive, count.min(threads), threads),
        ),
        least("enough_calls", tally.calls, threads * options.calls),
        least("enough_cycles", closings(snapshot), options.cycles),
        together("met_swap_retries", snapshot.contention.retries),
        least("met_panics", tally.panicked, 1),
        least("met_dropped_permits", tally.cancelled, 1),
        least("met_ignored_calls", tally.ignored, 1),
        together("met_stale_settles", snapshot.stale),
        together("met_full_spells", tally.rejected_full),
        least("met_open_breaker", tally.rejected_open, 1),
        together("met_permits_settled_elsewhere", tally.sent),
        least("met_told_events", outcome.seen.told(), 1),
    ]
}

fn figures(
    options: &Account,
    outcome: &Outcome,
    snapshot: &Snapshot,
    found: &Findings,
) -> serde_json::Value {
    let tally = &outcome.tally;
    let edges: serde_json::Map<String, serde_json::Value> = snapshot
        .transitions
        .iter()
        .map(|(from, to, count)| (format!("{from}_to_{to}"), count.into()))
        .collect();
    json!({
        "threads": options.threads,
        "calls_each": options.calls,
        "cores": cores(),
        "oversubscribed": options.threads as usize > cores(),
        "held_up_at_one_look_in": clock::EVERY,
        "threads_alive_peak": outcome.alive,
        "spawn_s": outcome.spawn_s,
        "wall_s": outcome.wall_s,
        "cpu_s": outcome.usage.cpu_s,
        "peak_memory_kib": outcome.peak_memory_kib,
        "voluntary_context_switches": outcome.usage.voluntary_switches,
        "involuntary_context_switches": outcome.usage.involuntary_switches,
        "longest_without_progress_s": outcome.longest_quiet_s,
        "calls": tally.calls,
        "admitted": tally.admitted,
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "panicked": tally.panicked,
        "ignored": tally.ignored,
        "cancelled": tally.cancelled,
        "stale": snapshot.stale,
        "rejected_open": tally.rejected_open,
        "rejected_half_open_full": tally.rejected_full,
        "fallbacks": tally.fallbacks,
        "settled_by_another_thread": tally.sent,
        "held_across_a_yield": tally.held,
        "calls_without_a_known_era": tally.unplaced.len(),
        "cycles": closings(snapshot),
        "era": snapshot.era,
        "edges": edges,
        "spells": found.spells,
        "probes": found.probes,
        "probes_given_back": found.given_back,
        "most_probes_out": found.most_out,
        "eras_inferred": found.inferred,
        "swaps": snapshot.contention.swaps,
        "swap_retries": snapshot.contention.retries,
        "readers": outcome.seen.figures(options.readers),
        "short_lived": outcome.brief.figures(),
        "policies": outcome.policies.figures(),
    })
}

fn table(options: &Account, outcome: &Outcome, snapshot: &Snapshot, found: &Findings) -> Table {
    let tally = &outcome.tally;
    let or_unknown =
        |figure: Option<u64>| figure.map_or_else(|| "not available".to_owned(), thousands);
    let alive = match options.threads as usize > cores() {
        true => "threads alive at the gate *",
        false => "threads alive at the gate",
    };
    let rows = [
        (alive, or_unknown(outcome.alive)),
        ("calls", thousands(tally.calls)),
        ("  admitted", thousands(tally.admitted)),
        ("    succeeded", thousands(tally.succeeded)),
        ("    failed (panicked)", pair(tally.failed, tally.panicked)),
        (
            "    ignored / dropped unsettled",
            format!("{} / {}", thousands(tally.ignored), thousands(tally.cancelled)),
        ),
        ("    settled after their era", thousands(snapshot.stale)),
        ("    settled by another thread", thousands(tally.sent)),
        (
            "  turned away: open / probes out",
            format!("{} / {}", thousands(tally.rejected_open), thousands(tally.rejected_full)),
        ),
        ("full cycles (eras)", pair(closings(snapshot), snapshot.era)),
        ("half-open spells (probes)", pair(found.spells, found.probes)),
        ("swaps (retried)", pair(snapshot.contention.swaps, snapshot.contention.retries)),
        (
            "context switches: waited / preempted",
            format!(
                "{} / {}",
                thousands(outcome.usage.voluntary_switches),
                thousands(outcome.usage.involuntary_switches)
            ),
        ),
        (
            "peak memory of the process",
            outcome
                .peak_memory_kib
                .map_or_else(|| "not available".to_owned(), |kib| format!("{} MiB", kib >> 10)),
        ),
        (
            "time: starting / storm / processor",
            format!(
                "{:.1} s / {:.1} s / {:.1} s",
                outcome.spawn_s, outcome.wall_s, outcome.usage.cpu_s
            ),
        ),
    ];
    let rows = rows.into_iter().map(|(name, figure)| (name.to_owned(), figure));
    let brief = (
        "short-lived threads (their calls)".to_owned(),
        pair(outcome.brief.threads, outcome.brief.tally.calls),
    );
    let rows = rows.chain(outcome.seen.rows()).chain([brief]);
    Table {
        title: "storm: one breaker, all threads at once".to_owned(),
        head: vec![String::new(), "figure".to_owned()],
        rows: rows.map(|(name, figure)| vec![name, figure]).collect(),
        notes: notes(options.threads as usize, cores()),
    }
}

fn notes(threads: usize, cores: usize) -> Vec<String> {
    let mut notes = vec![
        format!(
            "retries: at 1 look at the clock in {} the caller yields between its read and its swap;",
            clock::EVERY
        ),
        "that is how they are met where few cores make them rare".to_owned(),
    ];
    notes.extend(sights::NOTES.map(str::to_owned));
    if threads > cores {
        notes.push(format!(
            "* oversubscribed: more threads than the {cores} cores, which wait for each other"
        ));
    }
    notes
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(super) fn pair(figure: u64, of_it: u64) -> String {
    format!("{} ({})", thousands(figure), thousands(of_it))
}
