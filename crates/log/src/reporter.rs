//! Reports what breakers turned away, now and then, by a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use crate::attach::Watched;

/// The breakers that a log is attached to.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    state: Arc<(Mutex<State>, Condvar)>,
    every: Duration,
}

#[derive(Default, Debug)]
struct State {
    watched: Vec<Arc<Watched>>,
    started: bool,
    stopped: bool,
}

impl Reporter {
    pub(crate) fn new(every: Duration) -> Self {
        Reporter { state: Arc::default(), every }
    }

    /// Reports on `watched` too, from now on, or returns what is known of its breaker. The
    /// first starts the thread; where the system has none left, transitions and the end
    /// still report.
    pub(crate) fn add(&self, watched: Arc<Watched>) -> Arc<Watched> {
        let mut state = self.lock();
        state.watched.retain(|watched| !watched.is_gone());
        if let Some(known) = state.watched.iter().find(|known| known.is_of_same(&watched)) {
            return Arc::clone(known);
        }
        state.watched.push(Arc::clone(&watched));
        if !state.started && !state.stopped && self.every != Duration::MAX {
            state.started = true;
            let reporter = self.clone();
            let spawned = thread::Builder::new().name("log reporter".to_owned());
            let _ = spawned.spawn(move || reporter.run());
        }
        watched
    }

    pub(crate) fn remove(&self, watched: &Arc<Watched>) {
        self.lock().watched.retain(|known| !Arc::ptr_eq(known, watched));
    }

    /// Reports on all of them.
    pub(crate) fn report(&self) {
        let all = {
            let mut state = self.lock();
            state.watched.retain(|watched| !watched.is_gone());
            state.watched.clone()
        };
        all.iter().for_each(|watched| watched.report());
    }

    /// Ends the thread, and what it is about, with a last report.
    pub(crate) fn end(&self) {
        let all = {
            let mut state = self.lock();
            state.stopped = true;
            mem::take(&mut state.watched)
        };
        self.state.1.notify_all();
        all.iter().for_each(|watched| watched.end());
    }

    fn run(&self) {
        loop {
            let state = self.lock();
            let waited = self.state.1.wait_timeout_while(state, self.every, |state| !state.stopped);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.stopped {
                return;
            }
            drop(state);
            self.report();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
