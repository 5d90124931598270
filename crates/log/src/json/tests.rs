//! What any value may do, and what is written for it all the same.

mod arbitrary;
mod hostile;
#[cfg(feature = "patterns")]
mod masked;
mod strict;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::*;
use crate::{bytes, debug, display};

pub(super) fn rules(redaction: &Redaction) -> Rules<'_> {
    Rules { value_bytes: 16 << 10, depth: 16, redaction }
}

/// The value's JSON in at most `room` bytes, which is valid and has no key twice.
pub(super) fn encoded_in<T: Serialize + ?Sized>(value: &T, room: usize) -> (String, Outcome) {
    let mut out = b"before".to_vec();
    let redaction = Redaction::off();
    let outcome = encode(&mut out, value, &rules(&redaction), room);
    let text = String::from_utf8(out).expect("UTF-8");
    let text = text.strip_prefix("before").expect("what was there before").to_owned();
    assert!(text.len() <= room.max(64), "{} > {room}: {text}", text.len());
    assert!(!text.contains('\n'), "{text}");
    strict::parse(&text);
    (text, outcome)
}

pub(super) fn encoded<T: Serialize + ?Sized>(value: &T) -> String {
    let (text, outcome) = encoded_in(value, 16 << 10);
    assert_eq!(outcome, Outcome::Whole, "{text}");
    text
}

#[test]
fn plain_values_are_written_as_serde_json_does() {
    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(i8),
        Tuple(u8, char),
        Struct { a: bool, b: Option<()> },
    }
    #[derive(Serialize)]
    struct All {
        shapes: [Shape; 4],
        text: &'static str,
        float: f64,
        small: f32,
        unit: (),
        list: Vec<u64>,
        empty: ([u8; 0], BTreeMap<u8, u8>),
        long: u128,
    }
    let all = All {
        shapes: [
            Shape::Unit,
            Shape::Newtype(-1),
            Shape::Tuple(1, '"'),
            Shape::Struct { a: true, b: None },
        ],
        text: "\0\u{1}\u{8}\t\n\u{c}\r\u{1f} \"\\/\u{7f}\u{2028}é🦀",
        float: 1e300,
        small: 0.1,
        unit: (),
        list: vec![0, u64::MAX],
        empty: ([], BTreeMap::new()),
        long: 7,
    };
    assert_eq!(encoded(&all), serde_json::to_string(&all).unwrap());
}

#[test]
fn what_json_cannot_hold_is_text() {
    let values =
        (f64::NAN, f64::INFINITY, f32::NEG_INFINITY, u128::MAX, i128::MIN, i64::MIN as i128);
    let text = r#"["NaN","Infinity","-Infinity","340282366920938463463374607431768211455","-170141183460469231731687303715884105728",-9223372036854775808]"#;
    assert_eq!(encoded(&values), text);
    assert_eq!(encoded(&i128::from(u64::MAX)), "18446744073709551615");
    assert_eq!(encoded(&bytes(b"caf\xc3\xa9")), "\"café\"");
    assert_eq!(encoded(&bytes(b"caf\xc3")), "{\"$lossy\":\"caf\u{fffd}\"}");
}

