use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record(value: &Value) -> Record {
    Record::new(&value.to_string(), value.as_object().unwrap().clone(), 0, 0)
}

fn gaps(numbers: impl IntoIterator<Item = u64>) -> Gaps {
    let mut gaps = Gaps::new();
    for seq in numbers {
        gaps.add(&record(&json!({"stream": "s", "seq": seq})));
    }
    gaps
}

fn only(gaps: &Gaps) -> &Stream {
    gaps.streams().next().unwrap().1
}

#[test]
fn numbers_in_order_are_whole_wherever_they_begin() {
    for first in [0, 7, u64::MAX - 3] {
        let gaps = gaps(first..=first + 3);
        assert!(gaps.is_whole(), "{gaps:?}");
        assert_eq!((only(&gaps).first(), only(&gaps).last()), (first, first + 3));
        assert_eq!(only(&gaps).records(), 4);
    }
}

#[test]
fn the_widest_gap_is_counted_to_the_last_record() {
    let gaps = gaps([0, u64::MAX]);
    assert_eq!(gaps.missing(), u128::from(u64::MAX - 1));
    assert_eq!(only(&gaps).ranges(), [1..=u64::MAX - 1]);
    assert!(!gaps.is_whole());
}

#[test]
fn files_in_the_wrong_order_are_late_and_nothing_is_missing() {
    let gaps = gaps((200..300).chain(0..100).chain(100..200));
    assert_eq!((gaps.missing(), gaps.repeated()), (0, 0));
    assert_eq!((only(&gaps).late(), only(&gaps).first()), (200, 0));
    assert!(gaps.is_whole());
}

#[test]
fn a_file_given_twice_is_repeated() {
    let gaps = gaps((0..10).chain(0..10));
    assert_eq!((gaps.missing(), gaps.repeated(), only(&gaps).late()), (0, 10, 0));
    assert!(!gaps.is_whole());
}

#[test]
fn more_ranges_than_are_listed_are_counted_all_the_same() {
    let gaps = gaps((0..1000).map(|n| n * 3));
    assert_eq!(gaps.missing(), 999 * 2);
    assert_eq!(only(&gaps).ranges().len(), 64);
    assert_eq!(only(&gaps).ranges()[63], 190..=191);
}

#[test]
fn streams_are_apart_and_too_many_are_said() {
    let mut gaps = Gaps::new();
    for round in 0..2 {
        for name in 0..5000 {
            gaps.add(&record(&json!({"stream": format!("{name:016x}"), "seq": round})));
        }
    }
    assert_eq!((gaps.streams().count(), gaps.missing()), (4096, 0));
    assert_eq!(gaps.untracked(), 2 * (5000 - 4096));
    assert!(!gaps.is_whole());
}

#[test]
fn a_streams_name_is_kept_only_if_it_is_short() {
    let mut gaps = Gaps::new();
    for length in [64, 65, 1 << 20] {
        gaps.add(&record(&json!({"stream": "f".repeat(length), "seq": 0})));
    }
    assert_eq!((gaps.streams().count(), gaps.untracked()), (1, 2));
}

#[test]
fn records_without_a_number_are_counted_apart() {
    let mut gaps = Gaps::new();
    for value in [json!({}), json!({"seq": 1}), json!({"stream": "s", "seq": -1})] {
        gaps.add(&record(&value));
    }
    assert_eq!((gaps.unnumbered(), gaps.streams().count()), (3, 0));
    assert!(gaps.is_whole());
}

#[test]
fn what_a_stream_says_it_lost_is_added_up() {
    let mut gaps = Gaps::new();
    for value in [
        json!({"stream": "s", "seq": 0, "event_type": "custom", "dropped": 50}),
        json!({"stream": "s", "seq": 6, "event_type": "log.records_dropped", "dropped": 5}),
        json!({"stream": "s", "seq": 12, "event_type": "log.sink_recovered",
               "dropped": 2, "failed": 3}),
        json!({"stream": "s", "seq": 13, "event_type": "log.sink_recovered", "failed": "x"}),
    ] {
        gaps.add(&record(&value));
    }
    assert_eq!((only(&gaps).told(), gaps.missing()), (10, 10));
    let first = json!({"stream": "t", "seq": 9, "event_type": "log.records_dropped", "dropped": 9});
    gaps.add(&record(&first));
    assert_eq!(gaps.streams().nth(1).unwrap().1.told(), 9);
}

proptest! {
    #[test]
    fn any_order_is_counted_as_a_set_counts_it(numbers in prop::collection::vec(0_u64..100, 1..120)) {
        let gaps = gaps(numbers.iter().copied());
        let seen: BTreeSet<u64> = numbers.iter().copied().collect();
        let (first, last) = (*seen.first().unwrap(), *seen.last().unwrap());
        let missing: Vec<u64> = (first..=last).filter(|n| !seen.contains(n)).collect();
        let stream = only(&gaps);
        prop_assert_eq!((stream.first(), stream.last()), (first, last));
        prop_assert_eq!(stream.ranges().iter().cloned().flatten().collect::<Vec<_>>(), missing.clone());
        prop_assert_eq!(stream.missing(), missing.len() as u64);
        prop_assert_eq!(stream.repeated(), (numbers.len() - seen.len()) as u64);
        prop_assert_eq!(stream.records(), numbers.len() as u64);
    }
}
