//! What threads do to each other: swaps and retries by edge, locked instructions, shared
//! writes, how evenly they are served.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, WORKLOADS, label};
use super::ink::{Dash, Ink};
use super::picture::{Key, Marker, Panel, Picture, Style};
use super::rows::{Bar, Bars, Group};
use super::words;
use crate::measure::{Measure, Unit};

const PROGRAM: &str = "contend";
/// Groups of bars beyond this many are left to the table.
const MOST_GROUPS: usize = 24;

/// What threads get, as a table: name, and what it says.
const FAIRNESS: [(&str, &str); 7] = [
    ("of_linear", "of the linear rate"),
    ("share_of_the_cores", "share of the cores"),
    ("jain", "Jain's index of fairness"),
    ("slowest_over_median", "slowest thread / median"),
    ("voluntary_switches_a_million_calls", "voluntary switches / million calls"),
    ("involuntary_switches_a_million_calls", "involuntary switches / million calls"),
    ("stripe_collisions", "stripe collisions"),
];

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let figures: Vec<Draft> = [edges(runs), instructions(runs)].into_iter().flatten().collect();
    let more: Vec<Draft> = fairness(runs).into_iter().collect();
    (!figures.is_empty() || !more.is_empty()).then(|| Chapter {
        id: "contention",
        title: "Contention, and where it is".to_owned(),
        intro: "All state is one word, and every transition one compare-and-swap of it. A swap \
                that another thread was faster than is a retry."
            .to_owned(),
        figures,
        more,
    })
}

/// One kind of bars: a measure, its name in the legend, and its style.
struct Kind {
    measure: &'static str,
    name: &'static str,
    style: Style,
}

const EDGES: [Kind; 2] = [
    Kind { measure: "swaps_a_call", name: "swaps tried a call", style: Style::surface(Ink::Blue) },
    Kind {
        measure: "retries_a_call",
        name: "of these, tried again",
        style: Style::line(Ink::Vermilion, Dash::Solid, Marker::None),
    },
];

const LOCKED: [Kind; 2] = [
    Kind {
        measure: "locked_instructions_a_call",
        name: "locked instructions a call",
        style: Style::surface(Ink::Blue),
    },
    Kind {
        measure: "shared_writes_a_call",
        name: "shared writes a call",
        style: Style::line(Ink::Vermilion, Dash::Solid, Marker::None),
    },
];

fn edges(runs: &[Run]) -> Option<Draft> {
    let all = || EDGES.iter().flat_map(|kind| find::measures(runs, PROGRAM, kind.measure));
    let most = all().filter_map(|(_, m)| find::threads(&m.labels)).fold(0.0, f64::max);
    let shown = |m: &Measure| {
        find::threads(&m.labels).is_none_or(|threads| threads == most)
            && find::middle(m).is_some_and(|middle| middle.median > 0.0)
    };
    let name = |run: usize, m: &Measure| {
        let site = words::spoken(label(&m.labels, "site")).replace(" to ", " → ");
        let workload = words::spoken(label(&m.labels, "workload"));
        find::named(runs, run, &format!("{workload}: {site}"))
    };
    let picture = bars(runs, &EDGES, "a call", shown, name)?;
    Some(Draft {
        title: match most {
            0.0 => "Swaps of the word, by workload and edge".to_owned(),
            most => format!("Swaps of the word, by workload and edge, with {most} threads"),
        },
        picture: Some(picture),
        read: "Shorter is better. Edges that a workload never takes are left out, so a workload \
               that is not here swaps nothing at all; a retry bar near its swap bar says that most \
               swaps had been overtaken."
            .to_owned(),
        doubts: find::doubts(all().map(|(_, m)| m)),
        tables: vec![Data::of("swaps and retries", runs, all())],
    })
}

