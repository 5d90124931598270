//! The public face: what a user of the crate can see and rely on.

mod sequential;
mod traits;
