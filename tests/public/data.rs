//! Snapshots written and read.

use ampacity::{CircuitBreaker, Event, ManualClock, Snapshot, State, Timing};
use std::time::Duration;

fn taken() -> Snapshot {
    let clock = ManualClock::new();
    let settings = CircuitBreaker::builder("data").failure_threshold(2).timing(Timing::Every);
    let breaker = settings.clock(clock.clone()).build().unwrap();
    for _ in 0..3 {
        let permit = breaker.try_acquire().unwrap();
        clock.advance(Duration::from_micros(1_500));
        permit.success();
    }
    (0..2).for_each(|_| breaker.try_acquire().unwrap().failure());
    breaker.try_acquire().unwrap_err();
    breaker.snapshot()
}

#[test]
fn a_snapshot_written_and_read_is_the_same() {
    for snapshot in [taken(), Snapshot::default()] {
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    }
}

#[test]
fn an_event_written_and_read_is_the_same() {
    let breaker = CircuitBreaker::builder("told").history(8).build().unwrap();
    (0..5).for_each(|_| breaker.try_acquire().unwrap().failure());
    breaker.reset();
    for event in breaker.history() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
    let json = serde_json::to_value(&breaker.history()[0]).unwrap();
    assert_eq!((&json["breaker"], &json["to"]), (&"told".into(), &"open".into()));
    let cause = serde_json::json!({ "kind": "consecutive_failures", "failures": 5 });
    assert_eq!(json["cause"], cause);
    assert!(json["at_ns"].is_u64());
}

/// As text formats do that have no null, or a build without every feature.
#[test]
fn what_is_not_known_may_be_missing() {
    let mut json = serde_json::to_value(Snapshot::default()).unwrap();
    let fields = json.as_object_mut().unwrap();
    fields.retain(|name, value| !value.is_null() && name != "contention");
    assert_eq!(serde_json::from_value::<Snapshot>(json).unwrap(), Snapshot::default());
}

#[test]
fn names_are_those_of_the_fields_and_times_are_in_nanoseconds() {
    let json = serde_json::to_value(taken()).unwrap();
    assert_eq!(json["state"], "open");
    assert_eq!((json["succeeded"].as_u64(), json["failure_rate"].as_f64()), (Some(3), Some(0.4)));
    assert_eq!(json["rejected"]["open"], 1);
    assert_eq!(json["last_success_ns"], 4_500_000);
    assert_eq!(json["latency"]["success"]["p50_ns"], 1_500_000);
    assert_eq!(json["transitions"][0]["from"], "closed");
    assert_eq!(json["transitions"][0]["count"], 1);
}

#[test]
fn what_cannot_be_a_snapshot_is_refused_by_name() {
    let refused = |path: &[&str], value: serde_json::Value| {
        let mut json = serde_json::to_value(taken()).unwrap();
        let place = path.iter().fold(&mut json, |at, key| &mut at[*key]);
        *place = value;
        serde_json::from_value::<Snapshot>(json).unwrap_err().to_string()
    };
    let success = ["latency", "success"];
    let with = |field| [success[0], success[1], field];
    assert!(refused(&with("sub_bits"), 9.into()).contains("sub_bits is 9"));
    let beyond = refused(&with("buckets"), serde_json::json!([[624, 1]]));
    assert!(beyond.contains("bucket 624 of a histogram of 624"), "{beyond}");
    let many = serde_json::json!([[1, u64::MAX], [2, u64::MAX]]);
    assert!(refused(&with("buckets"), many).contains("more than 2^64 calls"));
    assert!(refused(&["state"], "ajar".into()).contains("ajar"));
}

/// Figures that contradict each other are somebody's mistake, and no reason to panic.
#[test]
fn a_snapshot_of_nonsense_prints() {
    let mut json = serde_json::to_value(taken()).unwrap();
    json["latency"]["success"]["min_ns"] = u64::MAX.into();
    for field in ["admitted", "succeeded", "failed", "in_flight"] {
        json[field] = u64::MAX.into();
    }
    json["rejected"] = serde_json::json!({
        "open": u64::MAX, "half_open_full": u64::MAX, "forced_open": u64::MAX,
    });
    json["transitions"] = serde_json::json!([
        { "from": "open", "to": "open", "count": u64::MAX },
        { "from": "open", "to": "open", "count": u64::MAX },
        { "from": "closed", "to": "open", "count": u64::MAX },
    ]);
    let snapshot: Snapshot = serde_json::from_value(json).unwrap();
    assert!(snapshot.to_string().contains("is open"));
    assert_eq!(snapshot.state, State::Open);
    assert_eq!(snapshot.latency.success.p50, None);
    assert_eq!(snapshot.since(&snapshot).admitted, 0);
}
