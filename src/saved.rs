//! A breaker's state as data, to outlive its process.
//!
//! [`Saved`] is values, and says whether they can be before any of them is used: a file
//! may be torn, edited, another breaker's, or written by a version that is yet to come.

use crate::bits::scatter;
use crate::clock::{TICK, Tick};
use crate::window::{Contents, Entry, MOST_RESULTS, MOST_SLICES, Shape, Sums};
use crate::word::{MOST_OPENS, State};
use core::fmt;

#[cfg(feature = "serde")]
mod form;

/// What [`CircuitBreaker::save`] returns and [`CircuitBreaker::restore`] takes.
///
/// With the feature `serde` it is written and read in JSON, TOML and other formats that
/// name their fields. It says its version and has a checksum over all it says, against
/// accidents and edits by hand. That is no protection from somebody who means harm and
/// works the checksum out anew: keep it where only you can write.
///
/// [`CircuitBreaker::save`]: crate::CircuitBreaker::save
/// [`CircuitBreaker::restore`]: crate::CircuitBreaker::restore
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "form::Draft"))]
pub struct Saved {
    version: u64,
    name: String,
    state: State,
    era: u64, // for people; a restored breaker goes on with its own
    streak: u64,
    opens: u64,
    /// What was left of an open breaker's wait; none is never.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    wait_ns: Option<u64>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    window: Option<SavedWindow>,
    checksum: String, // 16 hexadecimal digits
}

/// The form of a window, and what it held.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
enum SavedWindow {
    Count {
        calls: u64,
        /// Runs of results, the oldest first: `12o1f` is twelve successes and a failure.
        results: String,
    },
    Time {
        slice_ns: u64,
        slices: u64,
        /// By slice, the newest first: its age in ns, calls, failed, slow.
        sums: Vec<(u64, u64, u64, u64)>,
    },
}

/// What is saved of a breaker, before it is put into words.
pub(crate) struct Parts<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: State,
    pub(crate) era: u64,
    pub(crate) streak: u64,
    pub(crate) opens: u32,
    /// In ns; none is never.
    pub(crate) wait: Option<u64>,
    pub(crate) window: Option<(Shape, Contents)>,
}

/// What a breaker is to become, checked.
#[derive(Debug)]
pub(crate) struct Revived {
    pub(crate) state: State,
    pub(crate) streak: u32,
    pub(crate) opens: u32,
    /// In ns; none is never.
    pub(crate) wait: Option<u64>,
    pub(crate) window: Option<Contents>,
}

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;
/// An open wait, lengthened by jitter, in ns.
const LONGEST_WAIT: u64 = Tick::NEVER.0 * TICK;
/// No window is longer, in ns.
const LONGEST_WINDOW: u64 = (1 << 39) * TICK;
/// As far as a window counts.
const MOST_CALLS: u64 = (1 << 53) - 1;

impl Saved {
    pub(crate) fn new(parts: Parts<'_>) -> Self {
        let Parts { name, state, era, streak, opens, wait, window } = parts;
        let mut saved = Saved {
            version: VERSION,
            name: name.to_owned(),
            state,
            era,
            streak,
            opens: opens.into(),
            wait_ns: wait,
            window: window.map(|(shape, contents)| SavedWindow::new(shape, contents)),
            checksum: String::new(),
        };
        saved.checksum = saved.summed();
        saved
    }

    /// The name of the breaker that was saved.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state that it was in, apart from an open wait that is over.
    pub fn state(&self) -> State {
        self.state
    }

