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
pub mod contend;
mod cpu;
mod eventlog;
pub mod glance;
mod heap;
pub mod index;
mod kinds;
pub mod load;
pub mod log;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod merge;
pub mod pictures;
mod policy;
mod pool;
pub mod print;
pub mod profile;
pub mod program;
pub mod record;
pub mod recovery;
pub mod replay;
pub mod report;
mod resident;
mod rivals;
pub mod sample;
pub mod soak;
mod stats;
pub mod storm;
mod system;
pub mod trace;
pub mod upstream;
mod watchdog;
mod workload;
