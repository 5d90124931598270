//! What a user of the log can see, a module a subject.

mod context;
mod envelope;
mod faults;
mod fixture;
mod theirs;
