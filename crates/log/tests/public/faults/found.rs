//! What is found where a log was written to.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The lines of a log, whole and torn.
#[derive(Default, Debug)]
pub(crate) struct Found {
    pub(crate) records: Vec<Value>,
    /// Lines that are no JSON object.
    pub(crate) torn: Vec<String>,
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
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(record @ Value::Object(_)) => self.records.push(record),
                _ => self.torn.push(String::from_utf8_lossy(line).into_owned()),
            }
        }
    }

    /// How many records.
    pub(crate) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The numbers that [`emit`](super::emit) gave them.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.records.iter().filter_map(|record| record["i"].as_u64()).collect()
    }

    pub(crate) fn of_type(&self, event_type: &str) -> Vec<&Value> {
        self.records.iter().filter(|record| record["event_type"] == event_type).collect()
    }

    /// The records' `seq`, by their streams, in the order of the files.
    pub(crate) fn streams(&self) -> BTreeMap<&str, Vec<u64>> {
        let mut streams: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for record in &self.records {
            let stream = record["stream"].as_str().unwrap();
            streams.entry(stream).or_default().push(record["seq"].as_u64().unwrap());
        }
        streams
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
