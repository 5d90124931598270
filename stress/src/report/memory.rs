//! What a breaker and a thread take, and what the process held over time.

use super::axis::Axis;
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, label};
use super::ink::{Dash, Ink};
use super::over_time;
use super::picture::{Key, Marker, Panel, Picture, Style};
use super::rows::{Bar, Bars, Group};
use super::words;
use crate::measure::{Measure, Unit};

/// What is measured, how it begins in a row's name, and the labels that say which it is.
const SIZES: [(&str, &str, &[&str]); 3] = [
    ("idle_breaker", "idle", &["settings"]),
    ("breaker_in_use", "", &["policy", "timing"]),
    ("thread", "a thread", &["policy", "timing"]),
];
/// The label that tells the bars of one row apart: how many threads called.
const CALLERS: &str = "callers";
const MOST_ROWS: usize = 40;

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
    let mut draft = over_time::draft(
        runs,
        &tracks,
        "phase",
        "Resident memory of the process, over time",
        "The memory that the system counts for the process; the marks are its looks at itself, \
         phase by phase. Waves that end no higher than the one before are the plateau.",
    )?;
    let picture = draft.picture.as_mut()?;
    for key in &mut picture.keys {
        key.style = marks_alone(key.style);
    }
    for panel in &mut picture.panels {
        if let Panel::Chart(chart) = panel {
            chart.curves.iter_mut().for_each(|curve| curve.style = marks_alone(curve.style));
        }
    }
    Some(draft)
}

/// A phase is looked at now and then: a line from look to look would say what was not seen.
fn marks_alone(style: Style) -> Style {
    let dash = if style.marker == Marker::None { style.dash } else { Dash::None };
    Style { dash, ..style }
}

fn sizes(runs: &[Run]) -> Option<Draft> {
    let counted = |measure: &Measure| {
        // What the system holds, and what a thread takes that calls nothing, has its table.
        matches!(label(&measure.labels, "counted"), "" | "heap")
    };
    let all = || {
        SIZES
            .iter()
            .flat_map(|(name, ..)| find::measures(runs, "memory", name))
            .filter(move |(_, measure)| counted(measure))
    };
    let callers = find::values(all().map(|(_, measure)| &measure.labels), CALLERS, &[]);
    let mut groups: Vec<Group> = Vec::new();
    for (run, measure) in all() {
        let Some(middle) = find::middle(measure) else { continue };
        let (name, ink) = (name_of(measure), ink_of(measure, &callers));
        let says = words::figure(middle.median, measure.unit);
        let style = Style::surface(ink);
        let bar = Bar { value: middle.median, middle: None, says, style };
        let name = find::named(runs, run, &name);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { name, bars: vec![bar] }),
        }
    }
    groups.truncate(MOST_ROWS);
    let values = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let x = Axis::from_zero(values(), Unit::Bytes)?;
    let mut keys = vec![
        Key { name: "idle".to_owned(), style: Style::surface(Ink::Green) },
        Key { name: "what a thread adds".to_owned(), style: Style::surface(Ink::Amber) },
    ];
    keys.extend(callers.iter().map(|count| {
        let name = match count.as_str() {
            "1" => "called by one thread".to_owned(),
            _ => format!("called by {} threads", words::spoken(count)),
        };
        Key { name, style: Style::surface(ink_in_use(count, &callers)) }
    }));
    let heading = "bytes".to_owned();
    Some(Draft {
        title: "What a breaker takes, idle and in use, and what a thread adds".to_owned(),
        picture: Some(Picture { keys, panels: vec![Panel::Bars(Bars { heading, x, groups })] }),
        read: "Shorter is better. In use is after threads have called through it, by what it \
               trips on and which calls it times: counters a thread are what is dear."
            .to_owned(),
        doubts: find::doubts(all().map(|(_, m)| m)),
        tables: vec![Data::of("bytes", runs, all())],
    })
}

fn name_of(measure: &Measure) -> String {
    let known = SIZES.iter().find(|(name, ..)| *name == measure.name);
    let Some((_, begins, by)) = known else { return measure.name.clone() };
    let which = by.iter().map(|key| words::spoken(label(&measure.labels, key)));
    let parts = std::iter::once((*begins).to_owned()).chain(which);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn ink_of(measure: &Measure, callers: &[String]) -> Ink {
    match measure.name.as_str() {
        "idle_breaker" => Ink::Green,
        "thread" => Ink::Amber,
        _ => ink_in_use(label(&measure.labels, CALLERS), callers),
    }
}

/// Those that the fewest called are the paler ones.
fn ink_in_use(count: &str, callers: &[String]) -> Ink {
    if callers.first().is_some_and(|first| first == count) { Ink::Sky } else { Ink::Blue }
}
