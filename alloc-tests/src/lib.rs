//! A heap that counts, for tests that are a process each.

use std::sync::{Arc, Barrier};
use std::thread;

#[global_allocator]
static COUNTING: dhat::Alloc = dhat::Alloc;

/// Counts what the process allocates while it lives.
#[derive(Debug)]
pub struct Heap(dhat::Profiler);

impl Heap {
    /// Begins to count.
    pub fn watched() -> Self {
        Heap(dhat::Profiler::builder().testing().trim_backtraces(Some(1)).build())
    }

    /// How many blocks `f` allocates, in all threads.
    pub fn blocks(&self, f: impl FnOnce()) -> u64 {
        let before = dhat::HeapStats::get().total_blocks;
        f();
        dhat::HeapStats::get().total_blocks - before
    }

    /// How many bytes are allocated now.
    pub fn bytes(&self) -> usize {
        dhat::HeapStats::get().curr_bytes
    }
}

/// How many threads can have counters of their own in one breaker: the larger of 128
/// and four a core, as the library has it.
pub fn shards() -> usize {
    num_cpus::get().saturating_mul(4).max(128)
}

/// Runs `f` in as many threads, all there at once, and waits until each is gone with
/// its thread-locals.
pub fn crowd(threads: usize, f: impl Fn() + Send + Sync + 'static) {
    let (f, here) = (Arc::new(f), Arc::new(Barrier::new(threads)));
    let run = || {
        let (f, here) = (Arc::clone(&f), Arc::clone(&here));
        let body = move || {
            f();
            here.wait();
        };
        thread::Builder::new().stack_size(256 << 10).spawn(body).expect("a thread")
    };
    let all: Vec<_> = (0..threads).map(|_| run()).collect();
    // A scope would not wait for the thread-locals.
    all.into_iter().for_each(|thread| thread.join().expect("no panic"));
}
