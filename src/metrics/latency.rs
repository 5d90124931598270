//! Latencies as they are read: several histograms, added up.

use crate::grain::Grain;
use crate::metrics::histogram::{Histogram, Tally};
use core::time::Duration;

/// How long calls took; every figure is `None` while no call was timed.
///
/// Percentiles are within 3.2 % of a sample, or what
/// [`latency_error`](crate::Builder::latency_error) says; the ends are exact to the
/// nanosecond. Where not every call is timed, a sample stands for as many calls as
/// it was drawn from, and percentiles and mean are those of all calls, estimated.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::serial::Latency", into = "super::serial::Latency")
)]
#[non_exhaustive]
pub struct Latency {
    /// Calls that were timed.
    pub samples: u64,
    /// Calls that took longer than 2^42 ns (1.2 h), as far as the samples tell;
    /// percentiles that fall there read as `max`.
    pub overflow: u64,
    /// The shortest of those timed.
    pub min: Option<Duration>,
    /// The longest of those timed.
    pub max: Option<Duration>,
    /// The mean; exact where every call is timed.
    pub mean: Option<Duration>,
    /// The median.
    pub p50: Option<Duration>,
    /// The 90th percentile.
    pub p90: Option<Duration>,
    /// The 95th percentile.
    pub p95: Option<Duration>,
    /// The 99th percentile.
    pub p99: Option<Duration>,
    /// The 99.9th percentile.
    pub p999: Option<Duration>,
    spread: Spread,
}

impl Latency {
    /// The time that `share` of all calls took at most: 0.5 is the median, 0 the
    /// shortest, 1 the longest. Shares outside of 0 to 1 are drawn to it; `None`
    /// without a sample, or for a share that is not a number.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        self.spread.percentile(share)
    }

    /// The buckets that hold calls, shortest first: the longest time that belongs to
    /// each, and how many calls it holds. What took longer than the last bucket
    /// reaches is in `overflow`.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let Spread { grain, counts, .. } = &self.spread;
        let held = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        held.map(|(at, &count)| (Duration::from_nanos(grain.last(at)), count))
    }

    /// The calls since `earlier`. The ends are then known to a bucket.
    pub(crate) fn since(&self, earlier: &Latency) -> Latency {
        Latency::of(self.spread.since(&earlier.spread))
    }

    pub(crate) fn of(spread: Spread) -> Latency {
        let at = |share| spread.percentile(share);
        Latency {
            samples: spread.samples,
            overflow: spread.overflow,
            min: at(0.0),
            max: at(1.0),
            mean: spread.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            spread,
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn into_spread(self) -> Spread {
        self.spread
    }
}

/// The buckets of some histograms of one grain, added up.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Spread {
    pub(crate) grain: Grain,
    pub(crate) counts: Vec<u64>, // by bucket, up to the last that holds calls
    pub(crate) overflow: u64,
    pub(crate) samples: u64,
    pub(crate) sum: u128, // ns
    pub(crate) min: u64,  // ns, all ones when empty
    pub(crate) max: u64,  // ns
}

impl Default for Spread {
    fn default() -> Self {
        Self::new(Grain::DEFAULT)
    }
}

