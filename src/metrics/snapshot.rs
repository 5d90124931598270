//! What others may read of a breaker.

use crate::event::EventCounts;
use crate::metrics::Reading;
#[cfg(feature = "contention")]
use crate::metrics::contention::Contention;
use crate::metrics::latency::Latency;
#[cfg(feature = "serde")]
use crate::metrics::serial;
use crate::metrics::shard::Count;
#[cfg(feature = "serde")]
use crate::nanos;
use crate::window::Window;
use crate::word::State;
use core::fmt;
use core::time::Duration;

/// A breaker at about one time: made by
/// [`CircuitBreaker::snapshot`](crate::CircuitBreaker::snapshot).
///
/// State, era and streak come from one load. The counts are those since the last
/// [`reset`](crate::CircuitBreaker::reset); when no call is running they are exact,
/// and `admitted = succeeded + failed + ignored + cancelled`. While calls run,
/// `in_flight` is what is missing, and no count that one reader sees ever falls
/// between resets.
///
/// With the feature `serde` a snapshot can be written and read: names as here, times as
/// whole nanoseconds under names that end in `_ns`, states under the names of
/// [`State::as_str`].
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The breaker's name.
    pub name: String,
    /// The state: half-open, too, when the open wait is over and no call has come.
    pub state: State,
    /// The number of transitions so far.
    pub era: u64,
    /// Failures in a row, while closed or set to metrics only; 0 where no policy asks for
    /// them.
    pub streak: u64,
    /// How often in a row the breaker opened without closing in between.
    #[cfg_attr(feature = "serde", serde(default))]
    pub opens: u32,
    /// Calls that were let through; after a reset it starts at those in flight.
    pub admitted: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed, by their result or by a panic.
    pub failed: u64,
    /// Calls among the failed that panicked.
    pub panicked: u64,
    /// Calls whose outcome was to be ignored.
    pub ignored: u64,
    /// Permits that were dropped unsettled.
    pub cancelled: u64,
    /// Calls among all those settled whose era was over: counted, and nothing else.
    pub stale: u64,
    /// Calls admitted and not yet settled.
    pub in_flight: u64,
    /// Calls that were turned away.
    pub rejected: Rejections,
    /// Fallbacks that stood in for calls that were turned away.
    pub fallbacks: u64,
    /// Transitions since the breaker was made, by where from and where to.
    pub transitions: Transitions,
    /// The share of failures in what succeeded or failed, from 0 to 1; `None`
    /// without such a call.
    pub failure_rate: Option<f64>,
    /// The share of successes in what succeeded or failed, from 0 to 1; `None`
    /// without such a call.
    pub success_rate: Option<f64>,
    /// What the window of a rate policy holds; all zero without one. Not of the same moment
    /// as the counts above.
    #[cfg_attr(feature = "serde", serde(default))]
    pub window: Window,
    /// How long calls took, since the breaker was made.
    pub latency: Latencies,
    /// When a timed call last succeeded, since the start of the breaker's clock; up to
    /// 1 ms late where threads share a histogram.
    #[cfg_attr(
        feature = "serde",
        serde(default, rename = "last_success_ns", with = "nanos::option")
    )]
    pub last_success: Option<Duration>,
    /// When a timed call last failed, since the start of the breaker's clock; up to 1 ms
    /// late where threads share a histogram.
    #[cfg_attr(
        feature = "serde",
        serde(default, rename = "last_failure_ns", with = "nanos::option")
    )]
    pub last_failure: Option<Duration>,
    /// When the state last changed, since the start of the breaker's clock, rounded
    /// up to 1 ms; `None` in era 0.
    #[cfg_attr(
        feature = "serde",
        serde(default, rename = "last_transition_ns", with = "nanos::option")
    )]
    pub last_transition: Option<Duration>,
    /// The counts since the breaker was made, resets or not.
    pub lifetime: Lifetime,
    /// What became of the transitions that somebody listened to.
    pub events: EventCounts,
    /// Swaps of the shared word since the breaker was made.
    #[cfg(feature = "contention")]
    #[cfg_attr(feature = "serde", serde(default))]
    pub contention: Contention,
}

/// Calls that were turned away, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rejections {
    /// While open.
    pub open: u64,
    /// While half-open, with all probes out.
    pub half_open_full: u64,
    /// While forced open.
    pub forced_open: u64,
}

impl Rejections {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.open.saturating_add(self.half_open_full).saturating_add(self.forced_open)
    }
}

/// The latencies of successes and of failures.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Latencies {
    /// Of calls that succeeded.
    pub success: Latency,
    /// Of calls that failed.
    pub failure: Latency,
}

