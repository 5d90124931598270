//! Calls of the caller's code, in all their forms.

use super::op::{Call, Form, Judged, Returns};
use super::seen::Seen;
use super::subject::{Awaited, Subject, fall, outcome};
use ampacity::{CallError, Outcome, Rejected};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

type Answer = Result<u8, &'static str>;

const BAD: &str = "bad";
const FALLBACK: &str = "fallback";

impl Subject {
    /// Makes a call; what it returned.
    pub(super) fn call(&self, call: &Call) -> &'static str {
        let breaker = &self.breaker;
        let code = || self.protected(call);
        let judge = |answer: &Answer| self.classify(call, answer);
        let instead = |rejected| self.fall_back(call, &rejected);
        match (call.form, call.judged) {
            (Form::Plain, Judged::Plainly) => self.named(breaker.call(code)),
            (Form::Plain, _) => self.named(breaker.classified(judge).call(code)),
            (Form::Or, Judged::Plainly) => answered(breaker.call_or(code, instead)),
            (Form::Or, _) => answered(breaker.classified(judge).call_or(code, instead)),
            (Form::Run, _) => match breaker.try_acquire() {
                Ok(permit) => answered(permit.run(code)),
                Err(rejected) => self.named(Err(CallError::Rejected(rejected))),
            },
            (Form::RunOwned, _) => match breaker.try_acquire_owned() {
                Ok(permit) => answered(permit.run(code)),
                Err(rejected) => self.named(Err(CallError::Rejected(rejected))),
            },
        }
    }

    /// A call that is awaited: the same, but that nothing stands in for it.
    pub(super) fn awaited(self: Arc<Self>, call: Call) -> Awaited {
        Box::pin(async move {
            let breaker = &self.breaker;
            let future = self.pending(&call);
            let judge = |answer: &Answer| self.classify(&call, answer);
            match (call.form, call.judged) {
                (Form::Plain | Form::Or, Judged::Plainly) => {
                    self.named(breaker.call_async(future).await)
                }
                (Form::Plain | Form::Or, _) => {
                    self.named(breaker.classified(judge).call_async(future).await)
                }
                (Form::Run, _) => match breaker.try_acquire() {
                    Ok(permit) => answered(permit.run_async(future).await),
                    Err(rejected) => self.named(Err(CallError::Rejected(rejected))),
                },
                (Form::RunOwned, _) => match breaker.try_acquire_owned() {
                    Ok(permit) => answered(permit.run_async(future).await),
                    Err(rejected) => self.named(Err(CallError::Rejected(rejected))),
                },
            }
        })
    }

    /// Pends as often as it should, and then does what the code does.
    fn pending(&self, call: &Call) -> impl Future<Output = Answer> + Send {
        let mut left = call.pends;
        poll_fn(move |_| match left {
            0 => Poll::Ready(self.protected(call)),
            _ => {
                left -= 1;
                Poll::Pending
            }
        })
    }

    fn protected(&self, call: &Call) -> Answer {
        self.see(Seen::Called);
        self.pass(call.takes as i64);
        self.act(&call.within);
        match call.returns {
            Returns::Good => Ok(42),
            Returns::Bad => Err(BAD),
            Returns::Panic => fall(),
        }
    }

    fn classify(&self, call: &Call, answer: &Answer) -> Outcome {
        let returned = match call.returns {
            Returns::Good => Ok(42),
            _ => Err(BAD),
        };
        if *answer != returned {
            self.see(Seen::Impossible(format!("the classifier was shown {answer:?}")));
        }
        self.see(Seen::Judged);
        self.act(&call.beside);
        match call.judged {
            Judged::As(end) => outcome(end).unwrap_or(Outcome::Ignore),
            _ => fall(),
        }
    }

    fn fall_back(&self, call: &Call, rejected: &Rejected) -> Answer {
        self.see(Seen::from(rejected));
        self.see(Seen::FellBack);
        self.act(&call.beside);
        if call.fallback_panics { fall() } else { Err(FALLBACK) }
    }

    fn named(&self, result: Result<u8, CallError<&'static str>>) -> &'static str {
        match result {
            Ok(answer) => answered(Ok(answer)),
            Err(CallError::Failed(error)) => answered(Err(error)),
            Err(CallError::Rejected(rejected)) => {
                self.see(Seen::from(&rejected));
                "rejected"
            }
        }
    }
}

fn answered(answer: Answer) -> &'static str {
    match answer {
        Ok(42) => "good",
        Ok(_) => "another's answer",
        Err(error) => error,
    }
}
