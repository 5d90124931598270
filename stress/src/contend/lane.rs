//! What is traced: who makes which calls.

use std::hint::spin_loop;
use std::time::Duration;

use ampacity::{Builder, CircuitBreaker, ConfigError, ManualClock, State, Timing};
use clap::ValueEnum;

use crate::program::Failure;
use crate::rivals::floors::Work;
use crate::rivals::single_atomic::SingleAtomic;
use crate::rivals::{Caller, Path, Who};
use crate::workload::Policy;

/// One kind of call of one breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lane {
    /// As `glance` measures it.
    Glance(Path, Who),
    SingleAtomic(Path),
    /// This crate's, under one of its policies.
    Policy(Path, Policy),
    /// Probes of a half-open breaker: admitted, and passed.
    Probe(Timing),
}

/// How many kinds of calls: each instruction is a step, and takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Extent {
    /// As many as a quick look has the time for.
    Few,
    /// Without those that say about the same as another.
    Some,
    /// All.
    All,
}

impl Extent {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Some => "some",
            Self::All => "all",
        }
    }
}

/// Exact figures need no more, and each instruction is a step.
const CALLS: u64 = 2;
/// Where only one call in 16 is timed, the means of few.
const SAMPLED_CALLS: u64 = if cfg!(debug_assertions) { 2 } else { 16 };
/// Where nothing may be shared, also not by one call in so many.
const CHECKED_CALLS: u64 = if cfg!(debug_assertions) { 4 } else { 128 };
/// One spell hands out no more probes.
const MOST_PROBES: u32 = 63;

const DAY: Duration = Duration::from_secs(24 * 3600);

const GLANCE: [Who; 8] = [
    Who::Floor(Work::A),
    Who::Floor(Work::B),
    Who::Floor(Work::C),
    Who::StdMutex,
    Who::ParkingLot,
    Who::Off,
    Who::Adaptive,
    Who::Every,
];
const FEW: [Lane; 5] = [
    Lane::Glance(Path::Success, Who::StdMutex),
    Lane::SingleAtomic(Path::Success),
    Lane::Glance(Path::Success, Who::Off),
    Lane::Glance(Path::Failing, Who::Off),
    Lane::Probe(Timing::Off),
];

