//! Stub.

/// Stub.
#[derive(Clone, Debug, Default)]
pub struct Context {}
