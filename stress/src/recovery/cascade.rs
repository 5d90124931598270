//! A calls B calls C, and C fails.

use ampacity::{CallError, State, classify};

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Rules, Subject};

pub(super) const CASCADE: Scenario = Scenario {
    name: "cascade_stopped",
    holds: "C's breaker opens and spares C; its rejections open neither B's nor A's.",
    script: cascade,
    wrong: &[
        Wrong { what: "C opens no sooner than B and A", set: |b| b.failure_threshold(5) },
        Wrong { what: "all open at the first failure", set: |b| b.failure_threshold(1) },
    ],
    alone: false,
};

/// C's breaker is the touchy one, as it knows best.
const AT_C: u32 = 3;
const AT_B: u32 = 5;
const CALLS: usize = 50;

type Inner = CallError<String>;

fn cascade(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let rules = |failures| Rules { failures: Some(failures), ..Rules::waiting(wait) };
    let a = scene.breaker("a", rules(AT_B))?;
    let b = scene.breaker("b", rules(AT_B))?;
    let c = scene.breaker("c", rules(AT_C))?;
    let chain =
        |count: usize| -> usize { (0..count).filter(|_| through(scene, &a, &b, &c)).count() };
    let reached = |subject: &Subject| subject.count(|entry| entry.end.made());

    let served = chain(10);
    scene.must(served == 10, || format!("{served} of 10 calls were served in peace"));

    scene.turn(Health::Failing)?;
    chain(AT_C as usize);
    scene.must(c.path() == [State::Open], || format!("C's breaker went {:?}", c.path()));
    let before = reached(&c);
    chain(CALLS);
    // For real its wait may be over before all calls are made, and a probe is right then.
    scene.reach(reached(&c) == before, || {
        format!("{} calls reached C while it was open", reached(&c) - before)
    });
    let count = |subject: &Subject, end| subject.count(|entry| entry.end == end);
    let away = c.count(|entry| entry.end.rejected());
    for outer in [&a, &b] {
        let name = outer.breaker.name();
        scene.must(outer.path().is_empty(), || format!("{name} went {:?}", outer.path()));
        let (ignored, bad) = (count(outer, End::Ignored), count(outer, End::Bad));
        scene.must(ignored == away, || format!("{name} ignored {ignored} of {away} rejections"));
        scene.must(bad == count(&c, End::Bad), || format!("{name} counted {bad} failures"));
    }

    scene.turn(Health::Good)?;
    scene.pass_wait(wait)?;
    let served = chain(20);
    scene.must(served == 20, || format!("{served} of 20 calls were served when C was back"));
    let path = c.path();
    scene.must(path == [State::Open, State::HalfOpen, State::Closed], || {
        format!("C's breaker went {path:?}")
    });
    Ok(())
}

/// One call from A down to C; whether it was served.
fn through(scene: &Scene, a: &Subject, b: &Subject, c: &Subject) -> bool {
    let served = above(a, || above(b, || c.call(classify::plain, || scene.ask())));
    scene.step();
    served.is_ok()
}

/// A call of what has a breaker of its own, whose rejections are not failures of anybody's.
fn above(subject: &Subject, below: impl FnOnce() -> Result<(), Inner>) -> Result<(), Inner> {
    subject.call(classify::nested, below).map_err(|error| match error {
        CallError::Rejected(away) => CallError::Rejected(away),
        CallError::Failed(below) => below,
    })
}
