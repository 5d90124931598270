//! The threads of a soak: each makes its calls when they are due, and all stand still
//! together when the books are compared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ampacity::CircuitBreaker;
use hdrhistogram::Histogram;

use super::books::Book;
use super::mix::{self, KINDS, Weather};
use super::pace::Pace;
use crate::cpu::thread_cpu;
use crate::measure::Latency;
use crate::program::Failure;
use crate::sample::Dice;
use crate::watchdog::{self, PATIENCE, Place, Station, Watchdog};

const STACK: usize = 256 << 10;
/// Between two calls a thread looks this often whether it is to stand still.
const LOOK_EVERY: u64 = 16;
/// And sleeps no longer than this.
const NAP: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_millis(50);

/// What is the same for all threads.
pub(super) struct Load {
    pub(super) breakers: Vec<Arc<CircuitBreaker>>,
    pub(super) cycle: Duration,
    /// Between two calls of one thread.
    pub(super) gap: Duration,
    pub(super) seed: u64,
}

/// What one thread did since it was last asked.
pub(super) struct Done {
    /// Since the start.
    pub(super) books: [Book; KINDS],
    /// Since the last checkpoint, as all below.
    pub(super) latency: Histogram<u64>,
    pub(super) skipped: u64,
    pub(super) late: Duration,
    /// Since the start.
    pub(super) cpu: Duration,
}

impl Default for Done {
    fn default() -> Self {
        Self {
            books: Default::default(),
            latency: Latency::recorder(),
            skipped: 0,
            late: Duration::ZERO,
            cpu: Duration::ZERO,
        }
    }
}

struct Shared {
    load: Load,
    start: Instant,
    /// Looked at between calls. Relaxed, everywhere: a hint to ask the state, under its lock.
    wish: AtomicBool,
    state: Mutex<State>,
    moved: Condvar,
    stations: Box<[Station]>,
    done: Box<[Mutex<Done>]>,
}

#[derive(Default)]
struct State {
    still: bool,
    over: bool,
    /// Threads that stand still.
    standing: usize,
    /// Threads that have ended, by a panic or as they were told.
    ended: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads.
pub(super) struct Crew {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts them.
    pub(super) fn start(threads: u32, load: Load) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            load,
            start: Instant::now(),
            wish: AtomicBool::new(false),
            state: Mutex::default(),
            moved: Condvar::new(),
            stations: (0..threads).map(|_| Station::default()).collect(),
            done: (0..threads).map(|_| Mutex::default()).collect(),
        });
        let mut crew = Self { shared, threads: Vec::with_capacity(threads as usize) };
        for index in 0..threads as usize {
            let shared = Arc::clone(&crew.shared);
            let live = move || {
                let _ended = Ended(&shared);
                shared.live(index);
            };
            let builder = thread::Builder::new().stack_size(STACK);
            let thread = builder.spawn(live).map_err(|error| {
                Failure(format!("thread {} of {threads} could not be started: {error}", index + 1))
            })?;
            crew.threads.push(thread);
        }
        Ok(crew)
    }

    pub(super) fn start_time(&self) -> Instant {
        self.shared.start
    }

    pub(super) fn calls(&self) -> u64 {
        watchdog::progress(&self.shared.stations)
    }

    pub(super) fn whereabouts(&self) -> String {
        watchdog::whereabouts(&self.shared.stations)
    }

    /// Has all threads stand still, at rest, while `look` runs on what they did.
    ///
    /// # Errors
    ///
    /// A thread has ended, or does not come; those are left where they stand.
    pub(super) fn still<T>(
        &mut self,
        look: impl FnOnce(&mut dyn Iterator<Item = MutexGuard<'_, Done>>) -> T,
    ) -> Result<T, Failure> {
        let shared = Arc::clone(&self.shared);
        let mut state = lock(&shared.state);
        state.still = true;
        shared.wish.store(true, Ordering::Relaxed);
        let mut dog = Watchdog::new(Instant::now());
        while state.standing < self.threads.len() {
            if state.ended > 0 {
                let ended = state.ended;
                drop(state);
                return Err(Failure(format!("{ended} threads have died")));
            }
            if dog.barks(state.standing as u64, Instant::now()) {
                drop(state);
                // Waiting for them would take for ever; they end with the process.
                self.threads.clear();
                let patience = PATIENCE.as_secs();
                let at = self.whereabouts();
                return Err(Failure(format!("in {patience} s no thread came to rest: {at}")));
            }
            let waited = shared.moved.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        let seen = look(&mut shared.done.iter().map(lock));
        lock(&shared.state).still = false;
        shared.wish.store(false, Ordering::Relaxed);
        shared.moved.notify_all();
        Ok(seen)
    }

    /// Ends them, and says how many did not die.
    pub(super) fn end(mut self) -> usize {
        self.call_off();
        self.threads.drain(..).filter_map(|thread| thread.join().ok()).count()
    }

    fn call_off(&self) {
        lock(&self.shared.state).over = true;
        self.shared.wish.store(true, Ordering::Relaxed);
        self.shared.moved.notify_all();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.call_off();
        for thread in self.threads.drain(..) {
            // Whether it died was told.
            let _ = thread.join();
        }
    }
}

/// Says that a thread has ended, in whatever way.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).ended += 1;
        self.0.moved.notify_all();
    }
}

