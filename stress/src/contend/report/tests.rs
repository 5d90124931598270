//! What a run of the contended workloads says, and what breaks its checks.

use std::time::Duration;

use super::*;
use crate::contend::timed;
use crate::program::{Stop, Verdict};
use crate::workload::{Rival, Workload};

fn course() -> Course {
    Course {
        counts: vec![1, 2],
        workloads: vec![Workload::Success, Workload::HalfFail, Workload::Rejecting],
        repetitions: 2,
        point: Duration::from_millis(1),
    }
}

fn row(threads: usize, calls_per_s: f64, share: f64) -> Row {
    let callers = threads;
    let round = Round { calls: 100, calls_per_s, share, jain: 1.0, callers, ..Round::default() };
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
    // Of four threads two only look on.
    let mut readers = four.clone();
    readers.rounds.iter_mut().for_each(|round| round.callers = 2);
    assert_eq!(of_linear(&readers, &outcome, 8), [0.75, 0.75]);
}

#[test]
fn threads_beyond_the_cores_or_with_little_of_them_are_doubted_and_one_alone_is_not() {
    assert_eq!(doubt(&row(2, 1.0, 0.95), 2), None);
    assert_eq!(doubt(&row(1, 1.0, 0.5), 2), None);
    assert_eq!(doubt(&row(2, 1.0, 0.5), 2).as_deref(), Some("share of the cores 0.50"));
    // One thread that had half a core makes twice as much of what two do.
    let (one, two) = (row(1, 1.0, 0.5), row(2, 1.0, 1.0));
    let outcome = Outcome { rows: vec![one], ..Outcome::default() };
    assert!(doubt_beside(&two, &outcome, 2).unwrap().contains("one thread's share"));
    assert_eq!(doubt_beside(&two, &Outcome::default(), 2), None);
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
    assert!(sites.iter().all(|measure| measure.labels["workload"] != "success"));
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
    assert!(section.checks.is_empty(), "nothing was played: {:?}", section.checks);
    let recorded = section.recordable().measures;
    assert!(recorded.iter().all(|measure| measure.name != "calls_per_s"));
}
