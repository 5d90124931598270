//! What the sums of a window say: to trip, or how far from it they are.
//!
//! Thresholds are inclusive, and a rate is compared by division. A quotient of two counts
//! is the `f64` nearest to the true ratio, and so is a literal: 7 of 100 and `0.07` are
//! the same number. `0.07 * 100.0` is more than 7, and a rate that is multiplied out
//! would want an eighth failure.

use super::Sums;

/// The rates at which a breaker trips. Each is in (0, 1]; a rate that is not a number or
/// is above 1 is never reached.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Policy {
    pub(crate) failure_rate: Option<f64>,
    pub(crate) slow_rate: Option<f64>,
    /// How many results it takes before there are rates at all; none is taken for one.
    pub(crate) minimum: u64,
}

/// The rate that made a breaker trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    FailureRate,
    SlowCallRate,
}

/// What sums say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judged {
    Trip(Which),
    /// All that is missing is the minimum: successes alone would complete it and trip.
    Armed,
    /// Whatever comes, `slack` more failures or slow calls, with any number of good calls
    /// among them, lead neither to `Armed` nor to `Trip`; one more can. For as long as
    /// no result leaves the window, but for those that a count window pushes out.
    Below {
        slack: u64,
    },
}

/// Up to here an `f64` holds every number, so that a rate with one more failure in it is
/// never lower. At a million results a second it takes 285 years to get there.
const COUNTABLE: u64 = 1 << f64::MANTISSA_DIGITS;

/// Whether `part` of `whole` is at least `rate`: the one comparison, by which everything
/// here that is computed otherwise is verified.
fn reaches(part: u64, whole: u64, rate: f64) -> bool {
    part as f64 / whole as f64 >= rate
}

impl Policy {
    /// The failure rate and the slow-call rate, if there are enough results for them;
    /// whether or not there are thresholds.
    pub(crate) fn rates(&self, sums: Sums) -> (Option<f64>, Option<f64>) {
        let rate =
            |part: u64| (sums.calls >= self.least()).then(|| part as f64 / sums.calls as f64);
        (rate(sums.failed), rate(sums.slow))
    }

    /// What the sums of a window say that only grows; of two rates that are reached, the
    /// failure rate counts.
    #[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
    pub(crate) fn judge(&self, sums: Sums) -> Judged {
        self.judge_last(sums, u64::MAX)
    }

    /// What the sums of the last `len` results say: when there are as many, each further
    /// one pushes one out, and at worst a good one.
    pub(crate) fn judge_last(&self, sums: Sums, len: u64) -> Judged {
        let thresholds = [
            (Which::FailureRate, self.failure_rate, sums.failed),
            (Which::SlowCallRate, self.slow_rate, sums.slow),
        ];
        let complete = sums.calls.max(self.least());
        let mut slack = u64::MAX;
        for (which, rate, bad) in thresholds {
            let Some(rate) = rate else { continue };
            if reaches(bad, complete, rate) {
                return if sums.calls < complete { Judged::Armed } else { Judged::Trip(which) };
            }
            slack = slack.min(self.slack(bad, sums.calls, len, rate));
        }
        Judged::Below { slack }
    }

    /// Whether a share as high as a threshold is bad, of however few results.
    pub(crate) fn is_high(&self, sums: Sums) -> bool {
        let reached = |rate: Option<f64>, bad| {
            rate.is_some_and(|rate| sums.calls > 0 && reaches(bad, sums.calls, rate))
        };
        reached(self.failure_rate, sums.failed) || reached(self.slow_rate, sums.slow)
    }

    /// How many more bad results leave a rate that is not reached out of reach.
    ///
    /// Bad ones that come one after the other are the worst: a good one lowers the rate,
    /// or at best takes the place of one that is missing to the minimum or of a good one.
    fn slack(&self, bad: u64, calls: u64, len: u64, rate: f64) -> u64 {
        let sees = COUNTABLE.saturating_sub(calls);
        if sees == 0 {
            return 0; // nothing is certain any more
        }
        let first = first_in(sees, |more| {
            let calls = (calls + more).min(len.max(calls)).max(self.least());
            reaches(bad.saturating_add(more), calls, rate)
        });
        first.map_or(u64::MAX, |first| first - 1)
    }

