//! A breaker's states over the time of its scenario, from its own history.

use ampacity::{Clock as _, State};

use super::subject::Subject;
use super::time::How;
use crate::measure::{Band, labels};

/// Seconds count from the scenario's begin, by the clock of the breaker. Where that steps
/// back, what was meanwhile has no width.
pub(super) fn of(scenario: &str, how: How, subject: &Subject) -> Band {
    let zero = subject.time.start();
    let since = |at: std::time::Duration| at.saturating_sub(zero).as_secs_f64();
    let mut spans: Vec<(f64, f64, String)> = Vec::new();
    let (mut from, mut state) = (0.0, State::Closed);
    let now = std::time::Duration::from_nanos(subject.time.now());
    let turns = subject.breaker.history().into_iter().map(|event| (event.at, event.to));
    for (at, to) in turns.chain([(now, State::Closed)]) {
        let at = since(at).max(from);
        spans.push((from, at, state.as_str().to_owned()));
        (from, state) = (at, to);
    }
    let labels = labels([
        ("scenario", scenario.to_owned()),
        ("clock", how.name().to_owned()),
        ("breaker", subject.breaker.name().to_owned()),
    ]);
    Band { name: "breaker_state".to_owned(), labels, spans }
}
