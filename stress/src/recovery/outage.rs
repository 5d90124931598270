//! A dependency that gets worse, and one that goes away for a while.

use std::collections::VecDeque;

use ampacity::State;

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Rules};

pub(super) const GRADUAL: Scenario = Scenario {
    name: "gradual_failure",
    holds: "Opens with the very call that makes half of the last 20 fail.",
    script: gradual,
    wrong: &[
        Wrong { what: "opens at a third", set: |b| b.failure_rate(0.33) },
        Wrong { what: "opens at two thirds", set: |b| b.failure_rate(0.66) },
        Wrong { what: "looks at ten calls", set: |b| b.minimum_calls(5).count_window(10) },
        Wrong { what: "opens at the first failure", set: |b| b.failure_threshold(1) },
    ],
    alone: false,
};

const WINDOW: usize = 20;
const STEP: usize = 20;

fn gradual(scene: &Scene) -> Result<(), Halt> {
    let rules = Rules { failures: None, ..Rules::waiting(scene.wait()) };
    let api = scene.breaker_with("api", rules, |b| {
        b.failure_rate(0.5).count_window(WINDOW as u32).minimum_calls(WINDOW as u32)
    })?;
    let (mut last, mut debt) = (VecDeque::with_capacity(WINDOW), 0);
    // A tenth more of the calls fails at each step, as evenly spread as can be.
    for call in 0..11 * STEP {
        debt += call / STEP;
        let fails = debt >= 10;
        debt -= if fails { 10 } else { 0 };
        scene.turn(if fails { Health::Failing } else { Health::Good })?;
        let end = scene.call(&api);
        if last.len() == WINDOW {
            last.pop_front();
        }
        last.push_back(end == End::Bad);
        let failed = last.iter().filter(|&&failed| failed).count();
        let due = last.len() == WINDOW && 2 * failed >= WINDOW;
        let open = api.path().first() == Some(&State::Open);
        scene.must(open == due, || {
            let is = if open { "opened" } else { "is closed" };
            format!("it {is} at call {call}, with {failed} of the last {} failed", last.len())
        });
        if open || due {
            return Ok(());
        }
    }
    scene.must(false, || "it did not open when every call failed".to_owned());
    Ok(())
}

pub(super) const OUTAGE: Scenario = Scenario {
    name: "transient_outage",
    holds: "Opens, lets only probes through, and closes when the server is back.",
    script: outage,
    wrong: &[
        Wrong { what: "never opens", set: |b| b.failure_threshold(1_000_000) },
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
        Wrong {
            what: "asks for sixty good probes",
            set: |b| b.half_open_permits(60).success_threshold(60),
        },
    ],
    alone: false,
};

/// Failed spells of probes before the dependency is back.
const SPELLS: u64 = 3;

fn outage(scene: &Scene) -> Result<(), Halt> {
    let rules = Rules::waiting(scene.wait());
    let api = scene.breaker("api", rules)?;
    let good = || api.count(|entry| entry.end == End::Good);
    let bad = || api.count(|entry| entry.end == End::Bad);
    let reopened = || api.turns(State::HalfOpen, State::Open);

    scene.traffic(&api, 2_000, || good() >= 40)?;
    scene.must(bad() == 0 && api.path().is_empty(), || {
        format!("{} failures and {:?} in peace", bad(), api.path())
    });

    // Nobody calls while it goes and comes back, so that every call knows which it met.
    scene.turn(Health::Down)?;
    let met = scene.traffic(&api, 1_600, || reopened() >= SPELLS)?;
    scene.must(api.turns(State::Closed, State::Open) == 1, || {
        format!("{} failures did not open it once: it went {:?}", bad(), api.path())
    });
    scene.reach(met, || format!("{} of {SPELLS} spells of probes failed", reopened()));
    let in_closed = api.count(|entry| entry.end == End::Bad && entry.era == Some(0));
    // Calls that were under way when it opened fail as well.
    let most = u64::from(rules.failures.unwrap_or(0)) + Scene::CALLERS as u64 - 1;
    scene.must(in_closed <= most, || format!("{in_closed} failures before it opened"));
    let away = api.count(|entry| entry.end.rejected());
    scene.reach(away > 0, || "no call was turned away".to_owned());

    scene.turn(Health::Good)?;
    let (before, spells, failed) = (good(), reopened(), bad());
    let closed = || api.turns(State::HalfOpen, State::Closed) == 1;
    let met = scene.traffic(&api, 1_600, || closed() && good() >= before + 40)?;
    scene.must(met, || format!("it did not close when the dependency was back: {:?}", api.path()));
    scene.must(reopened() == spells && bad() == failed, || {
        "a call failed after the dependency was back".to_owned()
    });
    // By when they began: one that was turned away before may be written down late.
    let mut entries = api.entries();
    entries.sort_by_key(|entry| entry.began);
    let last = entries.iter().rev().take(10).filter(|e| e.end.rejected()).count();
    scene.must(last == 0, || format!("{last} of the last 10 calls were turned away"));
    Ok(())
}
