//! See `ampacity_fuzz::configuration`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ampacity_fuzz::configuration(data));
