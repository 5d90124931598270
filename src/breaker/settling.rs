//! What the end of a call does: to the window, to the state, and to the counts.

use super::{CircuitBreaker, Ticket, whole_nanos};
use crate::circuit::{Pass, Verdict};
use crate::clock::Nanos;
use crate::event::Cause;
use crate::metrics::pace::Start;
use crate::metrics::shard::Count;
use crate::slot::Slot;
use crate::window::{Entry, Judge, Opinion};
use core::time::Duration;

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Panicked,
    Ignored,
    Cancelled,
}

impl End {
    fn verdict(self) -> Verdict {
        match self {
            End::Succeeded => Verdict::Success,
            End::Failed | End::Panicked => Verdict::Failure,
            End::Ignored | End::Cancelled => Verdict::Neutral,
        }
    }

    fn count(self) -> Count {
        match self {
            End::Succeeded => Count::Succeeded,
            End::Failed => Count::Failed,
            End::Panicked => Count::Panicked,
            End::Ignored => Count::Ignored,
            End::Cancelled => Count::Cancelled,
        }
    }
}

impl CircuitBreaker {
    /// Settles one call.
    #[inline(always)]
    pub(crate) fn settle(&self, ticket: Ticket, end: End) {
        // A success that nobody times, with nothing to change, is one comparison.
        let Ticket { pass, start } = ticket;
        if end == End::Succeeded
            && !start.is_timed()
            && !self.settings.get().rules.windowed
            && self.circuit.is_unchanged(pass)
        {
            self.metrics.recorder().count(Count::Succeeded);
        } else {
            self.settle_and_record(pass, start, end, Duration::ZERO);
        }
    }

    /// Settles one call that failed and said for how long to stay away.
    pub(crate) fn settle_for(&self, ticket: Ticket, wait: Duration) {
        self.settle_and_record(ticket.pass, ticket.start, End::Failed, wait);
    }

    /// As [`settle`](Self::settle), for a permit that is dropped: out of line, so that the
    /// unwinding of a call does not weigh on it.
    #[cold]
    #[inline(never)]
    pub(crate) fn settle_unsettled(&self, ticket: Ticket, end: End) {
        self.settle(ticket, end);
    }

    /// Settles one call: the window and the state first, then the counts. A `wait` that is
    /// not zero is what the result asked for.
    #[inline(never)]
    fn settle_and_record(&self, pass: Pass, start: Start, end: End, wait: Duration) {
        let mut verdict = end.verdict();
        let settings = self.settings.get();
        let rules = &settings.rules;
        // Neutral calls have no latency.
        let is_timed = start.is_timed() && verdict != Verdict::Neutral;
        let ended = is_timed.then(|| self.now());
        let now = || ended.unwrap_or_else(|| self.now());
        let is_slow = ended.is_some_and(|ended| ended.since(start.at) > rules.slow_over);

        let mut opinion = &Opinion::NONE;
        let of_window;
        if let Some(judge) = &settings.judge {
            of_window = self.opinion(judge, pass, start, verdict, is_slow, now);
            opinion = &of_window;
        }
        let of_result;
        if !wait.is_zero() {
            let cause = Cause::WaitGiven { wait };
            of_result = Opinion::over(cause, Some(whole_nanos(wait)));
            opinion = &of_result;
        }
        if is_slow && rules.slow_probes_fail && pass.is_probe() {
            verdict = Verdict::Failure;
        }
        let judge = settings.judge.as_ref();
        let finding = || judge.map_or(opinion.finding, |judge| judge.finding(opinion));
        let decision = self.circuit.settle(pass, verdict, opinion, finding, rules, now);
        self.take_note(&decision);

        let recorder = self.metrics.recorder();
        recorder.count(end.count());
        if !decision.out {
            recorder.count(Count::Stale);
        }
        if let Some(ended) = ended {
            let failed = end.verdict() == Verdict::Failure;
            recorder.time(rules, failed, start, ended);
        }
        self.tell(&decision);
    }

    /// Records a result in the window, and says what follows from it.
    fn opinion(
        &self,
        judge: &Judge,
        pass: Pass,
        start: Start,
        verdict: Verdict,
        is_slow: bool,
        now: impl Fn() -> Nanos,
    ) -> Opinion {
        if !pass.is_judged() {
            return Opinion::NONE;
        }
        let slot = Slot::leased();
        judge.end(slot, pass.era(), start);
        if verdict == Verdict::Neutral {
            return Opinion::NONE;
        }
        match self.circuit.is_watched(pass) {
            Some(is_watched) => {
                let entry = Entry { failed: verdict == Verdict::Failure, slow: is_slow };
                judge.take(slot, pass.era(), entry, is_watched, now)
            }
            None => Opinion::NONE,
        }
    }
}
