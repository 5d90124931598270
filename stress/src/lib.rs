//! Drives an ampacity breaker hard and checks what it did.
//!
//! The binary is a command line over this library; each program (`replay`,
//! `storm`, `glance`) is a module, and [`program`] says what a program is.

#![forbid(unsafe_code)]

pub mod cli;
pub mod compare;
mod cpu;
pub mod glance;
pub mod index;
pub mod load;
pub mod machine;
pub mod measure;
pub mod merge;
mod pool;
pub mod print;
pub mod program;
pub mod record;
pub mod replay;
mod rivals;
pub mod sample;
mod stats;
pub mod storm;
mod system;
pub mod trace;
pub mod upstream;
mod watchdog;
mod workload;
