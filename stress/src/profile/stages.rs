//! What is measured: the stages one after the other, the operations one by one, and the
//! same extraction through every kind of breaker.
//!
//! Times are processor time of this thread. A sample goes over the document as often as it
//! takes for a hundred thousand tokens; samples of all strategies are taken in turn, so
//! that what else the machine does falls on all alike.

use std::hint::black_box;
use std::time::Duration;

use ampacity::CircuitBreaker;
use indicatif::ProgressBar;

use super::document;
use super::extract::{self, Directly, Entity, Kind};
use crate::cpu::thread_cpu;
use crate::heap;
use crate::kinds;
use crate::program::{Failure, Stop};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Tokens of the document.
    pub(super) tokens: usize,
    /// Samples of each strategy.
    pub(super) rounds: u32,
    /// Tokens of a sample, at least.
    pub(super) sample: usize,
}

/// One part of the work, gone through once.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) took: Duration,
    /// Bytes that it allocated, and by how much more are held after it.
    pub(super) allocated: u64,
    pub(super) kept: i64,
}

/// One operation: how often the work does it, and how long each takes.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) times: u64,
    pub(super) ns: f64,
}

impl Operation {
    pub(super) fn total_ns(&self) -> f64 {
        self.ns * self.times as f64
    }
}

/// The extraction in one way.
#[derive(Clone, Debug)]
pub(super) struct Strategy {
    pub(super) kind: Option<kinds::Kind>,
    /// ns a token, each sample's.
    pub(super) samples: Vec<f64>,
}

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub(super) tokens: usize,
    pub(super) entities: usize,
    pub(super) stages: Vec<Stage>,
    pub(super) operations: Vec<Operation>,
    pub(super) strategies: Vec<Strategy>,
    /// The most the heap held beyond what it held at the start, and what it held at the end
    /// of the work, text, tokens and entities included.
    pub(super) peak: u64,
    pub(super) current: u64,
    /// What calls through a breaker allocated that calls without did not.
    pub(super) allocated_a_call: f64,
    pub(super) partial: bool,
}

/// Measures, until Ctrl-C.
pub(super) fn measure(effort: Effort, stop: &Stop, bar: &ProgressBar) -> Result<Measured, Failure> {
    let mut all = Measured::default();
    let (start, most) = (heap::bytes(), heap::most());
    let mut highest = 0;
    let mut stage = |name, stages: &mut Vec<Stage>, before: (Duration, u64, u64)| {
        let took = thread_cpu().saturating_sub(before.0);
        let held = heap::bytes();
        highest = held.max(highest);
        let kept = held as i64 - before.2 as i64;
        stages.push(Stage { name, took, allocated: heap::ever() - before.1, kept });
    };
    let now = || (thread_cpu(), heap::ever(), heap::bytes());

    bar.set_message("stages");
    let before = now();
    let text = document::build(effort.tokens);
    stage("build_document", &mut all.stages, before);
    let before = now();
    let words = document::tokens(&text);
    stage("tokenize", &mut all.stages, before);
    let before = now();
    let breaker = build(kinds::Kind::DEFAULT)?;
    extract::extract(&words[..1], &breaker); // a thread's first call makes its places
    stage("set_up_breaker", &mut all.stages, before);
    let before = now();
    let found = extract::extract(&words, &breaker);
    stage("extract", &mut all.stages, before);
    let before = now();
    drop(black_box(breaker.snapshot()));
    stage("snapshot", &mut all.stages, before);
    all.tokens = words.len();
    all.entities = found.len();
    let held = heap::bytes();
    all.current = held.saturating_sub(start);
    // The process's most is this work's if it rose meanwhile.
    let process = Some(heap::most()).filter(|&now| now > most).unwrap_or(0);
    all.peak = process.max(highest).max(held).saturating_sub(start);
    drop((found, breaker));
    bar.inc(1);

    all.operations = operations(&words, effort, stop, bar)?;
    all.strategies = strategies(&words, effort, stop, bar)?;
    all.allocated_a_call = allocated(&words)?;
    all.partial = stop.requested();
    Ok(all)
}

fn build(kind: kinds::Kind) -> Result<CircuitBreaker, Failure> {
    kind.build("profile").map_err(|error| Failure(format!("no breaker: {error}")))
}

/// Processor time of a token, in ns, where `f` goes over all of them once.
fn timed(sample: usize, tokens: usize, mut f: impl FnMut()) -> f64 {
    let passes = sample.div_ceil(tokens.max(1));
    let before = thread_cpu();
    (0..passes).for_each(|_| f());
    let took = thread_cpu().saturating_sub(before).as_nanos() as f64;
    took / (passes * tokens.max(1)) as f64
}

