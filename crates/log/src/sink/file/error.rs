//! Why there is no file to write to.

use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Why a [`FileSink`](super::FileSink) could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// `rotate_at_bytes` leaves no room for anything.
    SizeTooSmall {
        /// What was given.
        bytes: u64,
    },
    /// `rotate_every` is too short.
    AgeTooShort {
        /// What was given.
        age: Duration,
        /// The shortest age allowed.
        min: Duration,
    },
    /// `keep` keeps no file, or too many.
    KeepOutOfRange {
        /// What was given.
        keep: u32,
        /// The most that may be kept.
        max: u32,
    },
    /// The path names something that cannot be appended to for good, or not rotated: a
    /// directory, a pipe, a socket; a device that was to be rotated.
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    Open {
        /// The path.
        path: PathBuf,
        /// Its reason.
        error: io::Error,
    },
}

impl FileError {
    /// The same as an error of the operating system's kind, the path in its text.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match &self {
            FileError::Open { error, .. } => error.kind(),
            _ => ErrorKind::InvalidInput,
        };
        io::Error::new(kind, self)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::SizeTooSmall { bytes } => {
                write!(f, "rotate_at_bytes is {bytes}, which must be at least 1")
            }
            FileError::AgeTooShort { age, min } => {
                write!(f, "rotate_every is {age:?}, which must be at least {min:?}")
            }
            FileError::KeepOutOfRange { keep, max } => {
                write!(f, "keep is {keep}, which must be in 1..={max}")
            }
            FileError::NotAFile { path } => {
                write!(f, "{} is not a file that can be appended to", path.display())
            }
            FileError::Open { path, error } => write!(f, "cannot open {}: {error}", path.display()),
        }
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            FileError::Open { error, .. } => Some(error),
            _ => None,
        }
    }
}
