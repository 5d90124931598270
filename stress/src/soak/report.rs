//! What is handed back: every checkpoint as a sample, drifts, checks and tables.

use serde_json::{Value, json};

use super::checkpoint::{Auditor, Checkpoint};
use super::drift::{FEWEST, NOISE, Rule, Wrong};
use super::journal::{self, Journal};
use super::{Soak, last};
use crate::measure::{Better, Labels, Latency, Measure, Track, Unit, labels};
use crate::print::thousands;
use crate::program::{Check, Section, Table};

/// Of a shorter run the times are told and not judged: what else a machine does comes and
/// goes in minutes.
const LONG_ENOUGH_S: f64 = 600.0;

/// What the conductor saw.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) looks: Vec<Checkpoint>,
    pub(super) stalled: Option<String>,
    pub(super) states: Vec<String>,
    pub(super) survived: usize,
    pub(super) partial: bool,
}

/// A figure of each checkpoint, and when its drift is a fault.
struct Figure {
    rule: Rule,
    unit: Unit,
    better: Better,
    /// Whether it is judged of a short run too.
    steady: bool,
    of: fn(&Checkpoint) -> Option<f64>,
}

const FIGURES: [Figure; 6] = [
    Figure {
        rule: Rule { figure: "heap", wrong: Wrong::Up, share: 0.01, at_least: 65_536.0 },
        unit: Unit::Bytes,
        better: Better::Lower,
        steady: true,
        of: |look| Some(look.heap_bytes as f64),
    },
    Figure {
        rule: Rule {
            figure: "resident_memory",
            wrong: Wrong::Up,
            share: 0.05,
            at_least: 4_194_304.0,
        },
        unit: Unit::Bytes,
        better: Better::Lower,
        steady: true,
        of: |look| look.resident_bytes.map(|bytes| bytes as f64),
    },
    Figure {
        rule: Rule { figure: "calls_per_s", wrong: Wrong::Down, share: 0.05, at_least: 1.0 },
        unit: Unit::CallsPerS,
        better: Better::Higher,
        steady: false,
        of: |look| Some(look.calls_per_s),
    },
    Figure {
        rule: Rule { figure: "cpu_ns_a_call", wrong: Wrong::Up, share: 0.5, at_least: 100.0 },
        unit: Unit::Ns,
        better: Better::Lower,
        steady: false,
        of: |look| Some(look.cpu_ns_a_call),
    },
    Figure {
        rule: Rule { figure: "latency_p50", wrong: Wrong::Up, share: 0.5, at_least: 200.0 },
        unit: Unit::Ns,
        better: Better::Lower,
        steady: false,
        of: |look| Some(look.p50_ns as f64),
    },
    Figure {
        rule: Rule { figure: "latency_p99", wrong: Wrong::Up, share: 1.0, at_least: 5_000.0 },
        unit: Unit::Ns,
        better: Better::Lower,
        steady: false,
        of: |look| Some(look.p99_ns as f64),
    },
];

/// What is printed above the bar.
pub(super) fn line(look: &Checkpoint) -> String {
    format!(
        "{:>9.1} s  {:>9} calls/s  p50 {} ns  p99 {} ns  heap {} KiB  resident {}  {}",
        look.at_s,
        thousands(look.calls_per_s.max(0.0) as u64),
        look.p50_ns,
        look.p99_ns,
        look.heap_bytes >> 10,
        look.resident_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} KiB", bytes >> 10)),
        if look.accounts_agree { "accounts agree" } else { "ACCOUNTS DISAGREE" },
    )
}

pub(super) fn section(
    soak: &Soak,
    outcome: Outcome,
    auditor: &Auditor,
    journal: &Journal,
) -> Section {
    let looks = &outcome.looks;
    let drifts: Vec<(Check, Value, Vec<String>)> =
        FIGURES.iter().map(|figure| drift(figure, looks)).collect();
    let mut checks = kept(soak, &outcome, auditor, journal);
    checks.extend(drifts.iter().map(|(check, _, _)| check.clone()));
    let labels = labels([
        ("workload", "soak".to_owned()),
        ("subject", "ampacity".to_owned()),
        ("threads", soak.threads.to_string()),
    ]);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let doubt = (soak.threads as usize > cores)
        .then(|| format!("oversubscribed: {} threads on {cores} cores", soak.threads));
    let measure = |figure: &Figure| {
        let samples = looks.iter().filter_map(figure.of);
        let (name, labels) = (figure.rule.figure, labels.clone());
        let measure = Measure::new(name, labels, figure.unit, figure.better, samples);
        measure.doubted(doubt.clone().filter(|_| !figure.steady))
    };
    Section {
        partial: outcome.partial,
        checks,
        measures: FIGURES.iter().map(measure).collect(),
        latencies: vec![Latency::new("call", labels.clone(), &auditor.all)],
        tracks: FIGURES.iter().map(|figure| track(figure, looks)).collect(),
        tables: vec![table(soak, looks, drifts.iter().map(|(_, _, row)| row.clone()).collect())],
        figures: json!({
            "lasting_s": soak.lasting.as_secs_f64(),
            "every_s": soak.every.as_secs_f64(),
            "rate": soak.rate,
            "threads": soak.threads,
            "checkpoints": looks.len(),
            "journal": journal::NAME,
            "last": last(looks),
            "drifts": drifts.iter().map(|(_, value, _)| value).collect::<Vec<_>>(),
        }),
        ..Section::default()
    }
}

