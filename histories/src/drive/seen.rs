//! What is to be seen of an operation, by who makes it and by who is called back.

use crate::spec::NAME;
use ampacity::{Reason, Rejected, State};
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// A permit was given.
    Admitted {
        /// Its era.
        era: u64,
        /// Whether it is a probe.
        is_probe: bool,
    },
    /// A call was turned away.
    Refused {
        /// Why.
        reason: Reason,
        /// For how long.
        wait: Option<Duration>,
        /// That in words.
        text: String,
    },
    /// The protected code ran.
    Called,
    /// The classifier ran.
    Judged,
    /// The fallback ran.
    FellBack,
    /// A call returned this.
    Returned(&'static str),
    /// It is still awaited.
    Pending,
    /// It panicked, and the panic went on.
    Unwound,
    /// A listener was told.
    Told {
        /// Which of them.
        listener: usize,
        /// The number of the transition.
        era: u64,
        /// From where to where.
        edge: (State, State),
        /// Why.
        cause: String,
        /// When.
        at: Duration,
    },
    /// Settings were taken, and are those that were given.
    Changed,
    /// Settings were refused, because of this one.
    Illegal(&'static str),
    /// A listener was removed, or was not there.
    Removed(bool),
    /// What was kept was taken, or refused.
    Restored(bool),
    /// What cannot be, in words: never expected.
    Impossible(String),
}

/// What is said of a call that was turned away.
pub(super) fn refusal(reason: Reason) -> String {
    let is = match reason {
        Reason::Open => "is open",
        Reason::HalfOpenFull => "is half-open and its probes are out",
        _ => "is forced open",
    };
    format!("circuit breaker '{NAME}' {is}")
}

impl From<&Rejected> for Seen {
    fn from(rejected: &Rejected) -> Self {
        let (reason, wait) = (rejected.reason(), rejected.retry_after());
        match rejected.name() {
            NAME => Seen::Refused { reason, wait, text: rejected.to_string() },
            name => Seen::Impossible(format!("turned away by {name:?}")),
        }
    }
}

impl Seen {
    /// What it is, without its figures.
    pub(super) fn name(&self) -> String {
        match self {
            Seen::Admitted { is_probe: true, .. } => "a probe".to_owned(),
            Seen::Admitted { .. } => "a permit".to_owned(),
            Seen::Refused { reason, .. } => format!("refused: {}", reason.as_str()),
            Seen::Called => "called".to_owned(),
            Seen::Judged => "classified".to_owned(),
            Seen::FellBack => "fallback".to_owned(),
            Seen::Returned(answer) => format!("returned: {answer}"),
            Seen::Pending => "pending".to_owned(),
            Seen::Unwound => "unwound".to_owned(),
            Seen::Told { cause, .. } => {
                let words = cause.split(' ').filter(|word| !word.starts_with(char::is_numeric));
                format!("told: {}", words.collect::<Vec<_>>().join(" "))
            }
            Seen::Changed => "changed".to_owned(),
            Seen::Illegal(field) => format!("illegal: {field}"),
            Seen::Removed(_) => "a listener removed".to_owned(),
            Seen::Restored(taken) => format!("restored: {taken}"),
            Seen::Impossible(what) => what.clone(),
        }
    }
}
