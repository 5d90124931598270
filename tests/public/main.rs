//! The public face: what a user of the crate can see and rely on.

mod counting;
mod registry;
mod sequential;
mod traits;
