//! A breaker with the caller's own idea of what a failure is.

use super::CircuitBreaker;
use crate::error::{CallError, Rejected};
use crate::metrics::shard::Count;
use crate::permit::{Held, Outcome};
use core::pin::pin;

/// A breaker with a classifier; from [`CircuitBreaker::classified`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a view does nothing until it makes a call"]
pub struct Classified<'a, C> {
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) classifier: C,
}

impl<C> Classified<'_, C> {
    /// As [`CircuitBreaker::call`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        let held = Held::new(self.breaker, self.breaker.enter().map_err(CallError::Rejected)?);
        held.run(f, &self.classifier).map_err(CallError::Failed)
    }

    /// As [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn call_async<T, E>(
        self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        let held = Held::new(self.breaker, self.breaker.enter().map_err(CallError::Rejected)?);
        held.run_async(pin!(future), self.classifier).await.map_err(CallError::Failed)
    }

    /// As [`CircuitBreaker::call_or`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn call_or<T, E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        fallback: impl FnOnce(Rejected) -> Result<T, E>,
    ) -> Result<T, E>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        match self.breaker.enter() {
            Ok(ticket) => Held::new(self.breaker, ticket).run(f, &self.classifier),
            Err(rejected) => {
                self.breaker.metrics.recorder().count(Count::Fallbacks);
                fallback(rejected)
            }
        }
    }
}