fn kept(soak: &Soak, outcome: &Outcome, auditor: &Auditor, journal: &Journal) -> Vec<Check> {
    let looks = outcome.looks.len();
    let end = last(&outcome.looks);
    let stalled = outcome.stalled.as_ref();
    let mut checks = vec![Check::judged(
        "keeps_moving",
        stalled.is_none(),
        stalled.map_or_else(
            || format!("{} calls", thousands(end.calls)),
            |why| format!("{why}; {}", outcome.states.join(", ")),
        ),
    )];
    if stalled.is_none() {
        checks.push(Check::judged(
            "no_thread_dies",
            outcome.survived == soak.threads as usize,
            format!("{} of {} came to their end", outcome.survived, soak.threads),
        ));
    }
    let detail = match &auditor.first_fault {
        Some(fault) => format!("{} faults, the first: {fault}", auditor.faults),
        None => format!("{looks} checkpoints, {} calls", thousands(end.calls)),
    };
    let name = "every_call_is_accounted_for_at_every_checkpoint";
    checks.push(if looks == 0 {
        Check::not_reached(name, "no checkpoint")
    } else {
        Check::judged(name, auditor.faults == 0, detail)
    });
    let missing = journal.missing.as_ref();
    checks.push(Check::judged(
        "every_checkpoint_is_in_the_journal",
        missing.is_none() && journal.written == looks as u64,
        missing.map_or_else(
            || format!("{} of {looks}", journal.written),
            |(count, why)| format!("{count} of {looks} are not: {why}"),
        ),
    ));
    // Of a run that was cut short, what did not come up may have been about to.
    if !outcome.partial {
        let (name, missing) = ("every_breaker_trips_and_recovers", auditor.not_reached());
        let detail = format!("{} trips, {} recoveries", end.trips, end.recoveries);
        checks.push(if missing.is_empty() && looks > 0 {
            Check::judged(name, true, detail)
        } else {
            let why = "of few calls none is enough: a higher --rate, or --every";
            Check::not_reached(name, format!("not {}; {detail}; {why}", missing.join(", ")))
        });
    }
    checks
}

/// The check of one figure, its record, and its row.
fn drift(figure: &Figure, looks: &[Checkpoint]) -> (Check, Value, Vec<String>) {
    let name = format!("no_drift_of_{}", figure.rule.figure);
    let points: Vec<(f64, f64)> =
        looks.iter().filter_map(|look| Some((look.at_s, (figure.of)(look)?))).collect();
    let mut row = vec![figure.rule.figure.replace('_', " ")];
    row.extend([points.first(), points.last()].map(|point| cell(point.map(|point| point.1))));
    let Some(drift) = figure.rule.judge(&points) else {
        row.extend(["-".to_owned(), "-".to_owned(), "-".to_owned(), "too few".to_owned()]);
        let detail = format!("{} checkpoints, at least {FEWEST} after a tenth", points.len());
        let value = json!({ "figure": figure.rule.figure });
        return (Check::unjudged(name, detail), value, row);
    };
    let detail = format!(
        "{} to begin with, {:+.0} over the run (p {:.3}); at most {:.0} with p below {NOISE}",
        drift.was.round(),
        drift.change,
        drift.p,
        drift.allowed
    );
    let lasted = last(looks).at_s;
    let judged = figure.steady || lasted >= LONG_ENOUGH_S;
    let check = if judged {
        Check::judged(name, !drift.fault, detail)
    } else {
        Check::unjudged(name, format!("{lasted:.0} s, at least {LONG_ENOUGH_S:.0}: {detail}"))
    };
    let verdict = match (drift.fault, judged) {
        (true, true) => "DRIFTS",
        (true, false) => "drifts?",
        (false, _) => "no",
    };
    row.extend([
        format!("{:+.0}", drift.change),
        format!("{:+.0}", drift.an_hour),
        format!("{:.3}", drift.p),
        verdict.to_owned(),
    ]);
    let value = json!({
        "figure": figure.rule.figure,
        "was": drift.was,
        "change": drift.change,
        "an_hour": drift.an_hour,
        "p": drift.p,
        "allowed": drift.allowed,
        "judged": judged,
        "fault": drift.fault,
    });
    (check, value, row)
}

