//! Threads that are all alive at once, and take one step after the other together.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::program::Failure;
use crate::system;
use crate::watchdog::{PATIENCE, Watchdog};

/// By which the system knows the threads.
pub(super) const NAME: &str = "memory-crowd";

/// How often it is looked who has arrived.
const LOOK: Duration = Duration::from_millis(100);

/// The threads, each of which runs a closure once for each step, when it is let.
pub(super) struct Crowd {
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
    done: usize,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    opened: Condvar,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    /// Steps that may be taken.
    open: usize,
    /// Threads that have taken as many.
    arrived: usize,
    over: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the step after `done` to be let; not if there is none.
    fn may_go_on(&self, done: usize) -> bool {
        let mut state = self.lock();
        while state.open <= done && !state.over {
            state = self.opened.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.open > done
    }

    fn arrive(&self) {
        self.lock().arrived += 1;
        self.moved.notify_all();
    }
}

/// Lets the others go home when this one cannot go on.
impl Drop for Crowd {
    fn drop(&mut self) {
        self.gate.lock().over = true;
        self.gate.opened.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has not arrived, which was told.
            let _ = thread.join();
        }
    }
}

impl Crowd {
    /// Starts `count` threads that wait for their first step.
    pub(super) fn start(
        count: u32,
        stack_kib: u32,
        step: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let step = Arc::new(step);
        let threads = Vec::with_capacity(count as usize);
        let mut crowd = Self { gate: Arc::default(), threads, done: 0 };
        for started in 0..count {
            let (gate, step) = (Arc::clone(&crowd.gate), Arc::clone(&step));
            let live = move || {
                let mut done = 0;
                while gate.may_go_on(done) {
                    step(done);
                    done += 1;
                    gate.arrive();
                }
            };
            let builder =
                thread::Builder::new().name(NAME.to_owned()).stack_size((stack_kib as usize) << 10);
            let thread = builder.spawn(live).map_err(|error| {
                Failure(format!(
                    "thread {} of {count} could not be started: {error}; {}",
                    started + 1,
                    system::all_limits()
                ))
            })?;
            crowd.threads.push(thread);
        }
        Ok(crowd)
    }

    /// Lets each take one step, and waits until all have.
    pub(super) fn step(&mut self) -> Result<(), Failure> {
        self.done += 1;
        self.gate.lock().open = self.done;
        self.gate.opened.notify_all();
        let wanted = self.threads.len() * self.done;
        let mut dog = Watchdog::new(Instant::now());
        let mut state = self.gate.lock();
        while state.arrived < wanted {
            let waited = self.gate.moved.wait_timeout_while(state, LOOK, |s| s.arrived < wanted);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if dog.barks(state.arrived as u64, Instant::now()) {
                let missing = wanted - state.arrived;
                drop(state);
                // Waiting for them would take for ever; they end with the process.
                self.threads.clear();
                let patience = PATIENCE.as_secs();
                return Err(Failure(format!("{missing} threads got nowhere in {patience} s")));
            }
        }
        Ok(())
    }

    /// Ends them, and says how many there were that did not panic.
    pub(super) fn join(mut self) -> usize {
        self.gate.lock().over = true;
        self.gate.opened.notify_all();
        self.threads.drain(..).filter_map(|thread| thread.join().ok()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_thread_takes_every_step_and_none_before_it_is_let() {
        let taken: Arc<[AtomicUsize; 3]> = Arc::default();
        let theirs = Arc::clone(&taken);
        let mut crowd = Crowd::start(50, 256, move |step| {
            theirs[step].fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        let seen = || taken.each_ref().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(seen(), [0, 0, 0]);
        crowd.step().unwrap();
        assert_eq!(seen(), [50, 0, 0]);
        crowd.step().unwrap();
        assert_eq!(seen(), [50, 50, 0]);
        assert_eq!(crowd.join(), 50);
        assert_eq!(seen(), [50, 50, 0]);
    }

    #[test]
    fn a_crowd_that_is_dropped_in_the_middle_goes_home() {
        let here = Arc::new(());
        let theirs = Arc::clone(&here);
        let mut crowd = Crowd::start(20, 256, move |_| _ = Arc::strong_count(&theirs)).unwrap();
        crowd.step().unwrap();
        drop(crowd);
        assert_eq!(Arc::strong_count(&here), 1);
    }
}
