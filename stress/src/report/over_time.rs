//! Tracks as curves over time; for every chapter that has some.

use super::axis::Axis;
use super::chart::{Chart, Curve, Dot};
use super::draft::{Data, Draft};
use super::find::{self, Run, label};
use super::picture::{Key, Marker, Panel, Picture};
use super::words;
use crate::measure::{Track, Unit};

/// The tracks of one name, each with its run.
pub(super) fn tracks<'a>(
    runs: &'a [Run],
    program: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (usize, &'a Track)> {
    runs.iter().enumerate().flat_map(move |(run, of)| {
        let all = of.section(program).into_iter().flat_map(|section| &section.tracks);
        all.filter(move |track| track.name == name).map(move |track| (run, track))
    })
}

/// One chart of tracks with a common unit, told apart by the label `key`.
pub(super) fn draft(
    runs: &[Run],
    tracks: &[(usize, &Track)],
    key: &str,
    title: &str,
    read: &str,
) -> Option<Draft> {
    let unit = tracks.first()?.1.unit;
    let tracks: Vec<_> = tracks.iter().filter(|(_, track)| track.unit == unit).collect();
    let (mut keys, mut curves) = (Vec::new(), Vec::new());
    let kinds = find::values(tracks.iter().map(|(_, track)| &track.labels), key, &[]);
    for (at, (run, track)) in tracks.iter().take(find::MOST_CURVES).enumerate() {
        let kind = label(&track.labels, key);
        let kind_at = kinds.iter().position(|name| name == kind).unwrap_or(0);
        let mut style = find::style_of(runs.len(), *run, kind_at, at);
        if track.points.len() > 30 {
            style.marker = Marker::None;
        }
        let name = if kind.is_empty() { &track.name } else { kind };
        keys.push(Key { name: find::named(runs, *run, name), style });
        curves.push(Curve { style, dots: track.points.iter().map(|&at| Dot::new(at)).collect() });
    }
    let dots = || curves.iter().flat_map(|curve| &curve.dots);
    let chart = Chart {
        heading: heading(unit).to_owned(),
        below: "seconds since the start".to_owned(),
        x: Axis::between(dots().map(|dot| dot.x).chain([0.0]), Unit::Count)?,
        y: Axis::from_zero(dots().map(|dot| dot.y), unit)?,
        curves: curves.clone(),
        shade: None,
        height: 300.0,
    };
    Some(Draft {
        title: title.to_owned(),
        picture: Some(Picture { keys, panels: vec![Panel::Chart(chart)] }),
        read: read.to_owned(),
        doubts: Vec::new(),
        tables: vec![table(runs, tracks.iter().map(|&&(run, track)| (run, track)))],
    })
}

fn heading(unit: Unit) -> &'static str {
    match unit {
        Unit::Ns | Unit::S => "time",
        Unit::CallsPerS => "a second",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
        Unit::Share => "share",
        Unit::Times => "times",
    }
}

/// Each track in few figures: a thousand rows tell nobody more.
pub(super) fn table<'a>(runs: &[Run], tracks: impl Iterator<Item = (usize, &'a Track)>) -> Data {
    let head = ["track", "points", "first", "least", "mean", "most", "last"];
    let mut data = Data::new("over the time shown", head);
    for (run, track) in tracks {
        let name = track.labels.iter().fold(track.name.clone(), |mut name, (_, value)| {
            name += &format!(", {value}");
            name
        });
        let values = || track.points.iter().map(|point| point.1);
        let said = |value: Option<f64>| {
            let finite = value.filter(|value| value.is_finite());
            finite.map_or("-".to_owned(), |value| words::figure(value, track.unit))
        };
        let count = track.points.len();
        data.rows.push(vec![
            find::named(runs, run, &name),
            count.to_string(),
            said(values().next()),
            said(values().min_by(f64::total_cmp)),
            said(Some(values().sum::<f64>() / count as f64)),
            said(values().max_by(f64::total_cmp)),
            said(values().next_back()),
        ]);
    }
    data.cut()
}