fn cell(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| thousands(figure.max(0.0).round() as u64))
}

fn track(figure: &Figure, looks: &[Checkpoint]) -> Track {
    let points: Vec<(f64, f64)> =
        looks.iter().filter_map(|look| Some((look.at_s, (figure.of)(look)?))).collect();
    let labels: Labels = labels([("phase", "soak".to_owned())]);
    let name = figure.rule.figure.to_owned();
    Track { name, labels, unit: figure.unit, points }
}

fn table(soak: &Soak, looks: &[Checkpoint], rows: Vec<Vec<String>>) -> Table {
    let end = last(looks);
    let skipped: u64 = looks.iter().map(|look| look.skipped).sum();
    let latest = looks.iter().map(|look| look.latest_ms).fold(0.0, f64::max);
    Table {
        title: format!(
            "soak: {:.0} s at {} calls/s from {} threads, {} checkpoints",
            end.at_s,
            thousands(soak.rate.into()),
            soak.threads,
            looks.len()
        ),
        head: ["figure", "first", "last", "change", "an hour", "p", "drifts"]
            .map(str::to_owned)
            .into(),
        rows,
        notes: vec![
            format!(
                "{} calls, {} turned away, {} trips, {} recoveries; bytes and ns",
                thousands(end.calls),
                thousands(end.rejected),
                thousands(end.trips),
                thousands(end.recoveries)
            ),
            format!(
                "the latest call {latest:.0} ms after it was due; {} left out, over a second behind",
                thousands(skipped)
            ),
            "change: by Theil and Sen's slope, the first tenth left out; p: by Mann and Whitney's test"
                .to_owned(),
            "of its halves. It drifts if p < 0.01 and the change is more than the rule allows"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    fn looks(every_s: f64, heap: impl Fn(u64) -> u64) -> Vec<Checkpoint> {
        (1..=30)
            .map(|at| Checkpoint {
                at_s: at as f64 * every_s,
                heap_bytes: heap(at),
                resident_bytes: None,
                calls_per_s: 1_000.0 - at as f64 * 10.0,
                p50_ns: 100,
                ..Checkpoint::default()
            })
            .collect()
    }

    fn verdicts(looks: &[Checkpoint]) -> Vec<Verdict> {
        FIGURES.iter().map(|figure| drift(figure, looks).0.verdict).collect()
    }

    #[test]
    fn a_heap_that_grows_is_a_fault_of_any_run_and_falling_throughput_of_a_long_one() {
        use Verdict::{Broken, Held, Unjudged};
        let steady = looks(60.0, |_| 1 << 20);
        let of = |looks: &[Checkpoint]| verdicts(looks)[..4].to_vec();
        assert_eq!(of(&steady), [Held, Unjudged, Broken, Held]);
        let growing = |every| looks(every, |at| (1 << 20) + at * 8_192);
        assert_eq!(of(&growing(60.0)), [Broken, Unjudged, Broken, Held]);
        assert_eq!(of(&growing(0.1)), [Broken, Unjudged, Unjudged, Unjudged]);
    }

    #[test]
    fn of_no_checkpoint_nothing_is_held() {
        let all = verdicts(&[]);
        assert!(all.iter().all(|verdict| *verdict == Verdict::Unjudged), "{all:?}");
    }

    #[test]
    fn rows_are_as_long_as_the_head_and_notes_fit_a_page() {
        let soak = Soak {
            lasting: std::time::Duration::from_secs(90_000),
            every: std::time::Duration::from_secs(60),
            rate: 100_000_000,
            threads: 10_000,
        };
        for looks in [looks(60.0, |_| 1 << 40), Vec::new()] {
            let rows = FIGURES.iter().map(|figure| drift(figure, &looks).2).collect();
            let table = table(&soak, &looks, rows);
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{table:?}");
            assert!(table.notes.iter().all(|note| note.len() <= 98), "{table:?}");
        }
    }
}
