//! The public face: what a user of the crate can see and rely on.

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "contention")]
mod contention;
mod counting;
#[cfg(feature = "serde")]
mod data;
mod registry;
mod sequential;
mod sequential_windows;
mod timing;
mod traits;
mod trips;
