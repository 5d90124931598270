//! The sequential model: what a breaker does, one operation at a time. Plain structs with
//! `&mut self` and the specification in code.

pub mod consecutive;
pub mod windows;
