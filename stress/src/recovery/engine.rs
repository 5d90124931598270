//! Plays a scenario: on the manual clock once, for real until the machine was quick enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::books;
use super::scenario::Scenario;
use super::scene::{Halt, Scene};
use super::subject::Subject;
use super::time::How;
use super::{alone, bands};
use crate::measure::Band;
use crate::program::{Stop, Verdict};
use crate::watchdog::Watchdog;

/// Each attempt for real has twice the time of the one before.
const ATTEMPTS: u32 = 6;
const LOOK: Duration = Duration::from_millis(20);
/// Longer than what a script's own requests wait for.
const QUIET: Duration = Duration::from_secs(30);

/// What came of one playing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Played {
    /// What the breaker did that it must not, whatever the machine did.
    pub(super) faults: Vec<String>,
    /// What the script found wrong.
    pub(super) broken: Vec<String>,
    /// What did not come up.
    pub(super) missed: Vec<String>,
    /// Ctrl-C came first.
    pub(super) stopped: bool,
    pub(super) calls: u64,
    pub(super) turned_away: u64,
    pub(super) transitions: u64,
    pub(super) wall_s: f64,
    pub(super) attempts: u32,
    pub(super) bands: Vec<Band>,
}

impl Played {
    pub(super) fn failed(why: String) -> Self {
        Self { missed: vec![why], ..Self::default() }
    }

    pub(super) fn verdict(&self) -> Verdict {
        // What follows from a call that came too late is not the breaker's fault.
        match (self.faults.is_empty(), self.missed.is_empty(), self.broken.is_empty()) {
            (false, _, _) | (true, true, false) => Verdict::Broken,
            (true, false, _) => Verdict::NotReached,
            (true, true, true) => Verdict::Held,
        }
    }

    /// Why it is not held, in a line.
    pub(super) fn why(&self) -> String {
        let all = self.faults.iter().chain(&self.missed).chain(&self.broken);
        let mut said: Vec<&str> = all.map(String::as_str).take(4).collect();
        said.dedup();
        said.join("; ")
    }
}

/// Which playing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    pub(super) scenario: &'static Scenario,
    pub(super) how: How,
    /// Times for real are so many times as long.
    pub(super) stretch: u32,
    /// Which of the wrong settings, if any.
    pub(super) wrong: Option<usize>,
}

/// Plays it as often as it takes for the machine to be quick enough.
pub(super) fn play(scenario: &'static Scenario, how: How, stop: &Stop) -> Played {
    let mut attempt = 0;
    loop {
        let take = Take { scenario, how, stretch: 1 << attempt, wrong: None };
        let mut played = anywhere(take, stop);
        attempt += 1;
        played.attempts = attempt;
        let again = how == How::Real && played.verdict() == Verdict::NotReached;
        if !again || played.stopped || attempt == ATTEMPTS {
            return played;
        }
    }
}

