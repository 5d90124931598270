//! What a caller wrote down before it reported, without an ordering of its own.

use crate::tool::AtomicU64;
use std::sync::atomic::Ordering;

/// A relaxed number: whoever sees it written was told by somebody else's ordering.
#[derive(Debug)]
pub struct Note(AtomicU64);

impl Default for Note {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Note {
    /// A note that says `value`.
    pub fn new(value: u64) -> Self {
        Note(AtomicU64::new(value))
    }

    /// A note that said nothing when it was made, and then `value`.
    pub fn written(value: u64) -> Self {
        let note = Note::new(0);
        note.write(value);
        note
    }

    /// Writes.
    pub fn write(&self, value: u64) {
        // Relaxed: the ordering under test must be the library's.
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads.
    pub fn read(&self) -> u64 {
        // Relaxed: as above.
        self.0.load(Ordering::Relaxed)
    }
}
