//! What a program of this binary is, and what it hands back.
//!
//! A program is a file of its own (`storm.rs`, `glance.rs`, ...) with two public
//! names, which `cli.rs` knows:
//!
//! * `Options`, derived with [`clap::Args`]: the program's own flags. Every flag
//!   has a default, because the tour runs the program with none given.
//! * `fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal>`:
//!   checks everything that can be wrong before anything runs, limits of the system
//!   among them. A [`Refusal`] is one line, exit status 2, and nothing is written.
//!   A flag that was given goes before what the [`Size`] says.
//!
//! [`Program::run`] then does the work. It must
//!
//! * look at [`Context::stop`] often enough to end within a second of Ctrl-C, and
//!   then return what it has, with [`Section::partial`] set;
//! * show its progress on bars made by [`Context::bar`], and print nothing else:
//!   the tables it returns are printed when all is over;
//! * hand back each figure with its repetitions as a [`Measure`], times as a
//!   [`Latency`], what changes over time as a [`Track`] or [`Band`]: reports,
//!   comparisons and merges know these and nothing else of a program;
//! * return `Err` only if it could not do its work at all (no thread, no socket).
//!   A broken invariant is a [`Check`], not an error: it is printed, recorded, and
//!   makes the exit status 1, and so does a case that was not reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::measure::{Band, Latency, Measure, Track};

/// One of the programs, checked and ready to run.
pub trait Program {
    /// The name of its subcommand.
    fn name(&self) -> &'static str;

    /// Does the work.
    ///
    /// # Errors
    ///
    /// Only if the work could not be done at all; see the module's head.
    fn run(&self, ctx: &Context) -> Result<Section, Failure>;
}

/// How much of its work a program does; what that means, its flags' help says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// What its subcommand does.
    #[default]
    Full,
    /// Its share of the tour, which ends within two minutes on two cores.
    Tour,
    /// As little as shows that it works: a few seconds.
    Quick,
}

/// A progress bar: what it is of, how far it is, how fast, and how long it will take yet.
const BAR: &str = "{prefix:<24} {bar:20} {percent:>3} % {rate:>8} {eta:>4}  {msg}";

/// What every program is given.
#[derive(Debug)]
pub struct Context {
    /// Where all randomness comes from: the same seed, the same decisions.
    pub seed: u64,
    /// Set by Ctrl-C.
    pub stop: Stop,
    /// Where the record goes, and whatever else a program leaves (a heap profile).
    pub dir: PathBuf,
    bars: MultiProgress,
}

impl Context {
    /// A context with progress bars on stderr, if that is a terminal.
    pub fn new(seed: u64, stop: Stop, dir: &Path) -> Self {
        Self { seed, stop, dir: dir.to_owned(), bars: MultiProgress::new() }
    }

    /// A context that shows no bars.
    pub fn quiet(seed: u64, stop: Stop, dir: &Path) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { seed, stop, dir: dir.to_owned(), bars }
    }

    /// A progress bar of `length` steps, labelled with at most 24 characters, which shows
    /// how many steps a second there are and for how long they will go on.
    ///
    /// It counts with [`ProgressBar::set_position`] or [`ProgressBar::inc`], says
    /// what is going on with [`ProgressBar::set_message`], and the program ends it
    /// with [`ProgressBar::finish_and_clear`]. Hidden bars cost next to nothing, but
    /// do not count single operations of a measured loop on one.
    pub fn bar(&self, label: &str, length: u64) -> ProgressBar {
        let style = ProgressStyle::with_template(BAR)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", |state: &ProgressState, to: &mut dyn fmt::Write| {
                let _ = write!(to, "{}", Rate(state.per_sec()));
            })
            .progress_chars("━╾─");
        let bar = self.bars.add(ProgressBar::new(length));
        bar.set_style(style);
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Steps a second, in at most eight characters.
struct Rate(f64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1e6.. => write!(f, "{:.1} M/s", self.0 / 1e6),
            1e3.. => write!(f, "{:.1} k/s", self.0 / 1e3),
            10.0.. => write!(f, "{:.0}/s", self.0),
            _ => write!(f, "{:.1}/s", self.0),
        }
    }
}

/// A wish to stop, shared by whoever has a clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Wish>);

