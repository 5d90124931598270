//! A lock-free circuit breaker.
