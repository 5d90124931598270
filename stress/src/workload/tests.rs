//! Every workload, by a few threads for a few milliseconds.

use super::*;
use crate::pool::{Pool, STACK, Setup};
use crate::program::{Stop, Verdict};
use crate::watchdog::PATIENCE;
use std::time::Duration;

/// A point by so many threads: what they did, how many of them call, and what was judged.
fn play(workload: Workload, rival: Rival, threads: usize) -> (Tally, usize, Vec<Check>) {
    let stop = Stop::default();
    let setup = Setup { counts: vec![threads], stack: STACK, pin: false, patience: PATIENCE };
    let mut pool = Pool::start(&setup, &stop, |_| {}).unwrap();
    let scene = workload.build(rival, Sizes { threads, breakers: 7 }).unwrap();
    let job = Arc::new(Play(Arc::clone(&scene)));
    let played = pool.play(threads, Duration::from_millis(5), job, &stop, |_| {}).unwrap();
    pool.dismiss();
    assert_eq!((played.died, played.reports.len()), (0, threads));
    let tally = played.tally();
    let checks = scene.judge(&tally);
    (tally, scene.callers(threads), checks)
}

#[test]
fn every_workload_holds_what_it_must_for_any_number_of_threads() {
    for threads in [1, 2, 5] {
        for workload in Workload::ALL {
            for rival in Rival::ALL.into_iter().filter(|&rival| workload.takes(rival)) {
                let (tally, callers, checks) = play(workload, rival, threads);
                assert!(tally.calls >= 4 * callers as u64, "{workload:?} {rival:?}: {tally:?}");
                assert!(!checks.is_empty());
                for check in checks {
                    assert_ne!(check.verdict, Verdict::Broken, "{workload:?} {rival:?}: {check:?}");
                }
            }
        }
    }
}

#[test]
fn of_more_eras_than_are_kept_the_first_are_judged() {
    let scene =
        Workload::HalfOpenHerd.build(Rival::Ampacity, Sizes { threads: 1, breakers: 1 }).unwrap();
    let station = Station::default();
    let mut actor = scene.enter(0, &station);
    while scene.breaker().unwrap().era() < history::MOST_ERAS + 9 {
        actor.calls(1_000);
    }
    let checks = scene.judge(&actor.leave());
    assert!(checks.len() >= 6 && checks.iter().all(|check| check.verdict == Verdict::Held));
}

#[test]
fn every_workload_has_a_name_of_its_own() {
    let mut names: Vec<&str> = Workload::ALL.iter().map(|workload| workload.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Workload::ALL.len());
}

#[test]
fn a_lost_call_is_a_wrong_total() {
    for workload in Workload::ALL {
        let scene = workload.build(Rival::Ampacity, Sizes { threads: 1, breakers: 7 }).unwrap();
        let station = Station::default();
        let mut actor = scene.enter(0, &station);
        actor.calls(1_000);
        let tally = actor.leave();
        let fewer = Tally { calls: tally.calls + 1, ..tally };
        let broken = |check: &Check| check.verdict == Verdict::Broken;
        assert!(scene.judge(&fewer).iter().any(broken), "{workload:?}");
    }
}
