//! What follows from a valid configuration: the numbers that decisions use.

use super::timing::Draw;
use crate::bits::scatter;
use crate::clock::{Nanos, Tick};
use crate::grain::Grain;
use crate::word::{Era, MOST_LAPSED, Thresholds};

/// The numbers that decisions use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) permits: u32, // in 1..=63
    pub(super) wait: Wait,
    pub(super) lease: u64,     // ticks, at least 1
    pub(super) lease_cap: u64, // ticks, at least the lease
    pub(crate) half_open_limit: Option<Limit>,
    /// Whether results go into a window.
    pub(crate) windowed: bool,
    /// Whether calls in flight are counted.
    pub(crate) counts_in_flight: bool,
    /// A call is slow that took longer than this, in ns.
    pub(crate) slow_over: u64,
    /// Whether a slow probe is a failed one.
    pub(crate) slow_probes_fail: bool,
    pub(crate) draw: Draw,
    pub(crate) grain: Grain,
}

/// How long a breaker stays open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) first: Option<u64>, // ns, None is never
    pub(super) factor: f64,        // at least 1
    pub(super) cap: u64,           // ns, at least the first
    pub(super) longest_given: u64, // ns
    pub(super) jitter: f64,        // in 0..=1
    pub(super) seed: u64,
}

/// How long a breaker may be half-open, and what it is then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(super) ticks: u64,
    pub(crate) then_opens: bool,
}

/// What a wait is worked out from, besides the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// How many openings in a row this makes; at least 1.
    pub(crate) nth: u32,
    /// The era that begins.
    pub(crate) era: Era,
    /// The wait that the result itself gave, in ns.
    pub(crate) given: Option<u64>,
}

impl Rules {
    /// When a breaker that opens at `now` may probe.
    pub(crate) fn open_until(&self, now: Nanos, opening: Opening) -> Tick {
        match self.wait.of(opening) {
            Some(wait) => Tick::at_or_after(Nanos(now.0.saturating_add(wait))),
            None => Tick::NEVER,
        }
    }

    /// How many ticks a spell may take that follows `lapsed` in a row without a verdict.
    pub(crate) fn lease(&self, lapsed: u32) -> u64 {
        // At most 2^39 ticks, doubled at most 31 times: saturates.
        self.lease.saturating_mul(1 << lapsed.min(31)).min(self.lease_cap)
    }

    /// What is left of `limit`, in ticks, when a spell begins that follows `lapsed` in a
    /// row: each of those took its lease, or somewhat longer, which is not held against it.
    pub(crate) fn limit_left(&self, limit: &Limit, lapsed: u32) -> u64 {
        if lapsed >= MOST_LAPSED {
            return 0; // so often that nobody counts any more, which took weeks
        }
        // From some lease on they are all as long as the cap.
        let doubled = lapsed.min(31);
        let gone = (0..doubled).fold(0u64, |gone, nth| gone.saturating_add(self.lease(nth)));
        let rest = u64::from(lapsed - doubled).saturating_mul(self.lease(doubled));
        limit.ticks.saturating_sub(gone.saturating_add(rest))
    }
}

impl Wait {
    /// In ns; `None` is never.
    fn of(&self, Opening { nth, era, given }: Opening) -> Option<u64> {
        let wait = match given {
            Some(given) => given.min(self.longest_given),
            None => self.step(self.first?, nth),
        };
        if self.jitter == 0.0 {
            return Some(wait);
        }
        // A hash instead of a random number: whoever works the wait out for the same
        // opening gets the same one.
        let share = scatter(self.seed ^ scatter(era.0)) as f64 / 2f64.powi(64); // in 0..=1
        Some(wait.saturating_add((wait as f64 * self.jitter * share) as u64))
    }

    /// The wait of the `nth` opening in a row.
    fn step(&self, first: u64, nth: u32) -> u64 {
        if nth <= 1 || self.factor == 1.0 {
            return first;
        }
        // A float cast saturates; what is too large for an exponent is far above the cap.
        let steps = i32::try_from(nth - 1).unwrap_or(i32::MAX);
        ((first as f64 * self.factor.powi(steps)) as u64).min(self.cap)
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::config::DEFAULT_SETTINGS;

    const SECOND: u64 = 1_000_000_000;
    const FIXED: Wait = Wait {
        first: Some(SECOND),
        factor: 1.0,
        cap: SECOND,
        longest_given: 60 * SECOND,
        jitter: 0.0,
        seed: 0,
    };

    fn nth(nth: u32) -> Opening {
        Opening { nth, era: Era(1), given: None }
    }

    #[test]
    fn a_wait_grows_by_its_factor_up_to_its_cap() {
        let wait = Wait { factor: 2.0, cap: 7 * SECOND, ..FIXED };
        let seconds = [1, 2, 3, 4, 5, 1_000, u32::MAX].map(|n| wait.of(nth(n)).unwrap() / SECOND);
        assert_eq!(seconds, [1, 2, 4, 7, 7, 7, 7]);
        assert_eq!(FIXED.of(nth(9)), Some(SECOND));
    }

    #[test]
    fn a_factor_that_is_no_whole_number_is_exact_where_the_wait_is() {
        let wait = Wait { factor: 1.5, cap: 60 * SECOND, ..FIXED };
        assert_eq!(wait.of(nth(3)), Some(2_250_000_000));
    }

    #[test]
    fn jitter_lengthens_a_wait_within_its_bounds_and_differs_by_seed_and_era() {
        let of = |seed, era, given| {
            let wait = Wait { jitter: 0.5, seed, ..FIXED };
            wait.of(Opening { nth: 1, era: Era(era), given }).unwrap()
        };
        let waits: Vec<u64> = (0..1_000).map(|seed| of(seed, 1, None)).collect();
        assert!(waits.iter().all(|wait| (SECOND..=SECOND * 3 / 2).contains(wait)));
        let mean = waits.iter().sum::<u64>() / 1_000;
        assert!(mean.abs_diff(SECOND * 5 / 4) < SECOND / 50, "{mean}");
        assert!(waits.iter().any(|&wait| wait < SECOND * 21 / 20));
        assert!(waits.iter().any(|&wait| wait > SECOND * 29 / 20));
        assert_ne!(of(1, 1, None), of(1, 2, None));
        assert_eq!(of(1, 1, None), of(1, 1, None));
        assert!((2 * SECOND..=3 * SECOND).contains(&of(7, 7, Some(2 * SECOND))));
    }

    #[test]
    fn a_wait_that_was_given_replaces_the_computed_one_within_its_maximum() {
        let of = |first, given| Wait { first, ..FIXED }.of(Opening { given, ..nth(5) });
        assert_eq!(of(Some(SECOND), Some(30 * SECOND)), Some(30 * SECOND));
        assert_eq!(of(Some(SECOND), Some(u64::MAX)), Some(60 * SECOND));
        assert_eq!(of(None, Some(SECOND)), Some(SECOND), "instead of never");
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn a_spell_that_follows_more_than_can_be_counted_has_nothing_left_of_a_limit() {
        let rules = Rules { lease: 1, lease_cap: 1, ..DEFAULT_SETTINGS.rules };
        let limit = Limit { ticks: u64::MAX, then_opens: false };
        assert!(rules.limit_left(&limit, MOST_LAPSED - 1) > 0);
        assert_eq!(rules.limit_left(&limit, MOST_LAPSED), 0);
    }
}
