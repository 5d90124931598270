//! Values that do not implement `Serialize`, or that should be written otherwise.

use core::fmt;

use serde::{Serialize, Serializer};

/// A value as its `Display` shows it.
pub fn display<T: fmt::Display>(value: T) -> Display<T> {
    Display(value)
}

/// A value as its `Debug` shows it.
pub fn debug<T: fmt::Debug>(value: T) -> Debug<T> {
    Debug(value)
}

/// Bytes as text where they are UTF-8, else as `{"$lossy":"…"}`.
pub fn bytes(bytes: &[u8]) -> Bytes<'_> {
    Bytes(bytes)
}

/// The names of a value's top-level fields, and none of their values.
pub fn keys_only<T: Serialize>(value: T) -> KeysOnly<T> {
    KeysOnly(value)
}

/// See [`display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<T>(T);

/// See [`debug`].
#[derive(Clone, Copy, Debug)]
pub struct Debug<T>(T);

/// See [`bytes`].
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

/// See [`keys_only`].
#[derive(Clone, Copy, Debug)]
pub struct KeysOnly<T>(T);

impl<T: fmt::Display> Serialize for Display<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<T: fmt::Debug> Serialize for Debug<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<T: Serialize> Serialize for KeysOnly<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[redacted]")
    }
}
