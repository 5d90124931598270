//! What is printed, without a panic on a pipe that nobody reads.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, StdoutLock, Write as _};

/// Stdout, which may be closed before we are done.
#[derive(Debug)]
pub(crate) struct Out {
    to: BufWriter<StdoutLock<'static>>,
    // Whether somebody waits for each line.
    by_line: bool,
    // Why the rest is not written.
    failed: Option<io::Error>,
}

impl Out {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout().lock();
        let by_line = stdout.is_terminal();
        Self { to: BufWriter::with_capacity(64 << 10, stdout), by_line, failed: None }
    }

    /// Has each line written at once, as on a terminal.
    pub(crate) fn by_line(&mut self) {
        self.by_line = true;
    }

    /// Prints `text` and ends the line.
    pub(crate) fn line(&mut self, text: impl fmt::Display) {
        self.write(format_args!("{text}\n"));
        if self.by_line {
            self.flush();
        }
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
