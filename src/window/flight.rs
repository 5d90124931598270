//! Calls in flight, by when they began.
