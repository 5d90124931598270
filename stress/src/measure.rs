//! What a program measured, in the form that reports are drawn from, runs are compared by
//! and several hosts' runs are merged in.
//!
//! A [`Measure`] is one figure with each of its repetitions, a [`Latency`] a histogram, a
//! [`Track`] something over time and a [`Band`] what a state was over time. What they are
//! of is said by labels (`threads`, `workload`, `subject`), never by parsing a name: two
//! runs' figures are the same figure when program, name and labels are equal.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Which of several figures of one name this is: `threads` is `64`, `subject` is
/// `ampacity`. Keys in snake case.
pub type Labels = BTreeMap<String, String>;

/// Labels from pairs.
pub fn labels<const N: usize>(pairs: [(&str, String); N]) -> Labels {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Seconds.
    S,
    /// Calls a second.
    CallsPerS,
    /// Bytes.
    Bytes,
    /// A number of something.
    Count,
    /// A part of a whole, 0 to 1.
    Share,
    /// How many times another figure.
    Times,
}

impl Unit {
    /// As it is written beside a figure.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::S => "s",
            Self::CallsPerS => "calls/s",
            Self::Bytes => "bytes",
            Self::Count => "",
            Self::Share => "",
            Self::Times => "×",
        }
    }
}

/// Which way a figure has to move to be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: told, and not judged when runs are compared.
    Neither,
}

/// One figure, with each of its repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What it is, in snake case: `ns_a_call`.
    pub name: String,
    /// Which one it is.
    pub labels: Labels,
    /// What it is counted in.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// Each repetition's, in the order they were taken; all finite.
    pub samples: Vec<f64>,
    /// Whether it is counted, not timed: the same run counts the same, and any difference
    /// between two runs is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// Why it is not to be believed, if so: `oversubscribed`, `share of the cores 0.71`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

impl Measure {
    /// A figure of these samples; those that are no finite number are left out.
    pub fn new(
        name: &str,
        labels: Labels,
        unit: Unit,
        better: Better,
        samples: impl IntoIterator<Item = f64>,
    ) -> Self {
        let samples = samples.into_iter().filter(|sample| sample.is_finite()).collect();
        Self { name: name.to_owned(), labels, unit, better, samples, exact: false, doubt: None }
    }

    /// The same, counted and not timed.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// The same, with a reason not to believe it.
    #[must_use]
    pub fn doubted(self, doubt: Option<String>) -> Self {
        Self { doubt, ..self }
    }

    /// The middle of its samples.
    pub fn median(&self) -> Option<f64> {
        crate::stats::Middle::of(self.samples.iter().copied()).map(|middle| middle.median)
    }
}

/// How long calls took: a histogram of nanoseconds, exact to three digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// What took so long, in snake case: `call`.
    pub name: String,
    /// Which one it is.
    pub labels: Labels,
    /// Each bucket's highest value in ns, and how many fell into it; ascending, none zero.
    pub counts: Vec<(u64, u64)>,
}

/// The digits a [`Latency`] keeps.
const DIGITS: u8 = 3;
/// Above it, a time counts as this long: one hour, in ns.
const LONGEST: u64 = 3_600_000_000_000;

impl Latency {
    /// An empty histogram to record a program's times in.
    pub fn recorder() -> Histogram<u64> {
        Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("constant bounds are in range")
    }

    /// What was recorded, under a name.
    pub fn new(name: &str, labels: Labels, recorded: &Histogram<u64>) -> Self {
        let counts = recorded
            .iter_recorded()
            .map(|at| (at.value_iterated_to(), at.count_at_value()))
            .collect();
        Self { name: name.to_owned(), labels, counts }
    }

    /// The histogram again; merging two of these adds their counts.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Self::recorder();
        // A record may say anything; the histogram's own sums must not overflow.
        let mut room = u64::MAX;
        for &(value, count) in &self.counts {
            let count = count.min(room);
            room -= count;
            histogram.saturating_record_n(value, count);
        }
        histogram
    }
}

/// Something that was looked at from time to time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// What it is, in snake case: `resident_memory`.
    pub name: String,
    /// Which one it is.
    pub labels: Labels,
    /// What it is counted in.
    pub unit: Unit,
    /// Seconds since the program's start, and the value then; in order of time.
    pub points: Vec<(f64, f64)>,
}

/// What a state was, over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// What it is, in snake case: `breaker_state`.
    pub name: String,
    /// Which one it is.
    pub labels: Labels,
    /// From and to in seconds since the program's start, and what it was then.
    pub spans: Vec<(f64, f64, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_comes_back_from_its_counts_as_it_was_and_two_add_up() {
        let mut recorded = Latency::recorder();
        for value in [1, 999, 1_000, 123_456, 123_456, 9_999_999, LONGEST, u64::MAX] {
            recorded.saturating_record(value);
        }
        let latency = Latency::new("call", Labels::new(), &recorded);
        let back = latency.histogram();
        assert_eq!(back, recorded);
        let mut twice = back;
        twice.add(&recorded).unwrap();
        assert_eq!(twice.len(), 16);
        assert_eq!(twice.value_at_quantile(0.5), recorded.value_at_quantile(0.5));
    }

    #[test]
    fn more_counts_than_can_be_added_are_not_added() {
        let counts = vec![(7, u64::MAX), (9, u64::MAX)];
        let latency = Latency { name: String::new(), labels: Labels::new(), counts };
        assert_eq!(latency.histogram().value_at_quantile(0.99), 7);
    }

    #[test]
    fn samples_that_are_no_numbers_are_left_out() {
        let samples = [1.0, f64::NAN, 3.0, f64::INFINITY];
        let one = Measure::new("x", Labels::new(), Unit::Ns, Better::Lower, samples);
        assert_eq!((one.samples.len(), one.median()), (2, Some(2.0)));
    }
}
