//! What came of the scenarios: a table, a check for each on each clock, and the figures.

use serde_json::json;

use super::engine::Played;
use super::scenario::Scenario;
use super::time::How;
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::{Check, Section, Table, Verdict};

/// A scenario, and what came of every time it was played.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) scenario: &'static Scenario,
    /// By clock, in the order of [`How::BOTH`].
    pub(super) played: [Vec<Played>; 2],
    /// The wrong settings that it did not find, and how many there were.
    pub(super) missed: Vec<&'static str>,
    pub(super) canaries: usize,
}

impl Outcome {
    /// The worst of all rounds, if there was any.
    fn worst(&self, how: usize) -> Option<&Played> {
        let finished = self.played[how].iter().rev().filter(|played| !played.stopped);
        finished.max_by_key(|played| played.verdict().weight())
    }
}

pub(super) fn section(outcomes: &[Outcome], rounds: u32, partial: bool) -> Section {
    let mut section = Section { partial, ..Section::default() };
    let mut table = Table {
        title: "recovery: each scenario on the manual clock and for real".to_owned(),
        head: ["scenario", "manual", "for real", "calls", "turned away", "changes", "canaries"]
            .map(str::to_owned)
            .into(),
        ..Table::default()
    };
    let mut figures = serde_json::Map::new();
    for outcome in outcomes {
        let name = outcome.scenario.name;
        for (index, how) in How::BOTH.into_iter().enumerate() {
            section.checks.extend(check(outcome, index, how));
            section.measures.extend(measures(outcome, index, how));
            if let Some(last) = outcome.played[index].last() {
                section.bands.extend(last.bands.iter().cloned());
            }
        }
        section.checks.extend(canaries(outcome));
        table.rows.push(row(outcome));
        figures.insert(name.to_owned(), json!({ "must_hold": outcome.scenario.holds }));
    }
    table.notes = notes(outcomes, rounds);
    section.tables.push(table);
    section.figures = figures.into();
    section
}

fn check(outcome: &Outcome, index: usize, how: How) -> Option<Check> {
    let worst = outcome.worst(index)?;
    let name = format!("{}_{}", outcome.scenario.name, how.name());
    Some(match worst.verdict() {
        Verdict::Broken => Check::judged(name, false, worst.why()),
        Verdict::NotReached => Check::not_reached(name, worst.why()),
        _ => Check::judged(name, true, outcome.scenario.holds),
    })
}

/// Whether what must hold was seen not to hold where it should not.
fn canaries(outcome: &Outcome) -> Option<Check> {
    let (name, found) = (outcome.scenario.name, outcome.canaries - outcome.missed.len());
    let detail = match outcome.missed.is_empty() {
        true => format!("{found} of {} breakers set wrongly were found", outcome.canaries),
        false => format!("not found: a breaker that {}", outcome.missed.join(", one that ")),
    };
    (outcome.canaries > 0)
        .then(|| Check::judged(format!("{name}_canaries"), outcome.missed.is_empty(), detail))
}

fn measures(outcome: &Outcome, index: usize, how: How) -> [Measure; 4] {
    let played = || outcome.played[index].iter().filter(|played| !played.stopped);
    let measure = |name, unit, of: fn(&Played) -> f64| {
        let labels = labels([
            ("scenario", outcome.scenario.name.to_owned()),
            ("clock", how.name().to_owned()),
        ]);
        Measure::new(name, labels, unit, Better::Neither, played().map(of))
    };
    [
        measure("calls", Unit::Count, |played| played.calls as f64),
        measure("calls_turned_away", Unit::Count, |played| played.turned_away as f64),
        measure("transitions", Unit::Count, |played| played.transitions as f64),
        measure("playing", Unit::S, |played| played.wall_s),
    ]
}

fn row(outcome: &Outcome) -> Vec<String> {
    let word = |index| match outcome.worst(index).map(Played::verdict) {
        Some(Verdict::Broken) => "BROKEN",
        Some(Verdict::NotReached) => "NOT REACHED",
        Some(_) => "held",
        None => "-",
    };
    let real = outcome.worst(1).or(outcome.worst(0));
    let count = |of: fn(&Played) -> u64| real.map_or("-".to_owned(), |p| of(p).to_string());
    vec![
        outcome.scenario.name.to_owned(),
        word(0).to_owned(),
        word(1).to_owned(),
        count(|played| played.calls),
        count(|played| played.turned_away),
        count(|played| played.transitions),
        format!("{} of {}", outcome.canaries - outcome.missed.len(), outcome.canaries),
    ]
}

fn notes(outcomes: &[Outcome], rounds: u32) -> Vec<String> {
    let mut notes = vec![
        "calls, turned away and changes of state: for real, in one round".to_owned(),
        "canaries: breakers set wrongly that were found, on the manual clock".to_owned(),
    ];
    if rounds > 1 {
        notes.push(format!("each was played for real {rounds} times; the worst is shown"));
    }
    for outcome in outcomes {
        notes.push(format!("{}: {}", outcome.scenario.name, outcome.scenario.holds));
        let attempts = outcome.played[1].iter().map(|played| played.attempts).max().unwrap_or(1);
        if attempts > 1 {
            notes.push(format!(
                "  played {attempts} times for real: the machine was not quick enough at first"
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::scenario;

    #[test]
    fn a_scenario_and_what_must_hold_fit_in_a_line() {
        for scenario in scenario::ALL {
            let line = format!("{}: {}", scenario.name, scenario.holds);
            assert!(line.len() <= 100, "{line}");
        }
    }

    #[test]
    fn the_worst_round_is_told_and_an_interrupted_one_is_not() {
        let bad = Played { broken: vec!["it did".to_owned()], ..Played::default() };
        let stopped = Played { stopped: true, ..bad.clone() };
        let verdict = |real: Vec<Played>| {
            let played = [Vec::new(), real];
            let scenario = scenario::ALL[0];
            let outcome = Outcome { scenario, played, missed: Vec::new(), canaries: 0 };
            let section = section(&[outcome], 2, false);
            section.checks.first().map(|check| (check.verdict, check.name.clone()))
        };
        let good = Played::default();
        let name = "single_transient_error_for_real".to_owned();
        assert_eq!(verdict(vec![good.clone(), good.clone()]), Some((Verdict::Held, name.clone())));
        assert_eq!(verdict(vec![bad.clone(), good.clone()]), Some((Verdict::Broken, name.clone())));
        assert_eq!(verdict(vec![good.clone(), bad]), Some((Verdict::Broken, name.clone())));
        assert_eq!(verdict(vec![good, stopped.clone()]), Some((Verdict::Held, name)));
        assert_eq!(verdict(vec![stopped]), None);
    }
}
