//! What calls cost, and how many are made, by the number of threads.

use super::axis::Axis;
use super::chart::{Chart, Curve, Dot};
use super::draft::{Chapter, Data, Draft};
use super::find::{self, Run, SUBJECTS, WORKLOADS, label};
use super::ink::{Dash, Ink};
use super::picture::{Key, Marker, Panel, Picture, Style};
use super::words;
use crate::measure::{Measure, Unit};

const CALLS: &str = "calls_per_s";
const COST: &str = "cpu_ns_a_call";

/// The chapter of one program that sweeps threads, if it did.
pub(super) fn chapter(runs: &[Run], program: &'static str) -> Option<Chapter> {
    let labels = || find::measures(runs, program, CALLS).map(|(_, measure)| &measure.labels);
    let workloads = find::values(labels(), "workload", &WORKLOADS);
    let first = workloads.first()?;
    let (id, title) = match program {
        "storm" => ("storm", "From one thread to thousands"),
        _ => ("scaling", "Scaling, against other breakers"),
    };
    let mut figures: Vec<Draft> = [throughput(runs, program, first), cost(runs, program, first)]
        .into_iter()
        .flatten()
        .collect();
    if workloads.len() > 1 {
        figures.extend(every_workload(runs, program));
    }
    let more = workloads[1..]
        .iter()
        .take(24)
        .filter(|workload| has_rivals(runs, program, workload))
        .filter_map(|workload| throughput(runs, program, workload))
        .collect();
    Some(Chapter {
        id,
        title: title.to_owned(),
        intro: "Each point is the median of its repetitions, which were taken in turn with all \
                the others'; the bar through it spans half the distance of the quartiles to \
                either side. A point with a hole is in doubt, and why is said below."
            .to_owned(),
        figures,
        more,
    })
}

fn of_workload<'a>(
    runs: &'a [Run],
    program: &'a str,
    name: &'a str,
    workload: &'a str,
) -> impl Iterator<Item = (usize, &'a Measure)> {
    find::measures(runs, program, name)
        .filter(move |(_, measure)| label(&measure.labels, "workload") == workload)
}

fn has_rivals(runs: &[Run], program: &str, workload: &str) -> bool {
    let labels = of_workload(runs, program, CALLS, workload).map(|(_, measure)| &measure.labels);
    find::values(labels, "subject", &SUBJECTS).len() > 1
}

/// Calls a second, with what as many cores would make if none were in another's way.
pub(super) fn throughput(runs: &[Run], program: &str, workload: &str) -> Option<Draft> {
    let found = || of_workload(runs, program, CALLS, workload);
    let (mut keys, mut curves) = find::by_threads(runs, found(), "subject", &SUBJECTS);
    let ideal = Style::line(Ink::Quiet, Dash::Short, Marker::None);
    let lines: Vec<Curve> = (0..runs.len())
        .filter_map(|run| linear(runs, run, of_workload(runs, program, CALLS, workload)))
        .map(|dots| Curve { style: ideal, dots })
        .collect();
    if !lines.is_empty() {
        keys.push(Key { name: "linear, from one thread".to_owned(), style: ideal });
        curves.splice(0..0, lines);
    }
    Some(Draft {
        title: format!("Calls a second, all threads together: {}", said(workload)),
        picture: Some(chart(runs, "calls a second", Unit::CallsPerS, keys, curves)?),
        read: "Higher is better, and a breaker that costs its callers nothing by being shared \
               follows the dotted line, which is one thread's rate times the threads, up to the \
               number of cores. Both axes are logarithmic."
            .to_owned(),
        doubts: find::doubts(found().map(|(_, measure)| measure)),
        tables: vec![Data::of("calls a second", runs, found())],
    })
}

fn cost(runs: &[Run], program: &str, workload: &str) -> Option<Draft> {
    let found = || of_workload(runs, program, COST, workload);
    let (keys, curves) = find::by_threads(runs, found(), "subject", &SUBJECTS);
    Some(Draft {
        title: format!("Processor time a call: {}", said(workload)),
        picture: Some(chart(runs, "processor time a call", Unit::Ns, keys, curves)?),
        read: "Lower is better, and flat is best: a line that rises says that threads pay for \
               each other's calls. It is the time that the cores spent, not what passed, so \
               waiting for a core does not count. Both axes are logarithmic."
            .to_owned(),
        doubts: find::doubts(found().map(|(_, measure)| measure)),
        tables: vec![Data::of("processor time a call", runs, found())],
    })
}

