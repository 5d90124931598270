//! Where there is no `ptrace`, or the instructions are another processor's.

use super::costs::Run;
use super::lane::{Extent, Lane};
use crate::program::Stop;

/// Nothing, and why.
pub(super) fn trace(
    _: Extent,
    _: &Stop,
    _: impl FnMut(usize) + Send,
) -> Result<Vec<(Lane, [Run; 2])>, String> {
    Err("only Linux on x86_64 is followed".to_owned())
}
