//! A sink to look at.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a log wrote, in memory: for tests. Clones are of the same memory.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Memory::default()
    }

    /// All that was written; [flush](crate::Log::flush) the log before.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().clone()
    }

    /// As [`bytes`](Memory::bytes), as text, which records always are.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// Empties it, and returns what was in it.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
