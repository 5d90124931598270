//! A file that is appended to, rotated, and opened anew when it is moved away.
//!
//! Several processes may append to one path and rotate it: each record is one `write` to a
//! descriptor in append mode, and a file is only ever moved aside by who holds its lock and
//! has seen, under the lock, that the path still names it.

mod current;
mod error;
mod out;
mod rotate;

pub use error::FileError;
pub(crate) use out::FileOut;

use core::time::Duration;
use std::path::PathBuf;
use std::time::SystemTime;

/// How many rotated files are kept unless something else is said.
const KEEP: u32 = 8;
const KEEP_MOST: u32 = 10_000;
/// A shorter age would make a file of each batch.
const SHORTEST: Duration = Duration::from_secs(1);

/// A file of JSON lines that records are appended to.
///
/// It is created if it is not there, on Unix readable by its owner and group alone (mode
/// `640`, less the umask). Directories are not created: one that is missing is rather an
/// unmounted disk or a mistyped path. A relative path is resolved when the file is opened,
/// so a later change of directory does not move it. Only regular files and, unrotated,
/// character devices such as `/dev/null` are taken: a pipe without a reader would stop
/// whoever opens it. Give an open pipe to the log as a writer.
///
/// Before each batch of records the sink looks whether the path still names its file. If
/// the file was moved or removed, it is opened anew, and created if need be; if it was cut
/// short, appending goes on at its new end. So `logrotate` needs no signal, with
/// `copytruncate` or without. If it does not end in a newline, the next record starts with
/// one.
///
/// Records are handed to the operating system and not synced to the disk: they outlive the
/// process and not the machine.
///
/// # Rotation
///
/// By size, by age, or both; by default neither. `app.jsonl` becomes `app.jsonl.1`, what had
/// that name `app.jsonl.2`, and so on; the oldest gives way. A path that is a symbolic link
/// is followed, and the file it names is what rotates. Where a file cannot be moved, records
/// go on into it, the failure is counted, and it is tried again 10 seconds later.
///
/// Any number of processes may write and rotate one path: none of them loses a record by it,
/// and a full file is moved once. Sizes then are passed by what the others wrote since the
/// batch began.
///
/// # Examples
///
/// ```
/// use ampacity_log::FileSink;
/// use std::time::Duration;
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// let sink = FileSink::new("app.jsonl").rotate_at_bytes(64 << 20).rotate_every(day).keep(14);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "a file sink does nothing until it is given to a log"]
pub struct FileSink {
    path: PathBuf,
    rotate_at_bytes: Option<u64>,
    rotate_every: Option<Duration>,
    keep: u32,
}

impl FileSink {
    /// A file at `path`; nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileSink { path: path.into(), rotate_at_bytes: None, rotate_every: None, keep: KEEP }
    }

    /// Sets the size, in bytes, that no file is to pass.
    ///
    /// The file is moved aside before a record that would. A record is never split, so one
    /// that is longer by itself has a file to itself. The least is 1; there is no default.
    pub fn rotate_at_bytes(mut self, bytes: u64) -> Self {
        self.rotate_at_bytes = Some(bytes);
        self
    }

    /// Sets how old a file may become; at least 1 s, with no default.
    ///
    /// Its age is counted from its creation, as the file system has it, or from its first
    /// record if it was still empty then; so it goes on through a restart. Where the file
    /// system does not tell, it is counted from the last change before it was opened. The
    /// file is moved aside before the first record after that time: nothing happens without
    /// a record. Time of day is what counts, so setting the clock changes it.
    pub fn rotate_every(mut self, age: Duration) -> Self {
        self.rotate_every = Some(age);
        self
    }

    /// Sets how many rotated files are kept besides the one that is written to.
    ///
    /// In 1..=10,000; the default is 8. Files with higher numbers, from a time when more were
    /// kept, are left alone.
    pub fn keep(mut self, files: u32) -> Self {
        self.keep = files;
        self
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Opens it; `now` is the time of day.
    pub(crate) fn open(&self, now: SystemTime) -> Result<FileOut, FileError> {
        self.check()?;
        FileOut::open(self, now)
    }

    fn check(&self) -> Result<(), FileError> {
        if let Some(bytes @ 0) = self.rotate_at_bytes {
            return Err(FileError::SizeTooSmall { bytes });
        }
        if let Some(age) = self.rotate_every.filter(|age| *age < SHORTEST) {
            return Err(FileError::AgeTooShort { age, min: SHORTEST });
        }
        if !(1..=KEEP_MOST).contains(&self.keep) {
            return Err(FileError::KeepOutOfRange { keep: self.keep, max: KEEP_MOST });
        }
        Ok(())
    }

    fn rotates(&self) -> bool {
        self.rotate_at_bytes.is_some() || self.rotate_every.is_some()
    }
}

#[cfg(test)]
mod tests;
