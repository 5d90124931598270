//! See `ampacity_fuzz::trace`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ampacity_fuzz::trace(data));
