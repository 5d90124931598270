//! What became of a sink's records.

use crate::queue::Tally;

/// What became of the records for one sink.
///
/// `emitted = written + dropped + failed + queued`, in every reading; nothing is queued
/// after a [flush](crate::Log::flush) while nobody logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Records handed in, of the sink's level and above, the log's own among them.
    pub emitted: u64,
    /// Records that the sink took whole.
    pub written: u64,
    /// Records that found no room in the queue in time, or came after the log was closed.
    pub dropped: u64,
    /// Records that the sink did not take whole, or that were not offered to it because it
    /// kept failing.
    pub failed: u64,
    /// Records among the failed that the fallback took.
    pub fell_back: u64,
    /// How often this log moved a full or an old file aside.
    pub rotated: u64,
    /// How often it tried to in vain; records went on into the file that there was.
    pub not_rotated: u64,
    /// How often the sink's flush failed: a writer that keeps records back may have lost some
    /// that count as written.
    pub not_flushed: u64,
}

impl Counts {
    /// Records that wait to be written, or are being written.
    pub fn queued(&self) -> u64 {
        self.emitted - self.written - self.dropped - self.failed
    }

    pub(crate) fn add(&mut self, done: Tally) {
        let Tally { written, failed, fell_back, rotated, not_rotated, not_flushed } = done;
        self.written += written;
        self.failed += failed;
        self.fell_back += fell_back;
        self.rotated += rotated;
        self.not_rotated += not_rotated;
        self.not_flushed += not_flushed;
    }
}
