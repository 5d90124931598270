//! Stress programs.
fn main() {}