/// Counts that no reset touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Lifetime {
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls among the failed that panicked.
    pub panicked: u64,
    /// Calls whose outcome was to be ignored.
    pub ignored: u64,
    /// Permits that were dropped unsettled.
    pub cancelled: u64,
    /// Calls settled after their era.
    pub stale: u64,
    /// Calls that were turned away.
    pub rejected: Rejections,
    /// Fallbacks that stood in for calls that were turned away.
    pub fallbacks: u64,
}

/// Transitions, by where from and where to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Vec<serial::Turns>", into = "Vec<serial::Turns>"))]
pub struct Transitions {
    turns: [[u64; State::ALL.len()]; State::ALL.len()],
}

impl Transitions {
    /// Transitions from one state to another; some lead back to where they began
    /// (a half-open spell that outlived its lease, a reset).
    pub fn between(&self, from: State, to: State) -> u64 {
        self.turns[from as usize][to as usize]
    }

    fn since(&self, earlier: &Transitions) -> Transitions {
        let mut turns = self.turns;
        for (now, was) in turns.iter_mut().flatten().zip(earlier.turns.iter().flatten()) {
            *now = now.saturating_sub(*was);
        }
        Transitions { turns }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn add(&mut self, from: State, to: State, count: u64) {
        let turns = &mut self.turns[from as usize][to as usize];
        *turns = turns.saturating_add(count);
    }

    /// All of them: at rest, the era.
    pub fn total(&self) -> u64 {
        self.turns.iter().flatten().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The edges that were taken, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (State, State, u64)> + '_ {
        let edge =
            move |from: State| State::ALL.iter().map(move |&to| (from, to, self.between(from, to)));
        State::ALL.iter().copied().flat_map(edge).filter(|&(_, _, count)| count > 0)
    }
}

/// What a snapshot takes from the shared word.
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) era: u64,
    pub(crate) streak: u64,
    pub(crate) opens: u32,
    pub(crate) window: Window,
    pub(crate) last_transition: Option<Duration>,
    pub(crate) events: EventCounts,
}

impl Lifetime {
    /// The counts of a reading. One that a reset took in mid-traffic may have
    /// caught a whole before its part, so parts are kept within their wholes.
    fn of(totals: &super::Totals) -> Self {
        let panicked = totals.of(Count::Panicked);
        let rejected = Rejections {
            open: totals.of(Count::RejectedOpen),
            half_open_full: totals.of(Count::RejectedHalfOpenFull),
            forced_open: totals.of(Count::RejectedForcedOpen),
        };
        Lifetime {
            admitted: totals.of(Count::Admitted),
            succeeded: totals.of(Count::Succeeded),
            failed: totals.of(Count::Failed) + panicked,
            panicked,
            ignored: totals.of(Count::Ignored),
            cancelled: totals.of(Count::Cancelled),
            stale: totals.of(Count::Stale).min(totals.settled()),
            rejected,
            fallbacks: totals.of(Count::Fallbacks).min(rejected.total()),
        }
    }
}

impl Rejections {
    fn since(&self, earlier: &Rejections) -> Rejections {
        Rejections {
            open: self.open.saturating_sub(earlier.open),
            half_open_full: self.half_open_full.saturating_sub(earlier.half_open_full),
            forced_open: self.forced_open.saturating_sub(earlier.forced_open),
        }
    }
}

impl Lifetime {
    fn since(&self, earlier: &Lifetime) -> Lifetime {
        Lifetime {
            admitted: self.admitted.saturating_sub(earlier.admitted),
            succeeded: self.succeeded.saturating_sub(earlier.succeeded),
            failed: self.failed.saturating_sub(earlier.failed),
            panicked: self.panicked.saturating_sub(earlier.panicked),
            ignored: self.ignored.saturating_sub(earlier.ignored),
            cancelled: self.cancelled.saturating_sub(earlier.cancelled),
            stale: self.stale.saturating_sub(earlier.stale),
            rejected: self.rejected.since(&earlier.rejected),
            fallbacks: self.fallbacks.saturating_sub(earlier.fallbacks),
        }
    }

    /// The share of `part` in what succeeded or failed.
    fn share(&self, part: u64) -> Option<f64> {
        let all = self.succeeded.saturating_add(self.failed);
        (all > 0).then(|| part as f64 / all as f64)
    }
}

