//! The checks, the figures and the tables.

use serde_json::{Value, json};

use super::costs::{self, Goal};
use super::crowd::{Manners, Outcome};
use super::speed::Measured;
use crate::measure::{Better, Measure, Unit, labels};
use crate::print::thousands;
use crate::program::{Check, Section, Table};

pub(super) fn section(
    measured: &Measured,
    crowds: &[(Manners, Outcome)],
    partial: bool,
) -> Section {
    let mut checks: Vec<Check> = vec![speed_check(measured)];
    checks.extend(crowds.iter().flat_map(|(manners, outcome)| crowd_checks(*manners, outcome)));
    let targets = Goal::all(measured);
    let mut measures = costs::measures(measured);
    measures.extend(crowds.iter().map(|(manners, outcome)| rate(*manners, outcome)));
    Section {
        partial,
        checks,
        measures,
        tables: vec![costs::table(measured), costs::goals_table(&targets), crowd_table(crowds)],
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
            found.records == written && found.end == emitted,
            format!(
                "{} records of {written} written, {} numbers of {emitted} emitted",
                found.records, found.end
            ),
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

/// Records that a crowd wrote in a second.
fn rate(manners: Manners, outcome: &Outcome) -> Measure {
    let rate = outcome.logged as f64 / outcome.wall.as_secs_f64();
    let of =
        labels([("crowd", manners.name().to_owned()), ("threads", outcome.threads.to_string())]);
    Measure::new("records_per_s", of, Unit::CallsPerS, Better::Higher, [rate])
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ampacity_log::Counts;

    use super::super::case::{Case, Who};
    use super::super::crowd::Found;
    use super::super::speed::Sample;
    use super::*;
    use crate::program::Verdict;

    fn measured(ns: impl Fn(Case) -> f64) -> Measured {
        let sample = |case: Case, round: f64| Sample {
            call: ns(case) * round,
            full: case.kind.is_written().then(|| ns(case) * round * 2.0),
        };
        let samples = |case| [1.0, 3.0, 1.0].map(|round| sample(case, round)).into();
        let rows = Case::all().into_iter().map(|case| (case, samples(case))).collect();
        let mut counts = Counts::default();
        (counts.emitted, counts.written) = (10, 10);
        Measured { rows, counts: vec![counts], logged: 10, unwritten: 0 }
    }

    fn crowd(manners: Manners) -> Outcome {
        let mut counts = Counts::default();
        (counts.emitted, counts.written) = (10, 10);
        let mut found = Found { records: 10, theirs: 10, end: 10, ..Found::default() };
        if manners == Manners::Drop {
            // Two were dropped, of which one record tells.
            (counts.emitted, counts.written, counts.dropped) = (11, 9, 2);
            (found.records, found.theirs, found.end, found.told) = (9, 8, 11, 1);
        }
        let wall = Duration::from_secs(1);
        Outcome { threads: 5, logged: 10, alive: Some(5), wall, counts, found }
    }

    #[test]
    fn ratios_are_taken_round_by_round_and_targets_are_no_checks() {
        let slow = measured(|case| if case.who == Who::Ours { 600.0 } else { 2_400.0 });
        let section = section(&slow, &[], false);
        assert_eq!(section.checks.len(), 1);
        assert_eq!(section.checks[0].verdict, Verdict::Held);
        let met = |at: usize| &section.figures["targets"][at]["met"];
        let had = |at: usize| &section.figures["targets"][at]["had"];
        assert_eq!((had(0), met(0)), (&json!(600.0), &json!(false)));
        assert_eq!((had(1), met(1)), (&json!(4.0), &json!(false)));
        let fast = measured(|case| if case.who == Who::Ours { 1.0 } else { 5.0 });
        assert!(Goal::all(&fast).iter().all(|goal| goal.met() == Some(true)));
    }

    #[test]
    fn a_run_without_a_round_has_no_figures_and_no_target_that_is_met() {
        let mut none = measured(|_| 1.0);
        none.rows.iter_mut().for_each(|(_, samples)| samples.clear());
        assert!(Goal::all(&none).iter().all(|goal| goal.met().is_none()));
        assert!(costs::measures(&none).is_empty());
    }

    #[test]
    fn a_record_that_was_dropped_while_times_were_taken_breaks_the_check() {
        let mut measured = measured(|_| 1.0);
        measured.counts[0].written = 9;
        assert_eq!(speed_check(&measured).verdict, Verdict::Broken);
        measured.counts[0].written = 10;
        measured.unwritten = 1;
        assert_eq!(speed_check(&measured).verdict, Verdict::Broken);
    }

    #[test]
    fn every_kind_of_loss_breaks_its_check() {
        let broken = |manners, change: &dyn Fn(&mut Outcome)| {
            let mut outcome = crowd(manners);
            change(&mut outcome);
            let checks = crowd_checks(manners, &outcome);
            let not_held = checks.iter().filter(|check| check.verdict != Verdict::Held);
            not_held.map(|check| check.name.clone()).collect::<Vec<_>>()
        };
        for manners in Manners::ALL {
            assert!(broken(manners, &|_| ()).is_empty(), "{manners:?}");
            let name = |check: &str| [format!("crowd_{}/{check}", manners.name())];
            assert_eq!(broken(manners, &|it| it.counts.failed = 1), name("counts_add_up"));
            assert_eq!(
                broken(manners, &|it| it.found.end += 9),
                name("the_file_has_what_was_written")
            );
            assert_eq!(broken(manners, &|it| it.found.torn = 1), name("every_line_is_whole"));
            assert_eq!(broken(manners, &|it| it.found.strange = 1), name("every_line_is_whole"));
            assert_eq!(
                broken(manners, &|it| it.alive = Some(4)),
                name("all_threads_alive_at_once")
            );
        }
        let missing = broken(Manners::Wait, &|it| it.found.theirs = 9);
        assert_eq!(missing, ["crowd_who_waits/every_record_is_there"]);
        let missing = broken(Manners::Drop, &|it| it.found.theirs = 7);
        assert_eq!(missing, ["crowd_who_drops/what_is_missing_was_counted"]);
        let said = broken(Manners::Drop, &|it| it.found.told = 3);
        assert_eq!(said, ["crowd_who_drops/what_is_missing_was_counted"]);
    }

    #[test]
    fn tables_fit_a_terminal() {
        let crowds = Manners::ALL.map(|manners| (manners, crowd(manners)));
        for table in section(&measured(|_| 123_456.0), &crowds, false).tables {
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()));
            let text = crate::print::text(&table);
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        }
    }
}
