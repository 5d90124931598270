//! The threads: all alive from the first phase to the last, and at rest between two.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ampacity::{CallError, CircuitBreaker, OwnedPermit};

use crate::cpu::thread_cpu;
use crate::program::{Failure, Stop};
use crate::system;
use crate::watchdog::{self, Place, Station, Watchdog};
use crate::workload::tally::{Tally, stale};

/// As in the storm itself.
const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 64 << 10 };
/// One call in so many lets other threads go first before it is settled.
const YIELD_EVERY: u64 = 32;
/// How often it is looked whether they get anywhere.
const LOOK: Duration = Duration::from_millis(100);

/// What all threads do in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// So many calls by all together, of which some fail, evenly spread among them.
    Calls { total: u64, failed: u64 },
    /// So many permits for all together, to be kept.
    Hold { total: u64 },
    /// An end to all that are kept.
    Settle { passed: bool },
    /// Calls that pass or fail, until one is turned away; each thread makes so many at most.
    UntilTurnedAway { passed: bool, most: u64 },
}

/// What was done in a phase.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) tally: Tally,
    pub(super) cpu: Duration,
}

/// The threads, and where their next phase is posted.
pub(super) struct Crowd {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    board: Mutex<Board>,
    done: Condvar,
    stations: Box<[Station]>,
}

#[derive(Default)]
struct Board {
    /// Counts the phases; a thread goes on when it has changed.
    turn: u64,
    job: Option<(Arc<CircuitBreaker>, Act)>,
    /// Threads below this index have something to do.
    wanted: u64,
    over: bool,
    busy: usize,
    died: usize,
    done: Done,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread's life: the one of that index of so many.
    fn live(&self, index: u64, of: u64) {
        let mut held = Vec::new();
        let mut turn = 0;
        loop {
            let board = self.board();
            if board.over {
                return;
            }
            let is_mine = board.turn != turn && index < board.wanted;
            turn = board.turn;
            let job = if is_mine { board.job.clone() } else { None };
            drop(board);
            let Some((breaker, act)) = job else {
                // Woken one by one: ten thousand that are woken at once by a condition
                // variable spend most of their time on its lock.
                thread::park();
                continue;
            };

            let station = &self.stations[index as usize];
            station.set(Place::Calling);
            let mut leaving = Leaving { shared: self, station, done: None };
            let before = thread_cpu();
            let mut actor = Actor { breaker, held: &mut held, tally: Tally::default() };
            actor.act(act, index, of);
            let tally = actor.tally;
            let cpu = thread_cpu().saturating_sub(before);
            leaving.done = Some(Done { tally, cpu });
        }
    }
}

/// Signs a thread off from a phase, also one that a panic ends.
struct Leaving<'a> {
    shared: &'a Shared,
    station: &'a Station,
    done: Option<Done>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.station.set(Place::Done);
        let mut board = self.shared.board();
        board.busy -= 1;
        match self.done.take() {
            Some(Done { tally, cpu }) => {
                board.done.tally += tally;
                board.done.cpu += cpu;
            }
            None => board.died += 1,
        }
        if board.busy == 0 {
            self.shared.done.notify_all();
        }
    }
}

impl Crowd {
    /// Starts `threads` threads, or as many as there are when `stop` is requested.
    ///
    /// # Errors
    ///
    /// The system refuses one.
    pub(super) fn gather(threads: usize, stop: &Stop) -> Result<Self, Failure> {
        let stations = (0..threads).map(|_| Station::default()).collect();
        let shared = Shared { board: Mutex::default(), done: Condvar::new(), stations };
        let mut crowd = Self { shared: Arc::new(shared), threads: Vec::with_capacity(threads) };
        while crowd.threads.len() < threads && !stop.requested() {
            let shared = Arc::clone(&crowd.shared);
            let (index, of) = (crowd.threads.len() as u64, threads as u64);
            let thread = thread::Builder::new()
                .name("policies".to_owned())
                .stack_size(STACK)
                .spawn(move || shared.live(index, of));
            match thread {
                Ok(thread) => crowd.threads.push(thread),
                Err(error) => {
                    let started = crowd.threads.len();
                    crowd.dismiss();
                    return Err(Failure(format!(
                        "thread {} of {threads} could not be started: {error}; {}",
                        started + 1,
                        system::all_limits()
                    )));
                }
            }
        }
        Ok(crowd)
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.threads.len() as u64
    }

    /// Lets all of them do `act` and waits until they have; `None` if one died, or if for
    /// too long none came to its end.
    pub(super) fn all(&self, breaker: &Arc<CircuitBreaker>, act: Act) -> Option<Done> {
        let mut board = self.shared.board();
        let wanted = match act {
            Act::Calls { total, .. } | Act::Hold { total } => total.min(self.len()),
            Act::Settle { .. } | Act::UntilTurnedAway { .. } => self.len(),
        };
        // Those who take no part are where they are to be.
        for (at, station) in self.shared.stations.iter().enumerate() {
            station.set(if at < wanted as usize { Place::Waiting } else { Place::Done });
        }
        board.turn += 1;
        board.job = Some((Arc::clone(breaker), act));
        (board.wanted, board.busy) = (wanted, wanted as usize);
        drop(board);
        self.threads.iter().take(wanted as usize).for_each(|thread| thread.thread().unpark());
        board = self.shared.board();
        let mut dog = Watchdog::new(Instant::now());
        while board.busy > 0 {
            let waited = self.shared.done.wait_timeout(board, LOOK);
            board = waited.unwrap_or_else(PoisonError::into_inner).0;
            if board.busy > 0 && dog.barks(board.busy as u64, Instant::now()) {
                return None;
            }
        }
        let done = std::mem::take(&mut board.done);
        (board.died == 0).then_some(done)
    }

