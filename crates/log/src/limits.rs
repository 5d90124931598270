//! How large values and records may be.

use crate::json::Rules;
use crate::redact::Redaction;

/// How large values and records may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// A value, as JSON.
    pub(crate) value_bytes: usize,
    /// A record, as a line.
    pub(crate) record_bytes: usize,
    /// Arrays and objects within each other.
    pub(crate) depth: usize,
}

impl Limits {
    /// Those of a log that is told nothing else.
    pub(crate) const DEFAULT: Limits =
        Limits { value_bytes: 16 << 10, record_bytes: 64 << 10, depth: 16 };

    /// What a value is encoded by.
    pub(crate) fn rules(self, redaction: &Redaction) -> Rules<'_> {
        let Limits { value_bytes, depth, .. } = self;
        Rules { value_bytes, depth, redaction }
    }
}
