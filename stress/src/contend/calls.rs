//! Locked instructions and stores of a call, of every path: figures, the check and a table.

use super::costs::{Costs, Run};
use super::lane::{Extent, Lane};
use super::tracer;
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::{Check, Section, Stop, Table};

const CHECK: &str = "an_untimed_closed_success_has_no_locked_instruction_and_no_shared_write";

/// What a call costs each of two threads, by lane, or why nobody can say.
pub(super) struct Calls(Result<Vec<(Lane, [Costs; 2])>, String>);

impl Calls {
    /// Follows this very program; takes seconds.
    pub(super) fn take(extent: Extent, stop: &Stop, tell: impl FnMut(usize) + Send) -> Self {
        let costs = |(lane, [first, second]): (Lane, [Run; 2])| {
            let calls = lane.batch();
            (lane, [first.beside(&second, calls), second.beside(&first, calls)])
        };
        Self(tracer::trace(extent, stop, tell).map(|runs| runs.into_iter().map(costs).collect()))
    }

    /// Adds what there is to a section.
    pub(super) fn add_to(&self, section: &mut Section) {
        match &self.0 {
            Ok(costs) => {
                section
                    .measures
                    .extend(costs.iter().flat_map(|&(lane, both)| measures(lane, both)));
                section.checks.push(check(costs));
                section.tables.push(table(costs));
            }
            Err(why) => {
                section.checks.push(Check::unjudged(CHECK, format!("not available: {why}")));
                section.tables.push(Table {
                    title: TITLE.to_owned(),
                    notes: vec![format!("not available: {why}")],
                    ..Table::default()
                });
            }
        }
    }
}

const TITLE: &str = "contend: what a call executes, exactly, of two threads in turn";

fn measures(lane: Lane, both: [Costs; 2]) -> [Measure; 6] {
    type Figure = fn(&Costs) -> f64;
    let figures: [(&str, Figure); 6] = [
        ("instructions_a_call", |costs| costs.instructions),
        ("locked_instructions_a_call", |costs| costs.locked),
        ("shared_writes_a_call", |costs| costs.shared),
        ("writes_read_elsewhere_a_call", |costs| costs.read_elsewhere),
        ("private_writes_a_call", |costs| costs.private),
        ("system_calls_a_call", |costs| costs.syscalls),
    ];
    figures.map(|(name, figure)| {
        let labels =
            labels([("path", lane.path().to_owned()), ("subject", lane.subject().to_owned())]);
        let unknown: u64 = both.iter().map(|costs| costs.unknown).sum();
        let measure =
            Measure::new(name, labels, Unit::Count, Better::Lower, both.iter().map(figure))
                .doubted((unknown > 0).then(|| format!("{unknown} addresses are not known")));
        // Instructions differ by where the loader puts what is copied, and by the clock.
        let is_same = matches!(name, "locked_instructions_a_call" | "shared_writes_a_call");
        if is_same && !lane.is_sampled() { measure.exact() } else { measure }
    })
}

fn check(costs: &[(Lane, [Costs; 2])]) -> Check {
    let Some((_, both)) = costs.iter().find(|(lane, _)| lane.is_untimed_closed_success()) else {
        return Check::not_reached(CHECK, "no such call was followed");
    };
    let sum = |figure: fn(&Costs) -> f64| both.iter().map(figure).sum::<f64>();
    let unknown: u64 = both.iter().map(|costs| costs.unknown).sum();
    let [locked, shared, read, private, instructions] = [
        sum(|costs| costs.locked),
        sum(|costs| costs.shared),
        sum(|costs| costs.read_elsewhere),
        sum(|costs| costs.private),
        sum(|costs| costs.instructions),
    ]
    .map(|sum| sum / 2.0);
    let detail = format!(
        "a call: {locked} locked instructions, {shared} shared writes, {read} that others read, \
         {private} private ones; {instructions} instructions"
    );
    if instructions <= 0.0 || private <= 0.0 {
        // A call counts itself; whoever saw no store saw no call.
        return Check::not_reached(CHECK, detail);
    }
    if unknown > 0 {
        return Check::unjudged(CHECK, format!("{unknown} addresses are not known; {detail}"));
    }
    Check::judged(CHECK, [locked, shared, read] == [0.0; 3], detail)
}

