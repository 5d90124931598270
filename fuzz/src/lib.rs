//! Whatever is logged comes out as records, and whatever is read is accounted for.
//!
//! Each target takes any bytes and panics where a promise of the log is broken. cargo-fuzz
//! drives them with a nightly compiler; the program of this package drives the same functions
//! with a stable one. See the README.

#![forbid(unsafe_code)]

mod act;
mod expected;
mod input;
mod log_reader;
mod log_record;
mod operations;
mod shows;
mod tree;

pub use log_reader::log_reader;
pub use log_record::log_record;
pub use operations::operations;

/// Takes any bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// What is fuzzed, by the names that cargo-fuzz has for them.
pub const TARGETS: [(&str, Target); 3] =
    [("log_record", log_record), ("log_reader", log_reader), ("operations", operations)];
