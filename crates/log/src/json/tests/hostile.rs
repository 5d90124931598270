//! Values that do what they must not.

use core::fmt::{self, Write as _};
use std::cell::Cell;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeTupleVariant, Serializer,
};
use serde_json::json;

use super::{encoded, encoded_in, rules};
use crate::json::{FAILED, Outcome, Rules, encode, text};
use crate::{Redaction, display};

/// Serialises as a function says.
struct By<F>(F);

/// A function's view of a serializer, whose types it cannot name.
trait Way {
    fn go<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error>;
}

impl<F: Way> Serialize for By<F> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.go(s)
    }
}

macro_rules! by {
    (|$s:ident| $body:expr) => {{
        struct It;
        impl Way for It {
            fn go<S: Serializer>(&self, $s: S) -> Result<S::Ok, S::Error> {
                $body
            }
        }
        By(It)
    }};
}

fn failed() -> (String, Outcome) {
    (String::from_utf8(FAILED.to_vec()).unwrap(), Outcome::Failed)
}

/// Panics when it is formatted or written, and again when its payload is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any("from a payload");
        }
    }
}

fn explode() -> ! {
    // Without the hook, whose output would only hide that of tests that fail.
    std::panic::resume_unwind(Box::new(Bomb))
}

#[test]
fn a_value_that_panics_or_errs_is_replaced_whole() {
    let panics = by!(|_s| explode());
    let errs = by!(|_s| Err(S::Error::custom("no")));
    assert_eq!(encoded_in(&panics, 100), failed());
    assert_eq!(encoded_in(&errs, 100), failed());
    assert_eq!(encoded_in(&json!({}), 100).1, Outcome::Whole);
    assert_eq!(encoded_in(&("secret", [Some(panics)]), 100), failed());
    assert_eq!(encoded_in(&("secret", [Some(errs)]), 100), failed());

    struct Shows(fn(&mut fmt::Formatter<'_>) -> fmt::Result);
    impl fmt::Display for Shows {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("secret")?;
            self.0(f)
        }
    }
    for shows in [Shows(|_| explode()), Shows(|_| Err(fmt::Error))] {
        assert_eq!(encoded_in(&[display(&shows)], 100), failed());
        let mut out = b"before".to_vec();
        let redaction = Redaction::default();
        assert_eq!(text(&mut out, &shows, &rules(&redaction), 100), Outcome::Failed);
        assert_eq!(out, [b"before", FAILED].concat());
    }
    // No byte of it reaches the next one.
    assert_eq!(encoded(&display("next")), "\"next\"");
}

#[test]
fn an_error_that_its_holder_forgives_is_none_the_less_one() {
    let forgives = by!(|s| {
        let mut seq = s.serialize_seq(None)?;
        let _ = seq.serialize_element(&by!(|s| {
            let mut map = s.serialize_map(None)?;
            map.serialize_key("half")?;
            Err(Error::custom("no"))
        }));
        let _ = seq.serialize_element("after");
        let _ = seq.end();
        Err(Error::custom("another"))
    });
    assert_eq!(encoded_in(&(1, forgives), 1000), failed());
}

#[test]
fn keys_and_values_out_of_turn_are_errors() {
    let no_value = by!(|s| {
        let mut map = s.serialize_map(None)?;
        map.serialize_key("a")?;
        map.end()
    });
    let no_key = by!(|s| {
        let mut map = s.serialize_map(None)?;
        map.serialize_value("a")?;
        map.end()
    });
    let two_keys = by!(|s| {
        let mut map = s.serialize_map(None)?;
        map.serialize_key("a")?;
        map.serialize_entry("b", "c")?;
        map.end()
    });
    let two_values = by!(|s| {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("a", "b")?;
        map.serialize_value("b")?;
        map.end()
    });
    assert_eq!(encoded_in(&no_value, 100), failed());
    assert_eq!(encoded_in(&no_key, 100), failed());
    assert_eq!(encoded_in(&two_keys, 100), failed());
    assert_eq!(encoded_in(&two_values, 100), failed());
}

#[test]
fn what_would_go_on_for_ever_is_stopped() {
    let list = by!(|s| s.collect_seq(std::iter::repeat(1)));
    let keys = by!(|s| s.collect_map((0u64..).map(|n| (n, ()))));
    let same_key = by!(|s| s.collect_map(std::iter::repeat(("", 1))));
    let hidden = by!(|s| s.collect_map((0u64..).map(|n| (format!("{n}_password"), 1))));
    for room in [64, 100, 1000] {
        assert_eq!(encoded_in(&list, room).1, Outcome::Cut);
        assert_eq!(encoded_in(&keys, room).1, Outcome::Cut);
        assert_eq!(encoded_in(&same_key, room).1, Outcome::Cut);
        assert_eq!(encoded_in(&(&hidden, 1), room).1, Outcome::Cut);
    }
}

#[test]
fn a_display_of_ten_gigabytes_is_stopped_early() {
    struct Huge<'a>(&'a Cell<usize>);
    impl fmt::Display for Huge<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..10_000_000 {
                self.0.set(self.0.get() + 1);
                f.write_str(&"é".repeat(500))?;
            }
            Ok(())
        }
    }
    let pieces = Cell::new(0);
    let (text, outcome) = encoded_in(&display(Huge(&pieces)), 3001);
    assert_eq!(outcome, Outcome::Cut);
    assert!(text.ends_with("é…\"") && text.len() > 2990, "{}", text.len());
    assert_eq!(pieces.get(), 4);

    // One that does not heed errors is cut, too.
    struct Heedless;
    impl fmt::Display for Heedless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..1000 {
                let _ = f.write_str("é").and(f.write_str("🦀")).and(f.write_str("a"));
                let _ = f.write_char('!');
            }
            Ok(())
        }
    }
    for room in 64..100 {
        let (text, outcome) = encoded_in(&display(Heedless), room);
        let shown = text.trim_start_matches('"').trim_end_matches("…\"");
        assert!("é🦀a!".repeat(100).starts_with(shown) && outcome == Outcome::Cut, "{text}");
    }
}