fn operations(
    words: &[&str],
    effort: Effort,
    stop: &Stop,
    bar: &ProgressBar,
) -> Result<Vec<Operation>, Failure> {
    let sample = effort.sample;
    bar.set_message("operations");
    let count = words.len();
    let mut all = Vec::new();
    let bare: Vec<&str> = words.iter().map(|word| extract::bare(word)).collect();
    let entities: Vec<Entity> = bare.iter().filter_map(|word| extract::tool(word)).collect();
    let mut add = |name, times: usize, ns| {
        all.push(Operation { name, times: times as u64, ns });
    };
    if stop.requested() {
        return Ok(all);
    }
    let ns = timed(sample, count, || {
        for word in words {
            black_box(extract::bare(black_box(word)));
        }
    });
    add("trim_punctuation", count, ns);
    // A pattern is tried on what none before it took.
    let mut left = bare.clone();
    for kind in Kind::ALL {
        if stop.requested() {
            return Ok(all);
        }
        let ns = timed(sample, count, || {
            for word in &bare {
                black_box(kind.matches(black_box(word)));
            }
        });
        add(kind.name(), left.len(), ns);
        left.retain(|word| !kind.matches(word));
    }
    if !entities.is_empty() {
        let ns = timed(sample, entities.len(), || {
            for entity in &entities {
                black_box(extract::normalise(entity.kind, black_box(&entity.text)));
            }
        });
        add("normalise", entities.len(), ns);
    }
    let breaker = build(kinds::Kind::DEFAULT)?;
    let ns = timed(sample, count, || {
        for word in words {
            let _ = black_box(breaker.call(|| Ok::<_, ()>(black_box(word))));
        }
    });
    // Without the loop and the black boxes, which are not the breaker's.
    let empty = timed(sample, count, || {
        for word in words {
            let _ = black_box(Ok::<_, ()>(black_box(word)));
        }
    });
    add("breaker_call", count, (ns - empty).max(0.0));
    all.sort_by(|one, other| other.total_ns().total_cmp(&one.total_ns()));
    bar.inc(1);
    Ok(all)
}

fn strategies(
    words: &[&str],
    effort: Effort,
    stop: &Stop,
    bar: &ProgressBar,
) -> Result<Vec<Strategy>, Failure> {
    let mut all = vec![(Strategy { kind: None, samples: Vec::new() }, None)];
    for kind in kinds::Kind::all() {
        all.push((Strategy { kind: Some(kind), samples: Vec::new() }, Some(build(kind)?)));
    }
    let rounds = effort.rounds;
    for round in 1..=rounds {
        bar.set_message(format!("strategies, round {round} of {rounds}"));
        for (strategy, breaker) in &mut all {
            if stop.requested() {
                break;
            }
            let ns = match breaker {
                None => {
                    timed(effort.sample, words.len(), || drop(extract::extract(words, &Directly)))
                }
                Some(breaker) => {
                    timed(effort.sample, words.len(), || drop(extract::extract(words, breaker)))
                }
            };
            strategy.samples.push(ns);
            bar.inc(1);
        }
    }
    Ok(all.into_iter().map(|(strategy, _)| strategy).collect())
}

/// Bytes a call. What other threads (the bar's) allocate meanwhile only ever adds, so the
/// least of some tries is taken.
fn allocated(words: &[&str]) -> Result<f64, Failure> {
    let breaker = build(kinds::Kind::DEFAULT)?;
    drop(extract::extract(words, &breaker));
    let least = |f: &dyn Fn()| {
        let tries = (0..5).map(|_| {
            let before = heap::ever();
            f();
            heap::ever() - before
        });
        tries.min().unwrap_or(0)
    };
    let through = least(&|| drop(extract::extract(words, &breaker)));
    let directly = least(&|| drop(extract::extract(words, &Directly)));
    Ok(through.saturating_sub(directly) as f64 / words.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFORT: Effort = Effort { tokens: 300, rounds: 2, sample: 300 };

    #[test]
    fn everything_is_measured_and_patterns_are_counted_as_they_are_tried() {
        let bar = ProgressBar::hidden();
        let all = measure(EFFORT, &Stop::default(), &bar).unwrap();
        assert!(all.tokens >= 300 && all.entities > 20 && !all.partial);
        assert!(all.peak >= all.current, "{} and {}", all.peak, all.current);
        assert_eq!(all.stages.len(), 5);
        assert_eq!(all.strategies.len(), 1 + kinds::Kind::all().count());
        assert!(all.strategies.iter().all(|strategy| strategy.samples.len() == 2));
        let times = |name: &str| {
            all.operations.iter().find(|operation| operation.name == name).unwrap().times
        };
        assert_eq!(times("breaker_call"), all.tokens as u64);
        assert_eq!(times("match_date"), all.tokens as u64);
        assert_eq!(times("normalise"), all.entities as u64);
        assert!(times("match_name") < times("match_sum"));
        let totals: Vec<f64> = all.operations.iter().map(Operation::total_ns).collect();
        assert!(totals.is_sorted_by(|one, other| one >= other), "{totals:?}");
    }

    #[test]
    fn ctrl_c_leaves_what_there_is() {
        let stop = Stop::default();
        stop.request();
        let all = measure(EFFORT, &stop, &ProgressBar::hidden()).unwrap();
        assert!(all.partial && all.operations.is_empty());
    }
}