impl Shared {
    /// One thread's life.
    fn live(&self, index: usize) {
        let Load { breakers, cycle, gap, seed } = &self.load;
        let station = &self.stations[index];
        let mut dice = Dice(seed ^ (index as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
        // Not all at once: threads begin one after the other within a gap.
        let first = gap.mul_f64(index as f64 / self.stations.len() as f64);
        let mut pace = Pace::new(first, *gap);
        let mut done = lock(&self.done[index]);
        loop {
            station.set(Place::Waiting);
            if self.wish.load(Ordering::Relaxed) {
                done.cpu = thread_cpu();
                (done.skipped, done.late) = pace.take();
                drop(done);
                if self.rest() {
                    return;
                }
                done = lock(&self.done[index]);
            }
            let now = self.start.elapsed();
            let due = pace.due(now).min(LOOK_EVERY);
            if due == 0 {
                thread::sleep(pace.wait(now).min(NAP));
                continue;
            }
            station.set(Place::Calling);
            let weather = Weather::at(now, *cycle);
            for _ in 0..due {
                let kind = dice.below(KINDS as u64) as usize;
                let begun = Instant::now();
                mix::call(&breakers[kind], weather, &mut dice, &mut done.books[kind]);
                let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                done.latency.saturating_record(took);
                // Relaxed: only ever looked at.
                station.calls.fetch_add(1, Ordering::Relaxed);
            }
            pace.made(due);
        }
    }

    /// Stands still until that is over; says whether all is.
    fn rest(&self) -> bool {
        let mut state = lock(&self.state);
        state.standing += 1;
        self.moved.notify_all();
        while state.still && !state.over {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.standing -= 1;
        state.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        let cycle = Duration::from_millis(20);
        let breakers = mix::breakers(cycle).unwrap();
        Load { breakers, cycle, gap: Duration::from_micros(50), seed: 7 }
    }

    #[test]
    fn at_rest_the_books_of_all_threads_are_what_the_breakers_say() {
        let load = load();
        let breakers = load.breakers.clone();
        let mut crew = Crew::start(3, load).unwrap();
        let mut calls = 0;
        for _ in 0..5 {
            while crew.calls() < calls + 300 {
                thread::yield_now();
            }
            calls = crew
                .still(|all| {
                    let mut books = [Book::default(); KINDS];
                    let mut timed = 0;
                    for mut done in all {
                        books.iter_mut().zip(done.books).for_each(|(sum, book)| *sum += book);
                        timed += std::mem::replace(&mut done.latency, Latency::recorder()).len();
                    }
                    for (book, breaker) in books.iter().zip(&breakers) {
                        assert_eq!(book.fault(&breaker.snapshot()), None);
                    }
                    let all: u64 = books.iter().map(|book| book.calls()).sum();
                    assert_eq!(timed, all - calls);
                    all
                })
                .unwrap();
            assert!(calls >= 300);
        }
        assert_eq!(crew.end(), 3);
    }

    #[test]
    fn a_thread_that_died_is_told_and_not_waited_for() {
        let load = Load { breakers: Vec::new(), ..load() }; // the first call finds no breaker
        let mut crew = Crew::start(2, load).unwrap();
        let Err(Failure(why)) = crew.still(|_| ()) else {
            // Both may have come to rest before their first call; then they die now.
            while lock(&crew.shared.state).ended < 2 {
                thread::yield_now();
            }
            assert_eq!(crew.end(), 0);
            return;
        };
        assert!(why.contains("died"), "{why}");
    }
}
