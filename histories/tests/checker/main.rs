//! The checker and what it is used for. A module a subject.

mod command_line;
mod files;
mod known_bad;
mod known_good;
mod oracle;
mod small_programs;
mod windows;

use histories::check::{Bound, Verdict, check};
use histories::history::{Answer, Call, History, Operation, Wait};
use histories::model::Model;
use histories::spec::consecutive::{End, Order, Rules, Verdict as Probes};

/// Threshold 2, one wait of 100 ms, 2 permits of which 2 must pass.
pub(crate) fn rules() -> Rules {
    Rules {
        failure_threshold: 2,
        open_for: 100,
        backoff: (1, 100),
        longest_given: 500,
        verdict: Probes::Successes(2),
        permits: 2,
        lease: 300,
        limit: None,
    }
}

/// A history in the making: operations one after the other, or beside each other.
pub(crate) struct Story {
    history: History,
    stamp: u64,
}

impl Story {
    pub(crate) fn of(rules: Rules) -> Self {
        Self::from(Model::by_streak(rules, 0))
    }

    pub(crate) fn from(start: Model) -> Self {
        Story { history: History { start, operations: vec![] }, stamp: 0 }
    }

    /// Each after the one before has returned.
    pub(crate) fn then(mut self, calls: impl IntoIterator<Item = Call>) -> Self {
        for call in calls {
            self.push(0, self.stamp, self.stamp + 1, call);
            self.stamp += 2;
        }
        self
    }

    /// All at once, each in a thread of its own.
    pub(crate) fn beside(mut self, calls: impl IntoIterator<Item = Call>) -> Self {
        let calls: Vec<Call> = calls.into_iter().collect();
        let all = calls.len() as u64;
        for (call, nth) in calls.into_iter().zip(0..) {
            self.push(1 + nth as u32, self.stamp + nth, self.stamp + all + nth, call);
        }
        self.stamp += 2 * all;
        self
    }

    fn push(&mut self, thread: u32, invoked: u64, returned: u64, call: Call) {
        self.history.operations.push(Operation { thread, invoked, returned, call });
    }

    pub(crate) fn told(self) -> History {
        self.history
    }

    #[track_caller]
    pub(crate) fn good(self) {
        let verdict = check(&self.history, Bound::default());
        assert!(
            verdict.is_linearizable(),
            "{}",
            histories::report::account(&self.history, &verdict)
        );
    }

    #[track_caller]
    pub(crate) fn bad(self) {
        let verdict = check(&self.history, Bound::default());
        assert!(
            matches!(verdict, Verdict::NotLinearizable(_)),
            "{}",
            histories::report::account(&self.history, &verdict)
        );
    }
}

pub(crate) fn admitted(era: u64) -> Call {
    Call::Acquire(Answer::Admitted { era, probe: false })
}

pub(crate) fn probe(era: u64) -> Call {
    Call::Acquire(Answer::Admitted { era, probe: true })
}

pub(crate) fn refused(reason: ampacity::Reason, ms: u64) -> Call {
    Call::Acquire(Answer::Refused { reason, wait: Wait::Nanos(ms * 1_000_000) })
}

pub(crate) fn settled(era: u64, end: End) -> Call {
    Call::Settle { era, end }
}

pub(crate) fn order(order: Order) -> Call {
    Call::Order(order)
}
