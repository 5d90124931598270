//! What a breaker is held against: the sequential model of it, and a checker that says
//! whether a recorded history of many threads could have been one of the model's.
//!
//! `README.md` says what that means, how it is decided and what it does not prove.
#![forbid(unsafe_code)]

pub mod drive;
// The model is read as a whole: its fields and steps have the names of what they are.
#[allow(missing_docs)]
pub mod spec;

pub mod history;
pub mod model;
mod names;

pub mod check;
pub mod minimise;
pub mod report;

#[cfg(not(ampacity_loom))]
mod clock;
#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
mod panicked;
pub mod program;
#[cfg(not(ampacity_loom))]
pub mod run;
#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
pub mod small;
#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
pub mod storm;

#[cfg(all(feature = "program", not(any(ampacity_loom, ampacity_shuttle))))]
pub mod cli;