#[derive(Debug, Default)]
struct Wish {
    made: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Asks everything to stop.
    pub fn request(&self) {
        // Release: pairs with the Acquire in `requested`; whoever sees the wish
        // sees what was done before it.
        self.0.made.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Whether the wish was made; one load, fit for a hot loop.
    pub fn requested(&self) -> bool {
        self.0.made.load(Ordering::Acquire)
    }

    /// Waits for the wish, in async code.
    pub async fn wait(&self) {
        let told = self.0.told.notified();
        tokio::pin!(told);
        // Registered before the flag is read, so that a wish made in between is
        // not missed.
        told.as_mut().enable();
        if !self.requested() {
            told.await;
        }
    }
}

/// What a program measured, as it stands in `run.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Section {
    /// Ctrl-C came first; what could not be judged has no check.
    pub partial: bool,
    /// What had to hold.
    pub checks: Vec<Check>,
    /// Every figure that may be compared or drawn, with its repetitions.
    pub measures: Vec<Measure>,
    /// How long calls took.
    pub latencies: Vec<Latency>,
    /// What changed over time.
    pub tracks: Vec<Track>,
    /// What a state was over time.
    pub bands: Vec<Band>,
    /// For people: printed at the end.
    pub tables: Vec<Table>,
    /// Whatever else is worth keeping, in the program's own form; an object, keys in
    /// snake case with units (`wall_s`, `p95_ms`).
    pub figures: serde_json::Value,
}

impl Section {
    /// As it is recorded: without what is no finite number, as JSON has none and the record
    /// could not be read again (measures see to theirs), and without figures of nothing.
    #[must_use]
    pub(crate) fn recordable(mut self) -> Self {
        self.measures.retain(|measure| !measure.samples.is_empty());
        for track in &mut self.tracks {
            track.points.retain(|(at, value)| at.is_finite() && value.is_finite());
        }
        self.tracks.retain(|track| !track.points.is_empty());
        for band in &mut self.bands {
            band.spans.retain(|(from, to, _)| from.is_finite() && to.is_finite());
        }
        self
    }
}

/// A table for people: the first column is text, the others are aligned right.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Table {
    /// One line above it.
    pub title: String,
    /// The head of each column.
    pub head: Vec<String>,
    /// As many cells a row as there are heads; at most 100 characters wide in all.
    pub rows: Vec<Vec<String>>,
    /// Lines below it, each at most 100 characters.
    pub notes: Vec<String>,
}

/// Something that had to hold, and whether it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// In snake case, as the design names the invariant.
    pub name: String,
    /// Whether it held.
    pub verdict: Verdict,
    /// The figures it was judged by, in one line.
    pub detail: String,
}

impl Check {
    /// A check that was made: held or broken.
    pub fn judged(name: impl Into<String>, held: bool, detail: impl Into<String>) -> Self {
        let verdict = if held { Verdict::Held } else { Verdict::Broken };
        Self { name: name.into(), verdict, detail: detail.into() }
    }

    /// A check that the input is too thin for; see [`Verdict::Unjudged`].
    pub fn unjudged(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Unjudged, detail: detail.into() }
    }

    /// A check whose case never came up, so that nothing was shown.
    pub fn not_reached(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::NotReached, detail: detail.into() }
    }
}

/// The end of a check. `Broken` and `NotReached` make the exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was tested and held.
    Held,
    /// It was tested and did not hold.
    Broken,
    /// The run did not get into the case that tests it.
    NotReached,
    /// What there was to go by (a trace of ten requests, a machine that stood still) cannot
    /// show it, whatever the breaker does. Never said because of what the breaker did.
    Unjudged,
}

impl Verdict {
    /// More for what is worse.
    pub(crate) fn weight(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Unjudged => 1,
            Self::NotReached => 2,
            Self::Broken => 3,
        }
    }
}

/// Why a program cannot start: one line that names the flag or file, the line and
/// the reason. Exit status 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Why a program that had started could not go on: one line. Exit status 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_short_and_the_bars_know_it() {
        let all = [0.25, 9.0, 42.4, 12_345.0, 7.65e6].map(|rate| Rate(rate).to_string());
        assert_eq!(all, ["0.2/s", "9.0/s", "42/s", "12.3 k/s", "7.7 M/s"]);
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    #[tokio::test]
    async fn a_wish_made_before_the_wait_ends_it_at_once() {
        let stop = Stop::default();
        stop.clone().request();
        stop.wait().await;
        assert!(stop.requested());
    }

    #[tokio::test]
    async fn a_wish_made_during_the_wait_ends_it() {
        let stop = Stop::default();
        let asker = stop.clone();
        tokio::join!(stop.wait(), async move { asker.request() });
    }
}
