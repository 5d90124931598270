//! The models as a program: built under one tool, run a test at a time, and judged by what it
//! says. For the two who run them with something wrong in the library: the planted bugs of
//! `loom-tests` and the weaker orderings of `orderings`.

mod end;
mod names;
mod program;

pub use end::{End, NOTHING_SHOWN};
pub use names::is_there;
pub use program::{Models, Tool};
