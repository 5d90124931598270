//! See `ampacity_fuzz::saved`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ampacity_fuzz::saved(data));