    /// What the breaker called `name` becomes by this.
    pub(crate) fn check(&self, name: &str) -> Result<Revived, RestoreError> {
        if self.version != VERSION {
            return Err(RestoreError::Version { found: self.version, known: VERSION });
        }
        let computed = self.summed();
        if self.checksum != computed {
            return Err(RestoreError::Checksum { found: self.checksum.clone(), computed });
        }
        if self.name != name {
            let (found, breaker) = (self.name.clone(), name.to_owned());
            return Err(RestoreError::Name { found, breaker });
        }
        if let Some(wait) = self.wait_ns {
            at_most("wait_ns", wait, LONGEST_WAIT)?;
        }
        let window = self.window.as_ref().map(SavedWindow::check).transpose()?;
        Ok(Revived {
            state: self.state,
            // At most 32 bits, and so nothing is cut off.
            streak: at_most("streak", self.streak, u32::MAX.into())? as u32,
            opens: at_most("opens", self.opens, MOST_OPENS.into())? as u32,
            wait: self.wait_ns,
            window,
        })
    }

    /// The checksum of all that it says. By all fields, so that none is forgotten.
    fn summed(&self) -> String {
        let Saved { version, name, state, era, streak, opens, wait_ns, window, checksum: _ } = self;
        let mut sum = Sum(0x616d_7061);
        sum.numbers(&[*version, *era, *streak, *opens]);
        sum.text(name);
        sum.text(state.as_str());
        sum.numbers(&[u64::from(wait_ns.is_some()), wait_ns.unwrap_or(0)]);
        match window {
            None => sum.number(0),
            Some(SavedWindow::Count { calls, results }) => {
                sum.numbers(&[1, *calls]);
                sum.text(results);
            }
            Some(SavedWindow::Time { slice_ns, slices, sums }) => {
                sum.numbers(&[2, *slice_ns, *slices, sums.len() as u64]);
                for &(age, calls, failed, slow) in sums {
                    sum.numbers(&[age, calls, failed, slow]);
                }
            }
        }
        format!("{:016x}", sum.0)
    }
}

/// A checksum in the making. Each step is one to one, so that one change by itself is
/// always seen; several are overlooked once in 2^64.
struct Sum(u64);

impl Sum {
    fn number(&mut self, number: u64) {
        self.0 = scatter(self.0 ^ number);
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|&number| self.number(number));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        text.bytes().for_each(|byte| self.number(byte.into()));
    }
}

impl SavedWindow {
    fn new(shape: Shape, contents: Contents) -> Self {
        match (shape, contents) {
            (Shape::Count { len }, Contents::Results(results)) => {
                SavedWindow::Count { calls: len.into(), results: runs(&results) }
            }
            (Shape::Count { len }, Contents::Slices(_)) => {
                SavedWindow::Count { calls: len.into(), results: String::new() }
            }
            (Shape::Time { width, slices }, contents) => {
                let sums = match contents {
                    Contents::Slices(sums) => sums,
                    Contents::Results(_) => Vec::new(),
                };
                let sums = sums.into_iter().map(|(age, sums)| {
                    let Sums { calls, failed, slow } = sums;
                    // Each count stops there by itself, and calls are two of them.
                    let calls = calls.min(MOST_CALLS);
                    (age, calls, failed.min(calls), slow.min(calls))
                });
                SavedWindow::Time { slice_ns: width, slices: slices.into(), sums: sums.collect() }
            }
        }
    }

    fn check(&self) -> Result<Contents, RestoreError> {
        match self {
            SavedWindow::Count { calls, results } => {
                let most = at_most("window.calls", *calls, MOST_RESULTS.into())?;
                Ok(Contents::Results(results_of(results, most)?))
            }
            SavedWindow::Time { slice_ns, slices, sums } => {
                at_most("window.slice_ns", *slice_ns, LONGEST_WINDOW)?;
                let slices = at_most("window.slices", *slices, MOST_SLICES.into())?;
                at_most("window.sums", sums.len() as u64, slices)?;
                let mut checked = Vec::with_capacity(sums.len());
                for &(age, calls, failed, slow) in sums {
                    at_most("window.sums.age", age, LONGEST_WINDOW)?;
                    at_most("window.sums.calls", calls, MOST_CALLS)?;
                    at_most("window.sums.failed", failed, calls)?;
                    at_most("window.sums.slow", slow, calls)?;
                    checked.push((age, Sums { calls, failed, slow }));
                }
                Ok(Contents::Slices(checked))
            }
        }
    }
}

