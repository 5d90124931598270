//! Leave to make one call, and how it is settled.

use crate::breaker::{CircuitBreaker, End, Ticket};
use crate::planted::{Bug, planted};
use core::fmt;
use core::future::{Future, poll_fn};
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::pin::{Pin, pin};
use core::time::Duration;
use std::sync::Arc;

/// What a classifier makes of a call's result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The call went well.
    Success,
    /// The call failed.
    Failure,
    /// The call says nothing about the health of what was called.
    Ignore,
    /// The call failed, and what was called says for how long to stay away: the
    /// `Retry-After` of a 429, for one. Opens the breaker at once, for that long instead
    /// of its own wait, within
    /// [`longest_given_wait`](crate::Builder::longest_given_wait) and lengthened by
    /// [`jitter`](crate::Builder::jitter), if there is any. Zero is a failure like any
    /// other.
    OpenFor(Duration),
}

/// A permit in the making: settles once, at the latest when it is dropped.
pub(crate) struct Held<B: Deref<Target = CircuitBreaker>> {
    breaker: Option<B>, // `None` once settled
    ticket: Ticket,
    on_drop: End, // cancelled, or panicked while protected code runs
}

impl<B: Deref<Target = CircuitBreaker>> Held<B> {
    #[inline(always)]
    pub(crate) fn new(breaker: B, ticket: Ticket) -> Self {
        Self { breaker: Some(breaker), ticket, on_drop: End::Cancelled }
    }

    #[inline(always)]
    pub(crate) fn settle(self, end: End) {
        if planted(Bug::SettleOnce) {
            self.breaker().settle(self.ticket, end);
            return;
        }
        // Nothing is left to drop but the breaker's handle: no check, on the hot path,
        // of whether this permit has been settled.
        let mut settled = ManuallyDrop::new(self);
        if let Some(breaker) = settled.breaker.take() {
            breaker.settle(settled.ticket, end);
        }
    }

    /// Settles by a classifier's word.
    #[inline(always)]
    fn settle_as(self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.settle(End::Succeeded),
            Outcome::Failure => self.settle(End::Failed),
            Outcome::Ignore => self.settle(End::Ignored),
            Outcome::OpenFor(wait) => self.settle_for(wait),
        }
    }

    /// Settles a call that failed and said for how long to stay away.
    #[inline(never)]
    fn settle_for(self, wait: Duration) {
        let mut settled = ManuallyDrop::new(self);
        if let Some(breaker) = settled.breaker.take() {
            breaker.settle_for(settled.ticket, wait);
        }
    }

    fn breaker(&self) -> &CircuitBreaker {
        match &self.breaker {
            Some(breaker) => breaker,
            None => unreachable!("a permit is consumed by settling"),
        }
    }

    /// Makes the call and settles by what `classify` says. A panic in `f` is a
    /// failure; one in `classify` is neutral, as the call itself had ended.
    #[inline(always)]
    pub(crate) fn run<T, E>(
        mut self,
        f: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, E> {
        self.on_drop = End::Panicked;
        let result = f();
        self.on_drop = End::Cancelled;
        let outcome = classify(&result);
        self.settle_as(outcome);
        result
    }

    /// [`run`](Self::run) for a future; dropped between polls, it is cancelled.
    pub(crate) async fn run_async<T, E>(
        mut self,
        future: Pin<&mut impl Future<Output = Result<T, E>>>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, E> {
        let mut future = future;
        let result = poll_fn(|context| {
            self.on_drop = End::Panicked;
            let poll = future.as_mut().poll(context);
            self.on_drop = End::Cancelled;
            poll
        })
        .await;
        let outcome = classify(&result);
        self.settle_as(outcome);
        result
    }
}

impl<B: Deref<Target = CircuitBreaker>> Drop for Held<B> {
    #[inline(always)]
    fn drop(&mut self) {
        if planted(Bug::GiveBack) || (planted(Bug::GiveBackOnUnwind) && std::thread::panicking()) {
            return;
        }
        if let Some(breaker) = &self.breaker {
            breaker.settle_unsettled(self.ticket, self.on_drop);
        }
    }
}

/// The face that both permits share.
macro_rules! permit {
    ($(#[$meta:meta])* $name:ident $(<$life:lifetime>)? ($breaker:ty)) => {
        $(#[$meta])*
        #[must_use = "a permit dropped at once admits a call that is never made"]
        pub struct $name $(<$life>)? (pub(crate) Held<$breaker>);

        impl $(<$life>)? $name $(<$life>)? {
            /// The call went well.
            #[inline]
            pub fn success(self) {
                self.0.settle(End::Succeeded);
            }

            /// The call failed.
            #[inline]
            pub fn failure(self) {
                self.0.settle(End::Failed);
            }

            /// The call failed, and what was called says for how long to stay away; see
            /// [`Outcome::OpenFor`].
            #[inline]
            pub fn open_for(self, wait: Duration) {
                self.0.settle_as(Outcome::OpenFor(wait));
            }

            /// The call says nothing about the health of what was called; a probe
            /// gives its place back.
            #[inline]
            pub fn ignore(self) {
                self.0.settle(End::Ignored);
            }

            /// Settles by a classifier's word.
            #[inline]
            pub fn settle(self, outcome: Outcome) {
                self.0.settle_as(outcome);
            }

            /// Makes the call that this permit is for. `Ok` is a success, `Err` a
            /// failure, and so is a panic, which goes on.
            ///
            /// # Errors
            ///
            /// The error of `f`.
            pub fn run<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
                self.0.run(f, crate::classify::plain)
            }

            /// [`run`](Self::run) for a future, on any runtime. Dropped before it has
            /// finished, the call is cancelled.
            ///
            /// # Errors
            ///
            /// The error of `future`.
            pub async fn run_async<T, E>(
                self,
                future: impl Future<Output = Result<T, E>>,
            ) -> Result<T, E> {
                self.0.run_async(pin!(future), crate::classify::plain).await
            }

            /// The era that the call was admitted in: settled in a later one, it
            /// changes nothing but totals.
            pub fn era(&self) -> u64 {
                self.0.ticket.pass.era().0
            }

            /// Whether the call is a probe of a half-open breaker.
            pub fn is_probe(&self) -> bool {
                self.0.ticket.pass.is_probe()
            }
        }

        impl $(<$life>)? fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("breaker", &self.0.breaker().name())
                    .field("era", &self.era())
                    .field("is_probe", &self.is_probe())
                    .finish()
            }
        }
    };
}

permit! {
    /// Leave to make one call, from
    /// [`try_acquire`](CircuitBreaker::try_acquire).
    ///
    /// Report the outcome with [`success`](Permit::success),
    /// [`failure`](Permit::failure) or [`ignore`](Permit::ignore), each of which
    /// consumes the permit: settling twice does not compile. A permit dropped
    /// unreported, by an early return or an unwind, counts as cancelled, and a
    /// probe gives its place back.
    ///
    /// ```compile_fail
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// let permit = breaker.try_acquire().unwrap();
    /// permit.success();
    /// permit.failure(); // use of moved value
    /// ```
    Permit<'a>(&'a CircuitBreaker)
}

permit! {
    /// A [`Permit`] that owns its breaker: `Send` and `'static`, to travel with a
    /// request from task to task. From
    /// [`try_acquire_owned`](CircuitBreaker::try_acquire_owned).
    OwnedPermit(Arc<CircuitBreaker>)
}
