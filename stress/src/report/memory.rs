//! What a breaker and a thread take, and what the process held over time.

use super::axis::Axis;
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, label};
use super::ink::Ink;
use super::over_time;
use super::picture::{Panel, Picture, Style};
use super::rows::{Bar, Bars, Group};
use super::words;
use crate::measure::{Measure, Unit};

const SIZES: [(&str, &str); 3] =
    [("idle_breaker", "idle breaker"), ("breaker_in_use", "in use"), ("thread", "a thread")];

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let figures: Vec<Draft> = [resident(runs), sizes(runs)].into_iter().flatten().collect();
    (!figures.is_empty()).then(|| Chapter {
        id: "memory",
        title: "Memory".to_owned(),
        intro: "What is held must reach a plateau: wave after wave of threads finds the memory \
                that the wave before it left."
            .to_owned(),
        figures,
        more: Vec::new(),
    })
}

fn resident(runs: &[Run]) -> Option<Draft> {
    let tracks: Vec<_> = over_time::tracks(runs, "memory", "resident_memory").collect();
    over_time::draft(
        runs,
        &tracks,
        "phase",
        "Resident memory of the process, over time",
        "The memory that the system counts for the process. Each line is a phase of the program; \
         waves that end no higher than the one before are the plateau.",
    )
}

fn sizes(runs: &[Run]) -> Option<Draft> {
    let all = || SIZES.iter().flat_map(|(name, _)| find::measures(runs, "memory", name));
    let groups: Vec<Group> = all()
        .filter_map(|(run, measure)| Some(group(runs, run, measure, find::middle(measure)?.median)))
        .take(30)
        .collect();
    let values = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let x = Axis::from_zero(values(), Unit::Bytes)?;
    let heading = "bytes".to_owned();
    Some(Draft {
        title: "What a breaker takes, idle and in use, and a thread".to_owned(),
        picture: Some(Picture {
            keys: Vec::new(),
            panels: vec![Panel::Bars(Bars { heading, x, groups })],
        }),
        read:
            "Shorter is better. In use is after threads have called through it, by what it trips \
               on and which calls it times."
                .to_owned(),
        doubts: find::doubts(all().map(|(_, m)| m)),
        tables: vec![Data::of("bytes", runs, all())],
    })
}

fn group(runs: &[Run], run: usize, measure: &Measure, value: f64) -> Group {
    let of = SIZES.iter().find(|(name, _)| *name == measure.name).map_or("", |(_, says)| says);
    let [policy, timing] =
        ["policy", "timing"].map(|key| words::spoken(label(&measure.labels, key)));
    let mut name = of.to_owned();
    for part in [policy, timing] {
        if !part.is_empty() {
            name += &format!(", {part}");
        }
    }
    let ink = match measure.name.as_str() {
        "idle_breaker" => Ink::Green,
        "thread" => Ink::Amber,
        _ => Ink::Blue,
    };
    let says = words::figure(value, measure.unit);
    let bar = Bar { value, middle: None, says, style: Style::surface(ink) };
    Group { name: find::named(runs, run, &name), bars: vec![bar] }
}
