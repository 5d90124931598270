//! The public face: what a user of the log can see and rely on.

mod context;
