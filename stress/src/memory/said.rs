//! What the process that measures tells the one that started it: a line of JSON each.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::heap;
use crate::measure::Measure;
use crate::program::{Check, Failure};
use crate::resident;

/// How much is to be done, handed over on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Threads on one breaker, all alive at once.
    pub(super) threads: u32,
    /// Breakers that nobody calls, all there at once.
    pub(super) breakers: u64,
    /// Waves of threads that come and go.
    pub(super) waves: u32,
    /// Threads of a wave.
    pub(super) wave_threads: u32,
    /// Threads that call a breaker of each kind.
    pub(super) crowd: u32,
    /// Of each thread's stack.
    pub(super) stack_kib: u32,
    /// Leave the figures and profile the heap.
    pub(super) profile: bool,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// What begins now.
    Doing(String),
    /// One of [`Plan::steps`] is done.
    Step,
    Point(Point),
    Measure(Measure),
    Check(Check),
    /// The heap's profile, whole, in dhat's form.
    Profile(String),
    /// Why it could not go on.
    Failed(String),
    /// There is no more.
    Done,
}

/// What is held at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    /// Since the start.
    pub(super) at_s: f64,
    /// Not on the heap of the process that measures: kept points would be counted.
    pub(super) phase: Cow<'static, str>,
    pub(super) heap: u64,
    pub(super) resident: Option<u64>,
}

/// Where the lines go.
pub(super) struct Teller<W> {
    out: W,
    start: Instant,
}

impl<W: Write> Teller<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, start: Instant::now() }
    }

    pub(super) fn say(&mut self, said: &Said) -> Result<(), Failure> {
        let told = serde_json::to_string(said).map_err(io::Error::from);
        told.and_then(|line| writeln!(self.out, "{line}").and_then(|()| self.out.flush()))
            .map_err(|error| Failure(format!("nobody listens: {error}")))
    }

    pub(super) fn doing(&mut self, what: impl Into<String>) -> Result<(), Failure> {
        self.say(&Said::Doing(what.into()))
    }

    pub(super) fn step(&mut self) -> Result<(), Failure> {
        self.say(&Said::Step)
    }

    pub(super) fn measure(&mut self, measure: Measure) -> Result<(), Failure> {
        self.say(&Said::Measure(measure))
    }

    pub(super) fn check(&mut self, name: &str, held: bool, detail: String) -> Result<(), Failure> {
        self.say(&Said::Check(Check::judged(name, held, detail)))
    }

    /// Looks at what is held now, and tells it.
    pub(super) fn point(&mut self, phase: &'static str) -> Result<Point, Failure> {
        // The heap first: what is looked up in the system needs some.
        let heap = heap::bytes();
        let resident = resident::bytes(None);
        let at_s = self.start.elapsed().as_secs_f64();
        let point = Point { at_s, phase: Cow::Borrowed(phase), heap, resident };
        self.say(&Said::Point(point.clone()))?;
        Ok(point)
    }
}
