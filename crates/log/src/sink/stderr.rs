//! The standard error stream.

use std::io::{self, Write};

/// The standard error stream, never through a macro that panics when it cannot write.
///
/// On Unix a descriptor of our own, of the stream as it was when this was made. The
/// library's writes to descriptor 2 by number, and says that all went well when that is
/// closed; worse, once it is closed the number may belong to the next file that is opened.
#[derive(Debug)]
pub(crate) struct Stderr {
    #[cfg(unix)]
    own: std::fs::File,
}

impl Stderr {
    /// Takes a descriptor for it; fails if it is closed, or if there are no more.
    pub(crate) fn open() -> io::Result<Self> {
        #[cfg(unix)]
        {
            let own = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?.into();
            Ok(Stderr { own })
        }
        #[cfg(not(unix))]
        Ok(Stderr {})
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Locked all the same: other threads print several pieces a line.
        let mut _locked = io::stderr().lock();
        #[cfg(unix)]
        return self.own.write(bytes);
        #[cfg(not(unix))]
        return _locked.write(bytes);
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_takes_a_line() {
        let mut stderr = Stderr::open().unwrap();
        assert_eq!(stderr.write(b"from a test of the standard error stream\n").unwrap(), 41);
        stderr.flush().unwrap();
    }
}
