//! The file behind a sink, through rotations and reopenings.

use super::super::{Out, Rotations, WriteError};
use super::current::Current;
use super::rotate::{Moved, move_aside};
use super::{FileError, FileSink};
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// How long a rotation that failed is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// The file behind a sink.
#[derive(Debug)]
pub(crate) struct FileOut {
    sink: FileSink,
    /// The sink's, absolute.
    pub(super) path: PathBuf,
    /// Nothing after it could not be opened.
    pub(super) current: Option<Current>,
    now: SystemTime,
    rotations: Rotations,
    pause: Pause,
}

/// Why a rotation that is due may have to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pause {
    No,
    /// Others have been rotating since.
    Busy(SystemTime),
    /// It failed at this time.
    Failed(SystemTime),
}

impl FileOut {
    pub(super) fn open(sink: &FileSink, now: SystemTime) -> Result<Self, FileError> {
        let path = std::path::absolute(&sink.path)
            .map_err(|error| FileError::Open { path: sink.path.clone(), error })?;
        let current = Current::open(&path, sink.rotates(), now)?;
        Ok(FileOut {
            sink: sink.clone(),
            path,
            current: Some(current),
            now,
            rotations: Rotations::default(),
            pause: Pause::No,
        })
    }

    /// Whether the file has to be moved aside before `more` bytes. Never an empty one.
    fn is_due(&self, more: usize) -> bool {
        let Some(current) = &self.current else { return false };
        let then = current.len().saturating_add(more as u64);
        let too_long = self.sink.rotate_at_bytes.is_some_and(|most| then > most);
        let too_old = self.sink.rotate_every.is_some_and(|most| {
            // Before its birth, by a clock that was set back, it is not old.
            self.now.duration_since(current.born()).is_ok_and(|age| age >= most)
        });
        current.len() > 0 && (too_long || too_old)
    }

    /// Moves the file aside and opens the next, or goes on with it as it is.
    fn rotate(&mut self, more: usize) {
        if matches!(self.pause, Pause::Failed(at) if !has_passed(at, self.now)) {
            return;
        }
        let Some(current) = &mut self.current else { return };
        if current.look_again(&self.path, self.now) && !self.is_due(more) {
            return; // somebody cut it short
        }
        let moved = self.move_aside();
        if let Err(e) = moved.and_then(|moved| self.go_on(moved)) {
            self.rotations.failed += 1;
            self.rotations.why = Some(e);
            self.pause = Pause::Failed(self.now);
        }
    }

    fn move_aside(&self) -> io::Result<Moved> {
        match &self.current {
            Some(current) => move_aside(current, &self.path, self.sink.keep),
            None => Ok(Moved::ByOthers),
        }
    }

    /// Opens the next file, unless others are about to move this one.
    fn go_on(&mut self, moved: Moved) -> io::Result<()> {
        match (moved, self.pause) {
            (Moved::Busy, Pause::Busy(since)) if has_passed(since, self.now) => {
                return Err(io::Error::other("somebody else keeps the file locked"));
            }
            (Moved::Busy, Pause::Busy(_)) => return Ok(()),
            (Moved::Busy, _) => {
                self.pause = Pause::Busy(self.now);
                return Ok(());
            }
            (Moved::ByUs, _) => self.rotations.done += 1,
            (Moved::ByOthers, _) => {}
        }
        // If that fails, records go on into the file that was moved.
        self.open_next()
    }

    fn open_next(&mut self) -> io::Result<()> {
        let next = Current::open(&self.path, self.sink.rotates(), self.now);
        self.current = Some(next.map_err(FileError::into_io)?);
        self.pause = Pause::No;
        Ok(())
    }
}

/// Whether a [`PAUSE`] is over; so it is when the clock was set back before it began.
fn has_passed(since: SystemTime, now: SystemTime) -> bool {
    now.duration_since(since).map_or(true, |passed| passed >= PAUSE)
}

impl Out for FileOut {
    fn prepare(&mut self, now: SystemTime) -> io::Result<()> {
        self.now = now;
        let here = self.current.as_mut().is_some_and(|at| at.look_again(&self.path, now));
        if here { Ok(()) } else { self.reopen() }
    }

    fn record(&mut self, line: &[u8]) -> Result<(), WriteError> {
        if self.is_due(line.len()) {
            self.rotate(line.len());
        }
        let Some(current) = &mut self.current else {
            let error = io::Error::new(io::ErrorKind::NotFound, "no file is open");
            return Err(WriteError { error, out: 0 });
        };
        current.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is kept back.
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        // First closed: who has run out of descriptors has one again.
        self.current = None;
        self.open_next()
    }

    fn rotations(&self) -> Option<&Rotations> {
        Some(&self.rotations)
    }
}
