//! What a call costs one thread, from `glance`.

use super::axis::Axis;
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, label};
use super::ink::Ink;
use super::picture::{Panel, Picture, Style};
use super::rows::{Bar, Bars, Group};
use super::words;
use crate::measure::{Measure, Unit};

const PROGRAM: &str = "glance";
const COST: &str = "cpu_ns_a_call";
const MOST_BARS: usize = 30;

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let labels = find::measures(runs, PROGRAM, COST).map(|(_, measure)| &measure.labels);
    let paths = find::values(labels, "path", &["success", "failure", "rejected"]);
    let mut drafts: Vec<Draft> =
        paths.iter().take(8).filter_map(|path| draft(runs, path)).collect();
    let first = (!drafts.is_empty()).then(|| drafts.remove(0))?;
    Some(Chapter {
        id: "cost",
        title: "What a call costs".to_owned(),
        intro: "Processor time of one thread's calls, everything measured in turn, round after \
                round, so that what else the machine did fell on all alike."
            .to_owned(),
        figures: vec![first],
        more: drafts,
    })
}

fn draft(runs: &[Run], path: &str) -> Option<Draft> {
    let found = || {
        find::measures(runs, PROGRAM, COST)
            .filter(|(_, measure)| label(&measure.labels, "path") == path)
    };
    let alone = |measure: &Measure| find::threads(&measure.labels) == Some(1.0);
    let groups: Vec<Group> = found()
        .filter(|(_, measure)| alone(measure))
        .filter_map(|(run, measure)| {
            let middle = find::middle(measure)?;
            let subject = label(&measure.labels, "subject");
            let bar = Bar {
                value: middle.median,
                middle: Some((middle.median - middle.spread, middle.median + middle.spread)),
                says: words::figure(middle.median, measure.unit),
                style: Style::surface(ink(subject)),
            };
            Some(Group { name: find::named(runs, run, subject), bars: vec![bar] })
        })
        .take(MOST_BARS)
        .collect();
    let values = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let x = Axis::from_zero(values, Unit::Ns)?;
    let heading = "processor time a call, one thread".to_owned();
    Some(Draft {
        title: format!("What a call costs: {}", words::shortened(&words::spoken(path), 60)),
        picture: Some(Picture {
            keys: Vec::new(),
            panels: vec![Panel::Bars(Bars { heading, x, groups })],
        }),
        read: "Shorter is better. Blue is ampacity, by what it trips on and what it times; grey \
               are an empty call and the least work there is; vermilion are breakers that lock a \
               mutex. The thin line at a bar's end spans half the distance of the quartiles to \
               either side."
            .to_owned(),
        doubts: find::doubts(found().filter(|(_, m)| alone(m)).map(|(_, m)| m)),
        tables: vec![Data::of("processor time a call", runs, found())],
    })
}

fn ink(subject: &str) -> Ink {
    match subject {
        name if name.contains("mutex") || name.contains("parking_lot") => Ink::Vermilion,
        name if name.starts_with("ampacity") || name.starts_with("policy") => Ink::Blue,
        name if name.contains("empty") || name.contains("floor") => Ink::Grey,
        _ => Ink::Sky,
    }
}
