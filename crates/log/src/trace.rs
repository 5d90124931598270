//! Stub.

/// Stub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {}