impl Spread {
    pub(crate) fn new(grain: Grain) -> Self {
        Self { grain, counts: Vec::new(), overflow: 0, samples: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    pub(crate) fn add(&mut self, histogram: &Histogram) {
        let counts = &mut self.counts;
        histogram.read(self.grain, |at, weight| {
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += weight;
        });
        self.overflow += histogram.overflow();
        self.min = self.min.min(histogram.min());
        self.max = self.max.max(histogram.max());
        self.add_tally(&histogram.tally);
    }

    pub(crate) fn add_tally(&mut self, tally: &Tally) {
        self.samples += tally.samples();
        self.sum += u128::from(tally.sum());
    }

    fn calls(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.overflow
    }

    fn percentile(&self, share: f64) -> Option<Duration> {
        let calls = self.calls();
        if calls == 0 || self.min > self.max || share.is_nan() {
            return None;
        }
        let nanos = if share <= 0.0 {
            self.min
        } else if share >= 1.0 {
            self.max
        } else {
            let rank = ((share * calls as f64).ceil() as u64).clamp(1, calls);
            let mut below = 0;
            let found = self.counts.iter().position(|count| {
                below += count;
                below >= rank
            });
            // The ends are known exactly, and a sample alone is both of them.
            found.map_or(self.max, |at| self.grain.middle(at)).clamp(self.min, self.max)
        };
        Some(Duration::from_nanos(nanos))
    }

    fn mean(&self) -> Option<Duration> {
        let calls = self.calls();
        if calls == 0 || self.min > self.max {
            return None;
        }
        // Clamped: a cell's sum wraps after 584 years, which a leaping clock can show.
        let mean = (self.sum / u128::from(calls)).min(u64::MAX.into()) as u64;
        Some(Duration::from_nanos(mean.clamp(self.min, self.max)))
    }

    fn since(&self, earlier: &Spread) -> Spread {
        if earlier.samples == 0 || earlier.grain != self.grain {
            return self.clone();
        }
        let mut rest = Spread::new(self.grain);
        rest.overflow = self.overflow.saturating_sub(earlier.overflow);
        rest.samples = self.samples.saturating_sub(earlier.samples);
        rest.sum = self.sum.saturating_sub(earlier.sum);
        let before = earlier.counts.iter().copied().chain(core::iter::repeat(0));
        rest.counts =
            self.counts.iter().zip(before).map(|(now, was)| now.saturating_sub(was)).collect();
        let held = |&count: &u64| count > 0;
        let last = rest.counts.iter().rposition(held);
        rest.counts.truncate(last.map_or(0, |last| last + 1));
        if let Some(first) = rest.counts.iter().position(held) {
            rest.min = self.grain.first(first).max(self.min);
        }
        if let Some(last) = last {
            rest.max = self.grain.last(last).min(self.max);
        }
        if rest.overflow > 0 {
            rest.max = self.max;
            rest.min = rest.min.min(self.max);
        }
        rest
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::grain::TOP_BITS;
    use crate::metrics::shard::Writer;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn recorded(grain: Grain, values: &[u64]) -> Histogram {
        let histogram = Histogram::new(grain);
        for &value in values {
            histogram.record(grain, Writer::Owner, 1, value, value);
            histogram.tally.add(Writer::Owner, 1, value);
        }
        histogram
    }

    fn spread(values: &[u64]) -> Spread {
        let mut spread = Spread::default();
        spread.add(&recorded(Grain::DEFAULT, values));
        spread
    }

    fn latency(values: &[u64]) -> Latency {
        Latency::of(spread(values))
    }

    /// The value that `share` of `sorted` are at or below.
    fn exact(sorted: &[u64], share: f64) -> u64 {
        let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
        sorted[rank - 1]
    }

    #[test]
    fn one_sample_gives_that_sample_and_none_gives_none() {
        assert_eq!(latency(&[]), Latency::default());
        assert_eq!(Latency::default().percentile(0.5), None);
        let one = latency(&[1_234_567]);
        assert_eq!(one.p50, Some(Duration::from_nanos(1_234_567)));
        assert_eq!(one.p999, one.min);
        assert_eq!(one.mean, one.max);
    }

    #[test]
    fn the_mean_of_ten_to_fifty_milliseconds_is_thirty_exactly() {
        let ms = [10, 20, 30, 40, 50].map(|ms| ms * 1_000_000);
        assert_eq!(latency(&ms).mean, Some(Duration::from_millis(30)));
    }

    #[test]
    fn what_took_longer_than_the_top_is_counted_and_reads_as_the_longest() {
        let latency = latency(&[5, 1 << 43]);
        assert_eq!((latency.samples, latency.overflow), (2, 1));
        assert_eq!(latency.p99, Some(Duration::from_nanos(1 << 43)));
        let all_beyond = Latency::of(spread(&[1 << 50, 1 << 51]));
        assert_eq!(all_beyond.p50, Some(Duration::from_nanos(1 << 51)));
    }

    #[test]
    fn shares_that_are_none_ask_for_an_end_or_for_nothing() {
        let latency = latency(&[10, 20, 30]);
        assert_eq!(latency.percentile(-1.0), latency.min);
        assert_eq!(latency.percentile(f64::INFINITY), latency.max);
        assert_eq!(latency.percentile(f64::NAN), None);
    }

    #[test]
    fn a_sample_counts_as_often_as_it_stands_for_others() {
        let histogram = Histogram::new(Grain::DEFAULT);
        for (weight, value) in [(1, 1_000), (16, 5_000)] {
            histogram.record(Grain::DEFAULT, Writer::Shared, weight, value, value);
            histogram.tally.add(Writer::Shared, weight, value);
        }
        let mut spread = Spread::default();
        spread.add(&histogram);
        let latency = Latency::of(spread);
        assert_eq!(latency.samples, 2);
        assert_eq!(latency.buckets().map(|(_, calls)| calls).sum::<u64>(), 17);
        assert_eq!(latency.mean, Some(Duration::from_nanos((1_000 + 16 * 5_000) / 17)));
        assert!(latency.percentile(0.06) > latency.min);
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_its_error_of_the_exact_order_statistic(
            mut values in vec(1u64..1 << TOP_BITS, 1..200),
            share in 0.0f64..1.0,
            error in 0.002f64..0.25,
        ) {
            let grain = Grain::within(error);
            let mut spread = Spread::new(grain);
            spread.add(&recorded(grain, &values));
            values.sort_unstable();
            let exact = if share == 0.0 { values[0] } else { exact(&values, share) } as f64;
            let found = spread.percentile(share).unwrap().as_nanos() as f64;
            prop_assert!((found - exact).abs() <= exact * error, "{found} for {exact}");
        }

        #[test]
        fn percentiles_are_those_of_hdrhistogram_within_both_errors(
            values in vec(1u64..1 << TOP_BITS, 1..200), share in 0.001f64..1.0,
        ) {
            let mut theirs = hdrhistogram::Histogram::<u64>::new(3).unwrap();
            values.iter().for_each(|&value| theirs.record(value).unwrap());
            let theirs = theirs.value_at_quantile(share) as f64;
            let ours = spread(&values).percentile(share).unwrap().as_nanos() as f64;
            prop_assert!((ours - theirs).abs() <= theirs * (1.0 / 32.0 + 0.001), "{ours} for {theirs}");
        }

        #[test]
        fn adding_histograms_up_is_the_same_as_recording_in_one(
            parts in vec(vec(1u64..1 << 44, 0..50), 1..8),
        ) {
            let mut sum = Spread::default();
            for part in &parts {
                sum.add(&recorded(Grain::DEFAULT, part));
            }
            prop_assert_eq!(sum, spread(&parts.concat()));
        }

        #[test]
        fn a_difference_is_what_was_recorded_in_between(
            before in vec(1u64..1 << 44, 0..50), after in vec(1u64..1 << 44, 0..50),
            share in 0.01f64..0.99,
        ) {
            let all = spread(&[before.clone(), after.clone()].concat());
            let between = all.since(&spread(&before));
            let alone = spread(&after);
            prop_assert_eq!(&between.counts, &alone.counts);
            prop_assert_eq!(
                (between.samples, between.sum, between.overflow),
                (alone.samples, alone.sum, alone.overflow)
            );
            match (between.percentile(share), alone.percentile(share)) {
                (Some(found), Some(known)) if known.as_nanos() < 1 << TOP_BITS => {
                    let (found, known) = (found.as_nanos() as f64, known.as_nanos() as f64);
                    prop_assert!((found - known).abs() <= known / 16.0, "{found} for {known}");
                }
                (found, known) => prop_assert_eq!(found.is_some(), known.is_some()),
            }
        }
    }
}