/// The wrong settings that are not found to be wrong, in words.
pub(super) fn missed_canaries(scenario: &'static Scenario, stop: &Stop) -> Vec<&'static str> {
    let is_missed = |index: &usize| {
        let take = Take { scenario, how: How::Manual, stretch: 1, wrong: Some(*index) };
        let played = anywhere(take, stop);
        !played.stopped && played.verdict() != Verdict::Broken
    };
    (0..scenario.wrong.len()).filter(is_missed).map(|index| scenario.wrong[index].what).collect()
}

fn anywhere(take: Take, stop: &Stop) -> Played {
    if take.scenario.alone { alone::play(take, stop) } else { here(take, stop) }
}

/// Plays it in this process, on a thread of its own that a watchdog looks at.
pub(super) fn here(take: Take, stop: &Stop) -> Played {
    let (tell, told) = channel();
    let steps = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let (for_it, its_steps) = (stop.clone(), Arc::clone(&steps));
    let spawned = thread::Builder::new().name(take.scenario.name.to_owned()).spawn(move || {
        // Nobody hears it if the watchdog has barked.
        let _ = tell.send(on_stage(take, &for_it, &its_steps));
    });
    if let Err(error) = spawned {
        return Played::failed(format!("no thread could be started: {error}"));
    }
    let mut dog = Watchdog::with_patience(start, QUIET);
    loop {
        match told.recv_timeout(LOOK) {
            Ok(mut played) => {
                played.wall_s = start.elapsed().as_secs_f64();
                return played;
            }
            Err(RecvTimeoutError::Timeout) => {
                // Relaxed: only ever looked at.
                let steps = steps.load(Ordering::Relaxed);
                if dog.barks(steps, Instant::now()) {
                    // The thread is left where it stands; it ends with the process.
                    let quiet = QUIET.as_secs();
                    let why = format!("after {steps} calls none ended for {quiet} s: it hangs");
                    return Played { faults: vec![why], ..Played::default() };
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the script panicked".to_owned();
                return Played { faults: vec![why], ..Played::default() };
            }
        }
    }
}

fn on_stage(take: Take, stop: &Stop, steps: &Arc<AtomicU64>) -> Played {
    let Take { scenario, how, stretch, wrong } = take;
    let wrong = wrong.and_then(|index| scenario.wrong.get(index)).map(|wrong| wrong.set);
    let scene = Scene::new(how, stretch, wrong, stop, steps);
    let ended = (scenario.script)(&scene);
    let found = scene.found();
    let mut played = Played { broken: found.broken, missed: found.missed, ..Played::default() };
    match ended {
        Ok(()) => {}
        Err(Halt::Stopped) => played.stopped = true,
        Err(Halt::Failed(why)) => played.missed.push(why),
    }
    for subject in scene.subjects() {
        let subject: &Subject = &subject;
        played.faults.extend(books::faults(subject, scene.steady()));
        played.calls += subject.count(|entry| entry.end.made());
        played.turned_away += subject.count(|entry| entry.end.rejected());
        played.transitions += subject.breaker.era();
        played.bands.push(bands::of(scenario.name, how, subject));
    }
    played
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::scenario::{self, Wrong};

    /// Those that may share a process.
    fn scenarios() -> impl Iterator<Item = &'static Scenario> {
        scenario::ALL.into_iter().filter(|scenario| !scenario.alone)
    }

    #[test]
    fn every_scenario_holds_on_the_manual_clock() {
        for scenario in scenarios() {
            let played = play(scenario, How::Manual, &Stop::default());
            let why = played.why();
            assert_eq!(played.verdict(), Verdict::Held, "{}: {why}", scenario.name);
            assert_eq!(played.attempts, 1);
        }
    }

    #[test]
    fn every_breaker_that_is_set_wrongly_is_found() {
        for scenario in scenarios() {
            assert!(!scenario.wrong.is_empty(), "{}", scenario.name);
            let missed = missed_canaries(scenario, &Stop::default());
            assert!(missed.is_empty(), "{}: {missed:?}", scenario.name);
        }
    }

    fn quick(script: fn(&Scene) -> Result<(), Halt>) -> &'static Scenario {
        const RIGHT: &[Wrong] = &[Wrong { what: "is right", set: |b| b }];
        Box::leak(Box::new(Scenario {
            name: "of_this_test",
            holds: "",
            script,
            wrong: RIGHT,
            alone: false,
        }))
    }

    #[test]
    fn a_canary_that_is_not_wrong_is_told() {
        let missed = missed_canaries(quick(|_| Ok(())), &Stop::default());
        assert_eq!(missed, ["is right"]);
    }

    #[test]
    fn what_came_too_late_is_played_again_and_in_the_end_not_reached() {
        let late = quick(|scene| {
            scene.reach(false, || "too late".to_owned());
            scene.must(false, || "what follows".to_owned());
            Ok(())
        });
        let real = play(late, How::Real, &Stop::default());
        assert_eq!((real.verdict(), real.attempts), (Verdict::NotReached, ATTEMPTS));
        let manual = play(late, How::Manual, &Stop::default());
        assert_eq!((manual.verdict(), manual.attempts), (Verdict::Broken, 1));
    }

    #[test]
    fn what_is_broken_is_not_played_again() {
        let wrong = quick(|scene| {
            scene.must(false, || "it did".to_owned());
            Ok(())
        });
        let real = play(wrong, How::Real, &Stop::default());
        assert_eq!((real.verdict(), real.attempts), (Verdict::Broken, 1));
    }

    #[test]
    fn a_script_that_panics_or_is_stopped_is_told_apart() {
        let panics = here(take(quick(|_| panic!("as this test wants"))), &Stop::default());
        assert_eq!(panics.verdict(), Verdict::Broken);
        let stop = Stop::default();
        stop.request();
        assert!(here(take(quick(|scene| scene.look())), &stop).stopped);
    }

    fn take(scenario: &'static Scenario) -> Take {
        Take { scenario, how: How::Manual, stretch: 1, wrong: None }
    }
}
