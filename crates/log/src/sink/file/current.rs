//! The file that is open now.

use super::super::{Lines, WriteError};
use super::FileError;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// The file that is open now, and what is known of it.
#[derive(Debug)]
pub(super) struct Current {
    lines: Lines<File>,
    identity: Identity,
    /// Its length in bytes: as found, and what we wrote since.
    len: u64,
    /// Where its age counts from.
    born: SystemTime,
}

impl Current {
    /// Opens what `path` names, or creates it.
    pub(super) fn open(path: &Path, rotates: bool, now: SystemTime) -> Result<Self, FileError> {
        let refused = |error| FileError::Open { path: path.to_owned(), error };
        let fits = |kind: FileType| kind.is_file() || (!rotates && is_device(kind));
        // Before it is opened: that would wait for a pipe's reader.
        if fs::metadata(path).is_ok_and(|found| !fits(found.file_type())) {
            return Err(FileError::NotAFile { path: path.to_owned() });
        }
        let file = options().open(path).map_err(refused)?;
        let meta = file.metadata().map_err(refused)?;
        let mut current =
            Current { identity: Identity::of(&meta), len: 0, born: now, lines: Lines::new(file) };
        current.catch_up(&meta, now);
        if current.len > 0 {
            current.born = meta.created().or_else(|_| meta.modified()).unwrap_or(now);
        }
        Ok(current)
    }

    /// Whether `path` still names this file.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(self.identity == Identity::of(&fs::metadata(path)?))
    }

    /// Whether `path` still names this file; not where it cannot be looked at.
    ///
    /// If so, takes in what others did to it since: that they cut it short, or appended to
    /// it, perhaps half a line before they were killed.
    pub(super) fn look_again(&mut self, path: &Path, now: SystemTime) -> bool {
        let Ok(meta) = fs::metadata(path) else { return false };
        let here = self.identity == Identity::of(&meta);
        if here {
            self.catch_up(&meta, now);
        }
        here
    }

    fn catch_up(&mut self, meta: &Metadata, now: SystemTime) {
        if meta.len() != self.len {
            self.len = meta.len();
            let torn = ends_torn(self.file(), self.len);
            // Who cannot tell starts a line: a blank one does no harm.
            self.lines.set_torn(torn.unwrap_or(true));
        }
        if self.len == 0 {
            self.born = now;
        }
    }

    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), WriteError> {
        let done = self.lines.write(line);
        let out = match &done {
            Ok(out) => *out,
            Err(e) => e.out,
        };
        self.len = self.len.saturating_add(out as u64);
        done.map(drop)
    }

    pub(super) fn file(&self) -> &File {
        self.lines.get_ref()
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn born(&self) -> SystemTime {
        self.born
    }
}

/// To append, and to read: its last byte, and some systems lock only what can be read.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options
}

/// Whether the byte before `len` is something else than a newline.
fn ends_torn(mut file: &File, len: u64) -> io::Result<bool> {
    let Some(last) = len.checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    // In append mode the place we read at is not where we write.
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(byte != *b"\n")
}

#[cfg(unix)]
fn is_device(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&kind)
}

#[cfg(not(unix))]
fn is_device(kind: FileType) -> bool {
    !kind.is_dir()
}

/// Which file it is, whatever it is called. While we hold it open no other can get the same.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    dev: u64,
    ino: u64,
}

#[cfg(unix)]
impl Identity {
    fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Identity { dev: meta.dev(), ino: meta.ino() }
    }
}

/// Elsewhere the library does not tell files apart: what is seen is that the path is gone.
#[cfg(not(unix))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity;

#[cfg(not(unix))]
impl Identity {
    fn of(_: &Metadata) -> Self {
        Identity
    }
}
