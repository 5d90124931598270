//! Goes on with a file that grows, is rotated, or is not there yet.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use same_file::Handle;

use super::MAX_LINE;
use super::entry::{self, Entry};
use super::line::Lines;

/// Reads a file as it grows, and the one that takes its place.
///
/// * The end of a line may still be on its way: a line is torn only once its file was replaced.
/// * When another file stands at the path and holds something, the old one is read to its end
///   first, then the new one from its start. Until then the old one is read on: who rotates a
///   file may tell its writer later.
/// * When the file is shorter than what was read of it, it is read again from its start. One
///   that is emptied and grows past that between two looks cannot be told from one that grew.
/// * While there is no file, there is nothing to read. A file that came and went between two
///   looks is not seen; its records are missing by their numbers: see
///   [`Gaps`](super::Gaps).
///
/// It does not wait: how often to look is up to you.
///
/// # Examples
///
/// ```
/// use std::fs::{self, File};
/// use std::io::Write as _;
/// use ampacity_log::reader::Follow;
///
/// # let directory = tempfile::tempdir()?;
/// let path = directory.path().join("app.jsonl");
/// let mut follow = Follow::new(&path);
/// assert_eq!(follow.try_next()?, None);
///
/// let mut file = File::create(&path)?;
/// file.write_all(br#"{"message":"#)?;
/// assert_eq!(follow.try_next()?, None);
///
/// file.write_all(b"\"hello\"}\n")?;
/// let record = follow.try_next()?.and_then(|entry| entry.into_record()).expect("a record");
/// assert_eq!(record.message(), Some("hello"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    max_line: usize,
    file: Option<Followed>,
    // What was found at the path while `file` is read to its end.
    successor: Option<Handle>,
    // Found and not yet handed out: at most two.
    ready: VecDeque<Entry>,
}

/// A file that is read; held open, so that no other file can have its identity.
#[derive(Debug)]
struct Followed {
    lines: Lines<File>,
    identity: Handle,
}

impl Follow {
    /// Follows what is, or will be, at `path`, from its first byte.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { path, max_line: MAX_LINE, file: None, successor: None, ready: VecDeque::new() }
    }

    /// Sets the longest line that is looked at: see [`Reader::max_line`](super::Reader::max_line).
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// The next entry, or `None` if there is nothing more for now.
    ///
    /// Offsets are counted from the start of the file that the entry stands in.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or read, for another reason than that it is not there; or the
    /// path leads to a directory, a pipe or a device. Asked again, it goes on where it was.
    pub fn try_next(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            let Some(file) = &mut self.file else {
                let Some(found) = look(&self.path)? else { return Ok(None) };
                self.file = Some(Followed::new(found, self.max_line)?);
                continue;
            };
            if let Some(line) = file.lines.next()? {
                let (first, second) = entry::of(line);
                self.ready.extend([Some(first), second].into_iter().flatten());
            } else if !self.at_end()? {
                return Ok(None);
            }
        }
    }

    /// At the end of the file: whether there is something to read after all.
    fn at_end(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(false) };
        if let Some(successor) = self.successor.take() {
            // The file was read to its end once more since the successor was seen in its place.
            let next = Followed::new(successor, self.max_line)?;
            give_up_rest(file, &mut self.ready);
            self.file = Some(next);
            return Ok(true);
        }
        if file.identity.as_file().metadata()?.len() < file.lines.position() {
            give_up_rest(file, &mut self.ready);
            file.lines.rewind()?;
            return Ok(true);
        }
        let found = look(&self.path)?;
        self.successor = match found {
            Some(found) if found != file.identity && found.as_file().metadata()?.len() > 0 => {
                Some(found)
            }
            _ => None,
        };
        Ok(self.successor.is_some())
    }
}

impl Followed {
    fn new(identity: Handle, cap: usize) -> io::Result<Self> {
        let lines = Lines::new(identity.as_file().try_clone()?, cap);
        Ok(Self { lines, identity })
    }
}

/// The file at `path`, if there is one.
fn look(path: &Path) -> io::Result<Option<Handle>> {
    let there = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    };
    match fs::metadata(path) {
        // Before it is opened: to open a pipe is to wait for its writer.
        Ok(found) if !found.is_file() => {
            Err(io::Error::new(ErrorKind::Unsupported, "not a regular file"))
        }
        Ok(_) => Handle::from_path(path).map(Some).or_else(there),
        Err(error) => there(error),
    }
}

/// What was begun in a file that is no more will not be ended.
fn give_up_rest(file: &mut Followed, ready: &mut VecDeque<Entry>) {
    if let Some(rest) = file.lines.rest() {
        let (first, second) = entry::of(rest);
        ready.extend([Some(first), second].into_iter().flatten());
    }
}

#[cfg(test)]
mod tests;
