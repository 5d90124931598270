//! A clock that is set ahead and back.

use std::time::Duration;

use ampacity::{Clock as _, Reason, State};

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Health, Scene};
use super::subject::{End, Rules};

pub(super) const SKEW: Scenario = Scenario {
    name: "clock_skew",
    holds: "A clock set back or ahead by an hour moves the wait; nothing gets stuck.",
    script: skew,
    wrong: &[
        Wrong { what: "waits for longer than it was set ahead", set: |b| b.open_for(HOUR * 2) },
        Wrong { what: "never ends its wait", set: |b| b.open_for(Duration::MAX) },
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
    ],
    alone: false,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn skew(scene: &Scene) -> Result<(), Halt> {
    scene.shake_the_clock();
    let wait = scene.wait();
    let rules = Rules { permits: 2, ..Rules::waiting(wait) };
    let api = scene.breaker("api", rules)?;
    let trip = || -> Result<(), Halt> {
        scene.turn(Health::Failing)?;
        scene.calls(&api, 5);
        scene.must(api.path().last() == Some(&State::Open), || "it did not open".to_owned());
        scene.turn(Health::Good)
    };

    // While it is closed, a clock moves nothing.
    scene.time.set_back(HOUR);
    scene.served(&api, 5, "after the clock was set back");
    scene.time.set_ahead(2 * HOUR);
    scene.served(&api, 5, "after the clock was set ahead");
    scene.must(api.breaker.era() == 0, || format!("it went {:?}", api.path()));

    // Set ahead while it is open: the wait is over, and two good probes close it.
    trip()?;
    scene.time.set_ahead(HOUR);
    scene.must_be(&api, State::HalfOpen, "when its clock is an hour past the wait");
    scene.served(&api, 2, "as probes an hour later by the clock");
    scene.must_be(&api, State::Closed, "after two good probes");

    // Set back while it is open: nobody is let through until the clock shows the end again,
    // and that is not long after it is set right.
    trip()?;
    scene.time.set_back(HOUR);
    scene.pass_wait(wait)?;
    let ends = scene.calls(&api, 5);
    scene.must(ends.iter().all(|end| end.rejected()), || {
        format!("its clock was an hour back, and calls ended as {ends:?}")
    });
    scene.time.set_ahead(HOUR);
    scene.must_be(&api, State::HalfOpen, "when the clock is right again");

    // Back and ahead while both probes are out: they count as what they are, and no third
    // one gets through.
    let now = api.time.now();
    let first = api.call(ampacity::classify::plain, || -> Result<(), String> {
        let second = api.call(ampacity::classify::plain, || -> Result<(), String> {
            scene.time.set_back(HOUR);
            let third = scene.call(&api);
            scene.must(matches!(third, End::Rejected(Reason::HalfOpenFull, _)), || {
                format!("a third probe ended as {third:?}")
            });
            Ok(())
        });
        scene.must(second.is_ok(), || "no second probe".to_owned());
        scene.time.set_ahead(HOUR);
        Ok(())
    });
    scene.must(first.is_ok(), || "no first probe".to_owned());
    scene.must(api.time.now() >= now, || "the clock is not where it was".to_owned());
    scene.must_be(&api, State::Closed, "after two probes over which the clock was moved");

    // No call took a negative time or an hour's; the histograms have no room for the first.
    let taken = api.breaker.snapshot().latency.success;
    let longest = taken.buckets().filter(|&(_, count)| count > 0).map(|(upto, _)| upto).max();
    scene.must(longest.is_none_or(|longest| longest < HOUR + HOUR / 2), || {
        format!("a call took {longest:?}")
    });
    scene.served(&api, 10, "at the end");
    Ok(())
}