#[test]
fn after_its_end_a_value_that_does_not_heed_errors_writes_nothing() {
    let heedless = by!(|s| {
        let mut seq = s.serialize_seq(None)?;
        for _ in 0..1000 {
            let _ = seq.serialize_element(&[[1, 2], [3, 4]]);
        }
        seq.end()
    });
    let (text, outcome) = encoded_in(&heedless, 200);
    assert_eq!(outcome, Outcome::Cut);
    assert_eq!(text.matches("$cut").count(), 1, "{text}");

    let unwraps = by!(|s| {
        let mut seq = s.serialize_seq(None)?;
        for _ in 0..1000 {
            if seq.serialize_element("abc").is_err() {
                explode()
            }
        }
        seq.end()
    });
    assert_eq!(encoded_in(&unwraps, 200).1, Outcome::Cut);
}

#[test]
fn a_chain_without_end_does_not_use_up_the_stack() {
    struct Nest<const WRAPPER: bool>;
    impl<const WRAPPER: bool> Serialize for Nest<WRAPPER> {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            if WRAPPER {
                return s.serialize_newtype_struct("Nest", self);
            }
            let mut variant = s.serialize_tuple_variant("Nest", 0, "Nest", 1)?;
            variant.serialize_field(&Some(self))?;
            variant.end()
        }
    }
    let deep = r#"{"$cut":"depth"}"#;
    assert_eq!(encoded_in(&(Nest::<true>, 1), 100), (format!("[{deep},1]"), Outcome::Cut));
    assert_eq!(encoded_in(&Nest::<false>, 1000).1, Outcome::Cut);
    let redaction = Redaction::off();
    let mut all = rules(&redaction);
    (all.depth, all.value_bytes) = (usize::MAX, usize::MAX);
    let mut out = Vec::new();
    assert_eq!(encode(&mut out, &Nest::<false>, &all, usize::MAX), Outcome::Cut);
    assert_eq!(out.iter().filter(|&&byte| byte == b'[').count(), 64);
}

#[test]
fn a_key_that_panics_where_it_is_too_deep_leaves_nothing_half_done() {
    let map = by!(|s| {
        let key = by!(|s| match s.serialize_seq(None) {
            Ok(seq) => seq.end(),
            Err(_) => explode(),
        });
        s.collect_map([(key, 1)])
    });
    let redaction = Redaction::off();
    let flat = Rules { depth: 1, ..rules(&redaction) };
    let mut out = Vec::new();
    assert_eq!(encode(&mut out, &map, &flat, 100), Outcome::Failed);
    assert_eq!(out, FAILED);
}

#[test]
fn a_value_may_log_while_it_is_written() {
    let inner = by!(|s| {
        assert_eq!(encoded(&json!({"a": display(1)})), r#"{"a":"1"}"#);
        s.collect_map([("b", 1), ("a", 2)])
    });
    assert_eq!(encoded(&json!({"z": 1})), r#"{"z":1}"#);
    assert_eq!(encoded(&[inner]), r#"[{"b":1,"a":2}]"#);
}

/// What serde_json's own types of text serialise as.
struct Text(&'static str, &'static str);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut text = s.serialize_struct(self.0, 1)?;
        text.serialize_field(self.0, self.1)?;
        text.end()
    }
}

#[test]
fn json_that_comes_as_text_is_held_to_the_rules() {
    let raw = |json| Text("$serde_json::private::RawValue", json);
    assert_eq!(encoded(&[raw("{\"a\" :\n[ 1e2,null ]}")]), r#"[{"a":[100.0,null]}]"#);
    assert_eq!(encoded_in(&[raw("1}, {")], 100), failed());
    let mut out = Vec::new();
    let redaction = Redaction::default();
    let secret = raw(r#"{"token":"77"}"#);
    assert_eq!(encode(&mut out, &secret, &rules(&redaction), 100), Outcome::Whole);
    assert_eq!(out, br#"{"token":"[redacted]"}"#);
    let deep: &str = Box::leak(["[".repeat(1000), "]".repeat(1000)].concat().into());
    let cut = |why| (format!(r#"[{{"$cut":"{why}"}},1]"#), Outcome::Cut);
    assert_eq!(encoded_in(&(raw(deep), 1), 1000), cut("depth"));
    assert_eq!(encoded_in(&(raw(deep), 1), 100), cut("size"));
}

#[test]
fn a_number_that_comes_as_text_is_a_number_where_others_can_read_it() {
    let number = |text| Text("$serde_json::private::Number", text);
    assert_eq!(encoded(&[number("-1.50e3")]), "[-1.50e3]");
    assert_eq!(
        encoded(&[number("123456789012345678901234567890")]),
        "[123456789012345678901234567890]"
    );
    for text in
        ["1e999", "NaN", "01", "1 ", "1,2", "", "1111111111111111111111111111111111111111111111111"]
    {
        assert_eq!(encoded(&[number(text)]), format!("[\"{text}\"]"));
    }
}
