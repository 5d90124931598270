//! Values that are to be written otherwise than by their own `Serialize`, or that have none.

mod keys;

use core::fmt;

use serde::{Serialize, Serializer};

/// The value as its [`Display`](fmt::Display) shows it, as a string.
///
/// It is formatted once, straight into the record, and stopped where the record's limits are
/// reached. If it errs or panics, `{"$error":"format_failed"}` is written for it.
///
/// # Examples
///
/// ```
/// let address = std::net::Ipv4Addr::LOCALHOST;
/// let json = serde_json::to_string(&ampacity_log::display(address))?;
/// assert_eq!(json, r#""127.0.0.1""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn display<T: fmt::Display>(value: T) -> Display<T> {
    Display(value)
}

/// The value as its [`Debug`](fmt::Debug) shows it, as a string, under the terms of [`display`].
///
/// The names of its fields are then text, so that none of them is hidden.
///
/// # Examples
///
/// ```
/// let json = serde_json::to_string(&ampacity_log::debug(Some(1)))?;
/// assert_eq!(json, r#""Some(1)""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn debug<T: fmt::Debug>(value: T) -> Debug<T> {
    Debug(value)
}

/// Bytes, as a string where they are UTF-8; else as `{"$lossy":"…"}`, with U+FFFD in place of
/// what is not.
///
/// A plain slice of bytes is written as an array of numbers.
///
/// # Examples
///
/// ```
/// # use ampacity_log::bytes;
/// let path = bytes(b"data/\xff"); // in a record: {"$lossy":"data/�"}
/// # let _ = path;
/// ```
pub fn bytes(bytes: &[u8]) -> Bytes<'_> {
    Bytes(bytes)
}

/// The names of the value's fields as an array, and not one of their values.
///
/// So are written the keys of a map, the fields of a struct and the name of an enum's variant
/// that holds something. Anything else has no names: it is written as `"[redacted]"`.
///
/// # Examples
///
/// ```
/// let parameters = serde_json::json!({"account": "DE02 1234", "amount": 3});
/// let json = serde_json::to_string(&ampacity_log::keys_only(&parameters))?;
/// assert_eq!(json, r#"["account","amount"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn keys_only<T: Serialize>(value: T) -> KeysOnly<T> {
    KeysOnly(value)
}

/// Made by [`display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<T>(T);

/// Made by [`debug`].
#[derive(Clone, Copy, Debug)]
pub struct Debug<T>(T);

/// Made by [`bytes`].
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

/// Made by [`keys_only`].
#[derive(Clone, Copy)]
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
        self.0.serialize(keys::Keys(serializer))
    }
}

/// Shows nothing of the value.
impl<T> fmt::Debug for KeysOnly<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeysOnly")
    }
}
