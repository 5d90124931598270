//! When a thread's calls are due, whatever became of those before.

use std::time::Duration;

/// So far behind, the machine cannot carry the load, and what was not made is left out.
const HOPELESS: Duration = Duration::from_secs(1);

/// An open loop: calls are due at a fixed distance.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    next: Duration,
    gap: Duration,
    skipped: u64,
    late: Duration,
}

impl Pace {
    pub(super) fn new(first: Duration, gap: Duration) -> Self {
        Self {
            next: first,
            gap: gap.max(Duration::from_nanos(1)),
            skipped: 0,
            late: Duration::ZERO,
        }
    }

    /// How many calls are due by `now`.
    pub(super) fn due(&mut self, now: Duration) -> u64 {
        let Some(late) = now.checked_sub(self.next) else { return 0 };
        self.late = self.late.max(late);
        let due = self.gaps(late) + 1;
        if late > HOPELESS {
            self.skipped += due - 1;
            self.made(due - 1);
            return 1;
        }
        due
    }

    /// How long until the next.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    pub(super) fn made(&mut self, calls: u64) {
        let nanos = self.gap.as_nanos().saturating_mul(calls.into());
        self.next += Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// Calls left out and the most that one was late, since this was last asked.
    pub(super) fn take(&mut self) -> (u64, Duration) {
        (std::mem::take(&mut self.skipped), std::mem::take(&mut self.late))
    }

    fn gaps(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / self.gap.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn calls_are_due_at_their_times_and_those_missed_are_made_up_for() {
        let mut pace = Pace::new(2 * MS, 4 * MS);
        assert_eq!((pace.due(MS), pace.wait(MS)), (0, MS));
        assert_eq!(pace.due(2 * MS), 1);
        pace.made(1);
        assert_eq!(pace.due(5 * MS), 0);
        assert_eq!(pace.due(15 * MS), 3); // 6, 10, 14
        pace.made(2);
        assert_eq!(pace.due(15 * MS), 1);
        assert_eq!(pace.take(), (0, 9 * MS));
        assert_eq!(pace.take(), (0, Duration::ZERO));
    }

    #[test]
    fn a_second_behind_what_was_due_is_left_out_and_counted() {
        let mut pace = Pace::new(Duration::ZERO, 10 * MS);
        assert_eq!(pace.due(2_000 * MS), 1);
        pace.made(1);
        assert_eq!(pace.take().0, 200);
        assert_eq!(pace.due(2_000 * MS), 0);
        assert_eq!(pace.due(2_010 * MS), 1);
    }
}
