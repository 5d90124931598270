//! Failures that are no outage: one by itself, and patterns of them.

use ampacity::State;

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Rules};

pub(super) const TRANSIENT: Scenario = Scenario {
    name: "single_transient_error",
    holds: "One failure among good calls: no transition, and no call turned away.",
    script: transient,
    wrong: &[Wrong { what: "opens at the first failure", set: |b| b.failure_threshold(1) }],
    alone: false,
};

fn transient(scene: &Scene) -> Result<(), Halt> {
    let api = scene.breaker("api", Rules::waiting(scene.wait()))?;
    scene.served(&api, 20, "before the failure");
    scene.turn(Health::Failing)?;
    let end = scene.call(&api);
    scene.must(end == End::Bad, || format!("the failing call ended as {end:?}"));
    scene.turn(Health::Good)?;
    scene.served(&api, 20, "after one failure");
    let snapshot = api.breaker.snapshot();
    scene.must(snapshot.era == 0 && snapshot.state == State::Closed, || {
        format!("{} transitions, and it is {}", snapshot.era, snapshot.state)
    });
    scene.must((snapshot.failed, snapshot.streak) == (1, 0), || {
        format!("{} failures, {} of them in a row", snapshot.failed, snapshot.streak)
    });
    Ok(())
}

pub(super) const INTERMITTENT: Scenario = Scenario {
    name: "intermittent_failures",
    holds: "Four failures in a row never open it; the fifth does, at that very call.",
    script: intermittent,
    wrong: &[
        Wrong { what: "opens at four", set: |b| b.failure_threshold(4) },
        Wrong { what: "opens at six", set: |b| b.failure_threshold(6) },
        Wrong {
            what: "goes by the share that failed",
            set: |b| b.failure_threshold(5).failure_rate(0.5).count_window(10),
        },
    ],
    alone: false,
};

/// `x` fails. Each as often as told.
const PATTERNS: [(&str, usize); 5] =
    [(".x", 20), ("..x", 10), (".xx", 10), (".xxxx", 10), (".xxx.xxxx.x", 4)];

fn intermittent(scene: &Scene) -> Result<(), Halt> {
    let api = scene.breaker("api", Rules::waiting(scene.wait()))?;
    for (pattern, times) in PATTERNS {
        for call in pattern.chars().cycle().take(pattern.len() * times) {
            scene.turn(if call == 'x' { Health::Failing } else { Health::Good })?;
            scene.call(&api);
        }
        scene.must_be(&api, State::Closed, &format!("after {times} times {pattern}"));
    }
    scene.turn(Health::Good)?;
    scene.call(&api);
    scene.turn(Health::Failing)?;
    scene.calls(&api, 4);
    scene.must_be(&api, State::Closed, "after four failures in a row");
    scene.call(&api);
    scene.must(api.path() == [State::Open], || {
        format!("after five failures in a row it went {:?}", api.path())
    });
    Ok(())
}
