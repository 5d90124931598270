//! A reader that accepts no key twice.

use core::fmt;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Panics unless `text` is valid JSON that has no key twice in one object.
pub(super) fn parse(text: &str) {
    if let Err(error) = serde_json::from_str::<Strict>(text) {
        panic!("{error}: {text}");
    }
}

struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

macro_rules! leaves {
    ($($method:ident: $type:ty,)+) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Strict, E> {
            Ok(Strict)
        })+
    };
}

impl<'de> Visitor<'de> for Strict {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    leaves! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Strict, A::Error> {
        while array.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Strict, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, Strict)) = object.next_entry::<String, _>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("{key:?} is there twice")));
            }
        }
        Ok(Strict)
    }
}
