//! Secrets inside strings.

use core::fmt;

use regex::Regex;

use super::rules;
use crate::json::{Outcome, encode, text};
use crate::{Redaction, bytes, display};

fn redaction() -> Redaction {
    Redaction::off().deny_values(Regex::new("s[0-9]{10}").unwrap())
}

/// Shows a character at a time.
struct Slowly<'a>(&'a str);

impl fmt::Display for Slowly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| f.write_fmt(format_args!("{char}")))
    }
}

#[test]
fn a_secret_is_hidden_in_every_string() {
    let redaction = redaction();
    let secret = "a s0123456789 b";
    let value = serde_json::json!({"list": [secret], secret: 1});
    let all = (value, display(Slowly(secret)), bytes(b"\xff s0123456789"));
    let mut out = Vec::new();
    assert_eq!(encode(&mut out, &all, &rules(&redaction), 1000), Outcome::Whole);
    let seen = "a [redacted] b";
    let shown =
        format!(r#"[{{"{seen}":1,"list":["{seen}"]}},"{seen}",{{"$lossy":"� [redacted]"}}]"#);
    assert_eq!(String::from_utf8(out).unwrap(), shown);
}

#[test]
fn no_part_of_a_secret_that_is_cut_is_seen() {
    let redaction = redaction();
    for before in 40..70 {
        let long = format!("{}s0123456789{}", "x".repeat(before), "y".repeat(9000));
        let mut outs = [Vec::new(), Vec::new()];
        let cut = [
            encode(&mut outs[0], &long, &rules(&redaction), 64),
            text(&mut outs[1], &Slowly(&long), &rules(&redaction), 64),
        ];
        assert_eq!(cut, [Outcome::Cut; 2]);
        for out in outs {
            let shown = String::from_utf8(out).unwrap();
            assert!(
                !shown.contains("s0") && shown.ends_with("…\"") && shown.len() <= 64,
                "{shown}"
            );
        }
    }
}

#[test]
fn what_is_beyond_the_searched_part_of_a_string_is_cut_though_the_rest_has_room() {
    let redaction = Redaction::off().deny_values(Regex::new("k+").unwrap());
    let long = format!("{} end", "k".repeat(9000));
    let mut outs = [Vec::new(), Vec::new()];
    let cut = [
        encode(&mut outs[0], &long, &rules(&redaction), 64),
        text(&mut outs[1], &Slowly(&long), &rules(&redaction), 64),
    ];
    assert_eq!(cut, [Outcome::Cut; 2]);
    assert_eq!(outs, [r#""[redacted]…""#.as_bytes(); 2]);
}
