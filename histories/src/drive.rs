//! Random operations on a breaker and on its model, which must not be told apart.
//!
//! One operation after the other, by whichever thread: what is done, what callbacks do to
//! the breaker meanwhile, what they are told, what is returned, and after each operation
//! all that the breaker shows of itself. The same operations serve a property test and a
//! fuzz target, which make them of [bytes](Op::of).
//!
//! What is left to others: jitter, which is a hash; timing by chance; percentiles; registries;
//! clocks beyond 16 years. And where the contract leaves room, it is not made use of: what
//! counts its calls in flight may see them hang too late after a clock has stepped back, or by
//! parts of a tick, and has no such clock; and of a window of slices a thread may stay in one
//! that the clock comes back to, though others were ahead, and so the clock steps back only
//! where no other thread has been.

mod calls;
mod dice;
mod expected;
mod illegal;
mod op;
mod seen;
mod subject;
mod view;

pub use op::{Act, By, CODE, Call, Form, Judged, Op, Reaction, Returns};
pub use seen::Seen;

use crate::spec::{Rules, Shape, TICK};
use ampacity::Saved;
use dice::Dice;
use expected::Expected;
use std::collections::BTreeMap;
use std::fmt;
use subject::Subject;
use view::View;

/// What a saved breaker goes through before it is restored: the form that it is written in,
/// or nothing.
pub type Through = fn(Saved) -> Saved;

/// Settings, and what is done to a breaker of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Course {
    /// The settings it begins with.
    pub rules: Rules,
    /// What is done.
    pub ops: Vec<Op>,
}

/// Where breaker and model differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// After so many operations.
    pub after: usize,
    /// The last of them.
    pub op: String,
    /// In what.
    pub what: String,
}

/// What came about, and how often: transitions and what was seen, by name.
pub type Reached = BTreeMap<String, u64>;

impl Course {
    /// The course that these bytes make: settings first, and then operations.
    pub fn of(bytes: &[u8]) -> Course {
        let (first, rest) = bytes.split_at(bytes.len().min(CODE));
        let rules = Dice::new(first).rules();
        let ops = rest.chunks(CODE).map(|chunk| {
            let mut code = [0; CODE];
            code[..chunk.len()].copy_from_slice(chunk);
            Op::of(&code)
        });
        Course { rules, ops: ops.collect() }
    }

    /// Does it all to a breaker and to a model.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn run(&self, through: Through) -> Result<Reached, Mismatch> {
        let mut pair = Pair {
            subject: Subject::new(&self.rules, through),
            expected: Expected::new(self.rules.clone()),
            strayed: None,
            reached: Reached::new(),
        };
        let went = pair.run(&self.ops);
        // What is awaited holds the breaker that it is awaited of.
        pair.subject.empty_hand();
        went.map(|()| pair.reached)
    }
}

struct Pair {
    subject: std::sync::Arc<Subject>,
    expected: Expected,
    strayed: Option<Strayed>,
    reached: Reached,
}

/// What a window of slices has seen, which excludes the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Strayed {
    /// The clock step back.
    Back,
    /// Other threads.
    Elsewhere,
}

impl Pair {
    fn run(&mut self, ops: &[Op]) -> Result<(), Mismatch> {
        let mismatch = |after, op: String, what| Mismatch { after, op, what };
        self.compare().map_err(|what| mismatch(0, "being made".to_owned(), what))?;
        for (at, op) in ops.iter().enumerate() {
            if let Some(op) = self.allowed(op) {
                self.perform(&op);
            }
            self.compare().map_err(|what| mismatch(at + 1, format!("{op:?}"), what))?;
        }
        self.subject.empty_hand();
        self.expected.empty_hand();
        self.count();
        self.compare().map_err(|what| mismatch(ops.len(), "all is dropped".to_owned(), what))
    }

