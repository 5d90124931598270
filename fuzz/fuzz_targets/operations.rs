//! See `ampacity_fuzz::operations`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ampacity_fuzz::operations(data));
