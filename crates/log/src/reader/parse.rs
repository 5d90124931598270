//! One line's bytes to an object, or the reason why not.
//!
//! serde_json reads; what it leaves open is closed here: a key twice in one object, and how
//! deep is too deep.

use core::cell::Cell;
use core::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::skipped::Reason;

/// Levels that are read. Below serde_json's own limit of 127, so that it is ours which is met.
const DEEPEST: usize = 100;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// The only key of the map that stands for a number where serde_json keeps those as text.
const NUMBER: &str = "$serde_json::private::Number";

/// Whether it does: somebody else in the program may have asked for its `arbitrary_precision`.
static KEEPS_TEXT: LazyLock<bool> =
    LazyLock::new(|| "1.50".parse::<Number>().is_ok_and(|number| number.to_string() == "1.50"));

/// The object that `line` is, and its text.
pub(super) fn object(line: &[u8]) -> Result<(&str, Map<String, Value>), Reason> {
    if line.iter().all(|byte| b" \t\r".contains(byte)) {
        return Err(Reason::Blank);
    }
    let text = match core::str::from_utf8(line) {
        Ok(text) => text,
        // A character that is only cut short at the very end was cut with its line.
        Err(error) if error.error_len().is_none() => return Err(Reason::Torn),
        Err(error) => return Err(Reason::NotUtf8 { column: error.valid_up_to() + 1 }),
    };
    match value(text)? {
        Value::Object(object) => Ok((text, object)),
        Value::Array(_) => Err(Reason::NotAnObject { found: "an array" }),
        Value::String(_) => Err(Reason::NotAnObject { found: "a string" }),
        Value::Number(_) => Err(Reason::NotAnObject { found: "a number" }),
        Value::Bool(_) => Err(Reason::NotAnObject { found: "a boolean" }),
        Value::Null => Err(Reason::NotAnObject { found: "null" }),
    }
}

/// `line` without a byte order mark, which may stand at the start of a file.
pub(super) fn without_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line)
}

fn value(text: &str) -> Result<Value, Reason> {
    let fault = Cell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let strict = Strict { depth: 0, fault: &fault, keeps_text: *KEEPS_TEXT };
    let read = strict.deserialize(&mut json);
    let read = read.and_then(|value| json.end().map(|()| value));
    read.map_err(|error| fault.take().unwrap_or_else(|| syntax(text, &error)))
}

fn syntax(text: &str, error: &serde_json::Error) -> Reason {
    let column = error.column();
    if error.is_eof() {
        return Reason::Torn;
    }
    if let Some((token, column)) = not_finite(text.as_bytes(), column) {
        return Reason::NotFinite { token, column };
    }
    let said = error.to_string();
    let why = said.rsplit_once(" at line ").map_or(said.as_str(), |(why, _)| why);
    if why == "number out of range" {
        return Reason::NumberTooLarge { column };
    }
    Reason::NotJson { why: why.to_owned(), column }
}

/// The token of that kind at which a parser stopped, within a byte of `column`.
fn not_finite(text: &[u8], column: usize) -> Option<(&'static str, usize)> {
    let near = column.saturating_sub(3)..=column;
    near.filter_map(|start| text.get(start..).map(|rest| (start, rest))).find_map(
        |(start, rest)| {
            let token = ["-Infinity", "Infinity", "NaN"];
            let token = token.into_iter().find(|token| rest.starts_with(token.as_bytes()))?;
            Some((token, start + 1))
        },
    )
}

/// Reads a value in which no object has a key twice.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    // What was found that serde_json would let pass.
    fault: &'a Cell<Option<Reason>>,
    keeps_text: bool,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(self.refuse(Reason::TooDeep { limit: DEEPEST }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn refuse<E: serde::de::Error>(self, reason: Reason) -> E {
        self.fault.set(Some(reason));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(value) = from.next_element_seed(inner)? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut next = from.next_key::<String>()?;
        if self.keeps_text && next.as_deref() == Some(NUMBER) {
            let number = from.next_value::<String>()?.parse().map_err(A::Error::custom)?;
            return self.visit_f64(number);
        }
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = next {
            match object.entry(key) {
                Entry::Vacant(place) => place.insert(from.next_value_seed(inner)?),
                Entry::Occupied(taken) => {
                    let key = taken.key().chars().take(64).collect();
                    return Err(self.refuse(Reason::DuplicateKey { key }));
                }
            };
            next = from.next_key()?;
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    fn read(text: &str, keeps_text: bool) -> Result<Value, Error> {
        let number = MapDeserializer::new([(NUMBER, text)].into_iter());
        Strict { depth: DEEPEST, fault: &Cell::new(None), keeps_text }.deserialize(number)
    }

    #[test]
    fn a_number_that_comes_as_its_text_is_a_number() {
        assert_eq!(read("1.50", true), Ok(1.5.into()));
        assert_eq!(read("1e400", true).unwrap_err().to_string(), "number out of range");
        read("x", true).unwrap_err();
        // Nobody's number: an object, and too deep here.
        read("1.50", false).unwrap_err();
    }
}
