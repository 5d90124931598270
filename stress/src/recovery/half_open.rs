//! Recovery: probes that succeed, probes that fail, and the figures across all of it.

use std::time::Duration;

use ampacity::{State, classify};

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Entry, Rules, Subject};

/// What tells a breaker that is held to two successes after a wait from this one.
const WRONG_WAIT: Wrong =
    Wrong { what: "tries again too early", set: |b| b.open_for(Duration::from_secs(59)) };

pub(super) const SUCCESS: Scenario = Scenario {
    name: "half_open_success",
    holds: "Open for its wait and no longer; the second good probe closes it.",
    script: success,
    wrong: &[
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
        Wrong {
            what: "three good probes close it",
            set: |b| b.half_open_permits(3).success_threshold(3),
        },
        WRONG_WAIT,
        Wrong { what: "tries again too late", set: |b| b.open_for(Duration::from_secs(61)) },
    ],
    alone: false,
};

fn trip(scene: &Scene, subject: &Subject) -> Result<(), Halt> {
    scene.turn(Health::Failing)?;
    let count = subject.rules.failures.unwrap_or(1) as usize;
    let ends = scene.calls(subject, count);
    scene.must(ends.iter().all(|&end| end == End::Bad), || {
        format!("the failing calls ended as {ends:?}")
    });
    scene.must(subject.path().last() == Some(&State::Open), || {
        format!("{count} failures in a row did not open it")
    });
    Ok(())
}

fn success(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let api = scene.breaker("api", Rules::waiting(wait))?;
    scene.served(&api, 3, "at first");
    // A call from before the trip, which fails between two good probes: it changes nothing.
    let mut played = Ok(());
    let late = api.call(classify::plain, || {
        played = up_to_the_first_probe(scene, &api, wait);
        Err::<(), &str>("it took too long")
    });
    played?;
    scene.must(late.is_err(), || "the late call was served".to_owned());
    scene.must_be(&api, State::HalfOpen, "after one good probe and a late failure");
    scene.served(&api, 1, "as the second probe");
    scene.must_be(&api, State::Closed, "after two good probes");
    scene.served(&api, 10, "after it closed");
    let path = api.path();
    scene.must(path == [State::Open, State::HalfOpen, State::Closed], || {
        format!("it went {path:?}")
    });
    Ok(())
}

fn up_to_the_first_probe(scene: &Scene, api: &Subject, wait: Duration) -> Result<(), Halt> {
    trip(scene, api)?;
    scene.turned_away(api, 3, "right after it opened");
    scene.turn(Health::Good)?;
    let tick = Duration::from_millis(1);
    if scene.real() {
        scene.pass_wait(wait)?;
    } else {
        scene.pass(wait - tick)?;
        scene.turned_away(api, 3, "a millisecond before the wait was over");
        scene.pass(tick)?;
    }
    scene.must_be(api, State::HalfOpen, "when the wait is over");
    scene.served(api, 1, "as the first probe");
    scene.must_be(api, State::HalfOpen, "after one good probe");
    Ok(())
}

pub(super) const FAILURE: Scenario = Scenario {
    name: "half_open_failure",
    holds: "One bad probe opens it at once for a whole wait; two good ones close it.",
    script: failure,
    wrong: &[
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
        WRONG_WAIT,
        Wrong {
            what: "the second wait is longer",
            set: |b| b.backoff(2.0, Duration::from_secs(3_600)),
        },
    ],
    alone: false,
};

fn failure(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let api = scene.breaker("api", Rules::waiting(wait))?;
    // A call from before the trip, which ends well after one good probe: it is no second one.
    let mut played = Ok(());
    let late = api.call(classify::plain, || {
        played = trip(scene, &api)
            .and_then(|()| scene.pass_wait(wait))
            .and_then(|()| scene.turn(Health::Good));
        scene.served(&api, 1, "as the first probe");
        Ok::<(), &str>(())
    });
    played?;
    scene.must(late.is_ok(), || "the late call failed".to_owned());
    scene.must_be(&api, State::HalfOpen, "after one good probe and a late success");
    scene.turn(Health::Failing)?;
    let end = scene.call(&api);
    scene.must(end == End::Bad, || format!("the failing probe ended as {end:?}"));
    scene.must(api.path().last() == Some(&State::Open), || {
        "a failed probe did not open it".to_owned()
    });
    let ends = scene.turned_away(&api, 3, "right after a probe failed");
    if let Some(End::Rejected(_, Some(hint))) = ends.first().copied() {
        scene.must(scene.real() || hint == wait, || {
            format!("{hint:?} left of a wait of {wait:?} that has just begun")
        });
    }
    scene.pass_wait(wait)?;
    scene.turn(Health::Good)?;
    scene.served(&api, 2, "as probes of the second spell");
    scene.must_be(&api, State::Closed, "after two good probes");
    use State::{Closed, HalfOpen, Open};
    let path = api.path();
    scene.must(path == [Open, HalfOpen, Open, HalfOpen, Closed], || format!("it went {path:?}"));
    Ok(())
}

