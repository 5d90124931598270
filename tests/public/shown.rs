//! What is printed, and small things that anybody may call: errors, events, and the types that
//! end up in a log or in a message of a panic.

use ampacity::{
    CallError, Cause, CircuitBreaker, ConfigError, ManualClock, Outcome, Permit, Reason, Registry,
    RegistryError, StdClock, classify,
};
use std::error::Error;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn tripped() -> CircuitBreaker {
    let builder = CircuitBreaker::builder("db").clock(ManualClock::new());
    let breaker = builder.build().expect("sound settings");
    breaker.trip();
    breaker
}

#[test]
fn a_call_that_was_turned_away_says_who_and_why_and_one_that_failed_gives_its_error_back() {
    let breaker = tripped();
    let rejected = breaker.try_acquire().map(drop).unwrap_err();
    assert_eq!(
        format!("{rejected:?}"),
        r#"Rejected { name: "db", reason: Open, retry_after: Some(60s) }"#
    );
    let not_made: CallError<std::fmt::Error> = CallError::Rejected(rejected);
    assert_eq!(not_made.rejected(), Some(&rejected));
    assert_eq!(not_made.to_string(), "circuit breaker 'db' is open");
    assert!(not_made.source().unwrap().is::<ampacity::Rejected>());
    assert_eq!(not_made.failed(), None);

    let failed = CallError::Failed(std::fmt::Error);
    assert_eq!(failed.rejected(), None);
    assert_eq!(failed.to_string(), std::fmt::Error.to_string());
    assert!(failed.source().unwrap().is::<std::fmt::Error>());
    assert_eq!(failed.failed(), Some(std::fmt::Error));
}

#[test]
fn rejections_are_equal_by_name_reason_and_wait() {
    let refused = |breaker: &CircuitBreaker| breaker.try_acquire().map(drop).unwrap_err();
    let (one, other) = (tripped(), tripped());
    assert_eq!(refused(&one), refused(&other));
    other.force_open();
    assert_ne!(refused(&one), refused(&other));
    let named = CircuitBreaker::builder("other").clock(ManualClock::new()).build().unwrap();
    named.trip();
    assert_ne!(refused(&one), refused(&named));
    let sooner = CircuitBreaker::builder("db").open_for(SECOND).clock(ManualClock::new());
    let sooner = sooner.build().unwrap();
    sooner.trip();
    assert_ne!(refused(&one), refused(&sooner));
}

#[test]
fn reasons_have_the_names_that_logs_use() {
    let names = [Reason::Open, Reason::HalfOpenFull, Reason::ForcedOpen].map(Reason::as_str);
    assert_eq!(names, ["open", "half_open_full", "forced_open"]);
}

