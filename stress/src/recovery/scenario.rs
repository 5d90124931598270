//! What a scenario is, and which there are.

use ampacity::Builder;

use super::scene::{Halt, Scene};
use super::{cascade, descriptors, half_open, herd, outage, single, skew, spike};

/// One way in which things go wrong and get better.
#[derive(Debug)]
pub(super) struct Scenario {
    /// In snake case; its flag, label and check.
    pub(super) name: &'static str,
    /// What must hold, in a line.
    pub(super) holds: &'static str,
    /// What happens, on either clock.
    pub(super) script: fn(&Scene) -> Result<(), Halt>,
    /// Settings with which it must not hold: a check that cannot fail shows nothing.
    pub(super) wrong: &'static [Wrong],
    /// It does to its process what nobody beside it should meet.
    pub(super) alone: bool,
}

/// A breaker that is set otherwise than the scenario says.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What it does then.
    pub(super) what: &'static str,
    pub(super) set: fn(Builder) -> Builder,
}

pub(super) const ALL: [&Scenario; 13] = [
    &single::TRANSIENT,
    &single::INTERMITTENT,
    &half_open::SUCCESS,
    &half_open::FAILURE,
    &half_open::METRICS,
    &cascade::CASCADE,
    &outage::GRADUAL,
    &outage::OUTAGE,
    &spike::SPIKE,
    &skew::SKEW,
    &herd::HERD,
    &herd::FLAPPING,
    &descriptors::EXHAUSTION,
];

pub(super) fn named(name: &str) -> Option<&'static Scenario> {
    ALL.into_iter().find(|scenario| scenario.name == name)
}
