//! Text that is formatted when it is wanted, or not at all.

use core::fmt;

use arbitrary::Arbitrary;

/// How formatting ends.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Fine,
    Errs,
    Panics,
}

/// Shows its pieces, over and over.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Shows<'a> {
    pieces: Vec<&'a str>,
    times: u8,
    end: End,
    /// Whether it stops when it is told to.
    heeds: bool,
}

impl fmt::Display for Shows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..=self.times {
            for piece in &self.pieces {
                let written = f.write_str(piece);
                if self.heeds {
                    written?;
                }
            }
        }
        match self.end {
            End::Fine => Ok(()),
            End::Errs => Err(fmt::Error),
            End::Panics => panics(),
        }
    }
}

impl Shows<'_> {
    /// All of its text; nothing if it fails.
    pub(crate) fn text(&self) -> Option<String> {
        let once = self.pieces.concat();
        (self.end == End::Fine).then(|| once.repeat(usize::from(self.times) + 1))
    }
}

/// Unwinds like any panic, but past the hook, which fuzzers have end the process.
pub(crate) fn panics() -> ! {
    std::panic::resume_unwind(Box::new("a value's own"))
}