    /// At least one, so that nothing is divided by none.
    fn least(&self) -> u64 {
        self.minimum.max(1)
    }
}

/// The fewest failures among `permits` probes (at least one) that reach `rate`: all of
/// them, if none else.
pub(crate) fn failures_to_reopen(permits: u32, rate: f64) -> u32 {
    let permits = permits.max(1);
    // At most `permits`, so that nothing is cut off.
    first_in(permits.into(), |failures| reaches(failures, permits.into(), rate))
        .map_or(permits, |failures| failures as u32)
}

/// The first number in `1..=last` for which `holds`, if that holds for all after it.
///
/// Found by doubled steps and then by halves: thresholds are mostly near, and a formula
/// for the number would have to be checked against rounding anyway.
fn first_in(last: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut fails, mut step) = (0, 1);
    let mut found = loop {
        let number = last.min(fails + step);
        if holds(number) {
            break number;
        }
        if number == last {
            return None;
        }
        (fails, step) = (number, step * 2);
    };
    while found - fails > 1 {
        let middle = fails + (found - fails) / 2;
        if holds(middle) {
            found = middle;
        } else {
            fails = middle;
        }
    }
    Some(found)
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet, VecDeque};

    fn sums(calls: u64, failed: u64, slow: u64) -> Sums {
        Sums { calls, failed, slow }
    }

    fn of_failures(rate: f64, minimum: u64) -> Policy {
        Policy { failure_rate: Some(rate), slow_rate: None, minimum }
    }

    const NEVER: Judged = Judged::Below { slack: u64::MAX };
    const FAILURES: Judged = Judged::Trip(Which::FailureRate);
    const SLOW_CALLS: Judged = Judged::Trip(Which::SlowCallRate);

    #[test]
    fn a_decimal_threshold_is_reached_at_exactly_that_share() {
        for percent in 1..=100 {
            let rate: f64 = format!("{}.{:02}", percent / 100, percent % 100).parse().unwrap();
            for hundreds in [1, 3, 10, 655] {
                let (calls, failed) = (hundreds * 100, hundreds * percent);
                let policy = of_failures(rate, 1);
                assert_eq!(policy.judge(sums(calls, failed, 0)), FAILURES, "{rate} of {calls}");
                assert_ne!(policy.judge(sums(calls, failed - 1, 0)), FAILURES, "{rate}");
                assert_eq!(u64::from(failures_to_reopen(calls as u32, rate)), failed);
            }
        }
        for (rate, calls, failed) in [(0.07, 100, 7), (0.29, 100, 29), (0.3, 10, 3), (0.1, 30, 3)] {
            assert_eq!(of_failures(rate, 1).judge(sums(calls, failed, 0)), FAILURES);
            assert_ne!(of_failures(rate, 1).judge(sums(calls, failed - 1, 0)), FAILURES);
        }
    }

    #[test]
    fn below_the_minimum_there_are_no_rates_and_at_it_there_are() {
        for policy in [of_failures(0.5, 4), Policy { failure_rate: None, ..of_failures(0.5, 4) }] {
            assert_eq!(policy.rates(sums(3, 3, 1)), (None, None));
            assert_eq!(policy.rates(sums(4, 3, 1)), (Some(0.75), Some(0.25)));
        }
        let policy = of_failures(0.5, 0);
        assert_eq!(policy.rates(sums(0, 0, 0)), (None, None));
        assert_eq!(policy.judge(sums(0, 0, 0)), Judged::Below { slack: 0 });
        assert_eq!(policy.judge(sums(1, 1, 0)), FAILURES);
    }

    #[test]
    fn armed_is_when_only_the_minimum_is_missing() {
        let policy = of_failures(0.5, 10);
        assert_eq!(policy.judge(sums(4, 4, 0)), Judged::Below { slack: 0 });
        assert_eq!(policy.judge(sums(5, 5, 0)), Judged::Armed);
        assert_eq!(policy.judge(sums(9, 5, 0)), Judged::Armed);
        assert_eq!(policy.judge(sums(10, 5, 0)), FAILURES);
        assert_eq!(policy.judge(sums(9, 4, 9)), Judged::Below { slack: 0 });
    }

    #[test]
    fn either_rate_trips_and_of_both_the_failure_rate_is_named() {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: Some(0.8), minimum: 5 };
        assert_eq!(policy.judge(sums(10, 5, 0)), FAILURES);
        assert_eq!(policy.judge(sums(10, 4, 8)), SLOW_CALLS);
        assert_eq!(policy.judge(sums(10, 5, 8)), FAILURES);
        assert_eq!(policy.judge(sums(4, 0, 4)), Judged::Armed);
        // One more of each: 5 of 11 failed, 8 of 11 slow. Two more: 6 of 12.
        assert_eq!(policy.judge(sums(10, 4, 7)), Judged::Below { slack: 1 });
        // Of the slow calls alone: 8 of 10, the next.
        assert_eq!(policy.judge(sums(9, 1, 7)), Judged::Below { slack: 0 });
    }

    #[test]
    fn what_cannot_be_reached_is_never_reached() {
        let none = Policy { failure_rate: None, slow_rate: None, minimum: 1 };
        assert_eq!(none.judge(sums(9, 9, 9)), NEVER);
        assert_eq!(of_failures(1.0, 5).judge(sums(1, 0, 1)), NEVER);
        assert_eq!(of_failures(1.0, 5).judge(sums(1_000_000, 999_999, 0)), NEVER);
        for rate in [f64::NAN, f64::INFINITY, 1.0 + f64::EPSILON] {
            assert_eq!(of_failures(rate, 5).judge(sums(9, 9, 9)), NEVER);
            assert_eq!(failures_to_reopen(9, rate), 9);
        }
    }

    #[test]
    fn the_failures_that_reopen_are_the_fewest_that_reach_the_rate() {
        for permits in 1..=63 {
            for part in 1..=permits {
                let rate = f64::from(part) / f64::from(permits);
                assert_eq!(failures_to_reopen(permits, rate), part);
                assert_eq!(failures_to_reopen(permits, rate.next_down()), part);
                let next = (part + 1).min(permits);
                assert_eq!(failures_to_reopen(permits, rate.next_up()), next);
            }
        }
        assert_eq!((failures_to_reopen(0, 0.5), failures_to_reopen(9, 0.0)), (1, 1));
        assert_eq!(failures_to_reopen(u32::MAX, 1.0), u32::MAX);
    }

    /// A rate by whole numbers, so that no rounding is repeated here.
    #[derive(Clone, Copy, Debug)]
    struct Ratio(u64, u64);

    impl Ratio {
        fn rate(self) -> f64 {
            self.0 as f64 / self.1 as f64
        }

        fn reached(self, bad: u64, calls: u64) -> bool {
            bad * self.1 >= self.0 * calls
        }
    }

    fn a_ratio() -> impl Strategy<Value = Ratio> {
        (1..=100_u64).prop_flat_map(|whole| (1..=whole, Just(whole))).prop_map(|(k, n)| Ratio(k, n))
    }

    fn a_small_window(most: u64) -> impl Strategy<Value = Sums> {
        (0..=most)
            .prop_flat_map(|calls| (Just(calls), 0..=calls, 0..=calls))
            .prop_map(|(calls, failed, slow)| sums(calls, failed, slow))
    }

    /// What sums say, straight from the words: `None` is below.
    fn said(
        failures: Option<Ratio>,
        slow: Option<Ratio>,
        minimum: u64,
        of: Sums,
    ) -> Option<Judged> {
        let reached = |calls| {
            let failed = failures.is_some_and(|ratio| ratio.reached(of.failed, calls));
            let slow = slow.is_some_and(|ratio| ratio.reached(of.slow, calls));
            (failed, slow)
        };
        match reached(of.calls.max(minimum)) {
            (false, false) => None,
            _ if of.calls < minimum => Some(Judged::Armed),
            (true, _) => Some(FAILURES),
            (false, true) => Some(SLOW_CALLS),
        }
    }

    const HORIZON: usize = 26;

    proptest! {
        #[test]
        fn slack_is_one_less_than_the_fewest_bad_results_on_any_way_out(
            failures in prop::option::of(a_ratio()),
            slow in prop::option::of(a_ratio()),
            minimum in 1..12_u64,
            start in a_small_window(12),
        ) {
            let rate = |ratio: Option<Ratio>| ratio.map(Ratio::rate);
            let policy =
                Policy { failure_rate: rate(failures), slow_rate: rate(slow), minimum };
            let judged = policy.judge(start);
            let Judged::Below { slack } = judged else {
                prop_assert_eq!(Some(judged), said(failures, slow, minimum, start));
                return Ok(());
            };
            prop_assert_eq!(said(failures, slow, minimum, start), None);

            // Every way on, those with fewer bad results first: a good one goes to the
            // front of the queue, a bad one to its end.
            const SIDE: usize = HORIZON + 1;
            let mut seen = vec![false; SIDE * SIDE * SIDE];
            let mut queue = VecDeque::from([(start, 0)]);
            let mut fewest = None;
            while let Some((at, bad)) = queue.pop_front() {
                let index = (at.calls as usize * SIDE + at.failed as usize) * SIDE
                    + at.slow as usize;
                if at.calls as usize == HORIZON || std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                if said(failures, slow, minimum, at).is_some() {
                    fewest = Some(bad);
                    break;
                }
                queue.push_front((sums(at.calls + 1, at.failed, at.slow), bad));
                for (failed, slow) in [(1, 0), (0, 1), (1, 1)] {
                    let next = sums(at.calls + 1, at.failed + failed, at.slow + slow);
                    queue.push_back((next, bad + 1));
                }
            }
            match fewest {
                Some(fewest) => prop_assert_eq!(slack + 1, fewest),
                None => prop_assert!(start.calls.saturating_add(slack) >= HORIZON as u64 - 1),
            }
        }

        #[test]
        fn slack_of_the_last_results_is_exact_whatever_they_push_out(
            ratio in a_ratio(), len in 1..7_usize, minimum in 1..7_u64,
        ) {
            let minimum = minimum.min(len as u64);
            let policy = of_failures(ratio.rate(), minimum);
            let of = |window: &[bool]| {
                sums(window.len() as u64, window.iter().filter(|&&bad| bad).count() as u64, 0)
            };
            let is_out = |window: &[bool]| said(Some(ratio), None, minimum, of(window)).is_some();
            // The fewest bad results that lead out, over every order of what is there.
            let mut fewest = HashMap::new();
            let windows = (0..=len).flat_map(|held| (0..1_u32 << held).map(move |bits| {
                (0..held).map(|place| bits >> place & 1 == 1).collect::<Vec<bool>>()
            }));
            for start in windows {
                let (mut seen, mut queue) = (HashSet::new(), VecDeque::from([(start.clone(), 0)]));
                let mut found = None;
                while let Some((window, bad)) = queue.pop_front() {
                    if is_out(&window) {
                        found = Some(bad);
                        break;
                    }
                    if !seen.insert(window.clone()) {
                        continue;
                    }
                    let from = usize::from(window.len() == len);
                    let then = |bad| [&window[from..], &[bad]].concat();
                    queue.push_front((then(false), bad));
                    queue.push_back((then(true), bad + 1));
                }
                let here = of(&start);
                let fewest = fewest.entry((here.calls, here.failed)).or_insert(u64::MAX);
                *fewest = found.unwrap().min(*fewest);
            }
            for ((calls, failed), fewest) in fewest {
                match policy.judge_last(sums(calls, failed, 0), len as u64) {
                    Judged::Below { slack } => prop_assert_eq!(slack + 1, fewest),
                    Judged::Armed | Judged::Trip(_) => prop_assert_eq!(fewest, 0),
                }
            }
        }

        #[test]
        fn slack_is_safe_with_any_good_results_among_and_one_more_is_not(
            ratio in a_ratio(), minimum in 1..=30_u64, start in a_small_window(60),
        ) {
            let policy = of_failures(ratio.rate(), minimum);
            let Judged::Below { slack } = policy.judge(start) else { return Ok(()) };
            let outside = |bad: u64, good: u64| {
                let then = sums(start.calls + bad + good, start.failed + bad, 0);
                said(Some(ratio), None, minimum, then).is_some()
            };
            for bad in 0..=slack.min(7_000) {
                for good in 0..=31 {
                    prop_assert!(!outside(bad, good), "{} bad and {} good", bad, good);
                }
            }
            if slack == u64::MAX {
                prop_assert!(ratio.0 == ratio.1 && start.failed < start.calls);
            } else {
                prop_assert!((0..=31).any(|good| outside(slack + 1, good)));
            }
        }

        #[test]
        fn a_good_result_takes_no_slack_and_a_bad_one_at_most_one(
            rates: (Option<f64>, Option<f64>),
            some in (0.001..1.0, 0.001..1.0),
            minimum in 0..1_u64 << 50,
            calls in 0..1_u64 << 50,
            shares in (0.0..1.0, 0.0..1.0),
        ) {
            let policy = Policy {
                failure_rate: rates.0.map(|_| some.0),
                slow_rate: rates.1.map(|_| some.1),
                minimum,
            };
            let share = |share: f64| (calls as f64 * share) as u64;
            let (failed, slow) = (share(shares.0), share(shares.1));
            if let Judged::Below { slack } = policy.judge(sums(calls, failed, slow)) {
                let Judged::Below { slack: after } = policy.judge(sums(calls + 1, failed, slow))
                else { panic!("a good result trips") };
                prop_assert!(after >= slack);
                match policy.judge(sums(calls + 1, failed + 1, slow + 1)) {
                    Judged::Below { slack: after } => prop_assert!(after >= slack.saturating_sub(1)),
                    _ => prop_assert_eq!(slack, 0),
                }
            }
        }

        #[test]
        fn more_failures_of_as_many_calls_are_never_better(
            some in (0.0..1.0, 0.0..1.0), minimum in 0..40_u64, start in a_small_window(60),
        ) {
            let policy = Policy { failure_rate: Some(some.0), slow_rate: Some(some.1), minimum };
            let left = |sums| match policy.judge(sums) {
                Judged::Below { slack } => slack.saturating_add(1),
                Judged::Armed | Judged::Trip(_) => 0,
            };
            if start.failed < start.calls {
                let worse = sums(start.calls, start.failed + 1, start.slow);
                prop_assert!(left(worse) <= left(start));
            }
        }

        #[test]
        fn no_number_is_too_large(
            calls: u64, failed: u64, slow: u64, minimum: u64, rate: f64,
            other in 0.0..=1.0, permits: u32,
        ) {
            let policy = Policy { failure_rate: Some(rate), slow_rate: Some(other), minimum };
            for calls in [calls, calls >> 3, calls >> 30, u64::MAX] {
                let sums = sums(calls, failed.min(calls), slow.min(calls));
                let _ = (policy.judge(sums), policy.rates(sums));
            }
            prop_assert!((1..=permits.max(1)).contains(&failures_to_reopen(permits, rate)));
        }
    }
}
