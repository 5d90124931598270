//! The logs that are read: files and stdin.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ampacity_log::reader::{Entry, Filter, Reader, Record};

use crate::tally::Tally;
use crate::{escape, out};

/// A log that cannot be opened or read.
#[derive(Debug)]
pub(crate) struct Failure {
    name: String,
    doing: &'static str,
    error: io::Error,
}

impl Failure {
    pub(crate) fn reading(path: &Path, error: io::Error) -> Self {
        Self { name: name(path), doing: "read", error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, doing, error } = self;
        write!(f, "{name}: cannot be {doing}: {error}")
    }
}

/// What to call the log at `path`.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) {
        return "stdin".to_owned();
    }
    escape::visible(&path.to_string_lossy()).into_owned()
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Shows `visit` every entry of the logs at `paths`, in that order, with its log's place in
/// them, until it breaks.
///
/// All are opened before the first is read, so that a wrong name is told at once.
pub(crate) fn each(
    paths: &[PathBuf],
    mut visit: impl FnMut(usize, Entry) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let opened = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    for ((index, path), source) in paths.iter().enumerate().zip(opened) {
        for entry in Reader::new(source) {
            let entry = entry.map_err(|error| Failure::reading(path, error))?;
            if visit(index, entry).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Shows `visit` the records of the logs at `paths` that `filter` wants, until it breaks.
pub(crate) fn records(
    paths: &[PathBuf],
    filter: &Filter,
    mut visit: impl FnMut(&Record) -> ControlFlow<()>,
) -> Result<Notes, Failure> {
    let mut skipped = vec![Tally::default(); paths.len()];
    each(paths, |index, entry| match entry {
        Entry::Record(record) if filter.wants(&record) => visit(&record),
        Entry::Record(_) => ControlFlow::Continue(()),
        Entry::Skipped(piece) => {
            skipped[index].add(&piece);
            ControlFlow::Continue(())
        }
    })?;
    let lossy = paths.iter().zip(skipped).filter(|(_, tally)| tally.lost() > 0);
    let note = |(path, tally): (&PathBuf, Tally)| {
        format!("{}: {}: verify says where", name(path), tally.said())
    };
    Ok(Notes(lossy.map(note).collect()))
}

/// What is to be said on stderr, once what was asked for is printed.
#[must_use = "a skipped line must not pass unsaid"]
pub(crate) struct Notes(Vec<String>);

impl Notes {
    pub(crate) fn print(self) {
        for note in self.0 {
            out::err(&note);
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if is_stdin(path) {
        // Not locked: who gives it twice would wait for himself.
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure { name: name(path), doing: "opened", error }),
    }
}
