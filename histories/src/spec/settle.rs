//! What the end of a call does to a breaker.

use super::model::{Model, Pass, Phase};
use super::rules::SLOW_OVER;
use super::window::Finding;
use std::time::Duration;

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// Badly, and says for how many ns to stay away; for none, it is a failure like any other.
    OpenFor(u64),
    /// In a way that says nothing.
    Ignore,
    /// Not at all: its permit is dropped.
    Drop,
    /// By a panic.
    Panic,
}

impl End {
    fn is_neutral(self) -> bool {
        matches!(self, End::Ignore | End::Drop)
    }

    fn failed(self) -> bool {
        matches!(self, End::Failure | End::OpenFor(_) | End::Panic)
    }
}

impl Model {
    /// A call ends.
    pub fn settle(&mut self, pass: Pass, end: End) {
        let timed = pass.began.filter(|_| !end.is_neutral());
        let took = timed.map(|began| self.now.saturating_sub(began));
        let asks_for_slow = self.rules.judge.is_some_and(|judge| judge.asks_for_slow());
        let is_slow = asks_for_slow && took.is_some_and(|took| took > SLOW_OVER);
        self.running.remove(&pass.call);

        let is_stale = pass.era != self.era;
        if !is_stale {
            self.judge_end(end, is_slow, pass.is_probe);
        }

        match end {
            End::Success => self.counts.succeeded += 1,
            End::Ignore => self.counts.ignored += 1,
            End::Drop => self.counts.cancelled += 1,
            End::Failure | End::OpenFor(_) | End::Panic => self.counts.failed += 1,
        }
        self.counts.panicked += u64::from(end == End::Panic);
        self.counts.stale += u64::from(is_stale);
        if let Some(took) = took {
            self.latencies[usize::from(end.failed())].add(took, self.now);
        }
    }

    fn judge_end(&mut self, end: End, is_slow: bool, is_probe: bool) {
        let given = match end {
            End::OpenFor(wait) if wait > 0 => Some(wait),
            _ => None,
        };
        if self.is_judged() {
            if !end.is_neutral() {
                self.judge_result(end.failed(), is_slow, given);
            }
            return;
        }
        let slow_fails = self.rules.judge.is_some_and(|judge| judge.slow.is_some());
        let Phase::HalfOpen(spell) = &mut self.phase else { return };
        let (fail, pass) = self.rules.verdict();
        if end.failed() || (is_slow && slow_fails && is_probe && !end.is_neutral()) {
            spell.failed += 1;
            let failed = spell.failed;
            if let Some(wait) = given {
                self.open(given, asks(wait));
            } else if failed >= fail {
                self.open(None, probes(failed, "failed"));
            }
        } else if end.is_neutral() {
            spell.issued -= 1;
        } else {
            spell.passed += 1;
            let passed = spell.passed;
            if passed >= pass {
                self.turn(Phase::Closed { streak: 0 }, probes(passed, "succeeded"));
            }
        }
    }

    /// A result of a breaker that is judged, which may say for how long to stay away.
    fn judge_result(&mut self, failed: bool, is_slow: bool, given: Option<u64>) {
        let reported = matches!(self.phase, Phase::MetricsOnly { reported: true, .. });
        let is_watched = self.armed || reported;
        let (now, hanging) = (self.now, self.hanging());
        let mut finding = match &mut self.window {
            Some(window) => window.take((failed, is_slow), is_watched, hanging, now),
            None => Finding::Unasked,
        };
        if let Some(wait) = given {
            finding = Finding::Over(asks(wait));
        }
        let streak = match self.rules.streak {
            Some(_) if failed => self.streak() + 1,
            _ => 0,
        };
        let threshold = self.rules.streak.filter(|_| failed);
        self.judge(threshold, streak, given, finding);
    }

    /// Goes by what the window says, and by so many failures in a row if they have a
    /// threshold.
    pub(super) fn judge(
        &mut self,
        threshold: Option<u64>,
        streak: u64,
        given: Option<u64>,
        finding: Finding,
    ) {
        let in_a_row = threshold.is_some_and(|threshold| streak >= threshold);
        let cause = match &finding {
            Finding::Over(cause) if given.is_some() || !in_a_row => Some(cause.clone()),
            _ if in_a_row => Some(failures(streak)),
            _ => None,
        };
        let was_armed = self.armed;
        let armed = match finding {
            Finding::Unasked => was_armed,
            Finding::Armed => true,
            _ => false,
        };
        match (&mut self.phase, cause) {
            (Phase::Closed { .. }, Some(cause)) => self.open(given, cause),
            (Phase::Closed { streak: kept }, None) => (*kept, self.armed) = (streak, armed),
            (Phase::MetricsOnly { reported, .. }, cause) => {
                // A share that lacks calls is not below its threshold either.
                let lacks_calls = matches!(finding, Finding::Armed | Finding::High);
                let is_over = cause.is_some() || (lacks_calls && *reported);
                let begins = is_over && !*reported;
                self.phase = Phase::MetricsOnly { streak, reported: is_over };
                if begins {
                    self.turn(self.phase, cause.unwrap_or_default());
                }
                self.armed = armed;
            }
            _ => {}
        }
    }
}

fn asks(wait: u64) -> String {
    format!("a result asked to stay away for {:?}", Duration::from_nanos(wait))
}

fn failures(streak: u64) -> String {
    match streak {
        1 => "1 failure".to_owned(),
        streak => format!("{streak} failures in a row"),
    }
}

fn probes(number: u64, ended: &str) -> String {
    match (number, ended) {
        (1, "failed") => "a probe failed".to_owned(),
        (1, _) => format!("1 probe {ended}"),
        _ => format!("{number} probes {ended}"),
    }
}
