//! What the reader finds where a log was written to.

use ampacity_log::reader::{Entry, Gaps, Reader, Record, Skipped};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// A log, in the order in which it was written.
#[derive(Default, Debug)]
pub(crate) struct Found {
    pub(crate) records: Vec<Record>,
    /// Lines that are none, but for blank ones.
    pub(crate) torn: Vec<Skipped>,
    pub(crate) gaps: Gaps,
}

impl Found {
    /// In memory.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut found = Found::default();
        found.add(bytes);
        found
    }

    /// In the file at `path` and in those that were rotated, the oldest first.
    pub(crate) fn at(path: &Path) -> Self {
        let mut found = Found::default();
        for file in files(path) {
            found.add(&fs::read(file).unwrap());
        }
        found
    }

    fn add(&mut self, bytes: &[u8]) {
        for entry in Reader::new(bytes) {
            match entry.unwrap() {
                Entry::Record(record) => {
                    assert_eq!(record.check(), Ok(()), "{}", record.line());
                    self.gaps.add(&record);
                    self.records.push(record);
                }
                Entry::Skipped(skipped) if skipped.reason().is_loss() => self.torn.push(skipped),
                Entry::Skipped(_) => {}
            }
        }
    }

    /// How many records.
    pub(crate) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The numbers that [`emit`](super::emit) gave them.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.records.iter().filter_map(|record| record.get("i")?.as_u64()).collect()
    }

    pub(crate) fn of_type(&self, event_type: &str) -> Vec<&Map<String, Value>> {
        let is = |record: &&Record| record.event_type() == Some(event_type);
        self.records.iter().filter(is).map(Record::object).collect()
    }

    /// How many records the log says it lost. It is as many as are missing.
    pub(crate) fn told(&self) -> u64 {
        let streams = || self.gaps.streams().map(|(_, stream)| stream);
        let told = streams().map(|stream| stream.told()).sum();
        assert_eq!(streams().map(|stream| stream.first() + stream.missing()).sum::<u64>(), told);
        told
    }

    /// Whether of every stream all records are here, each once and in order, from the first to
    /// some last one.
    pub(crate) fn has_no_gap(&self) -> bool {
        let mut streams = self.gaps.streams();
        self.gaps.is_whole() && streams.all(|(_, stream)| stream.first() == 0 && stream.late() == 0)
    }
}

/// The file at `path` and those that were rotated, the oldest first. There may be gaps in their
/// numbers where a process was killed while it moved them.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let rest = entry.file_name().to_str()?.strip_prefix(name)?.to_owned();
            let number =
                if rest.is_empty() { Some(0) } else { rest.strip_prefix('.')?.parse().ok() };
            Some((number?, entry.path()))
        })
        .collect();
    numbered.sort();
    numbered.into_iter().rev().map(|(_, path)| path).collect()
}
