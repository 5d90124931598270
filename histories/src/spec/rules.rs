//! What can be set, and the builder that sets it.

use ampacity::{Builder, CircuitBreaker, State, Timing};
use std::time::Duration;

/// The name of every breaker that is held against the model.
pub const NAME: &str = "model";
/// A tick, in ns.
pub const TICK: u64 = 1_000_000;
/// Calls are slow that take longer, in ns. Calls in flight are told apart by an eighth of
/// this, a tick: so the model need not know of slices to say which of them hang.
pub const SLOW_OVER: u64 = 8 * TICK;

/// What can be set. Times are in ns, shares in percent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Failures in a row that open; there is this, or a window, or both.
    pub streak: Option<u64>,
    /// What is judged by its recent past.
    pub judge: Option<Judge>,
    /// How long the first opening in a row lasts; nothing is never.
    pub open_for: Option<u64>,
    /// By how much each wait is longer than the one before, and the longest.
    pub backoff: Option<(u64, u64)>,
    /// The longest wait that a result can ask for.
    pub longest_given: u64,
    /// What ends a half-open spell.
    pub verdict: Verdict,
    /// How many probes a spell hands out.
    pub permits: u64,
    /// How long a spell waits for its probes.
    pub lease: u64,
    /// How long a breaker may be half-open, and what it is then.
    pub limit: Option<(u64, State)>,
    /// Whether calls are timed where nothing asks for it.
    pub timed: bool,
}

/// What a window holds, and what of it opens a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judge {
    /// What the window holds.
    pub shape: Shape,
    /// The share of failures that opens.
    pub failed: Option<u64>,
    /// The share of slow calls that opens.
    pub slow: Option<u64>,
    /// A function that opens.
    pub policy: Option<Policy>,
    /// How many results it takes before there are shares.
    pub minimum: u64,
    /// Whether calls that hang count as slow ones.
    pub in_flight: bool,
}

/// Opens at so many bad results; of an even number of calls it panics instead, if it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// So many failures and slow calls together.
    pub bad: u64,
    /// Whether it panics.
    pub panics: bool,
}

/// What a window holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// So many results.
    Last(usize),
    /// The results of so many slices of time, each so wide.
    Slices {
        /// In ns.
        width: u64,
        /// At least one.
        number: u64,
    },
}

/// What ends a half-open spell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// So many successes close, and one failure reopens.
    Successes(u64),
    /// The percentage of probes that must fail to reopen.
    Share(u64),
}

impl Judge {
    /// Whether anything asks which calls are slow.
    pub fn asks_for_slow(&self) -> bool {
        self.slow.is_some() || self.policy.is_some()
    }
}

impl Rules {
    /// The same, for a breaker that keeps so many transitions.
    pub fn settings(&self, history: u32) -> Builder {
        let time = Duration::from_nanos;
        let mut builder = CircuitBreaker::builder(NAME)
            .history(history)
            .open_for(self.open_for.map_or(Duration::MAX, time))
            .longest_given_wait(time(self.longest_given))
            .half_open_permits(self.permits as u32)
            .probe_lease(time(self.lease))
            .timing(if self.times_calls() { Timing::Every } else { Timing::Off });
        if let Some(streak) = self.streak {
            builder = builder.failure_threshold(streak as u32);
        }
        if let Some((factor, cap)) = self.backoff {
            builder = builder.backoff(factor as f64, time(cap));
        }
        builder = match self.verdict {
            Verdict::Successes(needed) => builder.success_threshold(needed as u32),
            Verdict::Share(percent) => builder.half_open_failure_rate(percent as f64 / 100.0),
        };
        if let Some((limit, then)) = self.limit {
            builder = builder.half_open_limit(time(limit), then);
        }
        match self.judge {
            Some(judge) => judge.settings(builder),
            None => builder,
        }
    }

    /// Whether calls are timed.
    pub fn times_calls(&self) -> bool {
        self.timed || self.judge.is_some_and(|judge| judge.asks_for_slow())
    }

    /// The wait of the `nth` opening in a row.
    pub fn wait(&self, nth: u32) -> Option<u64> {
        let first = self.open_for?;
        let (factor, cap) = self.backoff.unwrap_or((1, first));
        Some((1..nth).fold(first, |wait, _| wait.saturating_mul(factor).min(cap)))
    }

    /// How many ticks a spell waits for its probes that follows so many in vain.
    pub fn lease_ticks(&self, lapsed: u32) -> u64 {
        let lease = self.lease.div_ceil(TICK);
        (lease << lapsed.min(20)).min(lease.max(3_600_000))
    }

    /// How many probes must fail to reopen, and how many must pass to close.
    pub fn verdict(&self) -> (u64, u64) {
        match self.verdict {
            Verdict::Successes(needed) => (1, needed),
            Verdict::Share(percent) => {
                let reopens = |failed: &u64| failed * 100 >= percent * self.permits;
                let fail = (1..).find(reopens).unwrap_or_default();
                (fail, self.permits - fail + 1)
            }
        }
    }
}

impl Judge {
    fn settings(self, mut builder: Builder) -> Builder {
        let share = |percent: u64| percent as f64 / 100.0;
        builder = builder.minimum_calls(self.minimum as u32);
        builder = match self.shape {
            Shape::Last(len) => builder.count_window(len as u32),
            Shape::Slices { width, number } => {
                builder.time_window(Duration::from_nanos(width * number)).time_slices(number as u32)
            }
        };
        if let Some(percent) = self.failed {
            builder = builder.failure_rate(share(percent));
        }
        if self.asks_for_slow() {
            builder = builder.slow_call(Duration::from_nanos(SLOW_OVER));
        }
        if let Some(percent) = self.slow {
            builder = builder.slow_call_rate(share(percent));
        }
        if let Some(policy) = self.policy {
            builder = builder.trip_when(move |window| {
                let said = policy.says(window.calls, window.failed + window.slow);
                said.unwrap_or_else(|| std::panic::resume_unwind(Box::new("the policy")))
            });
        }
        if self.in_flight { builder.count_in_flight(true) } else { builder }
    }
}

impl Policy {
    /// Nothing if it panics.
    pub fn says(&self, calls: u64, bad: u64) -> Option<bool> {
        (!self.panics || !calls.is_multiple_of(2)).then_some(bad >= self.bad)
    }
}