/// This crate's breaker under each workload.
fn every_workload(runs: &[Run], program: &str) -> Option<Draft> {
    let found = || {
        let all = find::measures(runs, program, CALLS);
        all.filter(|(_, measure)| matches!(label(&measure.labels, "subject"), "ampacity" | ""))
    };
    let (keys, curves) = find::by_threads(runs, found(), "workload", &WORKLOADS);
    let shown = curves.len();
    let picture = chart(runs, "calls a second", Unit::CallsPerS, keys, curves)?;
    let all = find::values(found().map(|(_, m)| &m.labels), "workload", &WORKLOADS).len();
    let left = if all * runs.len() > shown {
        format!(" Only {shown} lines are drawn; the table behind has all.")
    } else {
        String::new()
    };
    Some(Draft {
        title: "Calls a second of ampacity, by what the calls come to".to_owned(),
        picture: Some(picture),
        read: format!(
            "Successes and rejections write nothing that threads share; failures, flapping and \
             probes do, and show what that costs. Both axes are logarithmic.{left}"
        ),
        doubts: find::doubts(found().map(|(_, measure)| measure)),
        tables: vec![Data::of("calls a second", runs, found())],
    })
}

/// One thread's rate times the threads, up to the number of cores.
fn linear<'a>(
    runs: &[Run],
    run: usize,
    found: impl Iterator<Item = (usize, &'a Measure)>,
) -> Option<Vec<Dot>> {
    let cores = runs.get(run)?.record.machine.cores as f64;
    let (mut one, mut most) = (None, 1.0_f64);
    for (of, measure) in found.filter(|(_, m)| label(&m.labels, "subject") == "ampacity") {
        let threads = find::threads(&measure.labels).filter(|_| of == run);
        if threads == Some(1.0) {
            one = find::middle(measure).map(|middle| middle.median);
        }
        most = most.max(threads.unwrap_or(1.0));
    }
    let one = one.filter(|one| *one > 0.0)?;
    let mut dots = vec![Dot::new((1.0, one))];
    for threads in [cores.min(most), most] {
        if threads > dots[dots.len() - 1].x {
            dots.push(Dot::new((threads, one * threads.min(cores.max(1.0)))));
        }
    }
    (dots.len() > 1).then_some(dots)
}

fn chart(
    runs: &[Run],
    what: &str,
    unit: Unit,
    keys: Vec<Key>,
    curves: Vec<Curve>,
) -> Option<Picture> {
    let dots = || curves.iter().flat_map(|curve| &curve.dots);
    let x = Axis::log_at(dots().map(|dot| dot.x))?;
    let y = Axis::log(dots().map(|dot| dot.y), unit)?;
    let chart = Chart {
        heading: what.to_owned(),
        below: "threads".to_owned(),
        shade: shade(runs, dots().map(|dot| dot.x).fold(0.0, f64::max)),
        x,
        y,
        curves,
        height: 360.0,
    };
    Some(Picture { keys, panels: vec![Panel::Chart(chart)] })
}

/// Where there are more threads than cores, if all runs agree on where that is.
fn shade(runs: &[Run], most: f64) -> Option<(f64, String)> {
    let cores = runs.first()?.record.machine.cores;
    let same = runs.iter().all(|run| run.record.machine.cores == cores);
    (same && cores > 0 && most > cores as f64)
        .then(|| (cores as f64 * 1.02, format!("more threads than the {cores} cores")))
}

fn said(workload: &str) -> String {
    match workload {
        "success" => "every call succeeds".to_owned(),
        "one_in_100_fails" => "one call in 100 fails".to_owned(),
        "half_fail" => "half the calls fail, below the trip".to_owned(),
        "rejecting" => "every call is turned away".to_owned(),
        "readers" => "readers against writers".to_owned(),
        other => words::shortened(&words::spoken(other), 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Better, labels};
    use crate::program::{Section, Size};
    use crate::record::{Part, Record};

    #[test]
    fn the_ideal_goes_up_with_the_threads_to_the_cores_and_no_further() {
        let mut record = Record::begin(&["stress".into()], 1, Size::Full);
        record.machine.cores = 4;
        let measure = |threads: &str, calls: f64| {
            let of = [("workload", "success"), ("subject", "ampacity"), ("threads", threads)];
            let of = labels(of.map(|(key, value)| (key, value.to_owned())));
            Measure::new(CALLS, of, Unit::CallsPerS, Better::Higher, [calls])
        };
        let measures = vec![measure("1", 10.0), measure("64", 30.0)];
        let section = Section { measures, ..Section::default() };
        record.programs.push(Part { name: "storm".to_owned(), wall_s: 1.0, section });
        let runs = [Run { label: String::new(), record }];
        let ideal = linear(&runs, 0, of_workload(&runs, "storm", CALLS, "success")).unwrap();
        let places: Vec<(f64, f64)> = ideal.iter().map(|dot| (dot.x, dot.y)).collect();
        assert_eq!(places, [(1.0, 10.0), (4.0, 40.0), (64.0, 40.0)]);
        assert!(shade(&runs, 64.0).is_some() && shade(&runs, 4.0).is_none());
    }
}
