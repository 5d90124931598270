//! A breaker under test, what it was told, and what its callers know of every call.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ampacity::{
    Builder, CallError, CircuitBreaker, Clock as _, ConfigError, Event, Outcome, Reason, State,
};

use super::time::Time;

/// What a breaker is held to: half of it is its settings, and the same numbers are what
/// it is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Failures in a row that open it; `None` for another policy.
    pub(super) failures: Option<u32>,
    /// Probes that must succeed before it closes.
    pub(super) successes: u32,
    /// Probes at a time.
    pub(super) permits: u32,
    /// How long it is open the first time.
    pub(super) wait: Duration,
    /// By how much the next wait is longer, and the longest one.
    pub(super) backoff: Option<(u32, Duration)>,
}

impl Rules {
    /// The defaults of the crate, with a wait.
    pub(super) fn waiting(wait: Duration) -> Self {
        Self { failures: Some(5), successes: 2, permits: 2, wait, backoff: None }
    }

    /// How long it is open when it opened so often in a row.
    pub(super) fn wait_of(&self, opens: u32) -> Duration {
        match self.backoff {
            None => self.wait,
            Some((factor, cap)) => {
                let times = factor.saturating_pow(opens.saturating_sub(1));
                self.wait.saturating_mul(times).min(cap)
            }
        }
    }

    fn builder(&self, name: &'static str, time: &Time) -> Builder {
        let mut builder = CircuitBreaker::builder(name)
            .success_threshold(self.successes)
            .half_open_permits(self.permits)
            .open_for(self.wait)
            .history(HISTORY)
            .clock(time.clone());
        if let Some(failures) = self.failures {
            builder = builder.failure_threshold(failures);
        }
        if let Some((factor, cap)) = self.backoff {
            builder = builder.backoff(f64::from(factor), cap);
        }
        builder
    }
}

/// More transitions than any scenario has.
const HISTORY: u32 = 1_024;

/// What became of a call, as its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Good,
    Bad,
    Ignored,
    Rejected(Reason, Option<Duration>),
}

impl End {
    pub(super) fn rejected(self) -> bool {
        matches!(self, Self::Rejected(..))
    }

    pub(super) fn made(self) -> bool {
        !self.rejected()
    }
}

/// A call, with the breaker's clock looked at around its steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Before it asked for leave.
    pub(super) began: u64,
    /// When it had leave or was turned away.
    pub(super) decided: u64,
    /// When it was settled.
    pub(super) ended: u64,
    /// The era that let it through, if it did and the caller could tell.
    pub(super) era: Option<u64>,
    pub(super) probe: bool,
    pub(super) end: End,
}

/// The breaker and its books.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) breaker: CircuitBreaker,
    pub(super) rules: Rules,
    pub(super) time: Time,
    entries: Mutex<Vec<Entry>>,
}

impl Subject {
    /// A breaker of these rules and whatever `more` sets; `wrong` is what a canary sets on top.
    pub(super) fn new(
        name: &'static str,
        rules: Rules,
        time: &Time,
        more: impl FnOnce(Builder) -> Builder,
        wrong: Option<fn(Builder) -> Builder>,
    ) -> Result<Self, ConfigError> {
        let builder = more(rules.builder(name, time));
        let breaker =
            wrong.map_or_else(|| builder.clone(), |wrong| wrong(builder.clone())).build()?;
        Ok(Self { breaker, rules, time: time.clone(), entries: Mutex::default() })
    }

    /// Makes a call, if the breaker lets it, and writes it down; `judge` says what its
    /// result means.
    pub(super) fn call<E>(
        &self,
        judge: impl FnOnce(&Result<(), E>) -> Outcome,
        call: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), CallError<E>> {
        let began = self.time.now();
        let leave = self.breaker.try_acquire();
        let decided = self.time.now();
        let (result, end, era, probe) = match leave {
            Err(away) => {
                let end = End::Rejected(away.reason(), away.retry_after());
                (Err(CallError::Rejected(away)), end, None, false)
            }
            Ok(permit) => {
                let (era, probe) = (permit.era(), permit.is_probe());
                let result = call();
                let outcome = judge(&result);
                permit.settle(outcome);
                let end = match outcome {
                    Outcome::Success => End::Good,
                    Outcome::Ignore => End::Ignored,
                    _ => End::Bad,
                };
                (result.map_err(CallError::Failed), end, Some(era), probe)
            }
        };
        self.note(Entry { began, decided, ended: self.time.now(), era, probe, end });
        result
    }

    /// Writes a call down that was made otherwise.
    pub(super) fn note(&self, entry: Entry) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// Takes the last entry out, for one that is not true.
    #[cfg(test)]
    pub(super) fn take_last(&self) -> Entry {
        self.entries.lock().unwrap().pop().unwrap()
    }

    /// A copy of the books.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls ended so.
    pub(super) fn count(&self, which: impl Fn(&Entry) -> bool) -> u64 {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| which(entry)).count() as u64
    }

    pub(super) fn state(&self) -> State {
        self.breaker.state()
    }

    /// Where its transitions led, in order.
    pub(super) fn path(&self) -> Vec<State> {
        self.breaker.history().iter().map(|event: &Event| event.to).collect()
    }

    /// How often it went from one state to another.
    pub(super) fn turns(&self, from: State, to: State) -> u64 {
        self.breaker.snapshot().transitions.between(from, to)
    }
}
