//! A breaker's transitions are events, and what it turned away is counted.

use crate::fixture::{logged, logged_by};
use ampacity::{CallError, CircuitBreaker, ManualClock};
use ampacity_log::Log;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn breaker() -> (Arc<CircuitBreaker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let breaker = CircuitBreaker::builder("db")
        .failure_threshold(2)
        .open_for(Duration::from_secs(1))
        .success_threshold(1)
        .clock(Arc::clone(&clock))
        .build();
    (Arc::new(breaker.unwrap()), clock)
}

fn fail(breaker: &CircuitBreaker) {
    assert!(breaker.call(|| Err::<(), _>("no")).is_err());
}

fn of_type<'a>(records: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["event_type"] == event_type).collect()
}

/// What all records of a type say of a figure, together.
fn sum(records: &[Value], event_type: &str, field: &str) -> u64 {
    of_type(records, event_type).iter().map(|record| record[field].as_u64().unwrap()).sum()
}

#[test]
fn every_transition_is_logged_with_its_cause() {
    let (breaker, clock) = breaker();
    let records = logged(|log| {
        log.attach(&breaker);
        fail(&breaker);
        fail(&breaker);
        clock.advance(Duration::from_secs(1));
        breaker.call(|| Ok::<_, ()>(())).unwrap();
    });
    let told: Vec<_> = records
        .iter()
        .map(|it| {
            ["event_type", "level", "from", "to", "cause"].map(|key| it[key].as_str().unwrap())
        })
        .collect();
    let expected = [
        ["circuit_breaker.opened", "WARNING", "closed", "open", "consecutive_failures"],
        ["circuit_breaker.half_opened", "INFO", "open", "half_open", "wait_over"],
        ["circuit_breaker.closed", "INFO", "half_open", "closed", "probes_succeeded"],
    ];
    assert_eq!(told, expected);
    assert_eq!(records[0]["failures"], 2);
    assert_eq!(records[0]["breaker"], "db");
    assert_eq!(records[0]["logger"], "test");
    let eras: Vec<_> = records.iter().map(|it| it["era"].as_u64().unwrap()).collect();
    assert_eq!(eras, [1, 2, 3]);
}

#[test]
fn calls_that_are_turned_away_are_counted_and_never_a_line_each() {
    let (breaker, clock) = breaker();
    let records = logged(|log| {
        log.attach(&breaker);
        breaker.trip();
        for _ in 0..1_000 {
            let turned_away = breaker.call(|| Ok::<_, ()>(()));
            assert!(matches!(turned_away, Err(CallError::Rejected(_))));
        }
        assert_eq!(breaker.call_or(|| Ok::<_, ()>(1), |_| Ok(2)), Ok(2));
        clock.advance(Duration::from_secs(1));
        breaker.call(|| Ok::<_, ()>(())).unwrap();
        breaker.force_open();
        fail(&breaker);
        log.report();
        log.report();
    });
    assert_eq!(sum(&records, "circuit_breaker.rejections", "rejected"), 1_002);
    assert_eq!(sum(&records, "circuit_breaker.rejections", "open"), 1_001);
    assert_eq!(sum(&records, "circuit_breaker.rejections", "forced_open"), 1);
    assert_eq!(sum(&records, "circuit_breaker.fallbacks", "fallbacks"), 1);
    assert_eq!(of_type(&records, "circuit_breaker.rejections").len(), 2);
    assert_eq!(records.len(), 7, "{records:#?}");
}

#[test]
fn what_was_turned_away_is_logged_now_and_then_with_nobody_asking() {
    let (breaker, _) = breaker();
    let settings = |builder: ampacity_log::Builder| builder.report_every(Duration::ZERO);
    let records = logged_by(settings, |log| {
        breaker.trip();
        log.attach(&breaker);
        fail(&breaker);
        let start = Instant::now();
        while log.counts()[0].1.emitted == 0 && start.elapsed() < crate::fixture::PATIENCE {
            std::thread::yield_now();
        }
    });
    assert_eq!(sum(&records, "circuit_breaker.rejections", "rejected"), 1);
}

#[test]
fn what_was_turned_away_is_logged_when_the_log_ends() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        log.attach(&breaker);
        breaker.trip();
        fail(&breaker);
        log.close(crate::fixture::PATIENCE).unwrap();
    });
    assert_eq!(sum(&records, "circuit_breaker.rejections", "rejected"), 1);
}

#[test]
fn what_happened_before_a_breaker_was_attached_is_not_counted() {
    let (breaker, _) = breaker();
    breaker.trip();
    fail(&breaker);
    let records = logged(|log| {
        log.attach(&breaker);
        fail(&breaker);
        log.report();
    });
    assert_eq!(sum(&records, "circuit_breaker.rejections", "rejected"), 1);
}

