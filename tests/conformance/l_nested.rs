//! L. Nested breakers.

use super::*;
use ampacity::{CallError, classify};
use std::{error, fmt};

fn pair() -> (Arc<CircuitBreaker>, Arc<CircuitBreaker>) {
    let (outer, inner) = (breaker().0, breaker().0);
    inner.force_open();
    (outer, inner)
}

#[test]
fn s71_a_nested_rejection_is_neutral_where_the_type_shows_it() {
    let (outer, inner) = pair();
    for _ in 0..10 {
        let result =
            outer.classified(classify::nested).call(|| inner.call(|| Err::<(), _>("failed")));
        assert!(matches!(result, Err(CallError::Failed(CallError::Rejected(_)))));
    }
    assert_eq!((outer.state(), outer.snapshot().ignored), (State::Closed, 10));
    inner.disable();
    for _ in 0..3 {
        let _ = outer.classified(classify::nested).call(|| inner.call(|| Err::<(), _>("failed")));
    }
    assert_eq!(outer.state(), State::Open, "a failure behind both is a failure of both");
}

#[derive(Debug)]
struct Service(Box<dyn error::Error + Send + Sync>);

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service")
    }
}

impl error::Error for Service {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(self.0.as_ref())
    }
}

#[test]
fn s71_a_nested_rejection_is_neutral_where_a_chain_of_sources_shows_it() {
    let (outer, inner) = pair();
    for _ in 0..10 {
        let _ = outer.classified(classify::by_source).call(|| {
            inner.call(|| Ok::<(), fmt::Error>(())).map_err(|error| Service(Box::new(error)))
        });
    }
    assert_eq!((outer.state(), outer.snapshot().ignored), (State::Closed, 10));
    for _ in 0..3 {
        let failed = || Err::<(), _>(Service(Box::new(fmt::Error)));
        let _ = outer.classified(classify::by_source).call(failed);
    }
    assert_eq!(outer.state(), State::Open);
}

#[test]
fn s71_a_rejection_behind_another_breaker_is_neutral_too() {
    let (outer, inner) = pair();
    let middle = breaker().0;
    let _ = outer
        .classified(classify::by_source)
        .call(|| middle.call(|| inner.try_acquire().map(Permit::success)));
    assert_eq!(outer.snapshot().ignored, 1);
}

#[test]
fn a_breaker_may_be_used_inside_its_own_call() {
    let (breaker, _) = breaker();
    let result = breaker.call(|| {
        breaker.reset();
        let _ = breaker.snapshot();
        breaker.call(|| Ok::<_, ()>(1)).map_err(|_| ())
    });
    assert_eq!(result, Ok(1));
    assert_eq!(breaker.snapshot().stale, 1);
}
