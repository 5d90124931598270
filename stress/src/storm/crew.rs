//! The threads: started, held at a gate until all are there, let go, and waited for.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ampacity::{CircuitBreaker, OwnedPermit, State};

use super::turns::Turns;
use super::worker::Worker;
use crate::program::Stop;
use crate::watchdog::{Place, Station};
use crate::workload::hand::Hand;
use crate::workload::history::History;
use crate::workload::tally::Tally;

/// Enough for a call and for an unwinding; frames are larger without optimisation.
/// By which the system knows the threads.
pub(super) const NAME: &str = "storm";

const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 64 << 10 };

/// Threads that stay for the sake of the cycles.
const STAY: usize = 64;
/// After how many calls a cycle those give up: it takes a thousand or so.
const CALLS_A_CYCLE: u64 = 10_000;
/// How many calls go by between two looks at the cycles.
const COUNT_EVERY: u64 = 50;

/// What all threads share.
pub(super) struct Shared {
    pub(super) breaker: Arc<CircuitBreaker>,
    pub(super) hand: Hand,
    pub(super) history: History,
    pub(super) stations: Box<[Station]>,
    pub(super) mail: Box<[Mutex<Vec<OwnedPermit>>]>,
    /// The readers'.
    pub(super) turns: Arc<Turns>,
    pub(super) seed: u64,
    pub(super) stop: Stop,
    /// Calls that each thread makes, at least.
    pub(super) calls: u64,
    /// Cycles that the breaker is to go through, at least.
    pub(super) cycles: u64,
    enough: AtomicBool,
    finished: AtomicUsize,
    counting: Mutex<()>,
    gate: Mutex<Gate>,
    /// For those at the gate, and for the one who waits for them.
    opened: Condvar,
    moved: Condvar,
}

/// Who is where, and what those did who have gone.
#[derive(Default)]
struct Gate {
    arrived: usize,
    state: Barrier,
    gone: usize,
    died: usize,
    tally: Tally,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Barrier {
    #[default]
    Shut,
    Open,
    /// Not everybody could be started: go home.
    Off,
}

impl Shared {
    pub(super) fn new(
        breaker: CircuitBreaker,
        hand: Hand,
        (threads, calls, cycles): (usize, u64, u64),
        turns: Turns,
        seed: u64,
        stop: Stop,
    ) -> Self {
        Self {
            breaker: Arc::new(breaker),
            hand,
            history: History::new(),
            stations: (0..threads).map(|_| Station::default()).collect(),
            turns: Arc::new(turns),
            mail: (0..threads).map(|_| Mutex::default()).collect(),
            seed,
            stop,
            calls,
            cycles,
            enough: AtomicBool::new(false),
            finished: AtomicUsize::new(0),
            counting: Mutex::default(),
            gate: Mutex::default(),
            opened: Condvar::new(),
            moved: Condvar::new(),
        }
    }

    /// How many calls in all a thread may make that has just made those it had to.
    ///
    /// The last few stay until there are cycles enough: if all did, the first would
    /// have made many times their share before the last had begun.
    pub(super) fn stay(&self) -> u64 {
        // Relaxed: every thread gets a number of its own, which is all that matters.
        let finished = self.finished.fetch_add(1, Ordering::Relaxed);
        let stay = STAY.min(self.stations.len());
        if finished < self.stations.len() - stay {
            return self.calls;
        }
        let more = CALLS_A_CYCLE.saturating_mul(self.cycles) / stay as u64;
        self.calls.saturating_add(more)
    }

    /// Whether nobody need go on for the sake of the cycles; asked after `calls`.
    pub(super) fn is_enough(&self, calls: u64) -> bool {
        // Relaxed: a hint to stop.
        if self.enough.load(Ordering::Relaxed) {
            return true;
        }
        // A snapshot is dear; one thread at a time takes it, now and then.
        if calls.is_multiple_of(COUNT_EVERY)
            && let Ok(_alone) = self.counting.try_lock()
        {
            let closings =
                self.breaker.snapshot().transitions.between(State::HalfOpen, State::Closed);
            if closings >= self.cycles {
                self.give_up();
            }
        }
        false
    }

    /// Ends the wait for more cycles.
    pub(super) fn give_up(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for<'a>(
        &self,
        gate: MutexGuard<'a, Gate>,
        at_most: Duration,
        done: impl Fn(&Gate) -> bool,
    ) -> MutexGuard<'a, Gate> {
        self.moved
            .wait_timeout_while(gate, at_most, |gate| !done(gate))
            .map_or_else(|poisoned| poisoned.into_inner().0, |(gate, _)| gate)
    }

    /// One thread's life.
    fn live(&self, index: usize) {
        let mut gate = self.gate();
        gate.arrived += 1;
        if gate.arrived == self.stations.len() {
            self.moved.notify_all();
        }
        while gate.state == Barrier::Shut {
            gate = self.opened.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        let open = gate.state == Barrier::Open;
        drop(gate);

        let mut leaving = Leaving { shared: self, index, tally: None };
        leaving.tally = Some(if open { Worker::new(self, index).run() } else { Tally::default() });
    }
}

/// Signs a thread off, also one that a panic ends.
struct Leaving<'a> {
    shared: &'a Shared,
    index: usize,
    tally: Option<Tally>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.stations[self.index].set(Place::Done);
        let mut gate = self.shared.gate();
        gate.gone += 1;
        match self.tally.take() {
            Some(tally) => gate.tally += tally,
            None => gate.died += 1,
        }
        if gate.gone == gate.arrived {
            self.shared.moved.notify_all();
        }
    }
}

/// The threads, from the first that starts.
pub(super) struct Crew {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { threads: Vec::with_capacity(shared.stations.len()), shared }
    }

    /// Starts one more.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub(super) fn start_one(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let index = self.threads.len();
        let thread = thread::Builder::new()
            .name(NAME.to_owned())
            .stack_size(STACK)
            .spawn(move || shared.live(index))?;
        self.threads.push(thread);
        Ok(())
    }

    pub(super) fn started(&self) -> usize {
        self.threads.len()
    }

    /// Waits, for so long at most, until all that were started have arrived; how many have.
    pub(super) fn arrived(&self, at_most: Duration) -> usize {
        let all = |gate: &Gate| gate.arrived == self.threads.len();
        self.shared.wait_for(self.shared.gate(), at_most, all).arrived
    }

    /// Opens the gate.
    pub(super) fn let_go(&self) {
        self.shared.gate().state = Barrier::Open;
        self.shared.opened.notify_all();
    }

    /// Sends home whoever waits at the gate, and waits until they have gone.
    pub(super) fn call_off(self) {
        self.shared.gate().state = Barrier::Off;
        self.shared.opened.notify_all();
        for thread in self.threads {
            let _ = thread.join();
        }
    }

    /// Waits, for so long at most, until all have gone.
    pub(super) fn all_gone(&self, at_most: Duration) -> bool {
        let all = |gate: &Gate| gate.gone == self.threads.len();
        let gate = self.shared.wait_for(self.shared.gate(), at_most, all);
        all(&gate)
    }

    /// What they did, once all have gone, and how many a panic ended.
    pub(super) fn books(self) -> (Tally, usize) {
        for thread in self.threads {
            let _ = thread.join(); // it is past its end; a death was noted there
        }
        // What was sent to those who had gone is settled here.
        for index in 0..self.shared.stations.len() {
            let mut last = Worker::new(&self.shared, index);
            last.open_mail();
            self.shared.gate().tally += last.into_tally();
        }
        let mut gate = self.shared.gate();
        (std::mem::take(&mut gate.tally), gate.died)
    }
}
