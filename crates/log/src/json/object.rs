//! Objects, key by key.

use core::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, SerializeStructVariant};

use super::KEY_BYTES;
use super::writer::{Flow, Kind, Stop, Writer};

/// The most keys of one object. They are kept sorted, which would take for ever with millions.
const MAX_KEYS: usize = 4096;

/// An open object.
pub(super) struct Object<'w, 'a> {
    writer: &'w mut Writer<'a>,
    form: Form,
    /// What becomes of the next value.
    next: Next,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Its keys are those in the scratch from here on.
    Entries { keys_from: usize, of_variant: bool },
    /// No object at all: its one field is JSON as text.
    Raw,
    /// Its one field is a number as text.
    Number,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There must be a key first.
    NoKey,
    Written,
    Hidden,
    /// It is of a key that was there before, or whatever comes after the text.
    Ignored,
}

impl<'w, 'a> Object<'w, 'a> {
    pub(super) fn open(writer: &'w mut Writer<'a>) -> Result<Self, Stop> {
        writer.open(Kind::Object)?;
        Ok(Object::entries(writer, false))
    }

    /// The object that a variant's object was opened with.
    pub(super) fn of_variant(writer: &'w mut Writer<'a>) -> Self {
        Object::entries(writer, true)
    }

    fn entries(writer: &'w mut Writer<'a>, of_variant: bool) -> Self {
        let keys_from = writer.scratch().keys.len();
        Object { writer, form: Form::Entries { keys_from, of_variant }, next: Next::NoKey }
    }

    pub(super) fn raw(writer: &'w mut Writer<'a>) -> Result<Self, Stop> {
        writer.going()?;
        Ok(Object { writer, form: Form::Raw, next: Next::NoKey })
    }

    pub(super) fn number(writer: &'w mut Writer<'a>) -> Result<Self, Stop> {
        writer.going()?;
        Ok(Object { writer, form: Form::Number, next: Next::NoKey })
    }

    /// Opens what an enum's variant holds, as this object's only value.
    pub(super) fn variant(
        mut self,
        variant: &'static str,
        kind: Kind,
    ) -> Result<&'w mut Writer<'a>, Stop> {
        self.key(variant)?;
        // It gets no other key, and what it holds may have its own.
        if let Form::Entries { keys_from, .. } = self.form {
            self.writer.scratch().keys.truncate(keys_from);
        }
        let opened = match self.next {
            Next::Hidden => {
                self.writer.redacted();
                self.writer.skip()
            }
            _ => self.writer.open(kind),
        };
        // A marker stands for what it holds, and the object is done.
        if self.writer.flow == Flow::Skipped {
            self.writer.close();
        }
        opened.map(|()| self.writer)
    }

    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        let writer = &mut *self.writer;
        writer.going()?;
        let Form::Entries { keys_from, .. } = self.form else { return Ok(()) };
        if self.next != Next::NoKey {
            return writer.fail();
        }
        let before = writer.out.len();
        if !writer.has_room(1) || writer.scratch().keys.len() - keys_from == MAX_KEYS {
            return self.full(keys_from);
        }
        writer.comma();
        let start = writer.out.len() + 1;
        writer.key(key, KEY_BYTES)?;
        let end = writer.out.len() - 1;
        if !writer.has_room(1) {
            writer.out.truncate(before);
            return self.full(keys_from);
        }
        let (out, keys) = writer.written();
        self.next = match find(out, &keys[keys_from..], &out[start..end]) {
            Ok(_) => {
                writer.out.truncate(before);
                // Charged all the same, or a map that repeats a key for ever would never end.
                writer.limit -= end + 1 - start;
                writer.cut = true;
                Next::Ignored
            }
            Err(at) => {
                writer.scratch().keys.insert(keys_from + at, (start, end));
                let hidden = writer.rules.redaction.hides_bytes(&writer.out[start..end]);
                writer.out.push(b':');
                if hidden { Next::Hidden } else { Next::Written }
            }
        };
        Ok(())
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.writer.going()?;
        match core::mem::replace(&mut self.next, Next::NoKey) {
            Next::NoKey if self.form == Form::Raw || self.form == Form::Number => {
                self.next = Next::Ignored;
                self.as_text(value)
            }
            Next::NoKey => self.writer.fail(),
            Next::Written => self.writer.child(value),
            Next::Hidden => {
                self.writer.redacted();
                Ok(())
            }
            Next::Ignored => Ok(()),
        }
    }

    /// What comes as text and is none.
    fn as_text<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let bytes = self.writer.raw_bytes();
        let (text, more) = self.writer.collected(&AsText(value), bytes)?;
        let written = match self.form {
            _ if more => self.writer.raw_too_long(),
            Form::Number => self.writer.number(&text),
            _ => self.writer.raw(&text),
        };
        self.writer.scratch().text = text;
        written
    }

    /// Ends the whole value in this object.
    fn full(&mut self, keys_from: usize) -> Result<(), Stop> {
        // An object may have a key of this name itself, and must not have it twice.
        let (out, keys) = self.writer.written();
        let named = find(out, &keys[keys_from..], b"$cut").is_ok();
        self.writer.full(if named { "" } else { r#""$cut":"size""# })
    }

    pub(super) fn close(self) -> Result<(), Stop> {
        self.writer.going()?;
        match (self.form, self.next) {
            (Form::Entries { keys_from, of_variant }, Next::NoKey) => {
                self.writer.scratch().keys.truncate(keys_from);
                self.writer.close();
                if of_variant {
                    self.writer.close();
                }
                Ok(())
            }
            (Form::Raw | Form::Number, Next::Ignored) => Ok(()),
            // A key without a value, or no text where one was promised.
            _ => self.writer.fail(),
        }
    }
}

/// Where among the sorted `keys` this one is, or would be.
fn find(out: &[u8], keys: &[(usize, usize)], key: &[u8]) -> Result<usize, usize> {
    keys.binary_search_by(|&(start, end)| out[start..end].cmp(key))
}

/// Shows what a string or a number serialises as.
struct AsText<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> fmt::Display for AsText<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

macro_rules! fields {
    ($($trait:ident,)+) => {
        $(impl $trait for Object<'_, '_> {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Stop> {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Result<(), Stop> {
                self.close()
            }
        })+
    };
}

fields! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Object<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.value(value)
    }

    fn end(self) -> Result<(), Stop> {
        self.close()
    }
}
