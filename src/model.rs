//! What the models in `loom-tests` need beyond the public face.

pub use crate::sync::model::{set_rmw_loads, set_spurious_failures, spurious_failures};
