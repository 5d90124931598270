//! How a call is admitted, or turned away.

use super::{CircuitBreaker, Classified};
use crate::circuit::{Pass, Refusal};
use crate::error::{CallError, Rejected};
use crate::metrics::pace::Start;
use crate::metrics::shard::Count;
use crate::permit::{Held, OwnedPermit, Permit};
use crate::slot::Slot;
use crate::word::Finding;
use core::future::Future;
use std::sync::Arc;

/// What a permit carries from admission to settling.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) pass: Pass,
    pub(super) start: Start,
}

impl CircuitBreaker {
    /// Makes the call, unless the breaker turns it away.
    ///
    /// `Ok` is a success and `Err` a failure; so is a panic, which goes on. See
    /// [`classified`](Self::classified) to judge otherwise.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] if the call was not made, [`CallError::Failed`]
    /// with the error of `f` if it was.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.classified(crate::classify::plain).call(f)
    }

    /// Awaits the future, unless the breaker turns it away.
    ///
    /// Works on any runtime. The call begins with the first poll: dropped before
    /// that, it took nothing; dropped later, it is cancelled, and a probe gives
    /// its place back. The future returned here must not be polled after it has
    /// finished; it panics then, as every `async fn` does, and settles nothing.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, CallError<E>>> {
        self.classified(crate::classify::plain).call_async(future)
    }

    /// Makes the call, or answers with `fallback` if the breaker turns it away.
    ///
    /// The error of a call that was made is returned as it is. Fallbacks are
    /// counted.
    ///
    /// # Errors
    ///
    /// The error of `f`, or of `fallback`.
    pub fn call_or<T, E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        fallback: impl FnOnce(Rejected) -> Result<T, E>,
    ) -> Result<T, E> {
        self.classified(crate::classify::plain).call_or(f, fallback)
    }

    /// This breaker with another idea of what a failure is.
    ///
    /// The view costs nothing to make: one breaker serves calls of many types,
    /// each through a view of its own. See [`classify`](crate::classify).
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, Outcome};
    ///
    /// let api = CircuitBreaker::new("model-api");
    /// let status = api
    ///     .classified(|result: &Result<u16, std::io::Error>| match result {
    ///         Ok(429 | 500..) | Err(_) => Outcome::Failure,
    ///         Ok(400..) => Outcome::Ignore, // our mistake, not theirs
    ///         Ok(_) => Outcome::Success,
    ///     })
    ///     .call(|| Ok(400));
    /// assert_eq!(status.unwrap(), 400);
    /// assert_eq!(api.snapshot().ignored, 1);
    /// ```
    pub fn classified<C>(&self, classifier: C) -> Classified<'_, C> {
        Classified { breaker: self, classifier }
    }

    /// Asks for leave to make one call, to be settled by hand.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call is turned away.
    ///
    /// # Examples
    ///
    /// ```
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// let permit = breaker.try_acquire()?;
    /// match "42".parse::<u32>() {
    ///     Ok(_) => permit.success(),
    ///     Err(_) => permit.failure(),
    /// }
    /// # Ok::<(), ampacity::Rejected>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejected> {
        self.enter().map(|ticket| Permit(Held::new(self, ticket)))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns the breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call is turned away.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, Rejected> {
        self.enter().map(|ticket| OwnedPermit(Held::new(Arc::clone(self), ticket)))
    }

    /// Admits one call and counts it, or turns it away and counts that.
    #[inline(always)]
    pub(super) fn enter(&self) -> Result<Ticket, Rejected> {
        let rules = &self.settings.get().rules;
        match self.circuit.admit_at_once() {
            Some(pass) if !rules.counts_in_flight => {
                let recorder = self.metrics.recorder();
                recorder.count(Count::Admitted);
                Ok(Ticket { pass, start: recorder.start(&rules.draw, || self.now()) })
            }
            _ => self.enter_or_reject(),
        }
    }

    /// Admits a call unless those in flight open the breaker first.
    fn enter_beside_others(&self, pass: Pass) -> Result<Ticket, Rejected> {
        let settings = self.settings.get();
        let recorder = self.metrics.recorder();
        // All calls are timed where calls in flight are counted.
        let mut start = recorder.start(&settings.rules.draw, || self.now());
        if let Some(judge) = &settings.judge
            && pass.is_judged()
        {
            let opinion = judge.look_at_flight(pass.era(), start.at);
            if opinion.finding != Finding::Unasked {
                let finding = || judge.finding(&opinion);
                let rules = &settings.rules;
                let decision = self.circuit.give_way(pass, &opinion, finding, rules, start.at);
                self.take_note(&decision);
                if decision.change.is_some() {
                    self.tell(&decision);
                    return self.enter(); // at most once more: nobody is due in this slice
                }
            }
            judge.begin(Slot::leased(), pass.era(), &mut start);
        }
        recorder.count(Count::Admitted);
        Ok(Ticket { pass, start })
    }

    #[inline(never)]
    fn enter_or_reject(&self) -> Result<Ticket, Rejected> {
        let settings = self.settings.get();
        let rules = &settings.rules;
        if rules.counts_in_flight
            && let Some(pass) = self.circuit.admit_at_once()
        {
            return self.enter_beside_others(pass);
        }
        let decision = self.circuit.admit(rules, || self.now());
        self.take_note(&decision);
        match decision.out {
            Ok(pass) => {
                let recorder = self.metrics.recorder();
                recorder.count(Count::Admitted);
                self.tell(&decision);
                let mut start = recorder.start(&rules.draw, || self.now());
                if let Some(judge) = &settings.judge
                    && start.is_timed()
                    && pass.is_judged()
                {
                    judge.begin(Slot::leased(), pass.era(), &mut start);
                }
                Ok(Ticket { pass, start })
            }
            Err(Refusal { reason, wait }) => {
                self.metrics.recorder().reject(reason);
                self.tell(&decision);
                Err(Rejected::new(self.short_name, reason, wait))
            }
        }
    }
}
