//! Snapshots as data: what stands in a file for the types that hide their insides.

use crate::grain::Grain;
use crate::metrics::latency::Spread;
use crate::metrics::snapshot::Transitions;
use crate::nanos;
use crate::word::State;
use core::fmt;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// One edge that was taken, and how often.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turns {
    from: State,
    to: State,
    count: u64,
}

impl From<Transitions> for Vec<Turns> {
    fn from(transitions: Transitions) -> Self {
        transitions.iter().map(|(from, to, count)| Turns { from, to, count }).collect()
    }
}

impl From<Vec<Turns>> for Transitions {
    fn from(edges: Vec<Turns>) -> Self {
        let mut transitions = Transitions::default();
        edges.iter().for_each(|edge| transitions.add(edge.from, edge.to, edge.count));
        transitions
    }
}

/// The figures of a latency, for people and other programs, and the buckets that they
/// come from. Read back, the figures are worked out again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latency {
    samples: u64,
    overflow: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    #[serde(default)]
    mean_ns: Option<u64>,
    #[serde(default)]
    p50_ns: Option<u64>,
    #[serde(default)]
    p90_ns: Option<u64>,
    #[serde(default)]
    p95_ns: Option<u64>,
    #[serde(default)]
    p99_ns: Option<u64>,
    #[serde(default)]
    p999_ns: Option<u64>,
    sum_ns: u64,
    /// Each power of two is divided into 2^this buckets.
    sub_bits: u32,
    /// Number of each bucket that holds calls, and how many.
    buckets: Vec<(usize, u64)>,
}

impl From<super::latency::Latency> for Latency {
    fn from(latency: super::latency::Latency) -> Self {
        let figure = |time: Option<Duration>| time.map(nanos::whole);
        let (min_ns, max_ns) = (figure(latency.min), figure(latency.max));
        let (mean_ns, p50_ns) = (figure(latency.mean), figure(latency.p50));
        let (p90_ns, p95_ns) = (figure(latency.p90), figure(latency.p95));
        let (p99_ns, p999_ns) = (figure(latency.p99), figure(latency.p999));
        let spread = latency.into_spread();
        let buckets = spread.counts.iter().copied().enumerate();
        Latency {
            samples: spread.samples,
            overflow: spread.overflow,
            min_ns,
            max_ns,
            mean_ns,
            p50_ns,
            p90_ns,
            p95_ns,
            p99_ns,
            p999_ns,
            sum_ns: u64::try_from(spread.sum).unwrap_or(u64::MAX),
            sub_bits: spread.grain.bits(),
            buckets: buckets.filter(|&(_, calls)| calls > 0).collect(),
        }
    }
}

/// Why buckets cannot be read.
pub(crate) enum Fault {
    SubBits(u32),
    Bucket { number: usize, of: usize },
    TooManyCalls,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::SubBits(bits) => write!(f, "sub_bits is {bits}, must be from 1 to 8"),
            Fault::Bucket { number, of } => write!(f, "bucket {number} of a histogram of {of}"),
            Fault::TooManyCalls => f.write_str("the buckets hold more than 2^64 calls"),
        }
    }
}

impl TryFrom<Latency> for super::latency::Latency {
    type Error = Fault;

    fn try_from(read: Latency) -> Result<Self, Fault> {
        let grain = Grain::of_bits(read.sub_bits).ok_or(Fault::SubBits(read.sub_bits))?;
        let mut spread = Spread::new(grain);
        let mut calls = read.overflow;
        for (number, count) in read.buckets {
            if number >= grain.buckets() {
                return Err(Fault::Bucket { number, of: grain.buckets() });
            }
            if spread.counts.len() <= number {
                spread.counts.resize(number + 1, 0);
            }
            calls = calls.checked_add(count).ok_or(Fault::TooManyCalls)?;
            spread.counts[number] += count;
        }
        spread.overflow = read.overflow;
        spread.samples = read.samples;
        spread.sum = read.sum_ns.into();
        spread.min = read.min_ns.unwrap_or(u64::MAX);
        spread.max = read.max_ns.unwrap_or(0);
        Ok(Self::of(spread))
    }
}
