//! The sequential model: what a breaker does, one operation at a time. Plain structs with
//! `&mut self` and the specification in code.
//!
//! [`Model`] is all of it, and what breakers are held against by [`drive`](crate::drive). The
//! two in [`consecutive`] and [`windows`] have less in them, so that a search that keeps
//! every state that it has been in has fewer and smaller ones; tests hold them to be the large
//! one with that left out.

mod counts;
mod desk;
mod model;
mod rules;
mod settle;
mod window;

pub use counts::{Counts, Latencies};
pub use desk::Desk;
pub use model::{Asked, Model, Order, Pass, Phase, Saved, Spell, Turn};
pub use rules::{Judge, NAME, Policy, Rules, SLOW_OVER, Shape, TICK, Verdict};
pub use settle::End;
pub use window::{Entry, Figures, Finding, SavedWindow, Window};

pub mod consecutive;
pub mod windows;

#[cfg(test)]
mod tests;
