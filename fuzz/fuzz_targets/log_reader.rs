//! See `ampacity_fuzz::log_reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ampacity_fuzz::log_reader(data));
