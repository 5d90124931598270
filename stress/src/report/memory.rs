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

const IN_USE: &str = "breaker_in_use";
const SIZES: [(&str, &str); 3] =
    [("idle_breaker", "idle breaker"), (IN_USE, "in use"), ("thread", "thread")];
/// Groups of bars beyond this many are left to the table.
const MOST_GROUPS: usize = 40;

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
    let mut groups: Vec<Group> = Vec::new();
    for (run, measure) in all().filter(|(run, measure)| is_shown(runs, *run, measure)) {
        let Some(middle) = find::middle(measure) else { continue };
        let (name, bar) = (named(runs, run, measure), bar(measure, middle.median));
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { name, bars: vec![bar] }),
        }
    }
    groups.truncate(MOST_GROUPS);
    let values = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let x = Axis::from_zero(values(), Unit::Bytes)?;
    let heading = "bytes".to_owned();
    Some(Draft {
        title: "What a breaker takes, idle and in use, and a thread".to_owned(),
        picture: Some(Picture {
            keys: Vec::new(),
            panels: vec![Panel::Bars(Bars { heading, x, groups })],
        }),
        read: "Shorter is better. Of the heap, exactly, or of the resident set where it says so. \
               In use is after threads have called through it, with one bar for each number of \
               them, the fewest first; with adaptive timing, or if its policy asks for it with \
               every call timed. The table has the others."
            .to_owned(),
        doubts: find::doubts(all().map(|(_, m)| m)),
        tables: vec![Data::of("bytes", runs, all())],
    })
}

/// Of a breaker in use one timing is drawn: adaptive, where it was measured.
fn is_shown(runs: &[Run], run: usize, measure: &Measure) -> bool {
    let timing = label(&measure.labels, "timing");
    if measure.name != IN_USE || matches!(timing, "" | "adaptive") {
        return true;
    }
    let policy = label(&measure.labels, "policy");
    let adaptive = find::measures(runs, "memory", IN_USE).any(|(of, other)| {
        let is = |key: &str| label(&other.labels, key);
        of == run && is("policy") == policy && is("timing") == "adaptive"
    });
    timing == "every" && !adaptive
}

/// What a group of bars is called: those that differ in nothing but the callers are one.
fn named(runs: &[Run], run: usize, measure: &Measure) -> String {
    let of = SIZES.iter().find(|(name, _)| *name == measure.name).map_or("", |(_, says)| says);
    let mut name = of.to_owned();
    for key in ["settings", "policy", "timing", "counted", "threads"] {
        let value = label(&measure.labels, key);
        let plain = match key {
            // Only one is drawn; and those of very many threads are all of the default.
            "policy" | "timing" if measure.labels.contains_key("threads") => true,
            "timing" => measure.name == IN_USE,
            "counted" => value == "heap",
            _ => false,
        };
        if !plain && !value.is_empty() {
            name += &format!(", {value}");
        }
    }
    find::named(runs, run, &name)
}

fn bar(measure: &Measure, value: f64) -> Bar {
    let ink = match measure.name.as_str() {
        "idle_breaker" => Ink::Green,
        "thread" => Ink::Amber,
        _ => Ink::Blue,
    };
    let callers = match label(&measure.labels, "callers") {
        "" => String::new(),
        "1" => ", one caller".to_owned(),
        several => format!(", {} callers", words::shortened(several, 12)),
    };
    let says = format!("{}{callers}", words::figure(value, measure.unit));
    Bar { value, middle: None, says, style: Style::surface(ink) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;
    use crate::measure::Better;
    use crate::program::{Section, Size};
    use crate::record::{Part, Record};

    #[test]
    fn no_two_bars_of_what_memory_measures_are_called_the_same_and_threads_are_among_them() {
        let mut section = Section::default();
        let mut add = |name: &str, of: &[(&str, &str)]| {
            let of = of.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            section.measures.push(Measure::new(name, of, Unit::Bytes, Better::Lower, [7.0]));
        };
        for (settings, counted) in [("default", "heap"), ("own", "heap"), ("own", "resident")] {
            add("idle_breaker", &[("settings", settings), ("counted", counted)]);
        }
        for kind in Kind::all() {
            let of = [("policy", kind.policy.name()), ("timing", kind.timing())];
            add("thread", &[of[0], of[1], ("counted", "heap")]);
            for callers in ["1", "200"] {
                add(IN_USE, &[of[0], of[1], ("callers", callers)]);
            }
        }
        add("thread", &[("counted", "heap_waiting"), ("threads", "10000")]);
        let mut record = Record::begin(&["stress".into()], 1, Size::Full);
        record.programs.push(Part { name: "memory".to_owned(), wall_s: 1.0, section });
        let draft = sizes(&[Run { label: String::new(), record }]).unwrap();
        let Panel::Bars(bars) = &draft.picture.unwrap().panels[0] else { panic!("no bars") };
        let names: Vec<&str> = bars.groups.iter().map(|group| group.name.as_str()).collect();
        for name in ["idle breaker, own, resident", "thread, heap waiting, 10000"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let in_use: Vec<&Group> =
            bars.groups.iter().filter(|group| group.name.starts_with("in use")).collect();
        assert_eq!(in_use.len(), crate::policy::Policy::ALL.len());
        for group in in_use {
            let says: Vec<&str> = group.bars.iter().map(|bar| bar.says.as_str()).collect();
            assert_eq!(says, ["7 B, one caller", "7 B, 200 callers"], "{}", group.name);
        }
    }
}
