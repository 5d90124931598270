//! A dependency that does not fail and takes ten times as long.

use std::time::Duration;

use ampacity::{Cause, State};

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Rules, Subject};

pub(super) const SPIKE: Scenario = Scenario {
    name: "latency_spike",
    holds: "Opens when half of ten calls take 500 ms, not 50; a slow probe fails.",
    script: spike,
    wrong: &[
        Wrong { what: "finds 50 ms slow", set: |b| b.slow_call(Duration::from_millis(40)) },
        Wrong { what: "finds 500 ms quick", set: |b| b.slow_call(Duration::from_millis(600)) },
        Wrong { what: "waits for all to be slow", set: |b| b.slow_call_rate(1.0) },
    ],
    alone: false,
};

const QUICK: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(500);
const OVER: Duration = Duration::from_millis(200);
/// Half of the window that is judged.
const ROUND: usize = 5;

fn spike(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let rules = Rules { failures: None, ..Rules::waiting(wait) };
    let api = scene.breaker_with("api", rules, |b| {
        b.slow_call(OVER).slow_call_rate(0.5).count_window(10).minimum_calls(10)
    })?;
    scene.turn(Health::Slow(QUICK))?;
    for _ in 0..2 {
        round(scene, &api)?;
    }
    let held_up = api.count(|entry| entry.ended - entry.began > nanos(OVER));
    scene.reach(held_up == 0, || format!("{held_up} quick calls were held up by the machine"));
    scene.must_be(&api, State::Closed, "after ten calls of 50 ms");

    // No answer comes sooner than it is told to, so that these are slow on any machine.
    scene.turn(Health::Slow(SLOW))?;
    let ends = round(scene, &api)?;
    scene.must(ends == [End::Good; ROUND], || format!("the slow calls ended as {ends:?}"));
    scene.must(api.path().first() == Some(&State::Open), || {
        format!("five of ten calls took 500 ms, and it is {}", api.state())
    });
    let cause = api.breaker.history().first().map(|event| event.cause.as_str());
    scene.must(cause == Some("slow_call_rate"), || format!("it opened by {cause:?}"));

    scene.pass_wait(wait)?;
    scene.call(&api);
    let last = api.breaker.history().last().map(|event| event.cause);
    scene.must(matches!(last, Some(Cause::ProbesFailed { .. })), || {
        format!("after a probe of 500 ms the last transition is {last:?}")
    });

    scene.turn(Health::Slow(QUICK))?;
    scene.pass_wait(wait)?;
    let before = api.count(|_| true);
    scene.calls(&api, 2);
    let probes = api.entries().split_off(before as usize);
    let slow = probes.iter().any(|probe| probe.ended - probe.began > nanos(OVER));
    scene.reach(!slow, || "a quick probe was held up by the machine".to_owned());
    scene.must_be(&api, State::Closed, "after two probes of 50 ms");
    Ok(())
}

/// Half a window of calls: at the same time for real, as the clock is nobody's then.
fn round(scene: &Scene, api: &Subject) -> Result<Vec<End>, Halt> {
    if scene.real() {
        scene.crowd(ROUND, |_| vec![scene.call(api)])
    } else {
        Ok(scene.calls(api, ROUND))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