    /// The operation, unless a window of slices excludes it; here, if it excludes other
    /// threads.
    fn allowed(&mut self, op: &Op) -> Option<Op> {
        let mut op = op.clone();
        let elsewhere = match &mut op {
            Op::Do { elsewhere, .. } | Op::Call { elsewhere, .. } | Op::Poll { elsewhere, .. } => {
                elsewhere
            }
            _ => return Some(op),
        };
        if self.strayed == Some(Strayed::Back) {
            *elsewhere = false;
        }
        let is_elsewhere = *elsewhere;
        let is_back = matches!(op, Op::Do { act: Act::Clock(..0), .. });
        if is_back && self.strayed == Some(Strayed::Elsewhere) {
            return None;
        }
        self.strayed = match self.strayed {
            None if is_back => Some(Strayed::Back),
            None if is_elsewhere => Some(Strayed::Elsewhere),
            strayed => strayed,
        };
        Some(op)
    }

    fn perform(&mut self, op: &Op) {
        let Op::Replace(rules) = op else {
            self.subject.perform(op);
            self.expected.perform(op);
            return;
        };
        self.subject.empty_hand();
        let through = self.subject.through;
        let saved = through(self.subject.breaker.save());
        let next = Subject::new(rules, through);
        next.take_over(saved, &self.subject);
        self.subject = next;
        self.expected.empty_hand();
        self.count();
        self.expected.replace((**rules).clone());
    }

    /// What came about with a model that is about to go.
    fn count(&mut self) {
        let Expected { model, desk, .. } = &self.expected;
        let edges =
            model.edges.iter().map(|((from, to), &count)| (format!("{from} to {to}"), count));
        let counts = [
            ("settled as stale", model.counts.stale),
            ("settled by a panic", model.counts.panicked),
            ("dropped", model.counts.cancelled),
            ("a listener panicked", desk.panics),
            ("two listeners", u64::from(desk.listeners.len() > 1)),
            ("timed", model.latencies.iter().map(|latency| latency.samples).sum()),
        ];
        for (name, count) in edges.chain(counts.map(|(name, count)| (name.to_owned(), count))) {
            *self.reached.entry(name).or_default() += count;
        }
    }

    fn compare(&mut self) -> Result<(), String> {
        let (seen, expected) = (self.subject.take_seen(), self.expected.take_seen());
        if seen != expected {
            return Err(format!("it did {seen:#?}, not {expected:#?}"));
        }
        for seen in seen {
            *self.reached.entry(seen.name()).or_default() += 1;
        }
        let has_slices = self.expected.model.rules.judge.is_some_and(|judge| match judge.shape {
            Shape::Last(_) => false,
            Shape::Slices { .. } => true,
        });
        self.strayed = self.strayed.filter(|_| has_slices);
        let expected = View::expected(&self.expected);
        let shown = View::of(&self.subject)?.allowed_for(&expected);
        if shown != expected {
            return Err(differences(&format!("{shown:#?}"), &format!("{expected:#?}")));
        }
        Ok(())
    }
}

/// The lines of two texts that are not the same.
fn differences(shown: &str, expected: &str) -> String {
    let bare = |line: &'_ str| line.trim().trim_end_matches(',').to_owned();
    let differ = shown.lines().zip(expected.lines()).filter(|(shown, expected)| shown != expected);
    let lines = differ.map(|(shown, expected)| format!("{}, not {}", bare(shown), bare(expected)));
    let all: Vec<String> = lines.collect();
    format!("it shows {}", all.join("; "))
}

/// What a clock shows after a step: at least 0, at most 16 years, and going on in whole ticks
/// where it is to be coarse.
fn clock_after(now: u64, by: i64, is_coarse: bool) -> u64 {
    const MOST: u64 = 16 * 365 * 86_400_000 * TICK;
    let by = if is_coarse { by.max(0) / TICK as i64 * TICK as i64 } else { by };
    now.saturating_add_signed(by).min(MOST)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { after, op, what } = self;
        write!(f, "after {after} operations, the last being {op}: {what}")
    }
}

impl std::error::Error for Mismatch {}
