//! Which results are failures.
//!
//! [`call`](crate::CircuitBreaker::call) takes every `Err` for a failure. To say
//! otherwise, give a classifier to
//! [`classified`](crate::CircuitBreaker::classified): any function from a
//! reference to the result to an [`Outcome`]. It runs exactly once for each call
//! that was made and never for one that was turned away.
//!
//! # Nested breakers
//!
//! When the protected code itself goes through a breaker, that one's rejection
//! says nothing about the health of anything here, and should be ignored.
//! [`nested`] does that for a [`CallError`], [`by_source`] for any error whose
//! chain of sources shows the rejection. Plain `call` accepts errors of every
//! type, so it cannot look into them: there a nested rejection counts as a
//! failure like any other `Err`. Nor can anybody see it in an error that keeps
//! its cause from [`source`](Error::source).

use crate::error::{CallError, Rejected};
use crate::permit::Outcome;
use core::error::Error;

/// `Ok` is a success, `Err` a failure.
pub fn plain<T, E>(result: &Result<T, E>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    }
}

/// As [`plain`], but ignores the rejection of a nested breaker.
///
/// # Examples
///
/// ```
/// use ampacity::{CallError, CircuitBreaker, classify};
///
/// let (outer, inner) = (CircuitBreaker::new("service"), CircuitBreaker::new("db"));
/// inner.force_open();
/// let result: Result<(), CallError<CallError<std::io::Error>>> =
///     outer.classified(classify::nested).call(|| inner.call(|| Ok(())));
/// assert!(result.is_err());
/// assert_eq!(outer.snapshot().ignored, 1);
/// ```
pub fn nested<T, E>(result: &Result<T, CallError<E>>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(CallError::Rejected(_)) => Outcome::Ignore,
        Err(CallError::Failed(_)) => Outcome::Failure,
    }
}

/// As [`plain`], but ignores an error that is a [`Rejected`] or has one among its
/// sources.
pub fn by_source<T, E: Error + 'static>(result: &Result<T, E>) -> Outcome {
    let Err(error) = result else {
        return Outcome::Success;
    };
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Rejected>() {
            return Outcome::Ignore;
        }
        cause = error.source();
    }
    Outcome::Failure
}
