//! Reads event logs: filter, print, count, verify.

fn main() {}
