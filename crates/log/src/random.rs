//! A number that no other process or start of this one has, but by chance.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// From the keys that the standard library seeds its maps with: the system's own randomness,
/// without a dependency.
pub(crate) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
