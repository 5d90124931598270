//! Whole lines, into whatever can be written to.

use super::{Out, WriteError};
use crate::contained::contained;
use std::io::{self, ErrorKind, Write};
use std::time::SystemTime;

/// How often a write is tried again that was interrupted before its first byte.
///
/// A signal interrupts a few; a writer that says so for ever is broken, and the thread is
/// not to be lost to it.
const PATIENCE: u32 = 1_000;

/// A writer that gets whole lines.
///
/// The rule of the fresh line lives here: after a line that was torn, by an error behind
/// a short write, the next one begins with `\n`. So a torn line costs itself and no other.
///
/// The writer may be anybody's. That it panics, takes nothing, claims to have taken more
/// than there was or is interrupted for ever is an error of that record.
#[derive(Debug)]
pub(crate) struct Lines<W> {
    to: W,
    torn: bool,
}

impl<W: Write> Lines<W> {
    /// Lines into `to`, whose last line is taken to be whole.
    pub(crate) fn new(to: W) -> Self {
        Lines { to, torn: false }
    }

    /// Says whether what was written so far ends in part of a line.
    pub(super) fn set_torn(&mut self, torn: bool) {
        self.torn = torn;
    }

    /// What is written to.
    pub(super) fn get_ref(&self) -> &W {
        &self.to
    }

    /// Writes `line`, which ends in `\n`; how many bytes that took.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<usize, WriteError> {
        if !self.torn {
            return self.write_bytes(line);
        }
        // One write all the same, or another process could come between.
        self.write_bytes(&[b"\n", line].concat())
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<usize, WriteError> {
        let mut out = 0;
        let mut patience = PATIENCE;
        while let Some(rest @ [_, ..]) = bytes.get(out..) {
            let error = match contained(|| self.to.write(rest)) {
                Some(Ok(0)) => ErrorKind::WriteZero.into(),
                Some(Ok(taken)) if taken > rest.len() => {
                    // Nobody knows what it wrote; as below.
                    self.torn = true;
                    claims_too_much(taken, rest.len())
                }
                Some(Ok(taken)) => {
                    out += taken;
                    // Here and not at the end: a panic below must find it.
                    self.torn = bytes[out - 1] != b'\n';
                    patience = PATIENCE;
                    continue;
                }
                Some(Err(e)) if e.kind() == ErrorKind::Interrupted && patience > 0 => {
                    patience -= 1;
                    continue;
                }
                Some(Err(e)) => e,
                None => {
                    // Nobody knows what it wrote before: a blank line does no harm.
                    self.torn = true;
                    io::Error::other("the writer panicked")
                }
            };
            return Err(WriteError { error, out });
        }
        Ok(out)
    }
}

fn claims_too_much(taken: usize, given: usize) -> io::Error {
    let claim = format!("the writer claims to have taken {taken} of {given} bytes");
    io::Error::new(ErrorKind::InvalidData, claim)
}

impl<W: Write + Send> Out for Lines<W> {
    fn prepare(&mut self, _now: SystemTime) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, line: &[u8]) -> Result<(), WriteError> {
        self.write(line).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        for _ in 0..PATIENCE {
            match contained(|| self.to.flush()) {
                Some(Err(e)) if e.kind() == ErrorKind::Interrupted => {}
                Some(done) => return done,
                None => return Err(io::Error::other("the writer panicked")),
            }
        }
        Err(ErrorKind::Interrupted.into())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
