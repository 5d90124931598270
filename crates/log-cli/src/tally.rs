//! How much of a log was no record, and why.

use std::collections::BTreeMap;

use ampacity_log::reader::Skipped;

/// Counts skipped pieces by reason; blank lines, by which nothing is lost, apart.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    pieces: BTreeMap<&'static str, u64>,
    bytes: u64,
    pub(crate) blank: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, skipped: &Skipped) {
        if skipped.reason().is_loss() {
            *self.pieces.entry(skipped.reason().name()).or_default() += 1;
            self.bytes = self.bytes.saturating_add(skipped.size());
        } else {
            self.blank += 1;
        }
    }

    /// How many pieces that are not blank.
    pub(crate) fn lost(&self) -> u64 {
        self.pieces.values().sum()
    }

    /// `3 skipped (120 bytes: 2 not JSON, 1 torn)`, or `0 skipped`.
    pub(crate) fn said(&self) -> String {
        let each: Vec<String> =
            self.pieces.iter().map(|(name, count)| format!("{count} {name}")).collect();
        match &each[..] {
            [] => "0 skipped".to_owned(),
            each => format!("{} skipped ({} bytes: {})", self.lost(), self.bytes, each.join(", ")),
        }
    }
}
