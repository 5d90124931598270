//! The results of the last slices of time.
