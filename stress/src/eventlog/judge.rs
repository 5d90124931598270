//! Whether a log tells what happened.

use std::io;

use ampacity_log::Counts;
use serde_json::json;

use super::Seen;
use super::found::{Found, Numbers, Told};
use crate::print::thousands;
use crate::program::{Check, Section, Table};

/// Adds what was found to `section`: checks, figures and a table.
pub(super) fn add(section: &mut Section, counts: &Counts, found: &io::Result<Found>, seen: &Seen) {
    section.checks.push(add_up(counts));
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            section.checks.push(Check::judged("log_can_be_read_back", false, why.to_string()));
            return;
        }
    };
    section.checks.push(lines(counts, found));
    let Some((told, numbers)) = found.ours() else {
        let detail = "its first record is lost, and others wrote to the file";
        section.checks.push(Check::unjudged("log_has_what_was_written", detail));
        return;
    };
    section.checks.push(numbered(counts, &numbers));
    section.checks.extend(content(counts, &told, seen));
    if let Some(figures) = section.figures.as_object_mut() {
        figures.insert("log".to_owned(), figures_of(counts, &numbers, &told, found));
    }
    section.tables.push(table(counts, &numbers, &told, found));
}

fn lost(counts: &Counts) -> u64 {
    counts.dropped + counts.failed
}

fn add_up(counts: &Counts) -> Check {
    let Counts { emitted, written, dropped, failed, .. } = *counts;
    let accounted = written + dropped + failed;
    let detail = format!(
        "{emitted} emitted = {written} written + {dropped} dropped + {failed} failed{}",
        if accounted == emitted { "" } else { ": not so" }
    );
    Check::judged("log_counts_add_up", accounted == emitted, detail)
}

/// A record that failed may have left a torn line, and nothing else may.
fn lines(counts: &Counts, found: &Found) -> Check {
    let Found { torn, malformed, fault, .. } = found;
    let fault = fault.as_ref().map_or(String::new(), |fault| format!("; the first {fault}"));
    Check::judged(
        "log_lines_are_whole",
        *malformed == 0 && *torn <= counts.failed,
        format!("{torn} torn of {} failed, {malformed} malformed{fault}", counts.failed),
    )
}

/// What is missing from the file is what was counted as lost: no more, and no less.
fn numbered(counts: &Counts, numbers: &Numbers) -> Check {
    let Numbers { records, repeated, end } = *numbers;
    // One that failed at its newline is whole all the same once the next one begins with one.
    let written = counts.written..=counts.written + counts.failed;
    // The last record may have failed, too, and nobody sees its number.
    let all_numbers = end == counts.emitted || counts.failed > 0 && end < counts.emitted;
    Check::judged(
        "log_has_what_was_written",
        written.contains(&records) && repeated == 0 && all_numbers,
        format!(
            "{records} records of {} written, {} missing, {} dropped or failed, {repeated} twice",
            counts.written,
            counts.emitted.saturating_sub(records),
            lost(counts)
        ),
    )
}

/// What the records tell is what the breaker and its callers say.
fn content(counts: &Counts, told: &Told, seen: &Seen) -> Vec<Check> {
    let lost = lost(counts);
    let detail = |had: u64, all: u64| match lost {
        0 => format!("{had} of {all}"),
        lost => format!("{had} of {all}, {lost} records lost"),
    };
    // Each is a record of its own, so no more of them are missing than records.
    let each = |name: &str, had: u64, all: u64| {
        let enough = had <= all && all - had <= lost;
        Check::judged(name, enough, detail(had, all))
    };
    // Nobody can know how many a lost record told of.
    let sum = |name: &str, had: u64, all: u64| match had < all && lost > 0 {
        true => Check::unjudged(name, detail(had, all)),
        false => Check::judged(name, had == all, detail(had, all)),
    };
    let mut checks = vec![
        each("log_has_every_transition", told.transitions, seen.transitions),
        sum("log_has_every_rejection", told.rejected, seen.rejected),
        sum("log_has_every_fallback", told.fallbacks, seen.fallbacks),
    ];
    checks.extend(seen.calls.map(|calls| each("log_has_every_call", told.calls, calls)));
    checks
}

fn figures_of(counts: &Counts, numbers: &Numbers, told: &Told, found: &Found) -> serde_json::Value {
    json!({
        "emitted": counts.emitted,
        "written": counts.written,
        "dropped": counts.dropped,
        "failed": counts.failed,
        "records_read": numbers.records,
        "torn_lines": found.torn,
        "transitions": told.transitions,
        "rejected": told.rejected,
        "fallbacks": told.fallbacks,
        "calls": told.calls,
    })
}

