//! Latencies in log-linear buckets.
//!
//! Sixteen buckets to the octave, so a bucket is at most a sixteenth of its lower
//! bound wide and its middle is within 1/32, 3.125 %, of anything in it. The
//! scheme is that of HdrHistogram (Gil Tene).

use crate::metrics::shard::Writer;
use crate::sync::{Atomic, Ordering};
use core::time::Duration;

const SUB_BITS: u32 = 4;
const SUB: u64 = 1 << SUB_BITS;
/// 2^42 ns is 1.2 h; what took longer is counted as overflow.
const TOP_BITS: u32 = 42;
const BUCKETS: usize = ((TOP_BITS - SUB_BITS + 1) << SUB_BITS) as usize;

/// The bucket of a duration; `BUCKETS` and above is overflow.
fn index(nanos: u64) -> usize {
    if nanos < SUB {
        return nanos as usize;
    }
    let octave = nanos.ilog2() - SUB_BITS; // how far a bucket of this octave is shifted
    (((u64::from(octave) + 1) << SUB_BITS) + ((nanos >> octave) & (SUB - 1))) as usize
}

/// The middle of a bucket.
fn middle(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB {
        return index;
    }
    let octave = (index >> SUB_BITS) - 1;
    let low = (SUB + (index & (SUB - 1))) << octave;
    low + ((1 << octave) >> 1)
}

/// A histogram that one thread writes, or a stripe that several do.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[Atomic<u64>]>,
    overflow: Atomic<u64>,
    sum: Atomic<u64>,  // ns
    min: Atomic<u64>,  // ns, all ones when empty
    max: Atomic<u64>,  // ns
    last: Atomic<u64>, // the clock's ns at the end of the last call, plus 1; 0 is none
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| Atomic::new(0)).collect(),
            overflow: Atomic::new(0),
            sum: Atomic::new(0),
            min: Atomic::new(u64::MAX),
            max: Atomic::new(0),
            last: Atomic::new(0),
        }
    }

    pub(crate) fn record(&self, writer: Writer, nanos: u64, ended: u64) {
        writer.tally(self.buckets.get(index(nanos)).unwrap_or(&self.overflow), 1);
        writer.tally(&self.sum, nanos);
        writer.lower(&self.min, nanos);
        writer.raise(&self.max, nanos);
        writer.raise(&self.last, ended.saturating_add(1));
    }
}

/// Several histograms, added up.
#[derive(Clone)]
pub(crate) struct Merged {
    buckets: Vec<u64>,
    overflow: u64,
    sum: u128,
    min: u64,
    max: u64,
    last: u64,
}

impl Merged {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], overflow: 0, sum: 0, min: u64::MAX, max: 0, last: 0 }
    }

    pub(crate) fn add(&mut self, histogram: &Histogram) {
        // Relaxed: statistics; nothing is decided on the strength of them.
        let load = |cell: &Atomic<u64>| cell.load(Ordering::Relaxed);
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += load(bucket);
        }
        self.overflow += load(&histogram.overflow);
        self.sum += u128::from(load(&histogram.sum));
        self.min = self.min.min(load(&histogram.min));
        self.max = self.max.max(load(&histogram.max));
        self.last = self.last.max(load(&histogram.last));
    }

    /// When the last call ended, by the breaker's clock.
    pub(crate) fn last(&self) -> Option<Duration> {
        self.last.checked_sub(1).map(Duration::from_nanos)
    }

    fn samples(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.overflow
    }

    /// The value that `share` of all calls were at or below.
    fn percentile(&self, samples: u64, share: f64) -> Duration {
        let rank = ((share * samples as f64).ceil() as u64).clamp(1, samples);
        let mut below = 0;
        let found = self.buckets.iter().position(|count| {
            below += count;
            below >= rank
        });
        // The ends are known exactly, and a sample alone is both of them.
        Duration::from_nanos(found.map_or(self.max, middle).clamp(self.min, self.max))
    }

    pub(crate) fn latency(&self) -> Latency {
        let samples = self.samples();
        if samples == 0 || self.min > self.max {
            return Latency::default();
        }
        let at = |share| Some(self.percentile(samples, share));
        // Clamped: a cell's sum wraps after 584 years, which a leaping clock can show.
        let mean = (self.sum / u128::from(samples)) as u64;
        Latency {
            samples,
            overflow: self.overflow,
            min: Some(Duration::from_nanos(self.min)),
            max: Some(Duration::from_nanos(self.max)),
            mean: Some(Duration::from_nanos(mean.clamp(self.min, self.max))),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
        }
    }
}

/// How long calls took; every figure is `None` while no call was timed.
///
/// Percentiles are within 3.2 % of a sample; the ends and the mean are exact to
/// the nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Latency {
    /// Calls that were timed.
    pub samples: u64,
    /// Those of them that took longer than 2^42 ns (1.2 h); percentiles that fall
    /// there read as `max`.
    pub overflow: u64,
    /// The shortest.
    pub min: Option<Duration>,
    /// The longest.
    pub max: Option<Duration>,
    /// The mean.
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
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(values: &[u64]) -> Merged {
        let histogram = Histogram::new();
        for &value in values {
            histogram.record(Writer::Owner, value, value);
        }
        let mut merged = Merged::new();
        merged.add(&histogram);
        merged
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for at in 0..BUCKETS {
            assert_eq!(index(middle(at)), at);
        }
        assert_eq!(index((1 << TOP_BITS) - 1), BUCKETS - 1);
        assert!(index(1 << TOP_BITS) >= BUCKETS);
        assert!(index(u64::MAX) >= BUCKETS);
    }

    #[test]
    fn one_sample_gives_that_sample_and_none_gives_none() {
        assert_eq!(merged(&[]).latency(), Latency::default());
        let one = merged(&[1_234_567]).latency();
        assert_eq!(one.p50, Some(Duration::from_nanos(1_234_567)));
        assert_eq!(one.p999, one.min);
        assert_eq!(one.mean, one.max);
    }

    #[test]
    fn the_mean_of_ten_to_fifty_milliseconds_is_thirty_exactly() {
        let ms = [10, 20, 30, 40, 50].map(|ms| ms * 1_000_000);
        assert_eq!(merged(&ms).latency().mean, Some(Duration::from_millis(30)));
    }

    #[test]
    fn what_took_longer_than_the_top_is_counted_and_reads_as_the_longest() {
        let latency = merged(&[5, 1 << 43]).latency();
        assert_eq!((latency.samples, latency.overflow), (2, 1));
        assert_eq!(latency.p99, Some(Duration::from_nanos(1 << 43)));
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_its_error_of_the_exact_order_statistic(
            mut values in proptest::collection::vec(1u64..1 << TOP_BITS, 1..200),
            share in 0.0f64..1.0,
        ) {
            let merged = merged(&values);
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            let found = merged.percentile(values.len() as u64, share).as_nanos() as f64;
            prop_assert!((found - exact).abs() <= exact / 32.0, "{found} for {exact}");
        }
    }
}
