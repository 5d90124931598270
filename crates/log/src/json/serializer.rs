//! The writer as a [`Serializer`]: which JSON each of serde's types is.

use core::fmt;

use serde::{Serialize, Serializer};

use super::array::Array;
use super::object::Object;
use super::writer::{Kind, Stop, Writer};

/// By these names of structs serde_json's own types are known: JSON as text, a number as text.
const RAW_VALUE: &str = "$serde_json::private::RawValue";
const NUMBER: &str = "$serde_json::private::Number";

macro_rules! plain {
    ($($method:ident: $type:ty,)+) => {
        $(fn $method(self, value: $type) -> Result<(), Stop> {
            self.plain(value)
        })+
    };
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Array<'w, 'a>;
    type SerializeTuple = Array<'w, 'a>;
    type SerializeTupleStruct = Array<'w, 'a>;
    type SerializeTupleVariant = Array<'w, 'a>;
    type SerializeMap = Object<'w, 'a>;
    type SerializeStruct = Object<'w, 'a>;
    type SerializeStructVariant = Object<'w, 'a>;

    plain! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
    }

    /// A number where 64 bits hold it: many parsers read no more.
    fn serialize_i128(self, value: i128) -> Result<(), Stop> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.plain(value),
            (_, Ok(value)) => self.plain(value),
            _ => self.shown(&value),
        }
    }

    /// As for `i128`.
    fn serialize_u128(self, value: u128) -> Result<(), Stop> {
        match u64::try_from(value) {
            Ok(value) => self.plain(value),
            Err(_) => self.shown(&value),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), Stop> {
        if value.is_finite() { self.plain(value) } else { self.string(not_finite(value.into())) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Stop> {
        if value.is_finite() { self.plain(value) } else { self.string(not_finite(value)) }
    }

    fn serialize_char(self, value: char) -> Result<(), Stop> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        self.going()?;
        match core::str::from_utf8(value) {
            Ok(text) => self.string(text),
            Err(_) => self.lossy(value),
        }
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.shown(value)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        self.plain(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.wrapped(value)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.plain(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.plain(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Stop> {
        self.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.wrapped(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        let mut object = Object::open(self)?;
        object.key(variant)?;
        object.value(value)?;
        object.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'w, 'a>, Stop> {
        Array::open(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Array<'w, 'a>, Stop> {
        Array::open(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Array<'w, 'a>, Stop> {
        Array::open(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'w, 'a>, Stop> {
        let writer = Object::open(self)?.variant(variant, Kind::Array)?;
        Ok(Array::of_variant(writer))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w, 'a>, Stop> {
        Object::open(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'w, 'a>, Stop> {
        match name {
            RAW_VALUE => Object::raw(self),
            NUMBER => Object::number(self),
            _ => Object::open(self),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'w, 'a>, Stop> {
        let writer = Object::open(self)?.variant(variant, Kind::Object)?;
        Ok(Object::of_variant(writer))
    }
}

fn not_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}
