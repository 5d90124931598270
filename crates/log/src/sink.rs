//! Where records go.
//!
//! A sink is driven by one writer thread, so nothing in here locks or counts for others,
//! and nothing in here is in a caller's way. Each record is one `write`: what other
//! processes append to the same file comes before it or after it, not into it.

mod file;
mod lines;
mod memory;
mod spec;
mod stderr;

pub use file::{FileError, FileSink};
pub(crate) use lines::Lines;
pub use memory::Memory;
pub(crate) use spec::OpenError;
pub use spec::Sink;
pub(crate) use stderr::Stderr;

use core::fmt;
use std::io;
use std::time::SystemTime;

/// What a writer thread writes to.
pub(crate) trait Out: Send {
    /// Makes ready for a batch of records; `now` is the time of day.
    ///
    /// A file looks whether its path still names it. An error says that there is nothing to
    /// write to: [`record`](Out::record) fails until `prepare` or `reopen` goes well.
    fn prepare(&mut self, now: SystemTime) -> io::Result<()>;

    /// Writes one record, its `\n` included.
    fn record(&mut self, line: &[u8]) -> Result<(), WriteError>;

    /// Hands on what a writer may have kept back.
    fn flush(&mut self) -> io::Result<()>;

    /// Opens the file at the path anew, where there is one.
    fn reopen(&mut self) -> io::Result<()>;

    /// What became of rotating; nothing for what does not rotate.
    fn rotations(&self) -> Option<&Rotations> {
        None
    }
}

/// A record that was not, or not wholly, written.
#[derive(Debug)]
pub(crate) struct WriteError {
    /// Why.
    pub(crate) error: io::Error,
    /// How many bytes of it went out before, where the writer told: a torn line if not 0.
    pub(crate) out: usize,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError { error, out: 0 } => write!(f, "record not written: {error}"),
            WriteError { error, out } => write!(f, "record torn after {out} bytes: {error}"),
        }
    }
}

impl core::error::Error for WriteError {}

/// How often a file was rotated, and what was in the way of it.
#[derive(Default, Debug)]
pub(crate) struct Rotations {
    /// How often this sink moved a full or an old file aside.
    pub(crate) done: u64,
    /// How often it tried in vain; the records went on into the file that there was.
    pub(crate) failed: u64,
    /// Why the last of those failed.
    pub(crate) why: Option<io::Error>,
}
