//! Whole replays in virtual time: the HTTP is real, no wait is.

use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use stress::program::{Section, Stop, Verdict};
use stress::replay::lane::{self, Lane, Plan};
use stress::replay::pace::{self, Pace};
use stress::replay::{plans, provider, report};
use stress::sample::SAMPLE;
use stress::trace::Trace;

/// Plays `plan` on a clock that jumps to the next thing to do.
fn play(plan: &Plan<'_>, stop: &Stop) -> Lane {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(lane::play(plan, stop, &ProgressBar::hidden())).unwrap()
}

fn play_all(plans: &[Plan<'_>; 3]) -> [Lane; 3] {
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let running = plans.each_ref().map(|plan| scope.spawn(|| play(plan, &stop)));
        running.map(|lane| lane.join().unwrap())
    })
}

fn sample() -> (Trace, Pace) {
    let trace = Trace::parse("sample", SAMPLE).unwrap();
    let pace = Pace::new(trace.span(), pace::USUAL, None).unwrap();
    (trace, pace)
}

fn count(section: &Section, verdict: Verdict) -> usize {
    section.checks.iter().filter(|check| check.verdict == verdict).count()
}

fn all_held(section: &Section) {
    for check in &section.checks {
        assert_eq!(check.verdict, Verdict::Held, "{}: {}", check.name, check.detail);
    }
}

#[test]
fn the_sample_is_judged_on_every_check_and_holds_them_all() {
    let (trace, pace) = sample();
    let plans = plans(&trace, pace);
    let lanes = play_all(&plans);
    let section = report::section("sample", &trace, pace, &plans, &lanes);
    assert!(!section.partial);
    assert!(section.checks.len() > 25);
    all_held(&section);
    let requests = trace.arrivals().len();
    for lane in &lanes {
        assert_eq!(lane.requests.len(), requests);
    }
    assert_eq!(section.figures["with"]["all"]["requests"], requests);

    // The checks must be able to fail: a lane that saves nothing in the guarded one's place.
    let [bare, _, peace] = lanes;
    let section = report::section("sample", &trace, pace, &plans, &[bare.clone(), bare, peace]);
    for phase in ["429_storm", "hanging", "refused", "503s"] {
        let name = format!("wastes_at_most_5_percent/{phase}");
        let check = section.checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.verdict, Verdict::Broken, "{name}: {}", check.detail);
    }
}

#[test]
fn a_breaker_that_takes_429s_and_400s_as_they_are_meant_does_better() {
    let (trace, pace) = sample();
    let plans = provider::plans(&trace, pace);
    let lanes = play_all(&plans);
    let compared = provider::compare(pace, &plans, &lanes);
    assert!(!compared.partial && compared.checks.len() > 15);
    for check in &compared.checks {
        assert_eq!(check.verdict, Verdict::Held, "{}: {}", check.name, check.detail);
    }

    // The checks must be able to fail: the one that counts every error in the other's place.
    let [bare, counting, _] = lanes;
    let compared = provider::compare(pace, &plans, &[bare, counting.clone(), counting]);
    for name in [
        "never_sends_while_asked_to_stay_away",
        "loses_less_than_half_of_what_counting_every_error_loses",
        "more_useful_answers_than_counting_every_error",
        "a_400_opens_nothing",
    ] {
        let name = format!("provider/{name}");
        let check = compared.checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.verdict, Verdict::Broken, "{name}: {}", check.detail);
    }
}

/// The data lies beside the project, not in it: where it is missing there is nothing to do.
#[test]
fn a_real_trace_is_judged_on_every_check_and_holds_them_all() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let path = Path::new(beside).join("AzureLLMInferenceTrace_conv.csv");
    if !path.exists() {
        return;
    }
    let trace = Trace::read(&path).unwrap();
    let pace = Pace::new(trace.span(), pace::USUAL, None).unwrap();
    let plans = plans(&trace, pace);
    let lanes = play_all(&plans);
    let section = report::section("conv", &trace, pace, &plans, &lanes);
    assert!(section.checks.len() > 25);
    all_held(&section);

    let plans = provider::plans(&trace, pace);
    let compared = provider::compare(pace, &plans, &play_all(&plans));
    for check in &compared.checks {
        // How many of its requests meet which trouble is the trace's own affair.
        let shares = check.name == "provider/errors_are_those_of_production";
        assert!(shares || check.verdict == Verdict::Held, "{}: {}", check.name, check.detail);
    }
}

#[test]
fn a_stopped_replay_keeps_what_it_has_and_judges_nothing() {
    let (trace, pace) = sample();
    let stop = Stop::default();
    let mut plans = plans(&trace, pace);
    for plan in &mut plans {
        plan.arrivals = &plan.arrivals[..200];
    }
    let mut lanes = plans.each_ref().map(|plan| play(plan, &stop));
    // One lane was asked to stop before its first arrival.
    stop.request();
    lanes[1] = play(&plans[1], &stop);
    assert!(!lanes[1].launched.complete && lanes[1].requests.is_empty());
    let section = report::section("sample", &trace, pace, &plans, &lanes);
    assert!(section.partial && section.checks.is_empty());
    assert_eq!(section.figures["without"]["all"]["requests"], 200);
}

/// Ten requests in an hour: too few to say anything of a breaker.
#[test]
fn a_trace_of_ten_requests_is_played_and_not_judged() {
    let mut text = String::from("TIMESTAMP,ContextTokens,GeneratedTokens\n");
    for minute in 0..10 {
        text += &format!("2026-01-01 00:{:02}:00,100,100\n", minute * 6);
    }
    let trace = Trace::parse("ten", text.as_bytes()).unwrap();
    let pace = Pace::new(trace.span(), pace::USUAL, None).unwrap();
    assert!(pace.length > Duration::from_secs(40));
    let plans = plans(&trace, pace);
    let lanes = plans.each_ref().map(|plan| play(plan, &Stop::default()));
    let section = report::section("ten", &trace, pace, &plans, &lanes);
    assert_eq!(count(&section, Verdict::Broken), 0, "{:?}", section.checks);
    assert!(count(&section, Verdict::Unjudged) > 10, "{:?}", section.checks);
}