fn table(counts: &Counts, numbers: &Numbers, told: &Told, found: &Found) -> Table {
    let columns = [
        ("written", counts.written),
        ("dropped", counts.dropped),
        ("failed", counts.failed),
        ("read back", numbers.records),
        ("torn lines", found.torn),
        ("transitions", told.transitions),
        ("rejections told", told.rejected),
        ("calls", told.calls),
    ];
    let mut head = vec!["emitted".to_owned()];
    head.extend(columns.map(|(name, _)| name.to_owned()));
    let mut row = vec![thousands(counts.emitted)];
    row.extend(columns.map(|(_, count)| thousands(count)));
    Table { title: "the event log, read back".to_owned(), head, rows: vec![row], notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;

    /// A log as it has to be: ten records, two of them transitions, one of five rejections.
    fn right() -> (Counts, Told, Numbers, Seen) {
        let mut counts = Counts::default();
        (counts.emitted, counts.written) = (10, 10);
        let told = Told { transitions: 2, rejected: 5, fallbacks: 1, calls: 4 };
        let seen = Seen { transitions: 2, rejected: 5, fallbacks: 1, calls: Some(4) };
        (counts, told, Numbers { records: 10, repeated: 0, end: 10 }, seen)
    }

    fn verdicts(counts: &Counts, told: &Told, numbers: &Numbers, seen: &Seen) -> Vec<Verdict> {
        let mut checks = vec![add_up(counts), numbered(counts, numbers)];
        checks.extend(content(counts, told, seen));
        checks.iter().map(|check| check.verdict).collect()
    }

    #[test]
    fn a_log_that_tells_everything_holds_and_each_lie_breaks_its_check() {
        let (counts, told, numbers, seen) = right();
        assert_eq!(verdicts(&counts, &told, &numbers, &seen), [Verdict::Held; 6]);
        let broken = |change: &dyn Fn(&mut Counts, &mut Told, &mut Numbers)| {
            let (mut counts, mut told, mut numbers, seen) = right();
            change(&mut counts, &mut told, &mut numbers);
            let all = verdicts(&counts, &told, &numbers, &seen);
            let broken = all.iter().enumerate().filter(|(_, was)| **was == Verdict::Broken);
            broken.map(|(at, _)| at).collect::<Vec<_>>()
        };
        assert_eq!(broken(&|counts, _, _| counts.emitted = 11), [0, 1]);
        assert_eq!(broken(&|_, _, numbers| numbers.records = 9), [1]);
        assert_eq!(broken(&|_, _, numbers| numbers.records = 11), [1]);
        assert_eq!(broken(&|_, _, numbers| numbers.repeated = 1), [1]);
        assert_eq!(broken(&|_, _, numbers| numbers.end = 11), [1]);
        assert_eq!(broken(&|_, _, numbers| numbers.end = 9), [1]);
        assert_eq!(broken(&|_, told, _| told.transitions = 1), [2]);
        assert_eq!(broken(&|_, told, _| told.transitions = 3), [2]);
        assert_eq!(broken(&|_, told, _| told.rejected = 4), [3]);
        assert_eq!(broken(&|_, told, _| told.fallbacks = 2), [4]);
        assert_eq!(broken(&|_, told, _| told.calls = 3), [5]);
    }

    #[test]
    fn what_was_counted_as_lost_may_be_missing_and_no_more() {
        let (mut counts, mut told, mut numbers, seen) = right();
        (counts.written, counts.dropped, counts.failed) = (8, 1, 1);
        (numbers.records, told.transitions, told.rejected) = (8, 1, 0);
        let all = verdicts(&counts, &told, &numbers, &seen);
        assert_eq!(all[..3], [Verdict::Held; 3]);
        assert_eq!(all[3], Verdict::Unjudged);
        // Failed at its newline.
        numbers.records = 9;
        assert_eq!(verdicts(&counts, &told, &numbers, &seen)[1], Verdict::Held);
        numbers.records = 10;
        assert_eq!(verdicts(&counts, &told, &numbers, &seen)[1], Verdict::Broken);
        told.calls = 1;
        assert_eq!(verdicts(&counts, &told, &numbers, &seen)[5], Verdict::Broken);
        told.rejected = 6;
        assert_eq!(verdicts(&counts, &told, &numbers, &seen)[3], Verdict::Broken);
    }

    #[test]
    fn a_torn_line_needs_a_record_that_failed() {
        let (mut counts, ..) = right();
        let mut found = Found { torn: 1, ..Found::default() };
        assert_eq!(lines(&counts, &found).verdict, Verdict::Broken);
        counts.failed = 1;
        assert_eq!(lines(&counts, &found).verdict, Verdict::Held);
        found.malformed = 1;
        assert_eq!(lines(&counts, &found).verdict, Verdict::Broken);
    }
}