fn table(costs: &[(Lane, [Costs; 2])]) -> Table {
    let mut table = Table {
        title: TITLE.to_owned(),
        head: ["a call", "instructions", "locked", "shared writes", "read elsewhere", "private"]
            .map(str::to_owned)
            .into(),
        ..Table::default()
    };
    let mut path = "";
    for (lane, both) in costs {
        if lane.path() != path {
            path = lane.path();
            let mut title = vec![String::new(); table.head.len()];
            title[0] = lane.path_title().to_owned();
            table.rows.push(title);
        }
        let mean = |figure: fn(&Costs) -> f64| both.iter().map(figure).sum::<f64>() / 2.0;
        let mark = if lane.is_sampled() { " ~" } else { "" };
        table.rows.push(vec![
            format!("  {}{mark}", lane.title()),
            number(mean(|costs| costs.instructions)),
            number(mean(|costs| costs.locked)),
            number(mean(|costs| costs.shared)),
            number(mean(|costs| costs.read_elsewhere)),
            number(mean(|costs| costs.private)),
        ]);
    }
    table.notes = [
        "this very program, stepped through; the difference of a batch and one of twice as many",
        "locked: with a lock prefix, xchg with memory, or mfence; in this build ampacity counts its",
        "swaps by site, each with a locked instruction that a build without the feature has not",
        "shared: into a line of 64 bytes that the other thread's calls write, too; read elsewhere:",
        "into one that they only read; private: all others, but for the stack",
        "~ one call in 16 is timed, at random: a mean of few; rates and windows: by a clock that",
        "stands still, and untimed where they need no times",
    ]
    .map(str::to_owned)
    .into();
    table
}

/// Whole numbers as they are, means with a digit or two.
fn number(figure: f64) -> String {
    if figure == figure.round() { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict;
    use crate::rivals::{Path, Who};

    const CALL: Costs = Costs {
        instructions: 25.0,
        locked: 0.0,
        shared: 0.0,
        read_elsewhere: 0.0,
        private: 2.0,
        syscalls: 0.0,
        unknown: 0,
    };

    fn verdict(second: Costs) -> Verdict {
        check(&[(Lane::Glance(Path::Success, Who::Off), [CALL, second])]).verdict
    }

    #[test]
    fn the_check_is_broken_by_one_locked_instruction_or_one_write_that_others_see() {
        assert_eq!(verdict(CALL), Verdict::Held);
        assert_eq!(verdict(Costs { locked: 1.0, ..CALL }), Verdict::Broken);
        assert_eq!(verdict(Costs { shared: 0.125, ..CALL }), Verdict::Broken);
        assert_eq!(verdict(Costs { read_elsewhere: 1.0, ..CALL }), Verdict::Broken);
    }

    #[test]
    fn what_was_not_seen_is_not_held() {
        assert_eq!(check(&[]).verdict, Verdict::NotReached);
        let none = Costs::default();
        let other = (Lane::Glance(Path::Success, Who::Every), [CALL; 2]);
        assert_eq!(check(&[other]).verdict, Verdict::NotReached);
        let off = Lane::Glance(Path::Success, Who::Off);
        assert_eq!(check(&[(off, [none; 2])]).verdict, Verdict::NotReached);
        assert_eq!(verdict(Costs { unknown: 1, ..CALL }), Verdict::Unjudged);
        let mut section = Section::default();
        Calls(Err("no".to_owned())).add_to(&mut section);
        assert_eq!(section.checks[0].verdict, Verdict::Unjudged);
        assert!(section.measures.is_empty() && section.tables[0].notes[0].contains("no"));
    }
}