    /// Where they are in a phase that does not end.
    pub(super) fn whereabouts(&self) -> String {
        watchdog::whereabouts(&self.shared.stations)
    }

    /// Waits for none of them any more.
    pub(super) fn leave(&mut self) {
        self.threads.clear();
    }

    /// Sends all home; how many had died.
    pub(super) fn dismiss(self) -> usize {
        let mut board = self.shared.board();
        board.over = true;
        drop(board);
        self.threads.iter().for_each(|thread| thread.thread().unpark());
        for thread in self.threads {
            let _ = thread.join(); // a death was noted on the board
        }
        self.shared.board().died
    }
}

/// One thread in one phase.
struct Actor<'a> {
    breaker: Arc<CircuitBreaker>,
    held: &'a mut Vec<OwnedPermit>,
    tally: Tally,
}

impl Actor<'_> {
    fn act(&mut self, act: Act, index: u64, of: u64) {
        match act {
            Act::Calls { total, failed } => {
                for nth in (index..total).step_by(of as usize) {
                    self.call(nth, !is_picked(nth, failed, total));
                }
            }
            Act::Hold { total } => {
                for _ in (index..total).step_by(of as usize) {
                    if let Some(permit) = self.admit() {
                        self.held.push(permit);
                    }
                }
            }
            Act::Settle { passed } => {
                for permit in std::mem::take(self.held) {
                    self.settle(permit, passed);
                }
            }
            Act::UntilTurnedAway { passed, most } => {
                for nth in 0..most {
                    let Some(permit) = self.admit() else { break };
                    if (nth * of + index).is_multiple_of(YIELD_EVERY) {
                        thread::yield_now();
                    }
                    self.settle(permit, passed);
                }
            }
        }
    }

    /// One call, made in one way or another.
    fn call(&mut self, nth: u64, passes: bool) {
        if nth % 4 < 3 {
            if let Some(permit) = self.admit() {
                if nth.is_multiple_of(YIELD_EVERY) {
                    thread::yield_now();
                }
                self.settle(permit, passes);
            }
            return;
        }
        self.tally.calls += 1;
        match self.breaker.call(|| if passes { Ok(()) } else { Err(()) }) {
            Ok(()) => self.tally.succeeded += 1,
            Err(CallError::Failed(())) => self.tally.failed += 1,
            Err(CallError::Rejected(rejected)) => {
                self.tally.rejected(rejected.reason());
                return;
            }
        }
        self.tally.admitted += 1;
        // It cannot tell its era; none ends in a phase of such calls.
        self.tally.stale(Some(false));
    }

    fn admit(&mut self) -> Option<OwnedPermit> {
        self.tally.calls += 1;
        let permit = self.breaker.try_acquire_owned();
        match &permit {
            Ok(_) => self.tally.admitted += 1,
            Err(rejected) => self.tally.rejected(rejected.reason()),
        }
        permit.ok()
    }

    fn settle(&mut self, permit: OwnedPermit, passed: bool) {
        let (era, before) = (permit.era(), self.breaker.era());
        if passed {
            permit.success();
            self.tally.succeeded += 1;
        } else {
            permit.failure();
            self.tally.failed += 1;
        }
        self.tally.stale(stale(era, before, self.breaker.era()));
    }
}

/// Whether the `nth` of `all` is one of `some`, evenly spread among them.
fn is_picked(nth: u64, some: u64, all: u64) -> bool {
    let before = |nth: u64| u128::from(nth) * u128::from(some) / u128::from(all.max(1));
    before(nth + 1) > before(nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_picked_as_are_wanted_and_not_all_in_a_row() {
        for (some, all) in [(0, 7), (3, 7), (7, 7), (49, 1_000)] {
            let picked = (0..all).filter(|&nth| is_picked(nth, some, all));
            assert_eq!(picked.count() as u64, some, "{some} of {all}");
        }
        assert!(!(0..40).any(|nth| is_picked(nth, 10, 40) && is_picked(nth + 1, 10, 40)));
    }

    #[test]
    fn a_crowd_does_all_of_what_it_is_asked_and_no_more() {
        let breaker = CircuitBreaker::builder("crowd").failure_threshold(u32::MAX).build().unwrap();
        let breaker = Arc::new(breaker);
        let crowd = Crowd::gather(7, &Stop::default()).unwrap();
        let calls = crowd.all(&breaker, Act::Calls { total: 100, failed: 30 }).unwrap().tally;
        assert_eq!((calls.calls, calls.succeeded, calls.failed), (100, 70, 30));
        crowd.all(&breaker, Act::Hold { total: 9 }).unwrap();
        assert_eq!(breaker.snapshot().in_flight, 9);
        let settled = crowd.all(&breaker, Act::Settle { passed: true }).unwrap().tally;
        assert_eq!((settled.calls, settled.succeeded), (0, 9));
        breaker.trip();
        let away = Act::UntilTurnedAway { passed: true, most: 5 };
        assert_eq!(crowd.all(&breaker, away).unwrap().tally.rejected_open, 7);
        assert_eq!(crowd.dismiss(), 0);
    }
}
