//! Threads that live for a hundred calls: what they counted must outlive them.
//!
//! A thread counts in a place that goes to another thread when it ends, and beyond so
//! many threads in one that it shares. So they come in waves, each larger than the number
//! of places on most machines, and all of a wave start and end at about the same time.

use std::ops::Range;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use ampacity::{CallError, CircuitBreaker};

use super::plan;
use crate::program::{Failure, Stop};
use crate::watchdog::{PATIENCE, Watchdog};
use crate::workload::tally::Tally;

/// Calls of each thread.
pub(super) const CALLS: u64 = 100;
/// Threads alive at once.
const WAVE: u64 = 200;
const STACK: usize = 128 << 10;
/// How often it is looked whether they get anywhere.
const LOOK: Duration = Duration::from_millis(100);

/// What they did, and where the breaker's totals differ from it.
#[derive(Debug, Default)]
pub(super) struct Brief {
    pub(super) threads: u64,
    pub(super) tally: Tally,
    pub(super) mismatches: Vec<String>,
    pub(super) wall_s: f64,
}

impl Brief {
    pub(super) fn figures(&self) -> serde_json::Value {
        serde_json::json!({
            "threads": self.threads,
            "calls": self.tally.calls,
            "wall_s": self.wall_s,
        })
    }
}

/// Lets `threads` of them come and go.
///
/// # Errors
///
/// A thread could not be started, has died or hangs, or the breaker could not be built.
pub(super) fn come_and_go(threads: u64, seed: u64, stop: &Stop) -> Result<Brief, Failure> {
    let breaker = CircuitBreaker::builder("brief")
        // None of them opens it: a call that is turned away is settled by nobody.
        .failure_threshold(u32::MAX)
        .timing(ampacity::Timing::Every)
        .build()
        .map_err(|error| Failure(error.to_string()))?;
    let breaker = Arc::new(breaker);
    let mut brief = Brief::default();
    let start = Instant::now();
    while brief.threads < threads && !stop.requested() {
        let wave = brief.threads..threads.min(brief.threads + WAVE);
        brief.threads = wave.end;
        brief.tally += live(&breaker, wave, seed, PATIENCE)?;
    }
    brief.wall_s = start.elapsed().as_secs_f64();
    brief.mismatches = brief.tally.mismatches(&breaker.snapshot());
    Ok(brief)
}

/// One wave, from its threads' start to their end. They are not joined: one that hangs is
/// left where it stands if none of them ends for as long as `patience`.
fn live(
    breaker: &Arc<CircuitBreaker>,
    wave: Range<u64>,
    seed: u64,
    patience: Duration,
) -> Result<Tally, Failure> {
    // Shut until all of the wave are there.
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().unwrap_or_else(PoisonError::into_inner);
    let (done, ended) = channel();
    for index in wave.clone() {
        let (breaker, gate, done) = (Arc::clone(breaker), Arc::clone(&gate), done.clone());
        let one = move || {
            drop(gate.read().unwrap_or_else(PoisonError::into_inner));
            let _ = done.send(calls(&breaker, seed, index)); // to nobody, after a failure
        };
        thread::Builder::new().stack_size(STACK).spawn(one).map_err(|error| {
            Failure(format!("a short-lived thread could not be started: {error}"))
        })?;
    }
    drop((shut, done));
    let mut dog = Watchdog::with_patience(Instant::now(), patience);
    let (mut sum, mut left) = (Tally::default(), wave.end - wave.start);
    while left > 0 {
        match ended.recv_timeout(LOOK) {
            Ok(tally) => {
                sum += tally;
                left -= 1;
            }
            Err(RecvTimeoutError::Timeout) => {
                if dog.barks(left, Instant::now()) {
                    return Err(Failure(format!(
                        "{left} short-lived threads are left, and none ended in {patience:?}: \
                         {breaker:?}"
                    )));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure("a short-lived thread died".into()));
            }
        }
    }
    Ok(sum)
}

/// One thread's life.
fn calls(breaker: &CircuitBreaker, seed: u64, index: u64) -> Tally {
    let mut dice = plan::dice(seed, index);
    let mut tally = Tally::default();
    for _ in 0..CALLS {
        tally.calls += 1;
        let end = dice.next() % 8;
        if end < 6 {
            let result = breaker.call(|| if end < 4 { Ok(()) } else { Err(()) });
            match result {
                Ok(()) => tally.succeeded += 1,
                Err(CallError::Failed(())) => tally.failed += 1,
                Err(CallError::Rejected(_)) => tally.odd += 1,
            }
        } else {
            match breaker.try_acquire() {
                Ok(permit) if end == 6 => {
                    permit.ignore();
                    tally.ignored += 1;
                }
                Ok(_dropped) => tally.cancelled += 1,
                Err(_) => tally.odd += 1,
            }
        }
    }
    tally.admitted = tally.calls - tally.odd;
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn what_short_lived_threads_did_is_in_the_totals_exactly() {
        let brief = come_and_go(WAVE + 7, 7, &Stop::default()).unwrap();
        assert_eq!(brief.threads, WAVE + 7);
        assert_eq!(brief.tally.calls, (WAVE + 7) * CALLS);
        assert_eq!(brief.mismatches, [""; 0]);
        let Tally { succeeded, failed, ignored, cancelled, .. } = brief.tally;
        assert!([succeeded, failed, ignored, cancelled].iter().all(|&count| count > 0));
    }

    /// A clock that shows nothing while the test holds it.
    struct Held(Arc<Mutex<()>>);

    impl ampacity::Clock for Held {
        fn now(&self) -> u64 {
            drop(self.0.lock());
            0
        }
    }

    #[test]
    fn a_wave_that_hangs_is_told_of_with_the_breaker_and_one_that_ends_is_not() {
        let lock = Arc::new(Mutex::new(()));
        let breaker = CircuitBreaker::builder("brief").clock(Held(Arc::clone(&lock)));
        let breaker = Arc::new(breaker.timing(ampacity::Timing::Every).build().unwrap());
        let held = lock.lock().unwrap();
        let Failure(why) = live(&breaker, 0..3, 7, Duration::from_secs(1)).unwrap_err();
        assert!(why.starts_with("3 short-lived threads are left"), "{why}");
        assert!(why.contains("none ended in 1s") && why.contains("\"brief\""), "{why}");
        drop(held);
        assert_eq!(live(&breaker, 0..3, 7, PATIENCE).unwrap().calls, 3 * CALLS);
    }

    #[test]
    fn a_wish_to_stop_ends_them() {
        let stop = Stop::default();
        stop.request();
        assert_eq!(come_and_go(1_000, 7, &stop).unwrap().threads, 0);
    }
}
