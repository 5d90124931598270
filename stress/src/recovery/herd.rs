//! Many callers who all come back at once, and a dependency that comes and goes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ampacity::State;

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene, lock};
use super::subject::{End, Rules, Subject};

pub(super) const HERD: Scenario = Scenario {
    name: "retry_herd",
    holds: "Of 64 callers who come back the moment they may, three get through.",
    script: herd,
    wrong: &[
        Wrong { what: "lets four through", set: |b| b.half_open_permits(4) },
        Wrong { what: "lets two through", set: |b| b.half_open_permits(2) },
        Wrong { what: "lets all through", set: |b| b.half_open_permits(63) },
    ],
    alone: false,
};

/// Threads that retry.
pub(super) const CALLERS: usize = 64;
const PERMITS: u32 = 3;

fn herd(scene: &Scene) -> Result<(), Halt> {
    // For as long as it takes to have all of them turned away once.
    let wait = scene.wait() * if scene.real() { 4 } else { 1 };
    let rules = Rules { permits: PERMITS, ..Rules::waiting(wait) };
    let api = scene.breaker("api", rules)?;
    scene.turn(Health::Failing)?;
    scene.calls(&api, 5);
    let made = || api.count(|entry| entry.end.made());

    for (health, after) in [(Health::Failing, State::Open), (Health::Good, State::Closed)] {
        scene.turn(health)?;
        let before = made();
        let Some(again) = come_back(scene, &api)? else { return Ok(()) };
        let through = again.iter().filter(|end| end.made()).count();
        scene.must(through == PERMITS as usize, || {
            format!("{through} of {CALLERS} got through, not {PERMITS}")
        });
        scene.must(made() - before == u64::from(PERMITS), || {
            format!("{} calls reached the dependency, not {PERMITS}", made() - before)
        });
        let last = api.path().last().copied();
        scene.must(last == Some(after), || format!("after that it is {last:?}, not {after}"));
    }
    let ends = scene.crowd(CALLERS, |_| vec![scene.call(&api)])?;
    let good = ends.iter().filter(|&&end| end == End::Good).count();
    scene.must(good == CALLERS, || format!("{good} of {CALLERS} served after it closed"));
    Ok(())
}

/// Everybody is turned away, and calls again as soon as that said; what came of it then.
/// `None` if somebody was not turned away.
fn come_back(scene: &Scene, api: &Subject) -> Result<Option<Vec<End>>, Halt> {
    let herd = Herd::default();
    let again = if scene.real() {
        scene.crowd(CALLERS, |_| match scene.call(api) {
            End::Rejected(_, Some(hint)) => {
                scene.time.pass(hint);
                vec![herd.call(scene, api)]
            }
            _ => {
                herd.tell();
                Vec::new()
            }
        })?
    } else {
        let first = scene.crowd(CALLERS, |_| vec![scene.call(api)])?;
        if !first.iter().all(|end| end.rejected()) {
            Vec::new()
        } else {
            scene.pass(api.rules.wait)?;
            scene.crowd(CALLERS, |_| vec![herd.call(scene, api)])?
        }
    };
    let all = again.len() == CALLERS;
    scene.reach(all, || format!("{} of {CALLERS} were turned away at first", again.len()));
    Ok(all.then_some(again))
}

/// Callers of whom those that get through end their calls when all the others know.
#[derive(Debug, Default)]
struct Herd {
    known: Mutex<usize>,
    all: Condvar,
}

impl Herd {
    fn call(&self, scene: &Scene, api: &Subject) -> End {
        let mut told = false;
        let end = scene.call_with(api, || {
            self.tell();
            told = true;
            let mut known = lock(&self.known);
            while *known < CALLERS {
                known = self.all.wait(known).unwrap_or_else(PoisonError::into_inner);
            }
            drop(known);
            scene.ask()
        });
        if !told {
            self.tell();
        }
        end
    }

    fn tell(&self) {
        *lock(&self.known) += 1;
        self.all.notify_all();
    }
}

pub(super) const FLAPPING: Scenario = Scenario {
    name: "flapping",
    holds: "Each wait in a row is twice the last, up to eight times the first.",
    script: flapping,
    wrong: &[
        Wrong { what: "waits no longer each time", set: |b| b.backoff(1.0, WEEK) },
        Wrong { what: "waits three times as long", set: |b| b.backoff(3.0, WEEK) },
        Wrong { what: "has no longest wait", set: |b| b.backoff(2.0, WEEK) },
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
    ],
    alone: false,
};

const WEEK: Duration = Duration::from_secs(604_800);
/// Spells in which one probe is served and the next one fails.
const FLAPS: u32 = 6;

fn flapping(scene: &Scene) -> Result<(), Halt> {
    // Times for real are short enough: one caller, who never has to be quick.
    let wait = scene.wait() / if scene.real() { 2 } else { 1 };
    let rules = Rules { backoff: Some((2, wait * 8)), ..Rules::waiting(wait) };
    let api = scene.breaker("api", rules)?;
    scene.turn(Health::Failing)?;
    scene.calls(&api, 5);
    for opens in 1..=FLAPS {
        let wait = rules.wait_of(opens);
        let away = scene.turned_away(&api, 1, "right after it opened");
        if let Some(End::Rejected(_, Some(hint))) = away.first().copied() {
            // Deadlines are whole milliseconds, rounded up.
            let most = wait + Duration::from_millis(u64::from(scene.real()));
            scene.must(hint <= most && (scene.real() || hint == wait), || {
                format!("{hint:?} left of a wait of {wait:?}, opening {opens} in a row")
            });
        }
        scene.pass_wait(wait)?;
        scene.must_be(&api, State::HalfOpen, &format!("after wait {opens} in a row"));
        scene.turn(Health::Good)?;
        scene.served(&api, 1, "as a probe");
        scene.turn(Health::Failing)?;
        scene.call(&api);
        let last = api.path().last().copied();
        scene.must(last == Some(State::Open), || format!("a probe failed, and it is {last:?}"));
    }
    scene.turn(Health::Good)?;
    scene.pass_wait(rules.wait_of(FLAPS + 1))?;
    scene.served(&api, 2, "as probes of the last spell");
    scene.must_be(&api, State::Closed, "when it has stopped coming and going");
    scene.served(&api, 20, "after it closed");

    scene.turn(Health::Failing)?;
    scene.calls(&api, 5);
    scene.pass_wait(wait)?;
    scene.must_be(&api, State::HalfOpen, "after the first wait of another outage");
    scene.must(api.turns(State::HalfOpen, State::Open) == u64::from(FLAPS), || {
        format!("it went {:?}", api.path())
    });
    Ok(())
}
