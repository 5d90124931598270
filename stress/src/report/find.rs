//! What a report takes from records, by the names that programs agree on.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::{Curve, Dot};
use super::ink::{Dash, Ink};
use super::picture::{Key, Marker, Style};
use super::words;
use crate::measure::{Labels, Measure};
use crate::program::Section;
use crate::record::Record;
use crate::stats::Middle;

/// Curves beyond this many are not to be told apart; the table behind has them all.
pub(super) const MOST_CURVES: usize = 10;

/// A run, and what to call it beside others.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) label: String,
    pub(super) record: Record,
}

impl Run {
    pub(super) fn section(&self, program: &str) -> Option<&Section> {
        self.record.programs.iter().find(|part| part.name == program).map(|part| &part.section)
    }
}

/// A label's value, or nothing.
pub(super) fn label<'a>(labels: &'a Labels, key: &str) -> &'a str {
    labels.get(key).map_or("", String::as_str)
}

/// How many threads a figure is of.
pub(super) fn threads(labels: &Labels) -> Option<f64> {
    labels.get("threads")?.parse().ok().filter(|threads| (1.0..1e9).contains(threads))
}

/// The measures of one name, each with its run.
pub(super) fn measures<'a>(
    runs: &'a [Run],
    program: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (usize, &'a Measure)> {
    runs.iter().enumerate().flat_map(move |(run, of)| {
        let all = of.section(program).into_iter().flat_map(|section| &section.measures);
        all.filter(move |measure| measure.name == name).map(move |measure| (run, measure))
    })
}

/// The middle of a measure's samples.
pub(super) fn middle(measure: &Measure) -> Option<Middle> {
    Middle::of(measure.samples.iter().copied()).filter(|middle| middle.median.is_finite())
}

/// The values of a label in the order in which a report tells of them: known ones first.
pub(super) fn values<'a>(
    of: impl Iterator<Item = &'a Labels>,
    key: &str,
    known: &[&str],
) -> Vec<String> {
    let found: BTreeSet<&str> =
        of.filter_map(|labels| labels.get(key)).map(String::as_str).collect();
    let mut found: Vec<String> = found.into_iter().map(str::to_owned).collect();
    found.sort_by_key(|value| known.iter().position(|name| name == value).unwrap_or(known.len()));
    found
}

/// The breakers that a figure can be of.
pub(super) const SUBJECTS: [&str; 4] =
    ["ampacity", "std_mutex", "parking_lot_mutex", "single_atomic"];

/// The workloads, the plainest first.
pub(super) const WORKLOADS: [&str; 8] = [
    "success",
    "one_in_100_fails",
    "half_fail",
    "rejecting",
    "flapping",
    "half_open_herd",
    "readers",
    "many_breakers",
];

const INKS: [Ink; 6] = [Ink::Blue, Ink::Vermilion, Ink::Green, Ink::Purple, Ink::Amber, Ink::Sky];
const DASHES: [Dash; 4] = [Dash::Solid, Dash::Long, Dash::Short, Dash::Mixed];
const MARKERS: [Marker; 5] =
    [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];

/// The style of the `at`th of several: no two of the first 30 are alike.
pub(super) fn style(at: usize) -> Style {
    let dash = DASHES[(at + at / INKS.len()) % DASHES.len()];
    Style::line(INKS[at % INKS.len()], dash, MARKERS[at % MARKERS.len()])
}

/// That of the `kind`th of a run's several, the `at`th in the picture. Of several runs the
/// colour is the run's, and as far as they reach the mark is the run's and the dashes are
/// the kind's.
pub(super) fn style_of(runs: usize, run: usize, kind: usize, at: usize) -> Style {
    if runs == 1 {
        return style(kind);
    }
    let ink = INKS[run % INKS.len()];
    if kind < DASHES.len() && run < MARKERS.len() {
        return Style::line(ink, DASHES[kind], MARKERS[run]);
    }
    Style { ink, ..style(at) }
}

/// The name of a run's kind, with the run's own where there are several.
pub(super) fn named(runs: &[Run], run: usize, kind: &str) -> String {
    let kind = words::shortened(&words::spoken(kind), 64);
    match runs.get(run) {
        Some(of) if runs.len() > 1 => format!("{}, {kind}", words::shortened(&of.label, 24)),
        _ => kind,
    }
}

/// A title, with the run's name where there are several.
pub(super) fn named_title(runs: &[Run], run: usize, title: &str) -> String {
    match runs.get(run) {
        Some(of) if runs.len() > 1 => format!("{title}: {}", words::shortened(&of.label, 60)),
        _ => title.to_owned(),
    }
}

