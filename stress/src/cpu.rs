//! Processor time, of one thread and of all.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// What the calling thread has had so far.
pub(crate) fn thread_cpu() -> Duration {
    // Cannot fail with this clock; a zero would show as an absurd figure.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// What all threads of the process have had so far.
pub(crate) fn process_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
