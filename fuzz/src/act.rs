//! Values that do what values do, and what they must not.

use ampacity_log::{EventType, Level, Log, bytes, debug, display};
use arbitrary::{Arbitrary, Unstructured};
use serde_core::ser::{Error, SerializeMap, SerializeSeq, SerializeStructVariant};
use serde_core::{Serialize, Serializer};
use std::cell::RefCell;

use crate::shows::{Shows, panics};

/// The type of records that a value logs while it is being logged.
pub(crate) const INNER: EventType = EventType::Other("inner");

/// The name of the struct by which serde_json hands on JSON as text.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

thread_local! {
    /// What values log to.
    static LOG: RefCell<Log> = const { RefCell::new(Log::off()) };
}

/// Has values log to `log` from now on.
pub(crate) fn log_to(log: Log) -> Log {
    LOG.replace(log)
}

/// A name: of a secret, of the envelope, or any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name<'a>(pub(crate) &'a str);

const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "",
    "é\n\"",
    "password",
    "api_key",
    "clientSecret",
    "max_tokens",
    "customer_id",
    "$cut",
    "$error",
    "timestamp",
    "schema_version",
    "level",
    "logger",
    "event_type",
    "message",
    "seq",
    "stream",
    "trace_id",
    "span_id",
    "fields",
    "truncated",
];

impl<'a> Arbitrary<'a> for Name<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        match NAMES.get(usize::from(u.arbitrary::<u8>()?) % (NAMES.len() + 8)) {
            Some(name) => Ok(Name(name)),
            None => u.arbitrary().map(Name),
        }
    }
}

/// A name that is known when this is compiled, as those of structs and variants are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StaticName(pub(crate) &'static str);

impl<'a> Arbitrary<'a> for StaticName {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        u.choose(NAMES).map(|name| StaticName(name))
    }
}

/// What a value does when it is serialised.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Act<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Wide(i128),
    Unsigned(u128),
    Float(f64),
    Single(f32),
    Char(char),
    Text(&'a str),
    /// A character, so many times: cheap to say, dear to write.
    Long(char, u16),
    Bytes(&'a [u8]),
    Shown(Shows<'a>),
    Debugged(&'a str),
    Some(Box<Act<'a>>),
    /// So many arrays within each other, or wrappers that are written as nothing.
    Deep(u8, bool, Box<Act<'a>>),
    List(Vec<Act<'a>>),
    Map(Vec<(Name<'a>, Act<'a>)>),
    OddKeys(Vec<(Act<'a>, Act<'a>)>),
    Variant(StaticName, Vec<(StaticName, Act<'a>)>),
    Newtype(StaticName, Box<Act<'a>>),
    Tuple(StaticName, Vec<Act<'a>>),
    /// Goes on after errors.
    Heedless(Vec<Act<'a>>),
    /// An element or an entry, over and over: ends when it is told to.
    Endless(bool, Box<Act<'a>>),
    /// Keys without values, or values without keys.
    HalfMap(bool, Box<Act<'a>>),
    Raw(&'a str),
    /// Text that says that it is a number.
    RawNumber(&'a str),
    Logs(Box<Act<'a>>),
    Errs,
    Panics,
}

impl Serialize for Act<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Act::Null => s.serialize_unit(),
            Act::Bool(value) => value.serialize(s),
            Act::Int(value) => value.serialize(s),
            Act::Wide(value) => value.serialize(s),
            Act::Unsigned(value) => value.serialize(s),
            Act::Float(value) => value.serialize(s),
            Act::Single(value) => value.serialize(s),
            Act::Char(value) => value.serialize(s),
            Act::Text(value) => value.serialize(s),
            Act::Long(char, times) => s.serialize_str(&char.to_string().repeat((*times).into())),
            Act::Bytes(value) => bytes(value).serialize(s),
            Act::Shown(shows) => display(shows).serialize(s),
            Act::Debugged(text) => debug(text).serialize(s),
            Act::Some(value) => s.serialize_some(value),
            Act::Deep(levels, wrappers, value) => Inside(*levels, *wrappers, value).serialize(s),
            Act::List(values) => values.serialize(s),
            Act::Map(entries) => s.collect_map(entries.iter().map(|(name, act)| (name.0, act))),
            Act::OddKeys(entries) => s.collect_map(entries.iter().map(|(key, act)| (key, act))),
            Act::Variant(name, fields) => {
                let mut variant = s.serialize_struct_variant("E", 0, name.0, fields.len())?;
                for (name, value) in fields {
                    variant.serialize_field(name.0, value)?;
                }
                variant.end()
            }
            Act::Newtype(name, value) => s.serialize_newtype_variant("E", 0, name.0, value),
            Act::Tuple(name, values) => {
                use serde_core::ser::SerializeTupleVariant;
                let mut variant = s.serialize_tuple_variant("E", 0, name.0, values.len())?;
                values.iter().try_for_each(|value| variant.serialize_field(value))?;
                variant.end()
            }
            Act::Heedless(values) => {
                let mut list = s.serialize_seq(None)?;
                for value in values {
                    let _ = list.serialize_element(value);
                }
                list.end()
            }
            Act::Endless(true, value) => s.collect_seq(std::iter::repeat(value)),
            Act::Endless(false, value) => {
                s.collect_map(std::iter::repeat(value).enumerate().map(|(n, value)| (n / 2, value)))
            }
            Act::HalfMap(keys, value) => {
                let mut map = s.serialize_map(None)?;
                match keys {
                    true => map.serialize_key(value)?,
                    false => map.serialize_value(value)?,
                }
                map.end()
            }
            Act::Raw(text) => as_text(s, RAW_VALUE, text),
            Act::RawNumber(text) => as_text(s, "$serde_json::private::Number", text),
            Act::Logs(value) => {
                let log = LOG.with_borrow(Log::clone);
                log.event_at(Level::Critical, INNER).field("a", 1).emit();
                value.serialize(s)
            }
            Act::Errs => Err(S::Error::custom("no")),
            Act::Panics => panics(),
        }
    }
}

/// A value within so many levels.
struct Inside<'a>(u8, bool, &'a Act<'a>);

impl Serialize for Inside<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match *self {
            Inside(0, _, value) => value.serialize(s),
            Inside(levels, true, value) => s.serialize_some(&Inside(levels - 1, true, value)),
            Inside(levels, false, value) => [Inside(levels - 1, false, value)].serialize(s),
        }
    }
}

fn as_text<S: Serializer>(s: S, name: &'static str, text: &str) -> Result<S::Ok, S::Error> {
    use serde_core::ser::SerializeStruct;
    let mut wrapper = s.serialize_struct(name, 1)?;
    wrapper.serialize_field(name, text)?;
    wrapper.end()
}
