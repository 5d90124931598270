//! Which threads and unwinds a type may cross: checked when this compiles.

use ampacity::{
    Builder, CallError, CircuitBreaker, Classified, ConfigError, Latencies, Latency, Lifetime,
    ManualClock, Outcome, OwnedPermit, Permit, Reason, Rejected, Snapshot, State, StdClock, Timing,
};
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};

const fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
const fn travels<T: Send + Sync + UnwindSafe>() {}
const fn lives_on<T: 'static>() {}

const _: () = {
    shared::<CircuitBreaker>();
    shared::<ManualClock>();
    shared::<StdClock>();
    shared::<Snapshot>();
    shared::<Rejected>();
    shared::<CallError<std::fmt::Error>>();
    shared::<ampacity::Config>();
    shared::<ampacity::Preset>();
    shared::<ampacity::RestoreError>();
    shared::<ampacity::Saved>();
    shared::<ConfigError>();
    shared::<Latency>();
    shared::<Latencies>();
    shared::<Lifetime>();
    shared::<ampacity::Rejections>();
    shared::<ampacity::Transitions>();
    shared::<Outcome>();
    shared::<Reason>();
    shared::<State>();
    shared::<Timing>();
    travels::<Permit<'_>>();
    travels::<OwnedPermit>();
    travels::<Classified<'_, fn()>>();
    lives_on::<OwnedPermit>();
    lives_on::<Rejected>();
    shared::<Builder>();
};

#[cfg(feature = "contention")]
const _: () = {
    shared::<ampacity::Contention>();
    shared::<ampacity::Attempts>();
    shared::<ampacity::Site>();
    shared::<ampacity::Place>();
};

#[cfg(feature = "fast-clock")]
const _: () = shared::<ampacity::FastClock>();

static CALLS: CircuitBreaker = CircuitBreaker::new("a static");

#[test]
fn a_breaker_in_a_static_makes_calls() {
    assert_eq!(CALLS.call(|| Ok::<_, io::Error>(7)).unwrap(), 7);
    assert_eq!(CALLS.snapshot().succeeded, 1);
}

#[test]
fn a_future_of_a_call_can_be_sent_to_another_thread() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let breaker = CircuitBreaker::new("sent");
    drop(send(breaker.call_async(async { Ok::<_, io::Error>(()) })));
}

#[test]
fn a_guarded_future_is_little_more_than_twice_the_size_of_its_own() {
    let breaker = CircuitBreaker::new("size");
    let own = [0u8; 2048];
    let future = async move {
        std::future::ready(()).await;
        Ok::<_, io::Error>(own)
    };
    let bare = size_of_val(&future);
    let guarded = size_of_val(&breaker.call_async(future));
    assert!(guarded < 3 * bare, "{guarded} bytes around {bare}");
}
