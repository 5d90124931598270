//! What a value is to look like in a record, where that can be said without the encoder.

use crate::act::Act;
use crate::tree::Tree;

/// What stands for a value that panicked or erred.
const FAILED: &str = r#"{"$error":"format_failed"}"#;
const REDACTED: &str = "[redacted]";

/// Names that are hidden unless a log hides nothing.
const SECRETS: [&str; 3] = ["password", "api_key", "clientSecret"];
/// Some of these is in every name that may be hidden. That no others are is what is checked:
/// which of these are is for the tests of redaction.
const SUSPECTS: [&str; 10] =
    ["auth", "bearer", "cookie", "pass", "pwd", "secret", "token", "jwt", "key", "credential"];

/// What is known of a value beforehand.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Expected {
    Null,
    Bool(bool),
    /// Of 64 bits, signed or not.
    Int(i128),
    Float(f64),
    Single(f32),
    Text(String),
    Array(Vec<Expected>),
    Object(Vec<(String, Expected)>),
    /// The whole value fails, unless it is cut before.
    Fails,
    /// Nothing, but that it is JSON.
    Unknown,
}

/// How much room a value needs.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Size {
    /// As JSON, or a little more.
    pub(crate) bytes: usize,
    /// Levels of arrays and objects.
    pub(crate) depth: usize,
}