/// Figures by thread count: a curve for each run and each value of `key`.
pub(super) fn by_threads<'a>(
    runs: &[Run],
    found: impl Iterator<Item = (usize, &'a Measure)>,
    key: &str,
    known: &[&str],
) -> (Vec<Key>, Vec<Curve>) {
    let mut groups: BTreeMap<(usize, &str), Vec<Dot>> = BTreeMap::new();
    for (run, measure) in found {
        let (Some(threads), Some(middle)) = (threads(&measure.labels), middle(measure)) else {
            continue;
        };
        groups.entry((run, label(&measure.labels, key))).or_default().push(Dot {
            x: threads,
            y: middle.median,
            middle: (measure.samples.len() > 1)
                .then_some((middle.median - middle.spread, middle.median + middle.spread)),
            doubtful: measure.doubt.is_some(),
        });
    }
    let kinds: BTreeSet<&str> = groups.keys().map(|&(_, kind)| kind).collect();
    let place = |kind: &str| {
        let at = known.iter().position(|name| *name == kind);
        at.unwrap_or_else(|| {
            let strangers = kinds.iter().filter(|kind| !known.contains(kind));
            known.len() + strangers.take_while(|other| **other < kind).count()
        })
    };
    let mut groups: Vec<((usize, &str), Vec<Dot>)> = groups.into_iter().collect();
    groups.sort_by_key(|((run, kind), _)| (place(kind), *run));
    let mut keys = Vec::new();
    let mut curves = Vec::new();
    let ranked: Vec<&str> = groups.iter().map(|((_, kind), _)| *kind).collect();
    let rank = |kind: &str| {
        let mut before: Vec<&str> = ranked.iter().copied().take_while(|one| *one != kind).collect();
        before.dedup();
        before.len()
    };
    for (at, ((run, kind), mut dots)) in groups.into_iter().take(MOST_CURVES).enumerate() {
        dots.sort_by(|a, b| a.x.total_cmp(&b.x));
        // Alone, a breaker has the same colour in every picture.
        let kind_at = if runs.len() == 1 { place(kind) } else { rank(kind) };
        let style = style_of(runs.len(), run, kind_at, at);
        keys.push(Key { name: named(runs, run, kind), style });
        curves.push(Curve { style, dots });
    }
    (keys, curves)
}

/// Why some of these are in doubt: of reasons that differ in their numbers only, the first,
/// and how many more there are.
pub(super) fn doubts<'a>(found: impl Iterator<Item = &'a Measure>) -> Vec<String> {
    let all: BTreeSet<&str> = found.filter_map(|measure| measure.doubt.as_deref()).collect();
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for doubt in all {
        let kind = doubt.chars().filter(|c| !c.is_ascii_digit() && *c != '.').take(200).collect();
        kinds.entry(kind).or_default().push(doubt);
    }
    let more = kinds.len().saturating_sub(MOST_DOUBTS);
    let first = kinds.into_values().take(MOST_DOUBTS).filter_map(|mut like| {
        // The shortest first: 64 threads before 1,000.
        like.sort_by_key(|doubt| doubt.len());
        let first = words::shortened(like.first()?, 160);
        Some(match like.len() {
            1 => first,
            all => format!("{first}, and {} more like it", all - 1),
        })
    });
    let mut doubts: Vec<String> = first.collect();
    if more > 0 {
        doubts.push(format!("{more} other reasons"));
    }
    doubts
}

const MOST_DOUBTS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_thirty_styles_are_alike_and_none_of_ten_differ_in_colour_alone() {
        let styles: Vec<Style> = (0..30).map(style).collect();
        for (at, one) in styles.iter().enumerate() {
            assert!(styles[..at].iter().all(|other| one != other), "{at}");
        }
        for runs in 2..=5 {
            let of = |at: usize| style_of(runs, at % runs, at / runs, at);
            let styles: Vec<Style> = (0..MOST_CURVES).map(of).collect();
            for (at, one) in styles.iter().enumerate() {
                assert!(styles[..at].iter().all(|other| one != other), "{runs} runs, {at}");
            }
        }
        for one in &styles[..MOST_CURVES] {
            let twins = styles[..MOST_CURVES]
                .iter()
                .filter(|other| (one.dash, one.marker) == (other.dash, other.marker));
            assert_eq!(twins.count(), 1);
        }
    }
}