#[test]
fn a_listener_that_panics_is_counted() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        breaker.add_listener(|_| panic!("planned"));
        log.attach(&breaker);
        breaker.trip();
        log.report();
    });
    assert_eq!(sum(&records, "circuit_breaker.listener_faults", "panics"), 1);
}

#[test]
fn a_detached_breaker_is_logged_no_more_and_its_last_counts_are() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        let attachment = log.attach(&breaker);
        breaker.trip();
        fail(&breaker);
        attachment.detach();
        breaker.reset();
        breaker.trip();
        fail(&breaker);
        log.report();
    });
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(sum(&records, "circuit_breaker.rejections", "rejected"), 1);
}

#[test]
fn neither_a_log_nor_a_breaker_keeps_the_other_alive() {
    let (breaker, _) = breaker();
    let gone = Arc::downgrade(&breaker);
    logged(|log| {
        log.attach(&breaker);
        drop(breaker);
        assert!(gone.upgrade().is_none());
        log.report();
    });
    let (breaker, _) = self::breaker();
    logged(|log| drop(log.attach(&breaker)));
    breaker.trip();
    fail(&breaker);
}

#[test]
fn a_breaker_in_a_static_is_attached() {
    static DB: CircuitBreaker = CircuitBreaker::new("static");
    let records = logged(|log| {
        log.attach_static(&DB);
        DB.metrics_only();
        DB.disable();
    });
    let types: Vec<_> = records.iter().map(|record| record["event_type"].as_str()).collect();
    let expected = ["circuit_breaker.metrics_only", "circuit_breaker.disabled"];
    assert_eq!(types, expected.map(Some));
}

#[test]
fn a_breaker_that_would_have_opened_says_so() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        breaker.metrics_only();
        log.attach(&breaker);
        fail(&breaker);
        fail(&breaker);
    });
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["event_type"], "circuit_breaker.would_open");
    assert_eq!(record["level"], "WARNING");
}

#[test]
fn a_log_that_takes_nothing_attaches_nothing() {
    let (breaker, _) = breaker();
    Log::off().attach(&breaker);
    breaker.trip();
    assert_eq!(breaker.snapshot().events.told, 0, "nobody listens");
}

#[test]
fn a_breaker_that_is_attached_again_is_logged_once() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        let first = log.attach(&breaker);
        let again = log.named("other").attach(&breaker);
        breaker.trip();
        fail(&breaker);
        log.report();
        assert_eq!(breaker.snapshot().events.told, 1);
        again.detach();
        fail(&breaker);
        breaker.reset();
        first.detach();
    });
    let told: Vec<_> = records.iter().map(|it| it["event_type"].as_str().unwrap()).collect();
    assert_eq!(told, ["circuit_breaker.opened", "circuit_breaker.rejections"]);
    assert_eq!(records[0]["logger"], "test", "as it was attached first");
}

#[test]
fn a_breaker_may_be_attached_again_after_it_was_detached_and_to_two_logs() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        log.attach(&breaker).detach();
        log.attach(&breaker);
        let others = logged(|other| {
            other.attach(&breaker);
            breaker.trip();
        });
        assert_eq!(others.len(), 1);
    });
    assert_eq!(records.len(), 1);
}

#[test]
fn nothing_is_left_at_a_breaker_of_logs_that_have_ended() {
    let (breaker, _) = breaker();
    for _ in 0..3 {
        logged_by(|builder| builder.report_every(Duration::MAX), |log| drop(log.attach(&breaker)));
    }
    breaker.trip();
    assert_eq!(breaker.snapshot().events.told, 0, "nobody listens");
}

/// A listener reports inside a transition while another report takes a snapshot, which
/// delivers transitions: neither waits for the other.
#[test]
fn reports_and_transitions_on_many_threads_neither_wait_nor_count_twice() {
    let (breaker, clock) = breaker();
    let settings = |builder: ampacity_log::Builder| builder.report_every(Duration::MAX);
    let records = logged_by(settings, |log| {
        log.attach(&breaker);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        (0..5).for_each(|_| fail(&breaker));
                        clock.advance(Duration::from_millis(300));
                        let _ = breaker.call(|| Ok::<_, ()>(()));
                    }
                });
                scope.spawn(|| (0..200).for_each(|_| log.report()));
            }
        });
        log.report();
    });
    let snapshot = breaker.snapshot();
    let logged = sum(&records, "circuit_breaker.rejections", "rejected");
    assert_eq!(logged, snapshot.rejected.total());
    assert!(snapshot.rejected.total() > 0 && snapshot.era > 10, "it was worth while");
}

#[test]
fn a_transition_is_not_of_the_request_that_happens_to_deliver_it() {
    let (breaker, _) = breaker();
    let records = logged(|log| {
        log.attach(&breaker);
        let _in_request = ampacity_log::context::scoped("request_id", "r-1");
        breaker.trip();
        fail(&breaker);
        log.report();
    });
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.get("request_id").is_none()), "{records:?}");
}
