//! Whatever a value does, and wherever it stops.

use core::fmt;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{Error, SerializeMap, SerializeSeq, SerializeStructVariant, Serializer};
use serde_json::Value;

use super::{encoded_in, rules, strict};
use crate::json::{FAILED, Outcome, encode};
use crate::{Redaction, bytes, display};

/// What a value does when it is written.
#[derive(Clone, Debug)]
enum Act {
    Panics,
    Errs,
    Float(f64),
    Int(i128),
    Text(String),
    Shown(Vec<String>),
    Bytes(Vec<u8>),
    Wrapped(Box<Act>),
    List(Vec<Act>),
    Heedless(Vec<Act>),
    Map(Vec<(Act, Act)>),
    Variant(Vec<(usize, Act)>),
}

const NAMES: [&str; 4] = ["a", "password", "$cut", "é\n"];

impl Serialize for Act {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Act::Panics => std::panic::resume_unwind(Box::new(())),
            Act::Errs => Err(S::Error::custom("no")),
            Act::Float(value) => value.serialize(s),
            Act::Int(value) => value.serialize(s),
            Act::Text(value) => value.serialize(s),
            Act::Shown(pieces) => display(Pieces(pieces)).serialize(s),
            Act::Bytes(value) => bytes(value).serialize(s),
            Act::Wrapped(value) => s.serialize_some(value),
            Act::List(values) => values.serialize(s),
            Act::Heedless(values) => {
                let mut list = s.serialize_seq(None)?;
                for value in values {
                    let _ = list.serialize_element(value);
                }
                list.end()
            }
            Act::Map(entries) => {
                let mut map = s.serialize_map(None)?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Act::Variant(fields) => {
                let mut variant = s.serialize_struct_variant("E", 0, "V", fields.len())?;
                for (name, value) in fields {
                    variant.serialize_field(NAMES[*name], value)?;
                }
                variant.end()
            }
        }
    }
}

struct Pieces<'a>(&'a [String]);

impl fmt::Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-c]{0,3}",
        1 => "\\PC{0,20}",
        1 => vec(any::<char>(), 0..40).prop_map(String::from_iter),
        1 => Just("\u{1}".repeat(50)),
    ]
}

fn act(bad: bool) -> impl Strategy<Value = Act> {
    let leaf = prop_oneof![
        u32::from(bad) => Just(Act::Panics),
        u32::from(bad) => Just(Act::Errs),
        10 => any::<f64>().prop_map(Act::Float),
        3 => proptest::num::f64::ANY.prop_map(Act::Float),
        10 => any::<i128>().prop_map(Act::Int),
        10 => (-3i128..3).prop_map(Act::Int),
        20 => any_text().prop_map(Act::Text),
        10 => vec(any_text(), 0..4).prop_map(Act::Shown),
        10 => vec(any::<u8>(), 0..20).prop_map(Act::Bytes),
    ];
    leaf.prop_recursive(20, 60, 5, |inner| {
        prop_oneof![
            inner.clone().prop_map(|value| Act::Wrapped(Box::new(value))),
            vec(inner.clone(), 0..5).prop_map(Act::List),
            vec(inner.clone(), 0..5).prop_map(Act::Heedless),
            vec((inner.clone(), inner.clone()), 0..5).prop_map(Act::Map),
            vec((0..NAMES.len(), inner), 0..5).prop_map(Act::Variant),
        ]
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map("\\PC{0,20}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_one_valid_line_within_its_room(value in act(true), room in 0usize..2000) {
        // All of it is checked where it is encoded.
        let (text, outcome) = encoded_in(&value, room);
        prop_assert_eq!(outcome == Outcome::Failed, text.as_bytes() == FAILED);
    }

    #[test]
    fn a_value_that_does_no_wrong_does_not_fail(value in act(false), room in 0usize..2000) {
        prop_assert_ne!(encoded_in(&value, room).1, Outcome::Failed);
    }

    #[test]
    fn what_is_whole_reads_back_as_it_was(value in any_json()) {
        let (text, outcome) = encoded_in(&value, 16 << 10);
        let whole = value.to_string();
        if whole.len() < 15 << 10 {
            prop_assert_eq!((text, outcome), (whole, Outcome::Whole));
        }
    }

    #[test]
    fn a_value_has_as_much_of_it_as_fits(value in any_json(), room in 64usize..1000) {
        let whole = value.to_string();
        let (text, outcome) = encoded_in(&value, room);
        if outcome == Outcome::Whole {
            prop_assert_eq!(text, whole);
        } else {
            prop_assert!(whole.len() + 48 + 17 * 6 > room, "{} of {}", text.len(), whole.len());
        }
    }

    #[test]
    fn no_secret_is_seen(value in act(false), room in 64usize..2000) {
        let redaction = Redaction::off().deny("a*").deny("password");
        let mut out = Vec::new();
        let _ = encode(&mut out, &value, &rules(&redaction), room);
        let text = String::from_utf8(out).unwrap();
        strict::parse(&text);
        for name in ["\"a\":", "\"ab\":", "\"password\":"] {
            for (at, _) in text.match_indices(name) {
                // Unless the name is part of a text.
                let is_name = text[..at].ends_with(['{', ',']);
                let after = &text[at + name.len()..];
                prop_assert!(!is_name || after.starts_with("\"[redacted]\""), "{}", text);
            }
        }
    }
}
