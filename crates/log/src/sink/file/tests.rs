//! What the tests of the file sink share: a place of their own, and how they look into it.

mod opening;
mod reopening;
mod rotating;
mod shared;
mod stuck;

use super::*;
use crate::sink::Out;
use std::fs;

/// A directory with a log in it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    /// With `content` in the log's file.
    fn with(content: &str) -> Self {
        let place = Place::new();
        fs::write(place.path(), content).unwrap();
        place
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("app.jsonl")
    }

    /// The path of the rotated file `n`.
    fn old(&self, n: u32) -> PathBuf {
        self.dir.path().join(format!("app.jsonl.{n}"))
    }

    fn sink(&self) -> FileSink {
        FileSink::new(self.path())
    }

    /// What is in the file and in the rotated ones, the newest first, up to the first gap.
    fn contents(&self) -> Vec<String> {
        let old = (1..).map(|n| self.old(n));
        let paths = std::iter::once(self.path()).chain(old);
        paths.map_while(|path| fs::read_to_string(path).ok()).collect()
    }

    /// How many names there are in the directory.
    fn names(&self) -> usize {
        fs::read_dir(self.dir.path()).unwrap().count()
    }
}

fn open(sink: &FileSink) -> FileOut {
    sink.open(SystemTime::now()).unwrap()
}

fn record(out: &mut FileOut, line: &str) {
    out.record(format!("{line}\n").as_bytes()).unwrap();
}

/// A batch of one.
fn batch(out: &mut FileOut, now: SystemTime, line: &str) {
    out.prepare(now).unwrap();
    record(out, line);
}

/// How many rotations were done, and how many failed.
fn counts(out: &FileOut) -> (u64, u64) {
    let rotations = out.rotations().unwrap();
    (rotations.done, rotations.failed)
}
