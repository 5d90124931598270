//! Which records are missing, by their numbers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::ranges::Ranges;
use super::record::Record;
use crate::EventType;

/// Finds out which records are missing, or came twice, by `seq` and `stream`.
///
/// A sink numbers its records from 0, those it must drop and those that cannot be written too:
/// what is missing from a stream is what was lost. Each sink that is opened is a stream of its
/// own, so a file may hold many. Add the records of rotated files in the order in which they
/// were written.
///
/// Memory is bounded: 4096 streams, and 64 ranges of missing numbers for each. Records of
/// further streams are counted as [`untracked`](Gaps::untracked); numbers in further ranges are
/// counted but not listed.
///
/// # Examples
///
/// ```
/// use ampacity_log::reader::{Gaps, Reader};
///
/// let log = r#"
/// {"seq":0,"stream":"8f3a5b7c00112233"}
/// {"seq":3,"stream":"8f3a5b7c00112233"}
/// "#;
/// let mut gaps = Gaps::new();
/// for entry in Reader::new(log.as_bytes()) {
///     if let Some(record) = entry?.into_record() {
///         gaps.add(&record);
///     }
/// }
/// assert_eq!(gaps.missing(), 2);
/// let (name, stream) = gaps.streams().next().unwrap();
/// assert_eq!((name, stream.ranges()), ("8f3a5b7c00112233", &[1..=2][..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default, Debug)]
pub struct Gaps {
    streams: BTreeMap<Box<str>, Stream>,
    untracked: u64,
    unnumbered: u64,
}

/// What was seen of one stream.
#[derive(Clone, Debug)]
pub struct Stream {
    records: u64,
    lowest: u64,
    highest: u64,
    missing: Ranges,
    late: u64,
    repeated: u64,
    told: u64,
}

impl Gaps {
    const MOST_STREAMS: usize = 4096;
    const LONGEST_NAME: usize = 64;

    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the record's number into account.
    pub fn add(&mut self, record: &Record) {
        let (Some(name), Some(seq)) = (record.stream(), record.seq()) else {
            self.unnumbered += 1;
            return;
        };
        if let Some(stream) = self.streams.get_mut(name) {
            stream.add(seq);
            stream.told = stream.told.saturating_add(told(record));
        } else if self.streams.len() < Self::MOST_STREAMS && name.len() <= Self::LONGEST_NAME {
            self.streams.insert(name.into(), Stream::new(seq, told(record)));
        } else {
            self.untracked += 1;
        }
    }

    /// The streams by name.
    pub fn streams(&self) -> impl Iterator<Item = (&str, &Stream)> {
        self.streams.iter().map(|(name, stream)| (&**name, stream))
    }

    /// How many records are missing from all streams.
    pub fn missing(&self) -> u128 {
        self.streams.values().map(|stream| u128::from(stream.missing())).sum()
    }

    /// How many records have a number that their stream already had.
    pub fn repeated(&self) -> u64 {
        self.streams.values().map(Stream::repeated).sum()
    }

    /// Records that were not looked at, because there were 4096 other streams or because their
    /// stream's name is longer than 64 bytes.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Records without a number, as all of schema 1.0.0 are.
    pub fn unnumbered(&self) -> u64 {
        self.unnumbered
    }

    /// Whether nothing is missing, nothing came twice and every numbered record was looked at.
    pub fn is_whole(&self) -> bool {
        self.missing() == 0 && self.repeated() == 0 && self.untracked == 0
    }
}

impl Stream {
    fn new(seq: u64, told: u64) -> Self {
        let missing = Ranges::default();
        Self { records: 1, lowest: seq, highest: seq, missing, late: 0, repeated: 0, told }
    }

    fn add(&mut self, seq: u64) {
        self.records += 1;
        if seq > self.highest {
            if seq - self.highest > 1 {
                self.missing.push(self.highest + 1..=seq - 1);
            }
            self.highest = seq;
        } else if seq < self.lowest {
            self.late += 1;
            if self.lowest - seq > 1 {
                self.missing.push_front(seq + 1..=self.lowest - 1);
            }
            self.lowest = seq;
        } else if self.missing.remove(seq) {
            self.late += 1;
        } else {
            self.repeated += 1;
        }
    }

    /// How many records were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The number of the first record. Above 0, the ones before it are in another file or lost.
    pub fn first(&self) -> u64 {
        self.lowest
    }

    /// The highest number seen.
    pub fn last(&self) -> u64 {
        self.highest
    }

    /// How many numbers between the first and the last were never seen.
    ///
    /// Exact while they form at most 64 ranges or come in order, as a sink writes them; else
    /// too high, never too low.
    pub fn missing(&self) -> u64 {
        let listed = self.ranges().iter().map(|range| range.end() - range.start() + 1);
        listed.fold(self.missing.unlisted(), u64::saturating_add)
    }

    /// The numbers that are missing, the lowest first: at most 64 ranges.
    pub fn ranges(&self) -> &[RangeInclusive<u64>] {
        self.missing.list()
    }

    /// How many came after a higher number, each for the first time: files were read in another
    /// order than they were written.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many have a number that came before. As exact as [`missing`](Stream::missing).
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many records the stream itself says were lost, in its `log.records_dropped` and
    /// `log.sink_recovered`.
    pub fn told(&self) -> u64 {
        self.told
    }
}

/// How many lost records `record` tells of.
fn told(record: &Record) -> u64 {
    const TELLS: [&str; 2] =
        [EventType::LogRecordsDropped.as_str(), EventType::LogSinkRecovered.as_str()];
    if !record.event_type().is_some_and(|event_type| TELLS.contains(&event_type)) {
        return 0;
    }
    let count = |name| record.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    count("dropped").saturating_add(count("failed"))
}

#[cfg(test)]
mod tests;
