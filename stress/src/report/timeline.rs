//! The replay over time: what the server did, what requests came to without a breaker and
//! with one, where the breaker stood, how long callers waited.

use super::axis::Axis;
use super::chart::{Chart, Curve, Dot};
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, label};
use super::ink::{Dash, Ink};
use super::latency;
use super::over_time;
use super::picture::{Key, Marker, Panel, Picture, Style};
use super::rows::{Strip, Strips};
use crate::measure::{Band, Track, Unit};

const PROGRAM: &str = "replay";
/// From the ground up.
const OUTCOMES: [(&str, &str, Ink); 3] = [
    ("served", "served", Ink::Blue),
    ("wasted", "wasted: sent, and failed", Ink::Vermilion),
    ("rejected", "turned away at once", Ink::Grey),
];
const LANES: [(&str, &str); 2] = [("without", "without a breaker"), ("with", "with a breaker")];

pub(super) fn chapter(runs: &[Run]) -> Option<Chapter> {
    let figures: Vec<Draft> =
        (0..runs.len()).filter_map(|run| draft(runs, run)).chain(waits(runs)).collect();
    (!figures.is_empty()).then(|| Chapter {
        id: "replay",
        title: "Traffic against a server in trouble".to_owned(),
        intro: "A trace of arrivals over HTTP into a model server that slows down, answers 429, \
                hangs, refuses, answers 503 and flaps in turn; at the same moments without a \
                breaker and with one."
            .to_owned(),
        figures,
        more: Vec::new(),
    })
}

/// The timeline of one run.
pub(super) fn draft(runs: &[Run], run: usize) -> Option<Draft> {
    let of = runs.get(run)?;
    let section = of.section(PROGRAM)?;
    let tracks = |name: &'static str| section.tracks.iter().filter(move |t| t.name == name);
    let rates: Vec<&Track> = tracks("requests_per_s").collect();
    let waits: Vec<&Track> = tracks("latency_p95").collect();
    let bands = |name: &str, lane: &str| {
        let named = section.bands.iter().filter(|band| band.name == name);
        named.filter(|band| label(&band.labels, "lane") == lane).collect::<Vec<&Band>>()
    };
    let ends = section.bands.iter().flat_map(|band| &band.spans).map(|span| span.1);
    let times = rates.iter().chain(&waits).flat_map(|track| &track.points).map(|point| point.0);
    let x = Axis::between(times.chain(ends).chain([0.0]), Unit::Count)?;
    let stacks = LANES.map(|(lane, _)| stack(&rates, lane));
    let most = stacks.iter().flatten().flat_map(|curve| &curve.dots).map(|dot| dot.y);
    let mut panels = Vec::new();
    let strip = |name: &str, bands: &[&Band]| {
        let strips: Vec<Strip> = bands
            .iter()
            .map(|band| Strip { name: name.to_owned(), spans: band.spans.clone() })
            .collect();
        (!strips.is_empty()).then(|| Panel::Strips(Strips { x: x.clone(), strips, timed: false }))
    };
    panels.extend(strip("what the server does", &bands("upstream", "")));
    let y = Axis::from_zero(most, Unit::Count);
    for ((lane, says), curves) in LANES.into_iter().zip(stacks) {
        if let Some(y) = y.clone().filter(|_| !curves.is_empty()) {
            panels.push(Panel::Chart(Chart {
                heading: format!("requests a second, {says}"),
                below: String::new(),
                x: x.clone(),
                y,
                curves,
                shade: None,
                height: 180.0,
            }));
        }
        panels.extend(strip(
            "the breaker: closed low, half-open halfway, open high",
            &bands("breaker_state", lane),
        ));
    }
    panels.extend(wait_panel(&waits, &x));
    if panels.is_empty() {
        return None;
    }
    let mut keys: Vec<Key> = OUTCOMES
        .map(|(_, name, ink)| Key { name: name.to_owned(), style: Style::surface(ink) })
        .into();
    if !waits.is_empty() {
        keys.extend(
            LANES
                .iter()
                .enumerate()
                .map(|(at, (_, says))| Key { name: format!("wait {says}"), style: wait_style(at) }),
        );
    }
    let title = "What became of requests, without a breaker and with one";
    Some(Draft {
        title: find::named_title(runs, run, title),
        picture: Some(Picture { keys, panels }),
        read: "All panels share one time. Height is requests a second, stacked: what stands in \
               vermilion was sent to a server that could not answer, and its callers waited for \
               nothing. With the breaker most of it is turned away at once, in grey."
            .to_owned(),
        doubts: Vec::new(),
        tables: vec![
            over_time::table(runs, rates.into_iter().chain(waits).map(|track| (run, track))),
            spans(&section.bands),
        ],
    })
}

