//! Histories as files.
#[derive(Debug)]
pub struct Garbage;
