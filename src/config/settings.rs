//! All that a breaker goes by at one time.

use super::rules::Wait;
use super::{
    Config, DEFAULT_GIVEN, DEFAULT_LEASE, DEFAULT_PASSES, DEFAULT_THRESHOLD, DEFAULT_WAIT, Draw,
    LEASE_CAP, Rules, nanos, ticks,
};
use crate::clock::Nanos;
use crate::grain::Grain;
use crate::window::{Judge, TripWhen};
use crate::word::{Era, Thresholds};

/// A configuration, its rules and its window, replaced as one by
/// [`reconfigure`](crate::CircuitBreaker::reconfigure).
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
    /// What records and judges results, where a rate or a function decides.
    pub(crate) judge: Option<Box<Judge>>,
    /// Whether the function that judges is another one than the breaker was made with.
    pub(crate) is_rejudged: bool,
}

impl Settings {
    pub(super) fn new(
        config: Config,
        name: &str,
        trip_when: Option<TripWhen>,
        era: Era,
    ) -> Settings {
        let is_custom = trip_when.is_some();
        let rules = config.rules(name, is_custom);
        let judge = config.shape(is_custom).map(|shape| {
            let policy = config.policy();
            Box::new(Judge::new(shape, policy, trip_when, config.in_flight_over(), era))
        });
        Settings { config, rules, judge, is_rejudged: false }
    }

    /// The same breaker's next settings; its window goes on, in the era and at the time of
    /// the change.
    pub(super) fn after(
        now: &Settings,
        config: Config,
        name: &str,
        trip_when: Option<TripWhen>,
        (era, at): (Era, Nanos),
    ) -> Settings {
        let mut next = Settings::new(config, name, trip_when, era);
        if next.config.jitter_seed.is_none() {
            next.rules.wait.seed = now.rules.wait.seed;
        }
        let own = |judge: &Option<Box<Judge>>| judge.as_ref().and_then(|j| j.trip_when().cloned());
        next.is_rejudged = now.is_rejudged || own(&next.judge) != own(&now.judge);
        if let (Some(judge), Some(before)) = (&mut next.judge, &now.judge) {
            judge.go_on_from(before, era, at);
        }
        next
    }
}

pub(crate) static DEFAULT_SETTINGS: Settings = Settings {
    config: Config::DEFAULT,
    rules: Rules {
        thresholds: Thresholds { streak: Some(DEFAULT_THRESHOLD), pass: DEFAULT_PASSES, fail: 1 },
        permits: DEFAULT_PASSES,
        wait: Wait {
            first: Some(nanos(DEFAULT_WAIT)),
            factor: 1.0,
            cap: u64::MAX,
            longest_given: nanos(DEFAULT_GIVEN),
            jitter: 0.0,
            seed: 0,
        },
        lease: ticks(DEFAULT_LEASE),
        lease_cap: ticks(LEASE_CAP),
        half_open_limit: None,
        windowed: false,
        counts_in_flight: false,
        slow_over: u64::MAX,
        slow_probes_fail: false,
        draw: Draw::ADAPTIVE,
        grain: Grain::DEFAULT,
    },
    judge: None,
    is_rejudged: false,
};
