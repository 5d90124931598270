//! The public face: what a user of the crate can see and rely on.

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "contention")]
mod contention;
mod counting;
#[cfg(feature = "serde")]
mod data;
mod machine;
mod registry;
mod registry_machine;
mod shown;
mod timing;
mod traits;
mod trips;
