//! A storm in a teacup.

use super::*;
use crate::program::Verdict;

const fn size(threads: u32, calls: u64, cycles: u64) -> Account {
    Account { threads, calls, cycles, readers: 4 }
}

fn run(threads: u32, calls: u64, cycles: u64) -> Section {
    let ctx = Context::quiet(7, Stop::default(), &std::env::temp_dir());
    size(threads, calls, cycles).run(&ctx, &EventLog::off(), &mut Seen::default()).unwrap()
}

fn of<'a>(section: &'a Section, name: &str) -> Option<&'a crate::program::Check> {
    section.checks.iter().find(|check| check.name == name)
}

#[test]
fn a_small_storm_passes_its_checks() {
    let section = run(64, 2_000, 20);
    for check in &section.checks {
        // Whether two threads of this storm meet at one swap is chance, and so is how
        // many of other tests end while these start, and when a reader gets a core; what
        // must hold is not.
        let by_chance = ["met_", "all_threads_", "every_reader_"]
            .iter()
            .any(|chance| check.name.starts_with(chance));
        assert!(
            check.verdict == Verdict::Held || by_chance && check.verdict != Verdict::Broken,
            "{check:?}"
        );
    }
    assert!(section.checks.len() > 20);
    assert!(section.figures["cycles"].as_u64().unwrap() >= 20);
    assert!(!section.partial);
}

#[test]
fn a_case_that_was_not_met_is_reported_and_is_no_pass() {
    let alone = run(1, 100, 1);
    let retries = of(&alone, "met_swap_retries").unwrap();
    assert_eq!(retries.verdict, Verdict::Unjudged, "one thread alone has no chance to");
    let totals = of(&alone, "totals_are_what_the_threads_did").unwrap();
    assert_eq!(totals.verdict, Verdict::Held, "{totals:?}");

    let ctx = Context::quiet(7, Stop::default(), &std::env::temp_dir());
    let storm = size(2, 1, 1);
    let shared = storm.shared(&ctx).unwrap();
    let none_alive = || Outcome { alive: Some(0), ..Outcome::default() };
    let nothing = report::section(&storm, none_alive(), &shared);
    for name in ["all_threads_alive_at_once", "enough_calls", "enough_cycles", "met_swap_retries"] {
        assert_eq!(of(&nothing, name).unwrap().verdict, Verdict::NotReached);
    }
    let uncounted = report::section(&storm, Outcome::default(), &shared);
    let alive = of(&uncounted, "all_threads_alive_at_once").unwrap();
    assert_eq!(alive.verdict, Verdict::Unjudged, "a system that does not count threads");
}

#[test]
fn a_storm_that_stands_still_says_what_the_word_holds_and_where_the_threads_are() {
    let ctx = Context::quiet(7, Stop::default(), &std::env::temp_dir());
    let storm = size(3, 1, 1);
    let shared = storm.shared(&ctx).unwrap();
    for _ in 0..RULES.failures {
        shared.breaker.try_acquire().unwrap().failure();
    }
    shared.hand.pass_open(&shared.breaker, &shared.history);
    let probe = shared.breaker.try_acquire().unwrap();
    shared.stations[1].set(watchdog::Place::Holding);

    let section = report::stalled(&shared, "no call ended", 41);
    let check = of(&section, "keeps_moving").unwrap();
    assert_eq!(check.verdict, Verdict::Broken);
    for says in [
        "no call ended in 10 s, after 41 calls",
        "state: HalfOpen",
        "issued: 1",
        "era: 2",
        "2 waiting, 1 holding",
    ] {
        assert!(check.detail.contains(says), "{says} in {}", check.detail);
    }
    assert_eq!(section.figures["stalled"], check.detail);
    drop(probe);
}

#[test]
fn threads_that_do_not_come_to_the_gate_are_not_waited_for_without_end() {
    let start = Instant::now();
    let stop = Stop::default();
    let after = |patiences: u32| start + watchdog::PATIENCE * patiences;
    // One comes each time; then no other does.
    let mut looks = [(1, after(1)), (2, after(2)), (2, after(3))].into_iter();
    let Failure(why) = gather(&stop, 3, start, || looks.next().unwrap()).unwrap_err();
    assert!(why.contains("2 of 3 threads"), "{why}");
    assert_eq!(gather(&stop, 3, start, || (3, after(9))), Ok(()));
    stop.request();
    assert_eq!(gather(&stop, 3, start, || unreachable!()), Ok(()));
}

#[test]
fn an_interrupted_storm_is_partial_and_its_books_still_agree() {
    let ctx = Context::quiet(7, Stop::default(), &std::env::temp_dir());
    let storm = size(4, 1_000_000, u64::MAX);
    let shared = Arc::new(storm.shared(&ctx).unwrap());
    let crew = muster(&ctx, &shared).unwrap();
    crew.let_go();
    while watchdog::progress(&shared.stations) < 1_000 {
        std::thread::yield_now();
    }
    ctx.stop.request();
    while !crew.all_gone(LOOK) {}
    let (tally, died) = crew.books();
    let outcome = Outcome { tally, died, partial: true, ..Outcome::default() };
    let section = report::section(&storm, outcome, &shared);
    assert!(section.partial);
    assert!(of(&section, "enough_calls").is_none(), "not judged");
    for check in &section.checks {
        assert_eq!(check.verdict, Verdict::Held, "{check:?}");
    }
}
