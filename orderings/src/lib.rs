//! Weakens every memory ordering of the library by one step, in turn, and says which model
//! notices.
//!
//! The source is read as syntax ([`sites`]), each ordering with the comment that argues it
//! ([`comments`]). A copy of the workspace takes each ordering from a function that knows
//! which of them is to be weaker ([`copy`], `weak`), so that one build has all mutants in
//! it ([`models`]). Then every mutant ([`mutants`]) meets tests that come by it ([`search`],
//! [`hunt`]), and what became of it ([`verdicts`]) goes into `docs/orderings.md`
//! ([`document`]), beside the reasons for those that no test can notice ([`argued`]).

pub mod argued;
pub mod comments;
pub mod copy;
pub mod document;
pub mod hunt;
pub mod models;
pub mod mutants;
pub mod search;
pub mod sites;
pub mod source;
pub mod verdicts;
#[allow(dead_code)] // but for its tests: it is called where it is copied to
mod weak;

/// The root of the workspace that is examined: the one that this program was built in.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
