//! The scenarios of recovery: what each went through, and how long it took.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, label};
use super::picture::{Key, Panel, Picture, Style};
use super::rows::{self, Strip, Strips};
use super::timeline;
use super::words;
use crate::measure::{Band, Measure, Unit};

const PROGRAM: &str = "recovery";
const MOST_SCENARIOS: usize = 24;
/// What is explained of what strips are drawn in.
const STATES: [&str; 3] = ["closed", "half_open", "open"];

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let mut figures = Vec::new();
    for (run, of) in runs.iter().enumerate() {
        let Some(section) = of.section(PROGRAM) else { continue };
        figures.extend(bands(runs, run, &section.bands));
    }
    let measures: Vec<(usize, &Measure)> = runs
        .iter()
        .enumerate()
        .filter_map(|(run, of)| Some((run, of.section(PROGRAM)?)))
        .flat_map(|(run, section)| section.measures.iter().map(move |measure| (run, measure)))
        .collect();
    let mut more = Vec::new();
    if !measures.is_empty() {
        more.push(Draft {
            title: "Figures of the scenarios".to_owned(),
            doubts: find::doubts(measures.iter().map(|(_, m)| *m)),
            tables: vec![Data::of("by scenario", runs, measures.into_iter())],
            ..Draft::default()
        });
    }
    (!figures.is_empty() || !more.is_empty()).then(|| Chapter {
        id: "recovery",
        title: "Getting into trouble and out of it".to_owned(),
        intro: "Scripted troubles, each with what must hold; the checks are listed above, the \
                states that the breakers went through are drawn here."
            .to_owned(),
        figures,
        more,
    })
}

fn bands(runs: &[Run], run: usize, bands: &[Band]) -> Option<Draft> {
    // On the manual clock a state lasts for as long as the script says, or for no time at
    // all: that is for the table.
    let is_real = |band: &&Band| label(&band.labels, "clock") == "for_real";
    let any_real = bands.iter().any(|band| is_real(&band));
    let mut scenarios: BTreeMap<&str, Vec<&Band>> = BTreeMap::new();
    for band in bands.iter().filter(|band| !any_real || is_real(band)) {
        scenarios.entry(label(&band.labels, "scenario")).or_default().push(band);
    }
    let mut panels = Vec::new();
    for (scenario, bands) in scenarios.into_iter().take(MOST_SCENARIOS) {
        // Each scenario has a time of its own.
        let ends = bands.iter().flat_map(|band| &band.spans).flat_map(|span| [span.0, span.1]);
        let took = ends.clone().filter(|end| end.is_finite()).fold(0.0, f64::max);
        let Some(x) = Axis::between(ends, Unit::Count) else { continue };
        let strips = bands
            .iter()
            .take(6)
            .map(|band| {
                let mut name = words::spoken(scenario);
                if bands.len() > 1 {
                    name += &format!(", breaker {}", words::spoken(label(&band.labels, "breaker")));
                }
                name += &format!(", {}", words::figure(took, Unit::S));
                Strip { name: words::shortened(&name, 90), spans: band.spans.clone() }
            })
            .collect();
        panels.push(Panel::Strips(Strips { x, strips, timed: false }));
    }
    let keys = STATES.map(|state| Key {
        name: words::spoken(state),
        style: Style::surface(rows::tone(state).0),
    });
    (!panels.is_empty()).then(|| Draft {
        title: find::named_title(runs, run, "States through each scenario"),
        picture: Some(Picture { keys: keys.into(), panels }),
        read:
            "Played for real: left to right is a scenario's own time, from its start to its end, \
               which is not the same for all. Low is closed, half-way half-open, high open. The \
               table has the seconds, and those of the manual clock."
                .to_owned(),
        doubts: Vec::new(),
        tables: vec![timeline::spans(bands)],
    })
}
