//! What is handed back: the figures, how they stand against their targets, and tables.

use ampacity::CircuitBreaker;
use serde_json::{Value, json};

use super::parent::Heard;
use super::said::{Plan, Point};
use crate::kinds::Kind;
use crate::measure::{Measure, Track, Unit, labels};
use crate::print::thousands;
use crate::program::{Check, Section, Table};

/// What an idle breaker is to take at most, in bytes; stated, and no check.
const TARGETS: [(&str, &str, f64); 3] = [
    ("default", "defaults", 256.0),
    ("own", "a name and a setting of its own", 512.0),
    ("own_in_an_arc", "the same, in an Arc", 640.0),
];
/// And its struct, which the library holds itself to when it is compiled.
const STRUCT: u64 = 256;

pub(super) fn section(plan: &Plan, heard: Heard, profile: Option<&str>) -> Section {
    let Heard { measures, mut checks, points, samples, profile: taken, partial } = heard;
    if let Some(name) = profile
        && !partial
    {
        checks.push(Check::judged(
            "the_heap_profile_is_there",
            taken.is_some(),
            format!("{name}, for dhat's viewer (dh_view.html)"),
        ));
    }
    let tables = if partial {
        Vec::new()
    } else {
        vec![idle(&measures), in_use(plan, &measures), threads(&measures), resident(&points)]
    };
    Section {
        partial,
        checks,
        figures: figures(plan, &measures, profile),
        tracks: tracks(&points, samples),
        tables,
        measures,
        ..Section::default()
    }
}

/// The first sample of the measure with this name and these labels.
fn find(measures: &[Measure], name: &str, having: &[(&str, &str)]) -> Option<f64> {
    let has = |measure: &Measure| {
        having.iter().all(|(key, value)| measure.labels.get(*key).is_some_and(|had| had == value))
    };
    measures
        .iter()
        .find(|measure| measure.name == name && has(measure))
        .and_then(|measure| measure.samples.first().copied())
}

fn figures(plan: &Plan, measures: &[Measure], profile: Option<&str>) -> Value {
    let size = size_of::<CircuitBreaker>() as u64;
    let mut targets = vec![json!({
        "what": "struct", "bytes": size, "target": STRUCT, "met": size <= STRUCT,
    })];
    for (settings, _, most) in TARGETS {
        let bytes = find(measures, "idle_breaker", &[("settings", settings), ("counted", "heap")]);
        targets.push(json!({
            "what": format!("idle breaker, settings: {settings}"),
            "bytes": bytes,
            "target": most,
            "met": bytes.map(|bytes| bytes <= most),
        }));
    }
    json!({ "plan": plan, "targets": targets, "heap_profile": profile })
}

fn tracks(points: &[Point], samples: Vec<(f64, f64)>) -> Vec<Track> {
    let mut phases: Vec<&str> = Vec::new();
    for point in points {
        if !phases.contains(&&*point.phase) {
            phases.push(&point.phase);
        }
    }
    let of = |name: &str, phase: &str, points: Vec<(f64, f64)>| Track {
        name: name.to_owned(),
        labels: labels([("phase", phase.to_owned())]),
        unit: Unit::Bytes,
        points,
    };
    // All the time, and what was held at the moments that count.
    let mut tracks = vec![of("resident_memory", "all", samples)];
    for phase in phases {
        let there = || points.iter().filter(|point| point.phase == phase);
        let resident =
            there().filter_map(|point| Some((point.at_s, point.resident? as f64))).collect();
        tracks.push(of("resident_memory", phase, resident));
        tracks.push(of("heap", phase, there().map(|p| (p.at_s, p.heap as f64)).collect()));
    }
    tracks
}

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn bytes(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |bytes| thousands(bytes.round() as u64))
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