/// What requests came to, each outcome on top of those before it; the highest first, so that
/// it is drawn behind.
fn stack(rates: &[&Track], lane: &str) -> Vec<Curve> {
    let of = |outcome: &str| {
        rates.iter().find(|track| {
            label(&track.labels, "lane") == lane && label(&track.labels, "outcome") == outcome
        })
    };
    let mut sum: Vec<(f64, f64)> = Vec::new();
    let mut curves = Vec::new();
    for (outcome, _, ink) in OUTCOMES {
        let Some(track) = of(outcome) else { continue };
        for (at, &(x, y)) in track.points.iter().enumerate() {
            match sum.get_mut(at) {
                Some(point) => point.1 += y,
                None => sum.push((x, y)),
            }
        }
        let dots = sum.iter().map(|&at| Dot::new(at)).collect();
        curves.push(Curve { style: Style::surface(ink), dots });
    }
    curves.reverse();
    curves
}

fn wait_style(lane: usize) -> Style {
    match lane {
        0 => Style::line(Ink::Vermilion, Dash::Long, Marker::None),
        _ => Style::line(Ink::Blue, Dash::Solid, Marker::None),
    }
}

fn wait_panel(waits: &[&Track], x: &Axis) -> Option<Panel> {
    let curves: Vec<Curve> = LANES
        .iter()
        .enumerate()
        .filter_map(|(at, (lane, _))| {
            let track = waits.iter().find(|track| label(&track.labels, "lane") == *lane)?;
            let dots = track.points.iter().map(|&at| Dot::new(at)).collect();
            Some(Curve { style: wait_style(at), dots })
        })
        .collect();
    let unit = waits.first()?.unit;
    let y = Axis::log(curves.iter().flat_map(|curve| &curve.dots).map(|dot| dot.y), unit)?;
    Some(Panel::Chart(Chart {
        heading: "the wait that 95 of 100 callers did not exceed".to_owned(),
        below: "seconds since the start".to_owned(),
        x: x.clone(),
        y,
        curves,
        shade: None,
        height: 190.0,
    }))
}

fn waits(runs: &[Run]) -> Option<Draft> {
    let all: Vec<_> = latency::found(runs, PROGRAM, "wait").collect();
    let known = ["with", "without", "all_healthy"];
    latency::by_label(runs, all, "lane", &known, "How long callers waited for an outcome")
}

/// The spans of bands, as a table.
pub(super) fn spans(bands: &[Band]) -> Data {
    let mut data = Data::new("states, from and to in seconds", ["band", "state", "from", "to"]);
    for band in bands {
        let of: Vec<&str> = band.labels.values().map(String::as_str).collect();
        let name = super::words::spoken(&format!("{} {}", band.name, of.join(", ")));
        for (from, to, state) in &band.spans {
            data.rows.push(vec![
                name.clone(),
                super::words::spoken(state),
                format!("{from:.2}"),
                format!("{to:.2}"),
            ]);
        }
    }
    data.cut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::labels;

    #[test]
    fn outcomes_stand_on_each_other_and_the_highest_is_drawn_first() {
        let track = |outcome: &str, points: &[(f64, f64)]| Track {
            name: "requests_per_s".to_owned(),
            labels: labels([("lane", "with".to_owned()), ("outcome", outcome.to_owned())]),
            unit: Unit::CallsPerS,
            points: points.to_vec(),
        };
        let tracks = [
            track("rejected", &[(1.0, 4.0), (2.0, 5.0), (3.0, 6.0)]),
            track("served", &[(1.0, 1.0), (2.0, 2.0)]),
            track("wasted", &[(1.0, 10.0)]),
        ];
        let stacked = stack(&tracks.iter().collect::<Vec<_>>(), "with");
        let found: Vec<(Ink, Vec<f64>)> = stacked
            .iter()
            .map(|curve| (curve.style.ink, curve.dots.iter().map(|dot| dot.y).collect()))
            .collect();
        let expected = [
            (Ink::Grey, vec![15.0, 7.0, 6.0]),
            (Ink::Vermilion, vec![11.0, 2.0]),
            (Ink::Blue, vec![1.0, 2.0]),
        ];
        assert_eq!(found, expected);
        assert!(stack(&[], "with").is_empty());
    }
}
