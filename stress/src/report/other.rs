//! Programs that no chapter is written for: what they measured, as it comes.

use std::collections::BTreeSet;

use super::draft::{Chapter, Data, Draft};
use super::find::Run;
use super::latency;
use super::over_time;
use super::words;
use crate::measure::{Measure, Track};

/// Programs that have a chapter of their own.
const KNOWN: [&str; 6] = ["replay", "glance", "storm", "contend", "memory", "recovery"];
const MOST_PICTURES: usize = 12;

/// A chapter for each such program, in order of their names.
pub(super) fn chapters(runs: &[Run]) -> Vec<Chapter> {
    let parts = runs.iter().flat_map(|run| &run.record.programs);
    let names: BTreeSet<&str> = parts.map(|part| part.name.as_str()).collect();
    let strangers = names.into_iter().filter(|name| !KNOWN.contains(name));
    strangers.take(12).filter_map(|name| chapter(runs, name)).collect()
}

fn chapter(runs: &[Run], program: &str) -> Option<Chapter> {
    let sections =
        || runs.iter().enumerate().filter_map(|(run, of)| Some((run, of.section(program)?)));
    let mut figures = Vec::new();
    let tracks = || {
        sections().flat_map(|(run, section)| section.tracks.iter().map(move |track| (run, track)))
    };
    let names: BTreeSet<&str> = tracks().map(|(_, track)| track.name.as_str()).collect();
    for name in names {
        let of: Vec<(usize, &Track)> = tracks().filter(|(_, track)| track.name == name).collect();
        let key = of.iter().find_map(|(_, track)| track.labels.keys().next());
        let key = key.map_or("", String::as_str);
        let title = format!("{}, over time", capital(&words::shortened(&words::spoken(name), 80)));
        figures.extend(over_time::draft(
            runs,
            &of,
            key,
            &title,
            "Each line is a track of the run.",
        ));
    }
    let latencies: BTreeSet<&str> =
        sections().flat_map(|(_, of)| &of.latencies).map(|latency| latency.name.as_str()).collect();
    for name in latencies {
        let found: Vec<_> = latency::found(runs, program, name).collect();
        let key = found.iter().find_map(|(_, latency)| latency.labels.keys().next());
        let key = key.map_or("", String::as_str);
        let title = format!("Latency: {}", words::shortened(&words::spoken(name), 80));
        figures.extend(latency::by_label(runs, found, key, &[], &title));
    }
    figures.truncate(MOST_PICTURES);
    let measures: Vec<(usize, &Measure)> = sections()
        .flat_map(|(run, section)| section.measures.iter().map(move |measure| (run, measure)))
        .collect();
    let mut more = Vec::new();
    if !measures.is_empty() {
        more.push(Draft {
            title: "All its figures".to_owned(),
            tables: vec![Data::of("figures", runs, measures.into_iter())],
            ..Draft::default()
        });
    }
    (!figures.is_empty() || !more.is_empty()).then(|| Chapter {
        id: "other",
        title: capital(&words::shortened(&words::spoken(program), 80)),
        intro: String::new(),
        figures,
        more,
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