fn idle(measures: &[Measure]) -> Table {
    let verdict = |figure: Option<f64>, most: f64| match figure {
        Some(bytes) if bytes <= most => format!("met: {bytes:.0} of {most:.0}"),
        Some(bytes) => format!("{bytes:.0} of {most:.0}"),
        None => "-".to_owned(),
    };
    let size = size_of::<CircuitBreaker>() as u64;
    let mut rows = vec![vec![
        "its struct, in any case".to_owned(),
        thousands(size),
        "-".to_owned(),
        verdict(Some(size as f64), STRUCT as f64),
    ]];
    let of = |settings: &str, counted: &str| {
        find(measures, "idle_breaker", &[("settings", settings), ("counted", counted)])
    };
    for (settings, title, most) in TARGETS {
        let heap = of(settings, "heap");
        let resident = bytes(of(settings, "resident"));
        rows.push(vec![title.to_owned(), bytes(heap), resident, verdict(heap, most)]);
    }
    let mut seen = Vec::new();
    for kind in Kind::all().filter(|kind| kind.policy != Kind::DEFAULT.policy) {
        let name = kind.policy.name();
        if !seen.contains(&name) {
            seen.push(name);
            let title = kind.policy.title().to_owned();
            rows.push(vec![title, bytes(of(name, "heap")), "-".to_owned(), "-".to_owned()]);
        }
    }
    Table {
        title: "memory: bytes of a breaker that nobody has called".to_owned(),
        head: head(&["set up with", "bytes", "resident", "target (no check)"]),
        rows,
        notes: vec![
            "bytes: its struct and what it asked of the heap, exactly; resident: what the system holds"
                .to_owned(),
            "for each of very many, with what the allocator adds to a block. An Arc takes as much as the"
                .to_owned(),
            "alignment of what it holds, 128 bytes, for its two counters".to_owned(),
        ],
    }
}

fn in_use(plan: &Plan, measures: &[Measure]) -> Table {
    let crowd = plan.crowd.to_string();
    let rows = Kind::all().map(|kind| {
        let of = |callers: &str| {
            let having =
                [("policy", kind.policy.name()), ("timing", kind.timing()), ("callers", callers)];
            bytes(find(measures, "breaker_in_use", &having))
        };
        vec![format!("{}, timing {}", kind.policy.title(), kind.timing()), of("1"), of(&crowd)]
    });
    let many = format!("{crowd} threads");
    Table {
        title: "memory: bytes of a breaker that threads have called".to_owned(),
        head: head(&["policy", "one thread", &many]),
        rows: rows.collect(),
        notes: vec![
            "what goes when it is dropped, its struct included. More threads add nothing: beyond the"
                .to_owned(),
            "larger of 128 and 4 a core they share. This build counts swaps, in about 3 KiB of these"
                .to_owned(),
        ],
    }
}

fn threads(measures: &[Measure]) -> Table {
    let rows = measures.iter().filter(|measure| measure.name == "thread").map(|measure| {
        let of = |key: &str| measure.labels.get(key).cloned().unwrap_or_default();
        let what = match of("counted").as_str() {
            "heap" => format!("first calls: {}, timing {}", of("policy"), of("timing")),
            "heap_waiting" => format!("{} waiting, heap", of("threads")),
            "resident_waiting" => format!("{} waiting, resident", of("threads")),
            "heap_calling" => format!("{} on one breaker, their first calls, heap", of("threads")),
            _ => format!("{} on one breaker, their first calls, resident", of("threads")),
        };
        let middle = measure.median();
        vec![what, middle.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes:.1}"))]
    });
    Table {
        title: "memory: bytes a thread".to_owned(),
        head: head(&["thread", "bytes"]),
        rows: rows.collect(),
        notes: vec![
            "waiting: a thread that has called no breaker, stack and handle; first calls: what they add"
                .to_owned(),
            "(its slot, its counters), for each of few threads, which have counters of their own"
                .to_owned(),
        ],
    }
}

