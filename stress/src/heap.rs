//! What the heap holds, to the byte.
//!
//! The allocator of this binary counts. That costs an allocation or a release some 20 ns
//! where one thread allocates and some 70 ns where two do at once (a handful of relaxed
//! additions to counters that all threads share); what is timed in nanoseconds, a call
//! of a breaker, allocates nothing. Bytes are those asked for: what the allocator adds to
//! each block, and what it keeps for later, is in the resident set and not here.

#[cfg(not(feature = "heap-profile"))]
use std::alloc::System as Inner;

use cap::Cap;
#[cfg(feature = "heap-profile")]
use dhat::Alloc as Inner;

#[global_allocator]
static HEAP: Cap<Inner> = Cap::new(Inner, usize::MAX);

/// Bytes allocated now, in all threads.
pub(crate) fn bytes() -> u64 {
    HEAP.allocated() as u64
}

/// The most there ever were.
pub(crate) fn most() -> u64 {
    HEAP.max_allocated() as u64
}

/// Bytes allocated since the start, released or not.
pub(crate) fn ever() -> u64 {
    HEAP.total_allocated() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_block_is_seen_while_it_lives() {
        // Larger than what other tests may do meanwhile.
        const LARGE: usize = 1 << 28;
        let before = ever();
        let block: Vec<u8> = Vec::with_capacity(std::hint::black_box(LARGE));
        assert!(bytes() >= LARGE as u64 && most() >= LARGE as u64);
        assert!(ever() - before >= LARGE as u64);
        drop(std::hint::black_box(block));
        assert!(bytes() < LARGE as u64);
    }
}
