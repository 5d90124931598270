//! What happens to the model server, and when: phases as shares of the run.

use std::time::Duration;

use crate::sample::Dice;
use crate::upstream::{Behaviour, Turn};

/// A named part of a script, itself in steps of thousandths of the run.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// What tables and records call it.
    pub name: &'static str,
    /// What happens in it.
    pub steps: &'static [(Behaviour, u32)],
    /// How many of a hundred prompts are too long for the server.
    pub too_long: u64,
}

const fn phase(name: &'static str, steps: &'static [(Behaviour, u32)]) -> Phase {
    Phase { name, steps, too_long: 0 }
}

const fn with_too_long(too_long: u64, phase: Phase) -> Phase {
    Phase { too_long, ..phase }
}

/// All the trouble, each with time to recover from it.
///
/// The hang is long because before the first timeout nobody can know of it: what is
/// sent until then is lost, and must be little against the whole of it.
pub const TROUBLE: &[Phase] = &[
    phase("healthy", &[(Behaviour::Healthy, 30)]),
    phase("slow", &[(Behaviour::Slow, 45)]),
    phase("429 storm", &[(Behaviour::Limited, 100)]),
    phase("after 429s", &[(Behaviour::Healthy, 60)]),
    phase("hanging", &[(Behaviour::Hanging, 273)]),
    phase("after hanging", &[(Behaviour::Healthy, 60)]),
    phase("refused", &[(Behaviour::Refused, 62)]),
    phase("after refused", &[(Behaviour::Healthy, 60)]),
    phase("503s", &[(Behaviour::Unavailable, 62)]),
    phase("after 503s", &[(Behaviour::Healthy, 60)]),
    phase(
        "flapping",
        &[
            (Behaviour::Unavailable, 14),
            (Behaviour::Healthy, 60),
            (Behaviour::Unavailable, 14),
            (Behaviour::Healthy, 60),
        ],
    ),
    phase("healthy again", &[(Behaviour::Healthy, 40)]),
];

/// No trouble at all.
pub const PEACE: &[Phase] = &[phase("all healthy", &[(Behaviour::Healthy, 1000)])];

const LIMITS: &[(Behaviour, u32)] = &[
    (Behaviour::Limited, 60),
    (Behaviour::Healthy, 40),
    (Behaviour::Limited, 60),
    (Behaviour::Healthy, 40),
];

/// Errors as a provider of models gives them in production: about 66 in a hundred are
/// 429s, for as long as its own window takes, and 19 are 400s, which come in whatever
/// health it is, most of them from one client that went wrong. The rest are 500s and hangs.
pub const PROVIDER: &[Phase] = &[
    with_too_long(1, phase("healthy", &[(Behaviour::Healthy, 60)])),
    with_too_long(1, phase("long limits", LIMITS)),
    with_too_long(
        1,
        phase(
            "short limits",
            &[
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
                (Behaviour::Limited, 2),
                (Behaviour::Healthy, 18),
            ],
        ),
    ),
    with_too_long(66, phase(BAD_CLIENT, &[(Behaviour::Healthy, 80)])),
    with_too_long(1, phase("healthy again", &[(Behaviour::Healthy, 60)])),
    with_too_long(
        1,
        phase(
            "500s",
            &[
                (Behaviour::Failing, 17),
                (Behaviour::Healthy, 33),
                (Behaviour::Failing, 17),
                (Behaviour::Healthy, 33),
            ],
        ),
    ),
    with_too_long(1, phase("hanging", &[(Behaviour::Hanging, 15), (Behaviour::Healthy, 45)])),
    with_too_long(1, phase("long limits again", LIMITS)),
    with_too_long(1, phase("healthy at last", &[(Behaviour::Healthy, 120)])),
];

/// The phase in which most prompts are too long, and nothing else is wrong.
pub const BAD_CLIENT: &str = "bad client";

/// A stretch of time in which the server does one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it begins, from the start of the run.
    pub from: Duration,
    /// What the server does.
    pub behaviour: Behaviour,
    /// The phase it belongs to.
    pub phase: usize,
}

/// A script laid out over a run of a certain length.
#[derive(Clone, Debug)]
pub struct Timeline {
    phases: &'static [Phase],
    steps: Vec<Step>,
}

