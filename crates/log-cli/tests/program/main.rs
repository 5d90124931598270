//! The program as a user runs it.

mod count;
mod documented;
mod fixture;
mod follow;
mod percentiles;
mod refusals;
mod show;
mod verify;
