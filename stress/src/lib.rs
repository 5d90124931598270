//! Drives an ampacity breaker hard and checks what it did.
//!
//! The binary is a command line over this library; each program (`replay`,
//! `storm`, `glance`) is a module, and [`program`] says what a program is.

#![forbid(unsafe_code)]

// What unit and integration tests share knows this crate by its name.
#[cfg(test)]
extern crate self as stress;

pub mod cli;
pub mod compare;
mod cpu;
pub mod glance;
pub mod index;
pub mod load;
pub mod machine;
pub mod measure;
pub mod merge;
pub mod pictures;
pub mod print;
pub mod program;
pub mod record;
pub mod replay;
pub mod report;
mod rivals;
pub mod sample;
mod stats;
pub mod storm;
mod system;
pub mod trace;
pub mod upstream;
mod watchdog;