pub(super) const METRICS: Scenario = Scenario {
    name: "metrics_across_recovery",
    holds: "Counts are exact all along, and none falls while others read.",
    script: metrics,
    wrong: &[
        Wrong { what: "opens a failure early", set: |b| b.failure_threshold(4) },
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
    ],
    alone: false,
};

/// Threads, and the calls of each; fewer for real, where each call is a request.
const LOAD: (usize, usize) = (50, 20);
const REAL_LOAD: (usize, usize) = (16, 5);
const FALLBACKS: usize = 10;

fn metrics(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let api = scene.breaker("api", Rules::waiting(wait))?;
    let (threads, each) = if scene.real() { REAL_LOAD } else { LOAD };
    let all = (threads * each) as u64;
    load(scene, &api, threads, each)?;
    trip(scene, &api)?;
    scene.turned_away(&api, 5, "right after it opened");
    fall_back(scene, &api);
    scene.pass_wait(wait)?;
    scene.turn(Health::Good)?;
    scene.served(&api, 2, "as probes");
    load(scene, &api, threads, each)?;

    let now = api.breaker.snapshot();
    let (good, bad) = (2 * all + 2, 5);
    scene.must((now.admitted, now.succeeded, now.failed) == (good + bad, good, bad), || {
        format!(
            "{} calls, {} good and {} bad, not {}, {good} and {bad}",
            now.admitted,
            now.succeeded,
            now.failed,
            good + bad
        )
    });
    let rate = bad as f64 / (good + bad) as f64;
    scene.must(now.failure_rate.is_some_and(|says| (says - rate).abs() < 1e-9), || {
        format!("a failure rate of {:?}, not {rate}", now.failure_rate)
    });
    scene.must(now.rejected.total() == 5 + FALLBACKS as u64, || {
        format!("{} calls turned away, not {}", now.rejected.total(), 5 + FALLBACKS)
    });
    scene.must(now.fallbacks == FALLBACKS as u64, || format!("{} fallbacks", now.fallbacks));
    let edges: Vec<_> = now.transitions.iter().collect();
    use State::{Closed, HalfOpen, Open};
    let once = [(Closed, Open, 1), (Open, HalfOpen, 1), (HalfOpen, Closed, 1)];
    scene.must(edges == once, || format!("transitions: {edges:?}"));

    api.breaker.reset();
    let after = api.breaker.snapshot();
    let left = after.admitted + after.succeeded + after.failed + after.rejected.total();
    scene.must(after.era == now.era + 1, || format!("a reset left it in era {}", after.era));
    scene.must(left == 0, || format!("{left} calls are left after a reset"));
    scene.must(after.lifetime == now.lifetime, || "a reset changed the lifetime".to_owned());
    Ok(())
}

/// Calls from all threads, each of which looks at the breaker in between.
fn load(scene: &Scene, api: &Subject, threads: usize, each: usize) -> Result<(), Halt> {
    let ends = scene.crowd(threads, |_| {
        let mut last = api.breaker.snapshot();
        let mut ends = Vec::with_capacity(each);
        for _ in 0..each {
            ends.push(scene.call(api));
            let now = api.breaker.snapshot();
            let counts = |s: &ampacity::Snapshot| [s.admitted, s.succeeded, s.failed, s.era];
            let fell = counts(&now).iter().zip(counts(&last)).any(|(now, last)| *now < last);
            scene.must(!fell, || format!("a count fell from {last:?} to {now:?}"));
            let settled = now.succeeded + now.failed + now.ignored + now.cancelled;
            scene.must(now.admitted == settled + now.in_flight, || {
                format!("{} calls, {settled} of them ended: {now:?}", now.admitted)
            });
            last = now;
        }
        ends
    })?;
    let good = ends.iter().filter(|&&end| end == End::Good).count();
    scene.must(good == threads * each, || format!("{good} of {} were served", threads * each));
    Ok(())
}

/// Calls that have something to fall back on.
fn fall_back(scene: &Scene, api: &Subject) {
    let mut stood_in = 0;
    for _ in 0..FALLBACKS {
        let began = api.breaker.snapshot();
        let at = ampacity::Clock::now(&api.time);
        let mut rejection = None;
        let result = api.breaker.call_or(
            || Err("it was called"),
            |rejected| {
                rejection = Some(End::Rejected(rejected.reason(), rejected.retry_after()));
                Ok(())
            },
        );
        let ended = ampacity::Clock::now(&api.time);
        let end = rejection.unwrap_or(End::Bad);
        stood_in += usize::from(result.is_ok());
        let after = api.breaker.snapshot();
        scene.must(rejection.is_none() || after.failed == began.failed, || {
            "a fallback was counted as a failure".to_owned()
        });
        let entry = Entry { began: at, decided: ended, ended, era: None, probe: false, end };
        api.note(entry);
    }
    scene.reach(stood_in == FALLBACKS, || format!("{stood_in} of {FALLBACKS} fell back"));
}