impl Expected {
    pub(crate) fn of(act: &Act<'_>) -> Expected {
        match act {
            Act::Null => Expected::Null,
            Act::Bool(value) => Expected::Bool(*value),
            Act::Int(value) => Expected::Int((*value).into()),
            Act::Wide(value) => {
                match i64::try_from(*value).is_ok() || u64::try_from(*value).is_ok() {
                    true => Expected::Int(*value),
                    false => Expected::Text(value.to_string()),
                }
            }
            Act::Unsigned(value) => match u64::try_from(*value) {
                Ok(value) => Expected::Int(value.into()),
                Err(_) => Expected::Text(value.to_string()),
            },
            Act::Float(value) if value.is_finite() => Expected::Float(*value),
            Act::Float(value) => not_finite(*value),
            Act::Single(value) if value.is_finite() => Expected::Single(*value),
            Act::Single(value) => not_finite((*value).into()),
            Act::Char(value) => Expected::Text(value.to_string()),
            Act::Text(value) => Expected::Text((*value).to_owned()),
            Act::Long(char, times) => Expected::Text(char.to_string().repeat((*times).into())),
            Act::Bytes(value) => match std::str::from_utf8(value) {
                Ok(text) => Expected::Text(text.to_owned()),
                Err(_) => {
                    let lossy = Expected::Text(String::from_utf8_lossy(value).into_owned());
                    Expected::object(vec![("$lossy".to_owned(), lossy)])
                }
            },
            Act::Shown(shows) => shows.text().map_or(Expected::Fails, Expected::Text),
            Act::Debugged(text) => Expected::Text(format!("{text:?}")),
            // A chain of wrappers may be cut, too.
            Act::Some(value) if matches!(**value, Act::Some(_) | Act::Logs(_)) => Expected::Unknown,
            Act::Some(value) | Act::Logs(value) => Expected::of(value),
            Act::Deep(_, true, _) => Expected::Unknown,
            Act::Deep(levels, false, value) => {
                (0..*levels).fold(Expected::of(value), |inner, _| Expected::array(vec![inner]))
            }
            Act::List(values) => Expected::array(values.iter().map(Expected::of).collect()),
            Act::Map(entries) => Expected::object(
                entries.iter().map(|(name, act)| (name.0.to_owned(), Expected::of(act))).collect(),
            ),
            Act::Variant(name, fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, act)| (name.0.to_owned(), Expected::of(act)));
                Expected::object(vec![(name.0.to_owned(), Expected::object(fields.collect()))])
            }
            Act::Newtype(name, value) => {
                Expected::object(vec![(name.0.to_owned(), Expected::of(value))])
            }
            Act::Tuple(name, values) => {
                let values = Expected::array(values.iter().map(Expected::of).collect());
                Expected::object(vec![(name.0.to_owned(), values)])
            }
            Act::Errs | Act::Panics => Expected::Fails,
            Act::OddKeys(_)
            | Act::Heedless(_)
            | Act::Endless(..)
            | Act::HalfMap(..)
            | Act::Raw(_)
            | Act::RawNumber(_) => Expected::Unknown,
        }
    }

    fn array(elements: Vec<Expected>) -> Expected {
        match Expected::worst(elements.iter()) {
            Some(worst) => worst,
            None => Expected::Array(elements),
        }
    }

    fn object(members: Vec<(String, Expected)>) -> Expected {
        let mut names = std::collections::HashSet::new();
        // Of a name that is there twice one is left out, and long names are cut.
        if members.iter().any(|(name, _)| !names.insert(name) || escaped(name) > 250) {
            return Expected::Unknown;
        }
        // What is hidden is not even asked for its value.
        if members.iter().any(|(name, value)| *value == Expected::Fails && is_suspect(name)) {
            return Expected::Unknown;
        }
        match Expected::worst(members.iter().map(|(_, value)| value)) {
            Some(worst) => worst,
            None => Expected::Object(members),
        }
    }

    /// What is known of a whole, where some part of it fails or is not known.
    fn worst<'a>(parts: impl Iterator<Item = &'a Expected> + Clone) -> Option<Expected> {
        let bad = [Expected::Unknown, Expected::Fails];
        bad.into_iter().find(|bad| parts.clone().any(|part| part == bad))
    }

    /// Whether `seen` is this, or may stand for it; `all` says that nothing is hidden.
    pub(crate) fn is(&self, seen: &Tree, all: bool) -> bool {
        match (self, seen) {
            (Expected::Unknown, _) => true,
            (Expected::Fails, seen) => is_failed(seen),
            (Expected::Null, Tree::Null) => true,
            (Expected::Bool(a), Tree::Bool(b)) => a == b,
            (Expected::Int(a), Tree::Number(b)) => b.parse() == Ok(*a),
            (Expected::Float(a), Tree::Number(b)) => b.parse().map(f64::to_bits) == Ok(a.to_bits()),
            (Expected::Single(a), Tree::Number(b)) => {
                b.parse().map(f32::to_bits) == Ok(a.to_bits())
            }
            (Expected::Text(a), Tree::Text(b)) => a == b,
            (Expected::Array(a), Tree::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is(b, all))
            }
            // In any order: contexts sort what they hold.
            (Expected::Object(a), Tree::Object(b)) => {
                let is = |(name, a): &(String, Expected)| {
                    seen.get(name).is_some_and(|b| a.is_under(name, b, all))
                };
                a.len() == b.len() && a.iter().all(is)
            }
            _ => false,
        }
    }

    /// As [`is`](Expected::is), for the value of a field of this name.
    pub(crate) fn is_under(&self, name: &str, seen: &Tree, all: bool) -> bool {
        if !all && SECRETS.contains(&name) {
            return is_redacted(seen);
        }
        let may_be_hidden = !all && is_suspect(name);
        may_be_hidden && is_redacted(seen) || self.is(seen, all)
    }

    pub(crate) fn size(&self) -> Size {
        match self {
            Expected::Text(text) => Size { bytes: escaped(text) + 2, depth: 0 },
            Expected::Array(elements) => {
                elements.iter().fold(Size { bytes: 2, depth: 1 }, |whole, element| {
                    let Size { bytes, depth } = element.size();
                    Size { bytes: whole.bytes + bytes + 1, depth: whole.depth.max(depth + 1) }
                })
            }
            Expected::Object(members) => {
                members.iter().fold(Size { bytes: 2, depth: 1 }, |whole, (name, value)| {
                    let Size { bytes, depth } = value.size();
                    let bytes = escaped(name) + 4 + bytes.max(REDACTED.len() + 2);
                    Size { bytes: whole.bytes + bytes, depth: whole.depth.max(depth + 1) }
                })
            }
            _ => Size { bytes: 26, depth: 0 },
        }
    }
}

fn not_finite(value: f64) -> Expected {
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Expected::Text(name.to_owned())
}

/// At most how many bytes of a JSON string this is.
pub(crate) fn escaped(text: &str) -> usize {
    text.chars()
        .map(|c| if c < ' ' { 6 } else { c.len_utf8() + usize::from("\"\\".contains(c)) })
        .sum()
}

pub(crate) fn is_failed(seen: &Tree) -> bool {
    Tree::parse(FAILED).as_ref() == Ok(seen)
}

fn is_redacted(seen: &Tree) -> bool {
    seen.text() == Some(REDACTED)
}

fn is_suspect(name: &str) -> bool {
    let mut name: String = name.chars().filter(|c| !"_-. ".contains(*c)).collect();
    name.make_ascii_lowercase();
    SUSPECTS.iter().any(|suspect| name.contains(suspect)) || name.starts_with("customer")
}
