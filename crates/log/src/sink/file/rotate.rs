//! Moving a file aside, among others who may want the same.

use super::current::Current;
use std::ffi::OsString;
use std::fs::{self, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What came of moving a file aside.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Moved {
    /// We moved it.
    ByUs,
    /// Somebody else had: the path names another file by now, or none.
    ByOthers,
    /// Somebody else is at it, or holds the file's lock for reasons of their own.
    Busy,
}

/// Moves `current` aside from `path`, if that still names it, and what was aside before
/// further, up to number `keep`.
///
/// The lock is that of the file and not of the path: whoever gets it after us sees that the
/// path has gone on. It is tried and not waited for, so that nobody can stop us by it.
pub(super) fn move_aside(current: &Current, path: &Path, keep: u32) -> io::Result<Moved> {
    match current.file().try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Moved::Busy),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    let moved = match move_locked(current, path, keep) {
        Ok(true) => Ok(Moved::ByUs),
        Ok(false) => Ok(Moved::ByOthers),
        // Gone from under us, or one of the numbered files: the next record will see.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Moved::ByOthers),
        Err(e) => Err(e),
    };
    // Where that fails, closing the file gives the lock back.
    let _ = current.file().unlock();
    moved
}

/// Whether `path` named `current`, which is moved then.
fn move_locked(current: &Current, path: &Path, keep: u32) -> io::Result<bool> {
    // What a symbolic link names, and not the link.
    let path = fs::canonicalize(path)?;
    if !current.is_at(&path)? {
        return Ok(false);
    }
    make_room(&path, keep)?;
    fs::rename(&path, numbered(&path, 1)).map(|()| true)
}

/// Moves files up by one, so that number 1 is free, up to the first gap or over `keep`.
///
/// The highest first: an error on the way leaves a gap and loses nothing.
fn make_room(path: &Path, keep: u32) -> io::Result<()> {
    let is_free = |n: &u32| fs::symlink_metadata(numbered(path, *n)).is_err();
    let free = (1..keep).find(is_free).unwrap_or(keep);
    for n in (1..free).rev() {
        fs::rename(numbered(path, n), numbered(path, n + 1))?;
    }
    Ok(())
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{n}"));
    name.into()
}
