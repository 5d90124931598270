//! Lines of bytes in memory that does not grow with them.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Seek as _};

const BUFFER: usize = 64 << 10;

/// Splits what a source gives at `\n`.
///
/// A line that is not ended when the source has no more is kept: [`next`](Lines::next) goes on
/// with it when there is more, [`rest`](Lines::rest) gives it up.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: BufReader<R>,
    cap: usize,
    // What has been read of this line; once it is longer than `cap`, some of it.
    line: Vec<u8>,
    // Bytes of this line so far, those that were not kept and the newline as well.
    len: u64,
    // Of the line's first byte.
    offset: u64,
    // Whether the line was handed out.
    done: bool,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Where its first byte is.
    pub(super) offset: u64,
    /// How many bytes it has, with its newline.
    pub(super) len: u64,
    /// What it holds, without the newline; or the cap that it is longer than.
    pub(super) held: Result<&'a [u8], usize>,
}

impl<R: io::Read> Lines<R> {
    pub(super) fn new(source: R, cap: usize) -> Self {
        let source = BufReader::with_capacity(BUFFER, source);
        Self { source, cap, line: Vec::new(), len: 0, offset: 0, done: false }
    }

    pub(super) fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// The next line that is ended; `None` when the source has no more for now.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.begin();
        loop {
            let chunk = match self.source.fill_buf() {
                Ok([]) => return Ok(None),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', chunk);
            let content = &chunk[..end.unwrap_or(chunk.len())];
            let taken = content.len() + usize::from(end.is_some());
            if content.len() <= self.cap.saturating_sub(self.line.len()) {
                self.line.extend_from_slice(content);
            } else {
                // Too long: as it is not all there any more, `take` will say so.
                self.line.clear();
            }
            self.len = self.len.saturating_add(taken as u64);
            self.source.consume(taken);
            if end.is_some() {
                return Ok(Some(self.take(1)));
            }
        }
    }

    /// What was begun and not ended, if anything was.
    pub(super) fn rest(&mut self) -> Option<Line<'_>> {
        self.begin();
        (self.len > 0).then(|| self.take(0))
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    fn begin(&mut self) {
        if self.done {
            self.offset = self.position();
            self.len = 0;
            self.line.clear();
            self.done = false;
        }
    }

    fn take(&mut self, newline: u64) -> Line<'_> {
        self.done = true;
        let whole = self.len - newline == self.line.len() as u64;
        let held = if whole { Ok(&self.line[..]) } else { Err(self.cap) };
        Line { offset: self.offset, len: self.len, held }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.source.capacity() + self.line.capacity()
    }
}

impl<R: io::Read + io::Seek> Lines<R> {
    /// Begins again at the first byte.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.source.rewind()?;
        self.line.clear();
        (self.len, self.offset, self.done) = (0, 0, false);
        Ok(())
    }
}
