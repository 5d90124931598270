//! What is traced: who makes which calls.

use std::hint::spin_loop;
use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, State, Timing};

use crate::program::Failure;
use crate::rivals::{Caller, Path, Who};

/// One kind of call of one breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lane {
    /// As `glance` measures it.
    Glance(Path, Who),
    /// Probes of a half-open breaker: admitted, and passed.
    Probe(Timing),
}

/// Without optimisation a call takes ten times as many instructions.
const CALLS: u64 = if cfg!(debug_assertions) { 2 } else { 16 };
/// Where only one call in 16 is timed.
const SAMPLED_CALLS: u64 = if cfg!(debug_assertions) { 4 } else { 128 };
/// One spell hands out no more than 63 probes.
const PROBES: u64 = if cfg!(debug_assertions) { 2 } else { 8 };
const MOST_PROBES: u32 = 63;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Lane {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let glance = Path::ALL.into_iter().flat_map(|path| {
            let all = Who::ALL.into_iter().filter(move |who| *who != Who::Empty && who.takes(path));
            all.map(move |who| Self::Glance(path, who))
        });
        glance.chain([Timing::Off, Timing::Sampled(16), Timing::Every].map(Self::Probe))
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Glance(path, _) => path.name(),
            Self::Probe(_) => "half_open_probe",
        }
    }

    pub(super) fn path_title(self) -> &'static str {
        match self {
            Self::Glance(path, _) => path.title(),
            Self::Probe(_) => "probe of a half-open breaker that passes",
        }
    }

    fn who(self) -> Who {
        match self {
            Self::Glance(_, who) => who,
            Self::Probe(Timing::Off) => Who::Off,
            Self::Probe(Timing::Every) => Who::Every,
            Self::Probe(_) => Who::Adaptive,
        }
    }

    pub(super) fn subject(self) -> &'static str {
        self.who().name()
    }

    pub(super) fn title(self) -> &'static str {
        self.who().title()
    }

    /// Whether it is this crate's breaker on its shortest way: the one that must neither
    /// lock nor share.
    pub(super) fn is_untimed_closed_success(self) -> bool {
        self == Self::Glance(Path::Success, Who::Off)
    }

    /// Whether it times one call in 16: then its figures are means of few.
    pub(super) fn is_sampled(self) -> bool {
        use crate::rivals::Policy;
        use crate::rivals::floors::Work;
        matches!(self.who(), Who::Adaptive | Who::Policy(Policy::Count) | Who::Floor(Work::B))
    }

    /// What its calls do.
    pub(super) fn calls_as(self) -> Path {
        match self {
            Self::Glance(path, _) => path,
            Self::Probe(_) => Path::Success,
        }
    }

    /// Calls of the first batch.
    pub(super) fn batch(self) -> u64 {
        match self {
            Self::Probe(_) => PROBES,
            Self::Glance(Path::Rejected, _) => CALLS,
            Self::Glance(..) if self.is_sampled() => SAMPLED_CALLS,
            Self::Glance(..) => CALLS,
        }
    }

    /// Calls that each thread makes before.
    pub(super) fn warm_up(self) -> u64 {
        match self {
            Self::Probe(_) => 2,
            Self::Glance(..) => 64,
        }
    }

    pub(super) fn build(self) -> Result<Box<dyn Caller>, Failure> {
        let built = match self {
            Self::Glance(path, who) => who.build_to_count(path),
            Self::Probe(timing) => {
                let builder = CircuitBreaker::builder("probed").timing(timing);
                return half_open(builder);
            }
        };
        built.map_err(|error| Failure(error.to_string()))
    }
}

/// A breaker in a spell that lasts for all probes there can be.
fn half_open(builder: Builder) -> Result<Box<dyn Caller>, Failure> {
    let breaker = builder
        .open_for(Duration::from_millis(1))
        .success_threshold(MOST_PROBES)
        .half_open_permits(MOST_PROBES)
        .probe_lease(DAY)
        .build()
        .map_err(|error| Failure(error.to_string()))?;
    breaker.trip();
    while breaker.state() != State::HalfOpen {
        spin_loop();
    }
    Ok(Box::new(breaker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_makes_its_calls_as_it_should_and_probes_fit_into_one_spell() {
        for lane in Lane::all() {
            let caller = lane.build().unwrap();
            let calls = 2 * (lane.warm_up() + 3 * lane.batch());
            assert_eq!(caller.timed(lane.calls_as(), calls), 0, "{lane:?}");
            if let Lane::Probe(_) = lane {
                assert!(calls < u64::from(MOST_PROBES));
            }
        }
    }

    #[test]
    fn lanes_have_labels_of_their_own() {
        let mut labels: Vec<_> = Lane::all().map(|lane| (lane.path(), lane.subject())).collect();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all);
        assert!(Lane::all().any(Lane::is_untimed_closed_success));
    }
}
