//! What did not hold, by the property.

use crate::program::Check;
use crate::workload::chain::Faults;

/// How often something was looked at, and what was wrong.
#[derive(Debug, Default)]
pub(super) struct Finding {
    looks: u64,
    faults: Faults,
}

impl Finding {
    /// One look; `fault` says what is wrong if it does not hold.
    pub(super) fn look(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        self.looks += 1;
        if !holds {
            self.faults.add(fault);
        }
    }

    fn check(&self, name: &str) -> Check {
        match (self.looks, self.faults.count) {
            (0, _) => Check::not_reached(name, "the case never came up"),
            (looks, 0) => Check::judged(name, true, format!("{looks} looks")),
            (looks, wrong) => {
                Check::judged(name, false, format!("{wrong} of {looks}: {}", self.faults.text()))
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    /// A window at rest, against the model.
    pub(super) windows: Finding,
    /// The same after so long that nothing is recent.
    pub(super) gaps: Finding,
    /// The same while the breaker is open.
    pub(super) open: Finding,
    /// The same at the beginning of a closed era.
    pub(super) fresh: Finding,
    /// Failures in a row, where they are all in a row.
    pub(super) streaks: Finding,
    /// Closed as long as the threshold is not reached.
    pub(super) below: Finding,
    /// One transition when it is.
    pub(super) above: Finding,
    pub(super) late: Finding,
    pub(super) events: Finding,
    pub(super) totals: Finding,
}

impl Findings {
    pub(super) fn checks(&self) -> Vec<Check> {
        vec![
            self.windows.check("a_window_at_rest_holds_what_the_threads_did"),
            self.gaps.check("an_idle_gap_empties_a_time_window_and_no_other"),
            self.open.check("an_open_breaker_shows_the_window_that_tripped_it"),
            self.fresh.check("a_new_closed_era_begins_with_an_empty_window"),
            self.streaks.check("failures_in_a_row_are_counted_exactly"),
            self.below.check("no_policy_trips_below_its_threshold"),
            self.above.check("every_policy_trips_once_an_era_above_it"),
            self.late.check("a_trip_is_late_by_at_most_one_failure_a_thread"),
            self.events.check("every_trip_tells_its_cause_and_the_figures_it_saw"),
            self.totals.check("totals_are_what_the_threads_did/policies"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    #[test]
    fn what_was_never_looked_at_is_no_pass_and_a_fault_is_named() {
        let mut finding = Finding::default();
        assert_eq!(finding.check("x").verdict, Verdict::NotReached);
        finding.look(true, || unreachable!());
        assert_eq!(finding.check("x").verdict, Verdict::Held);
        finding.look(false, || "2, not 3".to_owned());
        let check = finding.check("x");
        assert_eq!((check.verdict, check.detail.as_str()), (Verdict::Broken, "1 of 2: 2, not 3"));
    }
}
