//! What is handed back: the predecessor's keys for programs, tables for people.

use serde_json::{Map, Value, json};

use super::rules::{self, Applied, Seen};
use super::stages::{Measured, Strategy};
use crate::kinds::{Kind, Policy};
use crate::measure::{Better, Measure, Unit, labels};
use crate::print::thousands;
use crate::program::{Check, Section, Table};
use crate::stats::Middle;
use ampacity::Timing;

/// Instructions of a success by who makes it, or why there are none.
pub(super) type Instructions = Result<Vec<(&'static str, f64)>, &'static str>;

const MIB: f64 = 1_048_576.0;

fn name(strategy: &Strategy) -> String {
    match strategy.kind {
        None => "without_breaker".to_owned(),
        Some(kind) => format!("{}_timing_{}", kind.policy.name(), kind.timing()),
    }
}

fn title(strategy: &Strategy) -> String {
    match strategy.kind {
        None => "without a breaker".to_owned(),
        Some(kind) => format!("{}, timing {}", kind.policy.title(), kind.timing()),
    }
}

/// The middle of a strategy's samples, in ns a token.
fn ns(measured: &Measured, kind: Option<Kind>) -> Option<f64> {
    let strategy = measured.strategies.iter().find(|strategy| strategy.kind == kind)?;
    Middle::of(strategy.samples.iter().copied()).map(|middle| middle.median)
}

/// What a breaker adds to a token, in ns.
fn added(measured: &Measured, kind: Kind) -> Option<f64> {
    Some((ns(measured, Some(kind))? - ns(measured, None)?).max(0.0))
}

fn seen(measured: &Measured) -> Option<Seen> {
    let default = ns(measured, Some(Kind::DEFAULT))?;
    let tokens_per_second = 1e9 / default;
    let found = measured.entities as f64 / measured.tokens.max(1) as f64;
    let adds = |policy, timing| added(measured, Kind { policy, timing });
    let own = added(measured, Kind::DEFAULT)?;
    // An addition lost in noise compares with nothing.
    let over = |figure: f64, base: f64| if base >= 1.0 { figure / base } else { 1.0 };
    let dearest = Kind::all().filter_map(|kind| added(measured, kind)).fold(0.0, f64::max);
    Some(Seen {
        tokens_per_second,
        entities_per_second: tokens_per_second * found,
        peak_memory_mb: measured.peak as f64 / MIB,
        memory_per_token_bytes: measured.current as f64 / measured.tokens.max(1) as f64,
        breaker_share_of_time: own / default,
        every_over_adaptive: over(adds(Policy::Streak, Timing::Every)?, own),
        dearest_policy_over_default: over(dearest, own),
        bytes_allocated_a_call: measured.allocated_a_call,
    })
}

pub(super) fn section(
    wanted: usize,
    measured: &Measured,
    instructions: &Instructions,
    verbose: bool,
) -> Section {
    let seen = seen(measured).filter(|_| !measured.partial);
    let applied = seen.as_ref().map(rules::apply).unwrap_or_default();
    let mut tables = Vec::new();
    if !measured.partial {
        if verbose {
            tables.push(stages(measured));
        }
        tables.push(hotspots(measured, instructions));
        tables.push(strategies(measured));
        tables.push(recommendations(seen.as_ref(), &applied, verbose));
    }
    let checks = if measured.partial {
        Vec::new()
    } else {
        vec![Check::judged(
            "every_stage_found_something",
            measured.entities > 0 && measured.tokens >= wanted && seen.is_some(),
            format!("{} entities in {} tokens", measured.entities, measured.tokens),
        )]
    };
    Section {
        partial: measured.partial,
        checks,
        measures: measures(measured),
        tables,
        figures: figures(wanted, measured, instructions, seen.as_ref(), &applied),
        ..Section::default()
    }
}

fn measures(measured: &Measured) -> Vec<Measure> {
    let mut all: Vec<Measure> = measured
        .strategies
        .iter()
        .map(|strategy| {
            let labels = labels([("strategy", name(strategy))]);
            let samples = strategy.samples.iter().copied();
            Measure::new("ns_a_token", labels, Unit::Ns, Better::Lower, samples)
        })
        .collect();
    for (name, bytes) in [
        ("peak_memory", measured.peak as f64),
        ("current_memory", measured.current as f64),
        ("bytes_allocated_a_call", measured.allocated_a_call),
    ] {
        all.push(Measure::new(name, labels([]), Unit::Bytes, Better::Lower, [bytes]));
    }
    all
}

fn figures(
    wanted: usize,
    measured: &Measured,
    instructions: &Instructions,
    seen: Option<&Seen>,
    applied: &[Applied],
) -> Value {
    let mut comparison = Map::new();
    for strategy in &measured.strategies {
        let Some(middle) = Middle::of(strategy.samples.iter().copied()) else { continue };
        comparison.insert(
            name(strategy),
            json!({
                "ns_a_token": middle,
                "tokens_per_second": 1e9 / middle.median,
                "breaker_ns_a_call": strategy.kind.and_then(|kind| added(measured, kind)),
            }),
        );
    }
    let hotspots: Vec<Value> = measured
        .operations
        .iter()
        .map(|operation| {
            json!({
                "operation": operation.name,
                "times": operation.times,
                "ns_each": operation.ns,
                "total_ns": operation.total_ns(),
                "share": operation.total_ns() / total(measured),
            })
        })
        .collect();
    let stages: Vec<Value> = measured
        .stages
        .iter()
        .map(|stage| {
            json!({
                "stage": stage.name,
                "cpu_s": stage.took.as_secs_f64(),
                "allocated_bytes": stage.allocated,
                "kept_bytes": stage.kept,
            })
        })
        .collect();
    let counts = instructions.as_ref().map(|counts| {
        counts.iter().map(|(who, count)| ((*who).to_owned(), json!(count))).collect::<Map<_, _>>()
    });
    json!({
        "document_stats": { "requested_tokens": wanted, "actual_tokens": measured.tokens },
        "timing": {
            "total_time": seen.map(|seen| measured.tokens as f64 / seen.tokens_per_second),
            "token_count": measured.tokens,
            "entity_count": measured.entities,
            "tokens_per_second": seen.map(|seen| seen.tokens_per_second),
            "entities_per_second": seen.map(|seen| seen.entities_per_second),
            "breaker_ns_a_call": added(measured, Kind::DEFAULT),
            "breaker_share_of_time": seen.map(|seen| seen.breaker_share_of_time),
            "stages": stages,
        },
        "memory": {
            "peak_memory_mb": measured.peak as f64 / MIB,
            "current_memory_mb": measured.current as f64 / MIB,
            "memory_per_token_bytes": seen.map(|seen| seen.memory_per_token_bytes),
            "entity_count": measured.entities,
            "bytes_allocated_a_call": measured.allocated_a_call,
        },
        "hotspots": hotspots,
        "instructions_a_call": counts.as_ref().ok(),
        "instructions_missing": counts.as_ref().err(),
        "strategy_comparison": comparison,
        "rules": applied,
        // Of a run cut short no rule was asked, which is not the same as all is well.
        "recommendations": seen.map(|_| rules::recommendations(applied)).unwrap_or_default(),
    })
}

fn total(measured: &Measured) -> f64 {
    measured.operations.iter().map(|operation| operation.total_ns()).sum::<f64>().max(1.0)
}

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn stages(measured: &Measured) -> Table {
    let rows = measured.stages.iter().map(|stage| {
        vec![
            stage.name.replace('_', " "),
            format!("{:.3}", stage.took.as_secs_f64() * 1e3),
            thousands(stage.allocated),
            thousands(stage.kept.max(0).unsigned_abs()),
        ]
    });
    Table {
        title: "profile: stages, each once".to_owned(),
        head: head(&["stage", "cpu ms", "bytes allocated", "bytes kept"]),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn hotspots(measured: &Measured, instructions: &Instructions) -> Table {
    let all = total(measured);
    let rows = measured.operations.iter().map(|operation| {
        vec![
            operation.name.replace('_', " "),
            thousands(operation.times),
            format!("{:.1}", operation.ns),
            format!("{:.2}", operation.total_ns() / 1e6),
            format!("{:.0} %", 100.0 * operation.total_ns() / all),
        ]
    });
    let notes = match instructions {
        Err(why) => vec![format!("instructions of a call: {why}")],
        Ok(counts) => {
            let counts = counts.iter().map(|(who, count)| format!("{who} {count:.0}"));
            let mut lines = vec!["instructions of a success:".to_owned()];
            for count in counts {
                match lines.last_mut() {
                    Some(line) if line.len() + count.len() < 90 => *line += &format!(" {count};"),
                    _ => lines.push(format!("  {count};")),
                }
            }
            lines
        }
    };
    Table {
        title: format!("profile: hottest operations, {} tokens", thousands(measured.tokens as u64)),
        head: head(&["operation", "times", "ns each", "ms in all", "share"]),
        rows: rows.collect(),
        notes,
    }
}

fn strategies(measured: &Measured) -> Table {
    let base = ns(measured, None);
    let rows = measured.strategies.iter().filter_map(|strategy| {
        let ns = Middle::of(strategy.samples.iter().copied())?;
        let added = strategy.kind.and_then(|kind| added(measured, kind));
        Some(vec![
            title(strategy),
            format!("{:.1} ±{:.1}", ns.median, ns.spread),
            added.map_or_else(|| "-".to_owned(), |added| format!("{added:.1}")),
            base.map_or_else(|| "-".to_owned(), |base| format!("{:.2}", ns.median / base)),
        ])
    });
    Table {
        title: "profile: the same extraction in every way, processor time".to_owned(),
        head: head(&["strategy", "ns a token", "the breaker's", "times"]),
        rows: rows.collect(),
        notes: vec!["±: half the distance between the quartiles of the samples".to_owned()],
    }
}

fn recommendations(seen: Option<&Seen>, applied: &[Applied], verbose: bool) -> Table {
    let rows = applied.iter().filter(|rule| verbose || rule.applies).map(|rule| {
        vec![
            rule.figure.replace('_', " "),
            rule.number.to_string(),
            format!("{:.2}", rule.value),
            format!("{} {}", rule.side(), rule.threshold),
            if rule.applies { "yes" } else { "no" }.to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut notes: Vec<String> = applied
        .iter()
        .filter(|rule| rule.applies)
        .map(|rule| format!("{}: {}", rule.number, rule.advice))
        .collect();
    if notes.is_empty() {
        notes = rules::recommendations(applied);
    }
    if let Some(seen) = seen {
        notes.push(format!(
            "{} tokens/s; memory: peak {:.2} MiB, {:.0} bytes a token",
            thousands(seen.tokens_per_second as u64),
            seen.peak_memory_mb,
            seen.memory_per_token_bytes
        ));
    }
    let head = if rows.is_empty() {
        Vec::new()
    } else {
        head(&["figure", "rule", "is", "speaks when", "applies"])
    };
    Table { title: "profile: recommendations".to_owned(), head, rows, notes }
}

#[cfg(test)]
mod tests {
    use super::super::stages::Effort;
    use super::*;
    use crate::program::Stop;
    use indicatif::ProgressBar;

    fn measured() -> Measured {
        let effort = Effort { tokens: 200, rounds: 1, sample: 200 };
        super::super::stages::measure(effort, &Stop::default(), &ProgressBar::hidden()).unwrap()
    }

    fn spent(measured: &mut Measured, ns: impl Fn(Option<Kind>) -> f64) {
        for strategy in &mut measured.strategies {
            strategy.samples = vec![ns(strategy.kind)];
        }
    }

    #[test]
    fn the_record_has_the_predecessors_keys() {
        let section = section(200, &measured(), &Err("not here"), true);
        for (key, inner) in [
            ("document_stats", &["requested_tokens", "actual_tokens"][..]),
            (
                "timing",
                &[
                    "total_time",
                    "token_count",
                    "entity_count",
                    "tokens_per_second",
                    "entities_per_second",
                ],
            ),
            (
                "memory",
                &["peak_memory_mb", "current_memory_mb", "memory_per_token_bytes", "entity_count"],
            ),
        ] {
            for name in inner {
                assert!(section.figures[key][name].is_number(), "{key}.{name}");
            }
        }
        assert!(!section.figures["hotspots"].as_array().unwrap().is_empty());
        assert!(section.figures["strategy_comparison"]["without_breaker"].is_object());
        assert!(!section.figures["recommendations"].as_array().unwrap().is_empty());
        assert_eq!(section.figures["rules"].as_array().unwrap().len(), 8);
        assert!(section.checks.iter().all(|c| c.verdict == crate::program::Verdict::Held));
    }

    #[test]
    fn what_the_breaker_takes_is_what_a_token_takes_more_than_without() {
        let mut measured = measured();
        let every = Kind { policy: Policy::Streak, timing: Timing::Every };
        spent(&mut measured, |kind| match kind {
            None => 60.0,
            Some(Kind::DEFAULT) => 80.0,
            Some(kind) if kind == every => 110.0,
            Some(_) => 90.0,
        });
        let seen = seen(&measured).unwrap();
        assert_eq!(seen.breaker_share_of_time, 0.25);
        assert_eq!(seen.every_over_adaptive, 2.5);
        assert_eq!(seen.dearest_policy_over_default, 2.5);
        assert_eq!(seen.tokens_per_second, 12_500_000.0);
        assert_eq!(added(&measured, Kind::DEFAULT), Some(20.0));
    }

    #[test]
    fn tables_are_as_wide_as_their_heads_and_fit_a_page() {
        let long: Vec<(&'static str, f64)> = vec![("ampacity, something rather long", 1e3); 9];
        for instructions in [Err("valgrind is not installed"), Ok(long)] {
            for table in section(200, &measured(), &instructions, true).tables {
                assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{table:?}");
                assert!(table.notes.iter().all(|note| note.len() <= 98), "{table:?}");
            }
        }
    }

    #[test]
    fn of_a_run_cut_short_nothing_is_recommended() {
        let section = section(200, &Measured { partial: true, ..measured() }, &Err("x"), true);
        assert!(section.partial && section.checks.is_empty() && section.tables.is_empty());
        for key in ["rules", "recommendations"] {
            assert!(section.figures[key].as_array().unwrap().is_empty(), "{key}");
        }
    }
}