impl Lane {
    pub(super) fn all(extent: Extent) -> impl Iterator<Item = Self> {
        let paths = Path::ALL.into_iter().flat_map(|path| {
            // The floors are shown on one path.
            let floors_too = path == Path::Success;
            let glance = GLANCE.into_iter().filter(move |who| {
                who.takes(path) && (floors_too || !matches!(who, Who::Floor(_)))
            });
            // A breaker that is open does not ask its policy; and failures in a row are what
            // it has when nobody says otherwise.
            let policies = Policy::ALL
                .into_iter()
                .filter(move |policy| path != Path::Rejected && *policy != Policy::Streak);
            glance
                .map(move |who| Self::Glance(path, who))
                .chain([Self::SingleAtomic(path)])
                .chain(policies.map(move |policy| Self::Policy(path, policy)))
        });
        let probes = [Timing::Off, Timing::Sampled(16), Timing::Every].map(Self::Probe);
        paths.chain(probes).filter(move |lane| match extent {
            Extent::Few => FEW.contains(lane),
            Extent::Some => !matches!(
                lane,
                Self::Policy(Path::Failing, _)
                    | Self::Glance(Path::Failing, Who::Adaptive)
                    | Self::Probe(Timing::Sampled(_))
            ),
            Extent::All => true,
        })
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Glance(path, _) | Self::SingleAtomic(path) | Self::Policy(path, _) => path.name(),
            Self::Probe(_) => "half_open_probe",
        }
    }

    pub(super) fn path_title(self) -> &'static str {
        match self {
            Self::Glance(path, _) | Self::SingleAtomic(path) | Self::Policy(path, _) => {
                path.title()
            }
            Self::Probe(_) => "probe of a half-open breaker that passes",
        }
    }

    pub(super) fn subject(self) -> String {
        match self {
            Self::Glance(_, who) => who.name().to_owned(),
            Self::SingleAtomic(_) => "single_atomic".to_owned(),
            Self::Policy(_, policy) => format!("ampacity_{}", policy.name()),
            Self::Probe(timing) => timed_as(timing).name().to_owned(),
        }
    }

    pub(super) fn title(self) -> String {
        match self {
            Self::Glance(_, who) => who.title().to_owned(),
            Self::SingleAtomic(_) => "single atomic word".to_owned(),
            Self::Policy(_, policy) => format!("ampacity, {}", policy.workload_title().trim()),
            Self::Probe(timing) => timed_as(timing).title().to_owned(),
        }
    }

    /// Whether it is this crate's breaker on its shortest way: the one that must neither
    /// lock nor share.
    pub(super) fn is_untimed_closed_success(self) -> bool {
        self == Self::Glance(Path::Success, Who::Off)
    }

    /// Whether it times one call in 16: then its figures are means of few.
    pub(super) fn is_sampled(self) -> bool {
        match self {
            Self::Glance(path, who) => {
                let sampled = matches!(who, Who::Adaptive | Who::Floor(Work::B));
                sampled && path != Path::Rejected
            }
            Self::SingleAtomic(_) | Self::Policy(..) => false,
            Self::Probe(timing) => matches!(timing, Timing::Sampled(_)),
        }
    }

    /// What its calls do.
    pub(super) fn calls_as(self) -> Path {
        match self {
            Self::Glance(path, _) | Self::SingleAtomic(path) | Self::Policy(path, _) => path,
            Self::Probe(_) => Path::Success,
        }
    }

    /// Calls of the first batch; an even number, as failures and successes take turns.
    pub(super) fn batch(self) -> u64 {
        match self {
            Self::Probe(_) => CALLS,
            _ if self.is_untimed_closed_success() => CHECKED_CALLS,
            _ if self.is_sampled() => SAMPLED_CALLS,
            _ => CALLS,
        }
    }

    /// Calls that each thread makes before.
    pub(super) fn warm_up(self) -> u64 {
        match self {
            Self::Probe(_) => 4,
            _ => 64,
        }
    }

    pub(super) fn build(self) -> Result<Box<dyn Caller>, Failure> {
        let built = match self {
            Self::Glance(path, who) => who.build_to_count(path),
            Self::SingleAtomic(path) => Ok(Box::new(SingleAtomic::for_path(path)) as Box<_>),
            Self::Policy(_, policy) => {
                // A clock that stands still: calls take so long under a tracer that slices of
                // time would end in the middle of a batch.
                let builder = policy.builder().open_for(DAY).clock(ManualClock::new());
                let builder = match policy.times_every_call() {
                    true => builder,
                    false => builder.timing(Timing::Off),
                };
                builder.build().map(|breaker| Box::new(breaker) as Box<_>)
            }
            Self::Probe(timing) => half_open(CircuitBreaker::builder("probed").timing(timing)),
        };
        built.map_err(|error| Failure(error.to_string()))
    }
}

fn timed_as(timing: Timing) -> Who {
    match timing {
        Timing::Off => Who::Off,
        Timing::Every => Who::Every,
        _ => Who::Adaptive,
    }
}

/// A breaker in a spell that lasts for all probes there can be.
fn half_open(builder: Builder) -> Result<Box<dyn Caller>, ConfigError> {
    let breaker = builder
        .open_for(Duration::from_millis(1))
        .success_threshold(MOST_PROBES)
        .half_open_permits(MOST_PROBES)
        .probe_lease(DAY)
        .build()?;
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
        for lane in Lane::all(Extent::All) {
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
        let mut labels: Vec<_> =
            Lane::all(Extent::All).map(|lane| (lane.path(), lane.subject())).collect();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all);
        for extent in [Extent::Few, Extent::Some, Extent::All] {
            assert!(Lane::all(extent).any(Lane::is_untimed_closed_success));
        }
        assert_eq!(Lane::all(Extent::Few).count(), FEW.len());
    }
}
