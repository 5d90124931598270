//! What was logged of a breaker's counts, to log the difference.

use ampacity::Snapshot;

/// What was logged of a breaker so far.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Told {
    pub(super) open: u64,
    pub(super) half_open_full: u64,
    pub(super) forced_open: u64,
    pub(super) fallbacks: u64,
    pub(super) panics: u64,
    pub(super) dropped: u64,
}

impl Told {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let rejected = snapshot.lifetime.rejected;
        Told {
            open: rejected.open,
            half_open_full: rejected.half_open_full,
            forced_open: rejected.forced_open,
            fallbacks: snapshot.lifetime.fallbacks,
            panics: snapshot.events.panics,
            dropped: snapshot.events.dropped,
        }
    }

    pub(super) fn since(&self, before: &Told) -> Told {
        Told {
            open: self.open.saturating_sub(before.open),
            half_open_full: self.half_open_full.saturating_sub(before.half_open_full),
            forced_open: self.forced_open.saturating_sub(before.forced_open),
            fallbacks: self.fallbacks.saturating_sub(before.fallbacks),
            panics: self.panics.saturating_sub(before.panics),
            dropped: self.dropped.saturating_sub(before.dropped),
        }
    }
}