fn resident(points: &[Point]) -> Table {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut phases: Vec<&str> = Vec::new();
    for point in points {
        if !phases.contains(&&*point.phase) {
            phases.push(&point.phase);
        }
    }
    for phase in phases {
        let there: Vec<&Point> = points.iter().filter(|point| point.phase == phase).collect();
        let (Some(first), Some(last)) = (there.first(), there.last()) else { continue };
        let resident = |point: &Point| point.resident.map_or_else(|| "-".to_owned(), mib);
        let most = there.iter().filter_map(|point| point.resident).max();
        rows.push(vec![
            phase.to_owned(),
            resident(first),
            most.map_or_else(|| "-".to_owned(), mib),
            resident(last),
            mib(last.heap),
        ]);
    }
    Table {
        title: "memory: resident set, in MiB".to_owned(),
        head: head(&["phase", "first", "most", "last", "heap, last"]),
        rows,
        notes: vec![
            "the allocator keeps some of what was released, and of the stacks of threads that have gone"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Better;

    fn idle_breaker(settings: &str, bytes: f64) -> Measure {
        let labels = labels([("settings", settings.to_owned()), ("counted", "heap".to_owned())]);
        Measure::new("idle_breaker", labels, Unit::Bytes, Better::Lower, [bytes])
    }

    fn plan() -> Plan {
        Plan {
            threads: 1,
            breakers: 1,
            waves: 4,
            wave_threads: 1,
            crowd: 1,
            stack_kib: 64,
            profile: false,
        }
    }

    #[test]
    fn a_target_that_is_missed_is_said_and_is_no_check() {
        let heard = Heard {
            measures: vec![idle_breaker("own", 844.0), idle_breaker("default", 256.0)],
            ..Heard::default()
        };
        let section = section(&plan(), heard, None);
        assert!(section.checks.is_empty());
        let targets = section.figures["targets"].as_array().unwrap();
        let met: Vec<&Value> = targets.iter().map(|target| &target["met"]).collect();
        assert_eq!(met, [&json!(true), &json!(true), &json!(false), &json!(null)]);
        let cells: Vec<&str> =
            section.tables[0].rows.iter().take(3).map(|row| row[3].as_str()).collect();
        assert_eq!(cells[1..], ["met: 256 of 256", "844 of 512"]);
    }

    #[test]
    fn tables_are_as_wide_as_a_page_and_as_their_heads() {
        let heard = Heard { measures: vec![idle_breaker("own", 844.0)], ..Heard::default() };
        for table in section(&plan(), heard, None).tables {
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{table:?}");
            assert!(table.notes.iter().all(|note| note.len() <= 98), "{table:?}");
        }
    }

    #[test]
    fn a_profile_that_was_asked_for_and_is_not_there_is_a_fault() {
        let broken = section(&plan(), Heard::default(), Some("dhat-heap.json"));
        assert_eq!(broken.checks[0].verdict, crate::program::Verdict::Broken);
        let heard = Heard { profile: Some("{}".to_owned()), ..Heard::default() };
        let held = section(&plan(), heard, Some("dhat-heap.json"));
        assert_eq!(held.checks[0].verdict, crate::program::Verdict::Held);
    }

    #[test]
    fn each_phase_is_a_track_and_all_of_them_one_more() {
        let point = |at_s, phase: &str| Point {
            at_s,
            phase: phase.to_owned().into(),
            heap: 5,
            resident: Some(9),
        };
        let points = [point(0.0, "a"), point(1.0, "b"), point(2.0, "a")];
        let tracks = tracks(&points, vec![(0.5, 7.0)]);
        let all: Vec<(&str, &str, usize)> = tracks
            .iter()
            .map(|track| (&*track.name, &*track.labels["phase"], track.points.len()))
            .collect();
        assert_eq!(
            all,
            [
                ("resident_memory", "all", 1),
                ("resident_memory", "a", 2),
                ("heap", "a", 2),
                ("resident_memory", "b", 1),
                ("heap", "b", 1),
            ]
        );
    }
}
