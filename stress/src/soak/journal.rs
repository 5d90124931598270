//! `soak.jsonl`: a line for each checkpoint, on the disk before the next one is waited for.
//!
//! A line is one write, so that a kill leaves whole lines and at most one torn one at the end.
//! A line that the disk would not take whole is taken back, and the run goes on without it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::program::Failure;

/// Beside the record.
pub(super) const NAME: &str = "soak.jsonl";

pub(super) struct Journal {
    file: File,
    /// Bytes of whole lines.
    whole: u64,
    pub(super) written: u64,
    /// Why lines are missing: how many, and what was said of the last.
    pub(super) missing: Option<(u64, String)>,
}

impl Journal {
    /// Begins a journal in `dir`, in which there is none.
    pub(super) fn begin(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(NAME);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| Failure(format!("{}: not begun: {error}", path.display())))?;
        Ok(Self::over(file))
    }

    fn over(file: File) -> Self {
        Self { file, whole: 0, written: 0, missing: None }
    }

    /// Writes one line.
    pub(super) fn add(&mut self, line: &impl Serialize) {
        let bytes = serde_json::to_vec(line).map(|mut bytes| {
            bytes.push(b'\n');
            bytes
        });
        match bytes.map_err(io::Error::from).and_then(|bytes| self.put(&bytes)) {
            Ok(()) => self.written += 1,
            Err(error) => {
                // Best effort: a disk that is full can still be cut short.
                let _ = self.file.set_len(self.whole);
                let missing = self.missing.take().map_or(0, |(count, _)| count);
                self.missing = Some((missing + 1, error.to_string()));
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.whole += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_there_when_it_was_added_and_the_file_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(dir.path()).unwrap();
        for line in 1..=3_u64 {
            journal.add(&line);
            let text = std::fs::read_to_string(dir.path().join(NAME)).unwrap();
            assert_eq!(text.lines().count() as u64, line);
            assert!(text.ends_with('\n'));
        }
        assert_eq!((journal.written, &journal.missing), (3, &None));
        let Err(Failure(why)) = Journal::begin(dir.path()) else { panic!("written over") };
        assert!(why.contains(NAME), "{why}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted() {
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = Journal::over(full);
        journal.add(&1);
        journal.add(&2);
        let (missing, why) = journal.missing.unwrap();
        assert_eq!((journal.written, missing), (0, 2));
        assert!(why.contains("space"), "{why}");
    }

    #[test]
    fn a_torn_line_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(dir.path()).unwrap();
        journal.add(&"whole");
        // Half a line that was written before the disk was full.
        journal.file.write_all(b"\"to").unwrap();
        struct Never;
        impl Serialize for Never {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        journal.add(&Never);
        journal.add(&"whole again");
        let text = std::fs::read_to_string(dir.path().join(NAME)).unwrap();
        assert_eq!(text, "\"whole\"\n\"whole again\"\n");
    }
}
