//! What is printed, without a panic on a pipe that nobody reads.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write as _};

/// Stdout, which may be closed before we are done.
#[derive(Debug)]
pub(crate) struct Out {
    to: BufWriter<StdoutLock<'static>>,
    // Why the rest is not written.
    failed: Option<io::Error>,
}

impl Out {
    pub(crate) fn new() -> Self {
        let to = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        Self { to, failed: None }
    }

    /// Prints `text` and ends the line.
    pub(crate) fn line(&mut self, text: impl fmt::Display) {
        self.write(format_args!("{text}\n"));
    }

    pub(crate) fn write(&mut self, text: fmt::Arguments<'_>) {
        if self.is_open() {
            self.failed = self.to.write_fmt(text).err();
        }
    }

    pub(crate) fn flush(&mut self) {
        if self.is_open() {
            self.failed = self.to.flush().err();
        }
    }

    /// Whether it is any use to print more.
    pub(crate) fn is_open(&self) -> bool {
        self.failed.is_none()
    }

    /// Why something that was to be printed was not. A reader who has gone away (`| head`) has
    /// read what it wanted, and is no reason.
    pub(crate) fn lost(&self) -> Option<&io::Error> {
        self.failed.as_ref().filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }
}

/// Writes one line to stderr.
pub(crate) fn err(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
