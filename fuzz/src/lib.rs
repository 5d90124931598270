//! Whatever is read is read or refused, and nothing that anybody hands in breaks a promise.
//!
//! Each target takes any bytes and panics where a promise is broken. libFuzzer drives them
//! where it can be built; the program of this package drives the same functions without it.
//! See the README.

#![forbid(unsafe_code)]

mod act;
mod configuration;
mod expected;
mod input;
mod log_reader;
mod log_record;
mod operations;
mod saved;
mod shows;
mod trace;
mod tree;

pub use configuration::configuration;
pub use log_reader::log_reader;
pub use log_record::log_record;
pub use operations::operations;
pub use saved::saved;
pub use trace::trace;

/// Takes any bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// What is fuzzed, by the names of the programs for libFuzzer.
pub const TARGETS: &[(&str, Target)] = &[
    ("configuration", configuration),
    ("operations", operations),
    ("saved", saved),
    ("trace", trace),
    ("log_record", log_record),
    ("log_reader", log_reader),
];