impl Timeline {
    /// Lays `phases` out over `length`; the last step has no end.
    pub fn new(phases: &'static [Phase], length: Duration) -> Self {
        let all = phases.iter().flat_map(|phase| phase.steps).map(|step| step.1).sum::<u32>();
        let mut steps = Vec::new();
        let mut begun = 0;
        for (phase, Phase { steps: within, .. }) in phases.iter().enumerate() {
            for &(behaviour, share) in *within {
                let from = length * begun / all.max(1);
                steps.push(Step { from, behaviour, phase });
                begun += share;
            }
        }
        Self { phases, steps }
    }

    /// The phases, in order.
    pub fn phases(&self) -> &'static [Phase] {
        self.phases
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the server is to do, in order.
    pub fn turns(&self) -> impl Iterator<Item = Turn> {
        self.steps.iter().map(|step| Turn { at: step.from, behaviour: step.behaviour })
    }

    /// Whether the request of that index, due at `at`, has a prompt that is too long. The
    /// same ones have in every lane.
    pub fn is_too_long(&self, at: Duration, index: usize) -> bool {
        let share = self.phases[self.step_at(at).phase].too_long;
        Dice(index as u64).next() % 100 < share
    }

    /// The step that `at` falls into.
    pub fn step_at(&self, at: Duration) -> Step {
        let after = self.steps.partition_point(|step| step.from <= at);
        self.steps[after.saturating_sub(1)]
    }
}

/// Whether nothing in a phase can come to anything.
pub fn is_outage(phase: &Phase) -> bool {
    phase.steps.iter().all(|(behaviour, _)| !behaviour.serves())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Duration = Duration::from_secs(10);

    #[test]
    fn the_steps_cover_the_run_in_order_and_in_their_shares() {
        let timeline = Timeline::new(TROUBLE, RUN);
        let steps = timeline.steps();
        assert_eq!(steps[0].from, Duration::ZERO);
        assert!(steps.is_sorted_by(|a, b| a.from < b.from));
        assert_eq!(steps[1].from, Duration::from_millis(300));
        let last = steps[steps.len() - 1];
        assert_eq!(last.from, Duration::from_millis(9_600));
        assert_eq!(TROUBLE[last.phase].name, "healthy again");
    }

    #[test]
    fn a_step_holds_its_first_moment_and_the_last_one_has_no_end() {
        let timeline = Timeline::new(TROUBLE, RUN);
        for step in timeline.steps() {
            assert_eq!(timeline.step_at(step.from), *step);
            if let Some(before) = step.from.checked_sub(Duration::from_nanos(1)) {
                assert!(timeline.step_at(before).from < step.from);
            }
        }
        assert_eq!(timeline.step_at(RUN * 2), timeline.step_at(RUN));
    }

    #[test]
    fn as_many_prompts_are_too_long_as_the_phase_says() {
        let timeline = Timeline::new(PROVIDER, RUN);
        let bad = PROVIDER.iter().position(|phase| phase.name == BAD_CLIENT).unwrap();
        let at = timeline.steps().iter().find(|step| step.phase == bad).unwrap().from;
        let of = |at| (0..10_000).filter(|&index| timeline.is_too_long(at, index)).count();
        assert!((6_400..6_800).contains(&of(at)), "{}", of(at));
        assert!((50..150).contains(&of(Duration::ZERO)), "{}", of(Duration::ZERO));
        assert!(TROUBLE.iter().all(|phase| phase.too_long == 0));
    }

    #[test]
    fn four_phases_are_total_outages_and_every_trouble_is_followed_by_health() {
        let outages: Vec<&str> =
            TROUBLE.iter().filter(|phase| is_outage(phase)).map(|phase| phase.name).collect();
        assert_eq!(outages, ["429 storm", "hanging", "refused", "503s"]);
        let steps = Timeline::new(TROUBLE, RUN).steps().to_vec();
        for pair in steps.windows(2) {
            assert!(pair[0].behaviour.serves() || pair[1].behaviour.serves());
        }
        assert!(steps[steps.len() - 1].behaviour.serves());
    }
}