#[test]
fn keys_of_any_type_are_text() {
    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            let mut map = BTreeMap::new();
            map.insert("a\"\\\n", [1]);
            s.collect_map([(map, 1)])
        }
    }
    assert_eq!(encoded(&Odd), r#"{"{\"a\\\"\\\\\\n\":[1]}":1}"#);
    let keys = [(1, true), (2, false)].map(|key| (key, ())).into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(encoded(&keys), r#"{"[1,true]":null,"[2,false]":null}"#);
    assert_eq!(encoded(&BTreeMap::from([(Some(-1), 1), (None, 2)])), r#"{"null":2,"-1":1}"#);
    assert_eq!(encoded(&BTreeMap::from([('"', 1)])), r#"{"\"":1}"#);
}

#[test]
fn of_a_key_that_comes_twice_the_first_is_kept() {
    #[derive(Serialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<&'static str, u8>,
        b: u8,
    }
    let flat = Flat { a: 1, rest: BTreeMap::from([("a", 2), ("b", 3), ("c", 4)]), b: 5 };
    assert_eq!(encoded_in(&flat, 100), (r#"{"a":1,"b":3,"c":4}"#.into(), Outcome::Cut));
    // Each object has keys of its own.
    let nested = json!([{"a": {"a": {"b": 1}, "b": 1}, "b": {"a": 1}}, {"a": 1}]);
    assert_eq!(encoded(&nested), nested.to_string());
}

#[test]
fn a_variant_s_name_is_no_key_of_what_is_around_it() {
    #[derive(Serialize)]
    enum E {
        A(u8, u8),
        B { b: u8 },
    }
    let map = BTreeMap::from([("A", E::A(1, 2)), ("B", E::B { b: 1 }), ("C", E::A(0, 0))]);
    assert_eq!(encoded(&map), r#"{"A":{"A":[1,2]},"B":{"B":{"b":1}},"C":{"A":[0,0]}}"#);
}

#[test]
fn a_long_string_keeps_its_beginning() {
    for char in ["a", "é", "🦀"] {
        let long = char.repeat(1000);
        for room in 64..200 {
            let (text, outcome) = encoded_in(&long, room);
            assert_eq!(outcome, Outcome::Cut);
            assert!(text.ends_with("…\"") && text.len() + char.len() > room, "{room}: {text}");
            let (shown, _) = encoded_in(&display(&long), room);
            assert_eq!(shown, text);
        }
    }
    // It is cut by its length as written.
    for (char, escaped) in [("\"", 2), ("\\", 2), ("\n", 2), ("\u{8}", 2), ("\u{c}", 2), ("\0", 6)]
    {
        let text = char.repeat(100);
        let room = 2 + 100 * escaped;
        assert_eq!(encoded_in(&text, room).1, Outcome::Whole);
        assert_eq!(encoded_in(&text, room - 1).1, Outcome::Cut);
        assert_eq!(encoded_in(&display(&text), room).1, Outcome::Whole);
        assert_eq!(encoded_in(&display(&text), room - 1).1, Outcome::Cut);
    }
}

#[test]
fn what_writes_on_past_the_end_is_cut_all_the_same() {
    struct Heedless(&'static str);
    impl fmt::Display for Heedless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // What fits of this, without the last letter, would fit with quotes as well.
            let _ = f.write_str(&format!("{}😀", "x".repeat(61)));
            let _ = f.write_str(self.0);
            Ok(())
        }
    }
    let cut = (format!("\"{}…\"", "x".repeat(59)), Outcome::Cut);
    assert_eq!(encoded_in(&display(Heedless("")), 64), cut);
    assert_eq!(encoded_in(&display(Heedless("more")), 64), cut);
}

#[test]
fn bytes_that_are_no_text_are_cut_like_a_string() {
    for room in 64..100 {
        let (text, outcome) = encoded_in(&bytes(&[b'a', 0xff].repeat(100)), room);
        assert!(
            outcome == Outcome::Cut && text.ends_with("…\"}") && text.len() + 5 > room,
            "{text}"
        );
    }
}

#[test]
fn a_long_key_keeps_its_beginning() {
    let (text, outcome) = encoded_in(&json!({"k".repeat(1000): 1, "l": 2}), 1000);
    assert_eq!(text, format!(r#"{{"{}…":1,"l":2}}"#, "k".repeat(KEY_BYTES - 5)));
    assert_eq!(outcome, Outcome::Cut);
    // Two that are cut to the same are one.
    let same = json!({format!("{}1", "k".repeat(300)): 1, format!("{}2", "k".repeat(300)): 2});
    assert!(encoded_in(&same, 1000).0.ends_with("…\":1}"));
}

#[test]
fn where_elements_are_missing_the_last_one_says_so() {
    let (text, outcome) = encoded_in(&vec![7; 1000], 100);
    assert_eq!(outcome, Outcome::Cut);
    assert!(text.starts_with("[7,7,") && text.ends_with(r#",7,{"$cut":"size"}]"#), "{text}");

    let map: BTreeMap<_, _> = (0..1000).map(|n| (format!("k{n:04}"), n)).collect();
    let (text, _) = encoded_in(&json!([{ "in": map }, "after"]), 200);
    assert!(
        text.starts_with(r#"[{"in":{"k0000":0,"#) && text.ends_with(r#","$cut":"size"}}]"#),
        "{text}"
    );

    // There is an end to keys, whatever the room.
    let many: BTreeMap<_, _> = (0..5000).map(|n| (n, ())).collect();
    let redaction = Redaction::off();
    let all = Rules { value_bytes: 1 << 20, ..rules(&redaction) };
    let mut out = Vec::new();
    assert_eq!(encode(&mut out, &many, &all, 1 << 20), Outcome::Cut);
    assert!(out.ends_with(br#","4095":null,"$cut":"size"}"#));

    // A key of this name is not written again.
    let mut named = map;
    named.insert("$cut".into(), 0);
    let (text, outcome) = encoded_in(&named, 200);
    assert_eq!((text.matches("$cut").count(), outcome), (1, Outcome::Cut), "{text}");
}

#[test]
fn what_is_too_deep_is_left_out_and_the_rest_is_not() {
    let mut deep = json!("bottom");
    for _ in 0..100 {
        deep = json!({ "a": [deep], "b": 1 });
    }
    let (text, outcome) = encoded_in(&deep, 16 << 10);
    assert_eq!(outcome, Outcome::Cut);
    let begin = r#"{"a":["#.repeat(8);
    assert_eq!(text, format!(r#"{begin}{{"$cut":"depth"}}{}"#, r#"],"b":1}"#.repeat(8)));
    assert_eq!(encoded_in(&json!([[[1]], 2]), 110).1, Outcome::Whole);
}

#[test]
fn secrets_are_hidden_at_any_depth() {
    #[derive(Serialize)]
    enum Login {
        Password(&'static str),
        Tokens { access_token: u8, max_tokens: u8 },
        Secret(u8, u8),
        ApiKey { value: u8 },
    }
    let logins = vec![
        Login::Password("s3cret"),
        Login::Tokens { access_token: 77, max_tokens: 5 },
        Login::Secret(77, 77),
        Login::ApiKey { value: 77 },
    ];
    let value = json!({"headers": [{"Set-Cookie": ["77"], "Accept": "*"}], "password": {"a": 77}});
    let redaction = Redaction::default();
    let mut out = Vec::new();
    assert_eq!(encode(&mut out, &(logins, value), &rules(&redaction), 1000), Outcome::Whole);
    let text = r#"[[{"Password":"[redacted]"},{"Tokens":{"access_token":"[redacted]","max_tokens":5}},{"Secret":"[redacted]"},{"ApiKey":"[redacted]"}],{"headers":[{"Accept":"*","Set-Cookie":"[redacted]"}],"password":"[redacted]"}]"#;
    assert_eq!(String::from_utf8(out).unwrap(), text);
}

#[test]
fn a_field_s_name_is_escaped_and_cut() {
    let mut out = Vec::new();
    key(&mut out, "a\"\n");
    assert_eq!(out, br#""a\"\n""#);
    out.clear();
    key(&mut out, &"\u{1}".repeat(1000));
    assert!(out.len() > KEY_BYTES - 6 && out.len() <= KEY_BYTES, "{}", out.len());
    strict::parse(core::str::from_utf8(&out).unwrap());
}

#[test]
fn text_is_what_a_display_shows() {
    let mut out = Vec::new();
    let redaction = Redaction::default();
    let outcome = text(&mut out, &format_args!("{}\n{:?}", 1, "a"), &rules(&redaction), 1000);
    assert_eq!((&out[..], outcome), (&br#""1\n\"a\"""#[..], Outcome::Whole));
    assert_eq!(encoded(&debug("a")), r#""\"a\"""#);
}
