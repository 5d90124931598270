//! One measurement: some threads, one breaker, a short window.

use std::io;
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::{Caller, Path};
use crate::cpu::thread_cpu;

/// How long all threads call.
pub(crate) const WINDOW: Duration = Duration::from_millis(25);
/// Calls between two looks at the clock take about this long, so that the look is less
/// than a part in two hundred of them.
const BATCH_TIME: Duration = Duration::from_micros(20);
const FIRST_BATCH: u64 = 64;
const LARGEST_BATCH: u64 = 1 << 16;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) calls: u64,
    /// Calls that did not end as the path says.
    pub(crate) wrong: u64,
    /// Processor time of all threads, ns.
    pub(crate) cpu_ns: u64,
    /// From the release of the threads to the end of the last one, ns.
    pub(crate) wall_ns: u64,
}

impl Sample {
    /// Processor time a call.
    pub(crate) fn ns(&self) -> f64 {
        self.cpu_ns as f64 / (self.calls.max(1)) as f64
    }

    /// The share of the cores that the threads could have had and got.
    pub(crate) fn share(&self, threads: usize, cores: usize) -> f64 {
        self.cpu_ns as f64 / (self.wall_ns.max(1) as f64 * threads.min(cores).max(1) as f64)
    }
}

/// Lets `threads` threads call for a window, all at once.
///
/// # Errors
///
/// A thread cannot be started.
pub(crate) fn measure(caller: &dyn Caller, path: Path, threads: usize) -> io::Result<Sample> {
    // Held shut by the write lock until all are there; then it says when to end.
    let gate = RwLock::new(None);
    thread::scope(|scope| {
        let mut shut = gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            // An early return opens the gate with nothing to do behind it.
            workers.push(
                thread::Builder::new()
                    .stack_size(64 << 10)
                    .spawn_scoped(scope, || work(caller, path, &gate))?,
            );
        }
        let start = Instant::now();
        *shut = Some(start + WINDOW);
        drop(shut);
        let mut sum = Sample::default();
        for worker in workers {
            let Ok((one, end)) = worker.join() else {
                return Err(io::Error::other("a measuring thread panicked"));
            };
            sum.calls += one.calls;
            sum.wrong += one.wrong;
            sum.cpu_ns += one.cpu_ns;
            let wall = end.saturating_duration_since(start).as_nanos();
            sum.wall_ns = sum.wall_ns.max(u64::try_from(wall).unwrap_or(u64::MAX));
        }
        Ok(sum)
    })
}

fn work(caller: &dyn Caller, path: Path, gate: &RwLock<Option<Instant>>) -> (Sample, Instant) {
    let mut sample = Sample::default();
    let batch = warm_up(caller, path, &mut sample.wrong);
    let deadline = *gate.read().unwrap_or_else(PoisonError::into_inner);
    let mut now = Instant::now();
    let Some(deadline) = deadline else {
        return (sample, now);
    };
    let cpu = thread_cpu();
    // Once at least, however late this thread got a core.
    loop {
        sample.wrong += caller.timed(path, batch);
        sample.calls += batch;
        now = Instant::now();
        if now >= deadline {
            break;
        }
    }
    let spent = thread_cpu().saturating_sub(cpu).as_nanos();
    sample.cpu_ns = u64::try_from(spent).unwrap_or(u64::MAX);
    (sample, now)
}

/// Makes the first calls, and finds out how many fit between two looks at the clock.
fn warm_up(caller: &dyn Caller, path: Path, wrong: &mut u64) -> u64 {
    let mut batch = FIRST_BATCH;
    loop {
        let before = thread_cpu();
        *wrong += caller.timed(path, batch);
        let took = thread_cpu().saturating_sub(before);
        if took >= BATCH_TIME || batch >= LARGEST_BATCH {
            return batch;
        }
        batch *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Who;
    use super::*;

    #[test]
    fn a_measurement_counts_every_thread_and_every_call_ends_as_it_should() {
        let caller = Who::Every.build(Path::Failing).unwrap();
        let sample = measure(caller.as_ref(), Path::Failing, 3).unwrap();
        assert!(sample.calls >= 3 * FIRST_BATCH);
        assert_eq!(sample.wrong, 0);
        assert!(sample.cpu_ns > 0 && sample.wall_ns > 0);
    }

    #[test]
    fn a_share_is_of_the_cores_that_the_threads_can_use() {
        let sample = Sample { calls: 100, wrong: 0, cpu_ns: 1_000, wall_ns: 1_000 };
        assert_eq!(sample.ns(), 10.0);
        assert_eq!(sample.share(1, 2), 1.0);
        assert_eq!(sample.share(64, 2), 0.5);
    }
}
