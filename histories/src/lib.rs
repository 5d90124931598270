//! What a breaker is held against: the sequential model of it, and a checker that says
//! whether a recorded history of many threads could have been one of the model's.
#![allow(missing_docs)]

pub mod drive;
pub mod spec;