fn instructions(runs: &[Run]) -> Option<Draft> {
    let all = || LOCKED.iter().flat_map(|kind| find::measures(runs, PROGRAM, kind.measure));
    let name = |run: usize, m: &Measure| {
        let path = words::spoken(label(&m.labels, "path"));
        find::named(runs, run, &format!("{path}: {}", words::spoken(label(&m.labels, "subject"))))
    };
    Some(Draft {
        title: "Locked instructions and shared writes a call".to_owned(),
        picture: Some(bars(runs, &LOCKED, "a call", |_| true, name)?),
        read: "Shorter is better: these are what cores wait for each other with. How each was \
               counted stands under the program's own table, at the foot of this page."
            .to_owned(),
        doubts: find::doubts(all().map(|(_, m)| m)),
        tables: vec![Data::of("locked instructions and shared writes", runs, all())],
    })
}

/// Bars of several kinds, in groups of one name.
fn bars(
    runs: &[Run],
    kinds: &[Kind],
    heading: &str,
    shown: impl Fn(&Measure) -> bool,
    name: impl Fn(usize, &Measure) -> String,
) -> Option<Picture> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for kind in kinds {
        for (run, measure) in find::measures(runs, PROGRAM, kind.measure) {
            let Some(middle) = find::middle(measure).filter(|_| shown(measure)) else { continue };
            let name = name(run, measure);
            let bar = Bar {
                value: middle.median,
                middle: Some((middle.median - middle.spread, middle.median + middle.spread)),
                says: words::count(middle.median),
                style: kind.style,
            };
            match places.get(&name).and_then(|&at| groups.get_mut(at)) {
                Some(group) => group.bars.push(bar),
                None => {
                    places.insert(name.clone(), groups.len());
                    groups.push(Group { name, bars: vec![bar] });
                }
            }
        }
    }
    groups.truncate(MOST_GROUPS);
    let values = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let x = Axis::from_zero(values(), Unit::Count)?;
    let keys = kinds.iter().map(|kind| Key { name: kind.name.to_owned(), style: kind.style });
    Some(Picture {
        keys: keys.collect(),
        panels: vec![Panel::Bars(Bars { heading: heading.to_owned(), x, groups })],
    })
}

/// What each thread got, and how often the system took its core away.
fn fairness(runs: &[Run]) -> Option<Draft> {
    let mut table = Data::new("medians of the repetitions", ["of"]);
    table.head.extend(FAIRNESS.map(|(_, says)| says.to_owned()));
    // By workload as they are told of, run, workload and subject, threads.
    type Place<'a> = (usize, usize, &'a str, &'a str, u64);
    let mut rows: BTreeMap<Place<'_>, (String, Vec<String>)> = BTreeMap::new();
    for (at, (name, _)) in FAIRNESS.into_iter().enumerate() {
        for (run, measure) in find::measures(runs, PROGRAM, name) {
            let [workload, subject] =
                ["workload", "subject"].map(|key| label(&measure.labels, key));
            let threads = find::threads(&measure.labels).unwrap_or(0.0);
            let known = WORKLOADS.iter().position(|w| *w == workload).unwrap_or(WORKLOADS.len());
            let key = (known, run, workload, subject, threads as u64);
            let (_, cells) = rows.entry(key).or_insert_with(|| {
                let of = format!("{workload}, {subject}, {threads} threads");
                (find::named(runs, run, &of), vec!["-".to_owned(); FAIRNESS.len()])
            });
            if let Some(middle) = find::middle(measure) {
                cells[at] = words::figure(middle.median, measure.unit);
            }
        }
    }
    table.rows = rows
        .into_values()
        .map(|(name, cells)| std::iter::once(name).chain(cells).collect())
        .collect();
    let hand_overs: Vec<_> = find::measures(runs, PROGRAM, "hand_overs").collect();
    let mut tables = vec![table];
    if !hand_overs.is_empty() {
        tables.push(Data::of("hand-overs", runs, hand_overs.into_iter()));
    }
    tables.retain(|table| !table.rows.is_empty());
    (!tables.is_empty()).then(|| Draft {
        title: "What threads got, and how often their cores were taken".to_owned(),
        read: "Jain's index is 1 where all threads made as many calls, and 1 / n where one made \
               all of them. A share of the cores below 0.9 says that others used the machine."
            .to_owned(),
        tables: tables.into_iter().map(Data::cut).collect(),
        ..Draft::default()
    })
}
