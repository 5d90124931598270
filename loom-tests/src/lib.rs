//! Models of the breaker.
