//! `percentiles`: durations by any field.

use crate::fixture::{OLD, Place, record};

#[test]
fn percentiles_are_those_of_the_durations() {
    let place = Place::new();
    let log: String =
        (1..=1000).map(|n| record(n, &format!(r#","tool":"read","duration_ms":{n}.5"#))).collect();
    place.write("a", log + &record(0, r#","duration_ms":0"#) + &record(0, "") + OLD);
    let out = place.run(&["percentiles", "a", "--by", "tool"]).out;
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split("  ").collect()).collect();
    let words = |line: &[&str]| line.join(" ").split_whitespace().map(str::to_owned).collect();
    let head: Vec<String> = words(&lines[0]);
    assert_eq!(head.join(" "), "tool count p50 ms p90 ms p95 ms p99 ms max ms");
    let read: Vec<String> = words(&lines[1]);
    assert_eq!(read[..2], ["read", "1000"]);
    for (shown, exact) in read[2..].iter().zip([500.5, 900.5, 950.5, 990.5, 1000.5]) {
        let shown: f64 = shown.parse().unwrap();
        assert!((shown - exact).abs() <= exact / 1000.0, "{shown} for {exact}");
    }
    assert_eq!(read[6], "1000.500");
    let rest: Vec<String> = words(&lines[2]);
    assert_eq!(rest.join(" "), "(no tool) 2 0.000 2.500 2.500 2.500 2.500");
    assert_eq!(lines.len(), 3, "{out}");
}

#[test]
fn what_is_no_duration_is_counted_and_not_measured() {
    let place = Place::new();
    let odd = ["\"NaN\"", "-1", "null", "1e300", "\"5\"", "18446744073709551616"];
    let log: String = odd.map(|odd| record(0, &format!(r#","duration_ms":{odd}"#))).concat();
    place.write("a", log + &record(1, r#","duration_ms":1e13"#));
    let out = place.run(&["percentiles", "a"]).out;
    let row: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[1], row[6]), ("all", "1", "10000000000000.000"));
    assert!(out.ends_with("\n6 not counted: duration_ms is no number from 0 to 1e13\n"), "{out}");
}

#[test]
fn groups_beyond_the_most_are_one() {
    let place = Place::new();
    let log: String =
        (0..260).map(|n| record(n, &format!(r#","n":"{n:03}","duration_ms":1"#))).collect();
    place.write("a", log);
    let out = place.run(&["percentiles", "a", "--by", "n"]).out;
    assert_eq!(out.lines().count(), 252);
    let last: Vec<&str> = out.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last[..3], ["(other", "values)", "10"]);
}
