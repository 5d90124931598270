//! `count`: by any field, in bounded memory.

use crate::fixture::{OLD, Place, record, records};

#[test]
fn values_are_counted_the_most_frequent_first() {
    let place = Place::new();
    let log = record(0, r#","tool":"read""#)
        + &record(1, r#","tool":"write""#)
        + &record(2, r#","tool":"read""#)
        + &record(3, r#","tool":["x",1]"#)
        + &record(4, r#","tool":7"#)
        + &record(5, r#","fields":{"tool":"read"}"#)
        + &records(6..16)
        + OLD;
    place.write("a", log + "torn");
    let ran = place.run(&["count", "a", "--by", "tool"]);
    assert_eq!(ran.out, "11  (no tool)\n 3  read\n 1  7\n 1  [\"x\",1]\n 1  write\n");
    assert_eq!(ran.err, "a: 1 skipped (4 bytes: 1 not JSON): verify says where\n");
    assert_eq!(ran.status, 0);
}

#[test]
fn without_a_field_all_that_are_wanted_are_counted() {
    let place = Place::new();
    place.write("a", records(0..7));
    place.write("b", OLD);
    assert_eq!(place.run(&["count", "a", "b"]).out, "8\n");
    assert_eq!(place.run(&["count", "a", "b", "--level", "error"]).out, "1\n");
}

#[test]
fn values_beyond_the_most_are_counted_together_and_long_ones_by_their_beginning() {
    let place = Place::new();
    let mut log: String = (0..10_003).map(|n| record(n, &format!(",\"n\":{n}"))).collect();
    log += &record(1, ",\"n\":9999");
    place.write("a", log);
    let out = place.run(&["count", "a", "--by", "n"]).out;
    assert!(out.starts_with("3  (other values)\n2  9999\n1  0\n"), "{}", &out[..99]);
    assert_eq!(out.lines().count(), 10_001);

    let long = "é".repeat(200);
    let two = [1, 2].map(|n| record(n, &format!(",\"x\":\"{long}{n}\"")));
    place.write("b", two.concat() + &record(3, &format!(",\"x\":\"{long}\"")));
    assert_eq!(place.run(&["count", "b", "--by", "x"]).out, format!("2  {long}…\n1  {long}\n"));
}
