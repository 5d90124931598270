use super::*;
use crate::measure::{Better, Unit, labels};
use crate::program::{Check, Section, Size};
use crate::record::Part;

const TEN: [f64; 5] = [9.9, 10.0, 10.2, 10.1, 10.3];
const TWELVE: [f64; 5] = [11.9, 12.0, 12.2, 12.1, 12.3];

fn record(ns: [f64; 5], held: bool) -> Record {
    let mut record = Record::begin(&["stress".into()], 1, Size::Full);
    let of = |threads: u32| labels([("threads", threads.to_string())]);
    let section = Section {
        checks: vec![Check::judged("x", held, "")],
        measures: vec![
            Measure::new("cpu_ns", of(1), Unit::Ns, Better::Lower, TEN),
            Measure::new("cpu_ns", of(64), Unit::Ns, Better::Lower, ns),
        ],
        ..Section::default()
    };
    record.programs.push(Part { name: "storm".to_owned(), wall_s: 1.0, section });
    record
}

fn options() -> Options {
    Options { runs: Vec::new(), save: false, other_machine: false, alpha: 0.02, least: 0.05 }
}

#[test]
fn the_figure_that_moved_is_named_by_program_name_and_labels() {
    let report = Report::of(&record(TEN, true), &record(TWELVE, true), &options());
    assert!(report.worse());
    let table = report.table(&options());
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.rows[0][0], "storm/cpu_ns threads=64");
    assert_eq!(table.rows[0][3], "+19.8 %");
    assert!(!Report::of(&record(TWELVE, true), &record(TEN, true), &options()).worse());
    assert!(!Report::of(&record(TEN, true), &record(TEN, true), &options()).worse());
}

#[test]
fn a_check_that_no_longer_holds_is_worse() {
    let report = Report::of(&record(TEN, true), &record(TEN, false), &options());
    assert!(report.worse());
    assert_eq!(report.broken, ["storm/x"]);
    assert!(!Report::of(&record(TEN, false), &record(TEN, false), &options()).worse());
}

#[test]
fn a_program_that_could_not_go_on_is_worse() {
    let mut fell = record(TEN, true);
    let why = Check::judged("ran_to_its_end", false, "no threads");
    fell.programs[0].section = Section { checks: vec![why], ..Section::default() };
    let report = Report::of(&record(TEN, true), &fell, &options());
    assert!(report.worse());
    assert_eq!(report.broken, ["storm/ran_to_its_end"]);
    assert!(!Report::of(&fell, &fell, &options()).worse());
}

#[test]
fn of_checks_with_one_name_the_worst_counts() {
    let mut twice = record(TEN, false);
    twice.programs[0].section.checks.push(Check::judged("x", true, "the second time"));
    assert_eq!(Report::of(&record(TEN, true), &twice, &options()).broken, ["storm/x"]);
}

#[test]
fn figures_that_only_one_run_has_are_named() {
    let mut less = record(TEN, true);
    less.programs[0].section.measures.pop();
    let report = Report::of(&record(TEN, true), &less, &options());
    assert_eq!(report.only_before, ["storm/cpu_ns threads=64"]);
    let report = Report::of(&less, &record(TEN, true), &options());
    assert_eq!(report.only_after, ["storm/cpu_ns threads=64"]);
}

#[test]
fn different_machines_and_sizes_are_refused_and_machines_compared_when_told_to() {
    let here = record(TEN, true);
    let with = |change: fn(&mut Record)| {
        let mut other = record(TEN, true);
        change(&mut other);
        (
            comparable(&here, &other, false).err().map(|Refusal(why)| why),
            comparable(&here, &other, true).is_ok(),
        )
    };
    let refused = |change: fn(&mut Record), says: &str| {
        let (refused, told) = with(change);
        assert!(refused.is_some_and(|why| why.starts_with(says)) && told, "{says}");
    };
    refused(|run| run.machine.cpu.push('!'), "different processors");
    refused(|run| run.machine.cores += 1, "different numbers of cores");
    refused(|run| run.machine.memory_mib /= 2, "different memory");
    let (refused, told) = with(|run| run.size = Size::Quick);
    assert!(refused.is_some_and(|why| why.contains("different sizes")) && !told);
    // A kernel that keeps a little more for itself is the same machine's.
    assert_eq!(with(|run| run.machine.memory_mib += 1).0, None);
}

#[test]
fn a_run_that_was_interrupted_is_no_baseline_and_another_is_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let baseline = dir.path().join("baseline");
    let partial = Record { partial: true, ..record(TEN, true) };
    assert!(save(&partial, &baseline).is_err() && !baseline.exists());
    save(&record(TEN, true), &baseline).unwrap();
    save(&record(TWELVE, true), &baseline).unwrap();
    assert_eq!(Record::read(&baseline).unwrap().programs, record(TWELVE, true).programs);
    assert_eq!(std::fs::read_dir(&baseline).unwrap().count(), 1);
}