/// The four kinds of a result and their letters; a slow failure is both.
const LETTERS: [(char, bool, bool); 4] =
    [('o', false, false), ('f', true, false), ('s', false, true), ('b', true, true)];

/// Results as runs: how many, and of which kind.
fn runs(results: &[Entry]) -> String {
    let mut text = String::new();
    for run in results.chunk_by(|a, b| a == b) {
        let of = |&&(_, failed, slow): &&(char, bool, bool)| {
            failed == run[0].failed && slow == run[0].slow
        };
        if let Some((letter, ..)) = LETTERS.iter().find(of) {
            text += &format!("{}{letter}", run.len());
        }
    }
    text
}

/// What [`runs`] wrote, at most so many results.
fn results_of(text: &str, most: u64) -> Result<Vec<Entry>, RestoreError> {
    const FIELD: &str = "window.results";
    let mut results = Vec::new();
    let mut number: Option<u64> = None;
    for (at, c) in text.char_indices() {
        if let Some(digit) = c.to_digit(10) {
            let tens = number.unwrap_or(0).saturating_mul(10);
            number = Some(tens.saturating_add(digit.into()));
            continue;
        }
        let known = LETTERS.iter().find(|(letter, ..)| *letter == c);
        let (Some(times), Some(&(_, failed, slow))) = (number.take(), known) else {
            return Err(RestoreError::Unreadable { field: FIELD, at });
        };
        let held = results.len() as u64;
        at_most(FIELD, held.saturating_add(times), most)?;
        // At most 65,536 in all, and so nothing is cut off.
        results.extend(core::iter::repeat_n(Entry { failed, slow }, times as usize));
    }
    match number {
        Some(_) => Err(RestoreError::Unreadable { field: FIELD, at: text.len() }),
        None => Ok(results),
    }
}

fn at_most(field: &'static str, value: u64, max: u64) -> Result<u64, RestoreError> {
    if value <= max { Ok(value) } else { Err(RestoreError::Impossible { field, value, max }) }
}

/// Why a saved breaker was not restored.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// It was saved by another version of this crate, which writes it otherwise.
    #[non_exhaustive]
    Version {
        /// The version it is of.
        found: u64,
        /// The version that is read.
        known: u64,
    },
    /// It is not as it was written: torn, or edited.
    #[non_exhaustive]
    Checksum {
        /// The checksum it says.
        found: String,
        /// The checksum of what it says.
        computed: String,
    },
    /// It is another breaker's.
    #[non_exhaustive]
    Name {
        /// The name of the breaker that was saved.
        found: String,
        /// The name of this one.
        breaker: String,
    },
    /// A number is larger than it can be.
    #[non_exhaustive]
    Impossible {
        /// The field it is in.
        field: &'static str,
        /// What it is.
        value: u64,
        /// The largest that can be.
        max: u64,
    },
    /// A text is not of the form it should be.
    #[non_exhaustive]
    Unreadable {
        /// The field it is in.
        field: &'static str,
        /// At which byte.
        at: usize,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Version { found, known } => {
                write!(f, "saved in version {found}, and this crate reads version {known}")
            }
            RestoreError::Checksum { found, computed } => {
                write!(f, "not as it was saved: its checksum is {computed}, and it says {found:?}")
            }
            RestoreError::Name { found, breaker } => {
                write!(f, "saved from the breaker {found:?}, and this one is {breaker:?}")
            }
            RestoreError::Impossible { field, value, max } => {
                write!(f, "{field} is {value}, can be at most {max}")
            }
            RestoreError::Unreadable { field, at } => {
                write!(f, "{field} cannot be read from byte {at} on")
            }
        }
    }
}

impl core::error::Error for RestoreError {}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests;
