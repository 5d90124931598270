//! A small sweep.

use super::*;
use crate::program::{Stop, Verdict};
use crate::workload::Policy;

fn small(counts: &[usize], workloads: &[Workload]) -> Sweep {
    Sweep {
        counts: counts.to_vec(),
        workloads: workloads.to_vec(),
        point: Duration::from_millis(4),
        repetitions: 2,
        breakers: 100,
        pin: false,
        stack: crate::pool::STACK,
        size: Size::Full,
    }
}

fn quiet(stop: Stop) -> Context {
    Context::quiet(7, stop, &std::env::temp_dir())
}

#[test]
fn a_small_sweep_holds_what_every_workload_must_and_has_every_figure_with_its_repetitions() {
    let sweep = small(&[2, 1, 9], &Workload::ALL);
    let section = sweep.run(&quiet(Stop::default())).unwrap();
    for check in &section.checks {
        // Whether so short a point meets every case is chance.
        assert_ne!(check.verdict, Verdict::Broken, "{check:?}");
    }
    for workload in Workload::ALL {
        let own = |check: &&Check| check.name.starts_with(workload.name());
        assert!(section.checks.iter().filter(own).count() >= 3, "{workload:?}");
    }
    assert_eq!(section.measures.len(), 3 * sweep.points().len());
    for measure in &section.measures {
        let all = measure.samples.len() == 2 || measure.name == "calls_per_s";
        assert!(all, "{measure:?}");
        let crowded = measure.labels["threads"].parse::<usize>().unwrap() > 1_000;
        assert!(!crowded && measure.samples.iter().all(|&sample| sample >= 0.0), "{measure:?}");
    }
    let baselines = |workload: &str| {
        let of = |measure: &&crate::measure::Measure| {
            measure.labels["workload"] == workload
                && measure.labels["subject"] != "ampacity"
                && measure.name == "calls_per_s"
        };
        section.measures.iter().filter(of).count()
    };
    assert_eq!(["success", "rejecting", "half_fail"].map(baselines), [9, 9, 0]);
    for table in &section.tables {
        let wide = table.head.len();
        assert!(table.rows.iter().all(|row| row.len() == wide), "{table:?}");
        assert!(table.notes.iter().all(|note| note.len() <= 100), "{table:?}");
    }
    assert!(!section.partial);
}

#[test]
fn readers_are_never_fewer_than_a_storm_and_many_breakers_have_their_own_count() {
    let sweep = small(&[1, 500], &[Workload::Readers, Workload::ManyBreakers]);
    let threads = |workload: Workload| -> Vec<usize> {
        let points = sweep.points().into_iter();
        points.filter(|point| point.workload == workload).map(|point| point.threads).collect()
    };
    let readers = threads(Workload::Readers);
    assert!(readers.iter().all(|&all| all - readers::writers(all) >= 150), "{readers:?}");
    assert_eq!((readers.len(), readers[1]), (2, 500));
    assert_eq!(threads(Workload::ManyBreakers), [many::THREADS]);
}

#[test]
fn ctrl_c_leaves_what_there_is() {
    let stop = Stop::default();
    stop.request();
    let section = small(&[3], &[Workload::Flapping]).run(&quiet(stop)).unwrap();
    assert!(section.partial && section.measures.is_empty());
    assert!(section.checks.iter().all(|check| check.verdict == Verdict::Held));
}

#[test]
fn a_sweep_that_stands_still_says_where_and_judges_what_was_done_before() {
    let mut outcome =
        Outcome { stalled: Some("flapping: nobody".to_owned()), ..Outcome::default() };
    let point = Point { workload: Workload::Flapping, rival: Rival::Ampacity, threads: 1 };
    let missed = Check::not_reached("trips_and_recovers", "none");
    outcome.findings.add(&point, vec![missed, Check::judged("totals", true, "fine")]);
    let section = report::section(&small(&[1], &[]), &outcome);
    let verdicts: Vec<(&str, Verdict)> =
        section.checks.iter().map(|check| (check.name.as_str(), check.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("sweep_keeps_moving", Verdict::Broken),
            ("sweep_loses_no_thread", Verdict::Held),
            ("flapping_totals", Verdict::Held),
        ]
    );
    assert_eq!(section.checks[0].detail, "flapping: nobody");
    assert_eq!(section.figures["stalled"], "flapping: nobody");
}

#[test]
fn thread_counts_go_up_to_ten_thousand_each_once() {
    assert_eq!(counts(Size::Full, 2), [1, 2, 64, 256, 1_000, 4_000, 10_000]);
    assert_eq!(counts(Size::Full, 6), [1, 2, 4, 6, 64, 256, 1_000, 4_000, 10_000]);
    let large = counts(Size::Full, 128);
    assert_eq!(large[..9], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    assert_eq!(counts(Size::Quick, 1), [1, 64, 1_000]);
}

#[test]
fn workloads_are_picked_by_name_and_another_name_is_refused() {
    let pick = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        workloads(&names)
    };
    assert_eq!(pick(&[]).unwrap(), Workload::ALL);
    assert_eq!(pick(&["flapping", "success"]).unwrap(), [Workload::Success, Workload::Flapping]);
    assert_eq!(pick(&["policies"]).unwrap().len(), Policy::ALL.len());
    let Refusal(why) = pick(&["flaping"]).unwrap_err();
    assert!(why.contains("--workloads flaping") && why.contains("half_open_herd"), "{why}");
}
