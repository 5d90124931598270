//! What a user of the log can see, a module a subject.

mod breakers;
mod calls;
mod context;
mod envelope;
mod faults;
mod fixture;
mod hazards;
mod lifetime;
mod reading;
mod theirs;
mod timed;
#[cfg(feature = "tracing-layer")]
mod tracing;
