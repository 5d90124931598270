//! Arrays, element by element.

use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

use super::writer::{Kind, Stop, Writer};

/// An open array.
pub(super) struct Array<'w, 'a> {
    writer: &'w mut Writer<'a>,
    /// It is the value of an enum's variant, whose object is closed with it.
    of_variant: bool,
}

impl<'w, 'a> Array<'w, 'a> {
    pub(super) fn open(writer: &'w mut Writer<'a>) -> Result<Self, Stop> {
        writer.open(Kind::Array)?;
        Ok(Array { writer, of_variant: false })
    }

    /// The array that a variant's object was opened with.
    pub(super) fn of_variant(writer: &'w mut Writer<'a>) -> Self {
        Array { writer, of_variant: true }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.writer.going()?;
        if !self.writer.has_room(1) {
            return self.writer.full(r#"{"$cut":"size"}"#);
        }
        self.writer.comma();
        self.writer.child(value)
    }

    fn close(self) -> Result<(), Stop> {
        self.writer.going()?;
        self.writer.close();
        if self.of_variant {
            self.writer.close();
        }
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident,)+) => {
        $(impl $trait for Array<'_, '_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.element(value)
            }

            fn end(self) -> Result<(), Stop> {
                self.close()
            }
        })+
    };
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}
