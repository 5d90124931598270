//! Reads event logs: every line is a [`Record`] or says why it is none.
//!
//! A log outlives the process that wrote it: it is cut by a full disk, by a kill, by a copy
//! that was taken too early, and other programs write to it. So nothing that a file may hold
//! ends the reading. Each byte belongs to one [`Entry`]: a record, or a [`Skipped`] piece with
//! its offset, its length and a [`Reason`]. Only the operating system can fail a read.
//!
//! Memory does not grow with the file, nor with a line: see [`Reader::max_line`].
//!
//! * [`Reader`] reads a file or any [`io::Read`] to its end; [`Follow`] goes on with a file
//!   that grows or is rotated.
//! * [`Filter`] says which records are wanted.
//! * [`Gaps`] finds out which records are missing, by their numbers.
//!
//! Records of schema 1.0.0, the predecessor's, are records here too.
//!
//! # Examples
//!
//! ```
//! use ampacity_log::Level;
//! use ampacity_log::reader::{Entry, Reader};
//!
//! let log = concat!(
//!     r#"{"timestamp":"2026-11-23T13:15:02.123456Z","level":"ERROR","message":"refused"}"#, "\n",
//!     r#"{"timestamp":"2026-11-23T13:15"#,
//! );
//! let mut torn = 0;
//! for entry in Reader::new(log.as_bytes()) {
//!     match entry? {
//!         Entry::Record(record) => assert_eq!(record.level(), Some(Level::Error)),
//!         Entry::Skipped(skipped) => torn = skipped.size(),
//!     }
//! }
//! assert_eq!(torn, 30);
//! # Ok::<(), std::io::Error>(())
//! ```

mod check;
mod entry;
mod filter;
mod follow;
mod gaps;
mod line;
mod parse;
mod ranges;
mod record;
mod skipped;
mod time;

use std::fs::File;
use std::io;
use std::path::Path;

pub use check::Malformed;
pub use entry::Entry;
pub use filter::Filter;
pub use follow::Follow;
pub use gaps::{Gaps, Stream};
pub use record::Record;
pub use skipped::{Reason, Skipped};
pub use time::parse as parse_time;

use line::Lines;

/// The longest line that is looked at unless [`Reader::max_line`] says otherwise: 1 MiB.
///
/// Records of this library are at most 64 KiB.
pub const MAX_LINE: usize = 1 << 20;

/// Reads a log to its end, one [`Entry`] at a time.
///
/// An iterator of [`io::Result`]: an error is the operating system's, comes once, and is the
/// last item. A last line without its newline is a record if it is whole.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    // What a line held behind its first piece.
    next: Option<Entry>,
    ended: bool,
}

impl Reader<File> {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be opened. A directory can be opened on some systems: its first item is
    /// then an error.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ampacity_log::reader::Reader;
    ///
    /// let records = Reader::open("app.jsonl")?
    ///     .filter_map(|entry| entry.map(|entry| entry.into_record()).transpose());
    /// # for record in records { println!("{}", record?.line()) }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        File::open(path).map(Self::new)
    }
}

impl<R: io::Read> Reader<R> {
    /// Reads `source`, which needs no buffer of its own.
    pub fn new(source: R) -> Self {
        Self { lines: Lines::new(source, MAX_LINE), next: None, ended: false }
    }

    /// Sets the longest line that is looked at, in bytes without its newline.
    ///
    /// A longer one is skipped as [`Reason::TooLong`] and not held in memory. A reader holds at
    /// most twice this and 64 KiB. The default is [`MAX_LINE`].
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.lines.set_cap(bytes);
        self
    }
}

impl<R: io::Read> Iterator for Reader<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.next.take() {
            return Some(Ok(entry));
        }
        if self.ended {
            return None;
        }
        let line = match self.lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                self.ended = true;
                self.lines.rest()?
            }
            Err(error) => {
                self.ended = true;
                return Some(Err(error));
            }
        };
        let (entry, next) = entry::of(line);
        self.next = next;
        Some(Ok(entry))
    }
}

impl<R: io::Read> std::iter::FusedIterator for Reader<R> {}

#[cfg(test)]
mod tests;