impl Snapshot {
    pub(crate) fn new(head: Head, reading: Reading) -> Self {
        let totals = reading.lifetime.since(&reading.reset_at);
        let in_flight = totals.of(Count::Admitted).saturating_sub(totals.settled());
        let snapshot = Snapshot {
            name: head.name,
            state: head.state,
            era: head.era,
            streak: head.streak,
            opens: head.opens,
            window: head.window,
            in_flight,
            transitions: Transitions { turns: reading.turns },
            last_success: reading.success.last(),
            last_failure: reading.failure.last(),
            last_transition: head.last_transition,
            latency: Latencies {
                success: reading.success.latency(),
                failure: reading.failure.latency(),
            },
            lifetime: Lifetime::of(&reading.lifetime),
            events: head.events,
            #[cfg(feature = "contention")]
            contention: reading.contention,
            ..Snapshot::default()
        };
        snapshot.counting(Lifetime::of(&totals))
    }

    /// What happened between `earlier`, another snapshot of the same breaker, and this
    /// one: counts, rates, transitions and latencies are those of the time in between,
    /// resets or not. The rest is as in this snapshot.
    ///
    /// The ends of the latencies are then known to the width of a bucket, and what
    /// `earlier` does not fit (it is later, or another breaker's) counts as nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// let before = breaker.snapshot();
    /// breaker.call(|| Ok::<_, std::io::Error>(()))?;
    /// let lately = breaker.snapshot().since(&before);
    /// println!("{} calls, p99 {:?}", lately.succeeded, lately.latency.success.p99);
    /// # Ok::<(), ampacity::CallError<std::io::Error>>(())
    /// ```
    pub fn since(&self, earlier: &Snapshot) -> Snapshot {
        let between = Snapshot {
            transitions: self.transitions.since(&earlier.transitions),
            latency: Latencies {
                success: self.latency.success.since(&earlier.latency.success),
                failure: self.latency.failure.since(&earlier.latency.failure),
            },
            #[cfg(feature = "contention")]
            contention: self.contention.since(&earlier.contention),
            ..self.clone()
        };
        between.counting(self.lifetime.since(&earlier.lifetime))
    }

    /// This snapshot with other counts, and the rates that follow from them.
    fn counting(self, counts: Lifetime) -> Snapshot {
        Snapshot {
            admitted: counts.admitted,
            succeeded: counts.succeeded,
            failed: counts.failed,
            panicked: counts.panicked,
            ignored: counts.ignored,
            cancelled: counts.cancelled,
            stale: counts.stale,
            rejected: counts.rejected,
            fallbacks: counts.fallbacks,
            failure_rate: counts.share(counts.failed),
            success_rate: counts.share(counts.succeeded),
            ..self
        }
    }
}

/// Several lines for people; figures that are not known are left out.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit breaker '{}' is {} (era {}", self.name, self.state, self.era)?;
        if self.streak > 0 {
            write!(f, ", {} failures in a row", self.streak)?;
        }
        writeln!(f, ")")?;
        write!(f, "  admitted  {}", self.admitted)?;
        write!(f, ": {} succeeded, {} failed", self.succeeded, self.failed)?;
        if self.panicked > 0 {
            write!(f, " ({} panicked)", self.panicked)?;
        }
        write!(f, ", {} ignored, {} cancelled", self.ignored, self.cancelled)?;
        writeln!(f, ", {} in flight; {} stale", self.in_flight, self.stale)?;
        if let Some(rate) = self.failure_rate {
            writeln!(f, "  failures  {:.1} %", rate * 100.0)?;
        }
        if self.window.calls > 0 {
            let Window { calls, failed, slow, hanging, .. } = self.window;
            writeln!(f, "  window    {calls}: {failed} failed, {slow} slow, {hanging} hanging")?;
        }
        let Rejections { open, half_open_full, forced_open } = self.rejected;
        write!(f, "  rejected  {}", self.rejected.total())?;
        write!(f, ": {open} open, {half_open_full} half-open, {forced_open} forced open")?;
        writeln!(f, "; {} fallbacks", self.fallbacks)?;
        write!(f, "  changes   {}", self.transitions.total())?;
        for (nth, (from, to, count)) in self.transitions.iter().enumerate() {
            write!(f, "{} {count} {from} -> {to}", if nth == 0 { ":" } else { "," })?;
        }
        writeln!(f)?;
        let EventCounts { told, dropped, panics } = self.events;
        if told + dropped > 0 {
            writeln!(f, "  events    {told} told, {dropped} dropped; {panics} listeners' panics")?;
        }
        for (what, latency) in
            [("success", &self.latency.success), ("failure", &self.latency.failure)]
        {
            if let (Some(p50), Some(p99), Some(max)) = (latency.p50, latency.p99, latency.max) {
                write!(f, "  {what:<9} p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}")?;
                writeln!(f, " of {} timed", latency.samples)?;
            }
        }
        Ok(())
    }
}