#[test]
fn a_breaker_and_its_permits_print_where_they_stand_and_no_secrets_of_their_making() {
    let breaker = Arc::new(tripped());
    let shown = format!("{breaker:?}");
    assert!(shown.starts_with(r#"CircuitBreaker { name: "db", word: "#), "{shown}");
    assert!(shown.contains("era: 1") && shown.contains("clock: custom clock"), "{shown}");
    breaker.close();
    let of = |permit: &dyn std::fmt::Debug| format!("{permit:?}");
    let lent = breaker.try_acquire().unwrap();
    assert_eq!(of(&lent), r#"Permit { breaker: "db", era: 2, is_probe: false }"#);
    let owned = breaker.try_acquire_owned().unwrap();
    assert_eq!(of(&owned), r#"OwnedPermit { breaker: "db", era: 2, is_probe: false }"#);

    let settings = CircuitBreaker::builder("db").failure_rate(0.5).on_event(|_| ());
    for (builder, window) in [
        (settings.clone().count_window(9), "the last calls"),
        (settings.clone().time_window(SECOND), "the last slices of time"),
        (settings.clone().trip_when(|_| true), "a function"),
        (settings.slow_call(SECOND).slow_call_rate(0.5).count_in_flight(true), "threshold"),
    ] {
        assert!(format!("{builder:?}").contains("Listener"), "{builder:?}");
        let shown = format!("{:?}", builder.build().unwrap());
        assert!(shown.contains(window) && shown.contains("clock: built-in clock"), "{shown}");
    }
}

#[test]
fn a_permit_makes_its_call_and_settles_by_its_result() {
    let breaker = Arc::new(CircuitBreaker::new("db"));
    assert_eq!(breaker.try_acquire().unwrap().run(|| Ok::<_, ()>(7)), Ok(7));
    assert_eq!(breaker.try_acquire_owned().unwrap().run(|| Err::<(), _>(8)), Err(8));
    let thrown = std::panic::catch_unwind(|| {
        let permit = breaker.try_acquire().unwrap();
        permit.run(|| -> Result<(), ()> { std::panic::resume_unwind(Box::new("theirs")) })
    });
    assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"theirs"));
    let said = breaker.snapshot();
    assert_eq!((said.succeeded, said.failed, said.panicked, said.in_flight), (1, 2, 1, 0));
}

#[test]
fn a_permit_settles_by_the_result_of_a_future_and_gives_way_where_that_is_dropped() {
    let breaker = CircuitBreaker::new("db");
    let mut context = Context::from_waker(Waker::noop());
    let ends = |result: Result<u8, u8>| {
        let mut ending = pin!(breaker.try_acquire().unwrap().run_async(ready(result)));
        ending.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    assert_eq!(ends(Ok(7)), Poll::Ready(Ok(7)));
    assert_eq!(ends(Err(8)), Poll::Ready(Err(8)));
    {
        let call = breaker.try_acquire().unwrap().run_async(pending::<Result<(), ()>>());
        assert!(pin!(call).as_mut().poll(&mut context).is_pending());
    }
    let said = breaker.snapshot();
    assert_eq!((said.succeeded, said.failed, said.cancelled, said.in_flight), (1, 1, 1, 0));
}

#[test]
fn classifiers_that_look_for_rejections_take_a_value_for_a_success() {
    let breaker = CircuitBreaker::new("outer");
    let nested = breaker.classified(classify::nested);
    assert!(nested.call(|| Ok::<_, CallError<std::fmt::Error>>(())).is_ok());
    let by_source = breaker.classified(classify::by_source);
    assert!(by_source.call(|| Ok::<_, std::fmt::Error>(())).is_ok());
    assert_eq!((breaker.snapshot().succeeded, breaker.snapshot().ignored), (2, 0));
}

#[cfg(feature = "serde")]
#[test]
fn a_saved_breaker_that_was_edited_is_refused_with_both_checksums() {
    let text = serde_json::to_string(&tripped().save()).unwrap();
    let edited = text.replace("\"era\":1", "\"era\":2");
    assert_ne!(text, edited);
    let edited: ampacity::Saved = serde_json::from_str(&edited).unwrap();
    let said = tripped().restore(&edited).unwrap_err().to_string();
    assert!(said.starts_with("not as it was saved: its checksum is "), "{said}");
    let found = serde_json::to_value(&edited).unwrap()["checksum"].to_string();
    assert!(said.ends_with(&format!(", and it says {found}")), "{said}");
}

#[test]
fn a_registry_starts_empty_and_says_why_it_has_no_breaker() {
    let registry = Registry::default();
    assert!(registry.is_empty());
    let shown = format!("{registry:?}");
    assert!(shown.starts_with("Registry { len: 0, capacity: "), "{shown}");

    let refused = |registry: &Registry, name: &str, rate| {
        registry.get_or_create(name, |builder| builder.failure_rate(rate)).unwrap_err()
    };
    let unsound = refused(&registry, "db", 1.5);
    assert_eq!(unsound.to_string(), "failure_rate is 1.5, must be above 0 and at most 1");
    assert!(unsound.source().unwrap().is::<ConfigError>());

    let full = Registry::bounded(1).unwrap();
    let busy = full.get_or_create("busy", |builder| builder).unwrap();
    let _call = busy.try_acquire().unwrap();
    let none = refused(&full, "db", 0.5);
    assert!(matches!(none, RegistryError::Full { capacity: 1 }));
    assert_eq!(none.to_string(), "registry is full: none of its 1 circuit breakers is idle");
    assert!(none.source().is_none());
}

#[test]
fn what_cannot_be_set_is_refused_in_words() {
    struct Ancient;
    impl ampacity::Clock for Ancient {
        fn now(&self) -> u64 {
            u64::MAX
        }
    }
    let late = CircuitBreaker::builder("db").clock(Ancient).build().unwrap_err();
    let said = late.to_string();
    assert!(said.starts_with("clock shows 18446744073.709551615s, must be at most"), "{said}");
    let running = CircuitBreaker::new("db");
    let fixed = running.reconfigure(|now| now.clock(StdClock)).unwrap_err();
    assert_eq!(fixed.to_string(), "clock cannot change once the breaker is built");
}

#[test]
fn a_snapshot_prints_what_is_known_and_leaves_out_the_rest() {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("db").failure_rate(0.9).failure_threshold(9);
    let breaker = builder.on_event(|_| ()).clock(clock).build().unwrap();
    let quiet = breaker.snapshot().to_string();
    for absent in ["in a row", "panicked", "window", "events", "p50"] {
        assert!(!quiet.contains(absent), "{quiet}");
    }
    breaker.close();
    breaker.metrics_only();
    breaker.close();
    breaker.try_acquire().unwrap().failure();
    let _ = std::panic::catch_unwind(|| {
        breaker.call(|| -> Result<(), ()> { std::panic::resume_unwind(Box::new(())) })
    });
    let said = breaker.snapshot().to_string();
    for present in [
        "(era 2, 2 failures in a row)",
        "2 failed (1 panicked)",
        "window    2: 2 failed, 0 slow, 0 hanging",
        "events    2 told, 0 dropped; 0 listeners' panics",
    ] {
        assert!(said.contains(present), "no {present:?} in {said}");
    }
}

#[test]
fn an_event_says_why_in_a_few_words_and_by_a_name() {
    let told = Arc::new(Mutex::new(Vec::<Cause>::new()));
    let (note, clock) = (Arc::clone(&told), ManualClock::new());
    let builder = CircuitBreaker::builder("db").trip_when(|window| window.failed > 1);
    let builder = builder.minimum_calls(2).probe_lease(SECOND).clock(clock.clone());
    let breaker =
        builder.on_event(move |event| note.lock().unwrap().push(event.cause)).build().unwrap();
    for _ in 0..2 {
        breaker.try_acquire().unwrap().settle(Outcome::Failure);
    }
    clock.advance(SECOND * 60);
    let held: Vec<Permit<'_>> = (0..2).map(|_| breaker.try_acquire().unwrap()).collect();
    clock.advance(SECOND);
    breaker.try_acquire().unwrap().ignore();
    breaker.restore(&breaker.save()).unwrap();
    drop(held);
    let told = told.lock().unwrap();
    let said: Vec<_> = told.iter().map(|cause| (cause.as_str(), cause.to_string())).collect();
    let expected = [
        ("trip_when", "its policy said so, of 2 calls, 2 failed, 0 slow"),
        ("wait_over", "the open wait is over"),
        ("lease_over", "the lease of its probes is over"),
        ("restore", "restored from what was saved"),
    ];
    assert_eq!(said, expected.map(|(name, words)| (name, words.to_owned())));
}
