//! Writes the names of a value's fields as an array, and nothing of anything else.

use core::fmt;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::KeysOnly;
use crate::json::REDACTED;

/// How the names of serde_json's own structs begin: their one field is text, and no field.
const TEXT: &str = "$serde_json::private::";
/// How many hidden elements are gone through: nothing else would end an endless list.
const MAX_HIDDEN: usize = 1 << 20;

/// Lets names through to `S`, and nothing else.
pub(super) struct Keys<S>(pub(super) S);

macro_rules! hidden {
    ($($method:ident($($arg:ty),*);)+) => {
        $(fn $method(self, $(_: $arg),*) -> Result<S::Ok, S::Error> {
            self.0.serialize_str(REDACTED)
        })+
    };
}

impl<S: Serializer> Serializer for Keys<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Hidden<S>;
    type SerializeTuple = Hidden<S>;
    type SerializeTupleStruct = Hidden<S>;
    type SerializeTupleVariant = Hidden<S>;
    type SerializeMap = Names<S>;
    type SerializeStruct = Names<S>;
    type SerializeStructVariant = Hidden<S>;

    hidden! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(REDACTED)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&KeysOnly(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &KeysOnly(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.collect_seq([variant])
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Hidden<S>, S::Error> {
        Ok(Hidden::new(self.0, None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Hidden<S>, S::Error> {
        Ok(Hidden::new(self.0, None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Hidden<S>, S::Error> {
        Ok(Hidden::new(self.0, None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Hidden<S>, S::Error> {
        Ok(Hidden::new(self.0, Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Names<S>, S::Error> {
        Ok(Names::Listed(self.0.serialize_seq(None)?))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Names<S>, S::Error> {
        if name.starts_with(TEXT) {
            return Ok(Names::Hidden(self.0));
        }
        Ok(Names::Listed(self.0.serialize_seq(Some(len))?))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Hidden<S>, S::Error> {
        Ok(Hidden::new(self.0, Some(variant)))
    }
}

/// The fields of a map or a struct.
pub(super) enum Names<S: Serializer> {
    Listed(S::SerializeSeq),
    Hidden(S),
}

impl<S: Serializer> Names<S> {
    fn name<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), S::Error> {
        match self {
            Names::Listed(list) => list.serialize_element(name),
            Names::Hidden(_) => Ok(()),
        }
    }

    fn finish(self) -> Result<S::Ok, S::Error> {
        match self {
            Names::Listed(list) => list.end(),
            Names::Hidden(serializer) => serializer.serialize_str(REDACTED),
        }
    }
}

impl<S: Serializer> SerializeMap for Names<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.name(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), S::Error> {
        Ok(())
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.finish()
    }
}

impl<S: Serializer> SerializeStruct for Names<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        _: &T,
    ) -> Result<(), S::Error> {
        self.name(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.finish()
    }
}

/// What has no names but, if it is a variant, its own.
pub(super) struct Hidden<S> {
    serializer: S,
    variant: Option<&'static str>,
    left: usize, // in 0..=MAX_HIDDEN
}

impl<S: Serializer> Hidden<S> {
    fn new(serializer: S, variant: Option<&'static str>) -> Self {
        Hidden { serializer, variant, left: MAX_HIDDEN }
    }

    fn element(&mut self) -> Result<(), S::Error> {
        self.left = self.left.checked_sub(1).ok_or_else(|| S::Error::custom("too long"))?;
        Ok(())
    }

    fn finish(self) -> Result<S::Ok, S::Error> {
        match self.variant {
            Some(variant) => self.serializer.collect_seq([variant]),
            None => self.serializer.serialize_str(REDACTED),
        }
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident($($key:ty)?),)+) => {
        $(impl<S: Serializer> $trait for Hidden<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $key,)?
                _: &T,
            ) -> Result<(), S::Error> {
                self.element()
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.finish()
            }
        })+
    };
}

elements! {
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStructVariant::serialize_field(&'static str),
}

#[cfg(test)]
mod tests;
