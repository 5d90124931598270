//! The last n results of an era.
