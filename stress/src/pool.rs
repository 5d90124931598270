//! Threads that are all alive at once and go together from one point of a measurement to
//! the next.
//!
//! They are started once: ten thousand starts cost more than the point they are for. A
//! point may be for fewer of them than there are (the first so many), so that one pool
//! serves every thread count of a sweep and the repetitions of all can be interleaved.
//!
//! Between two points a thread waits for a [`OnceLock`], which wakes all who wait with one
//! system call and has no lock that the woken would have to take one after another. Each
//! then yields until the last has come, who lets all go; so a point begins when all its
//! threads are awake. It ends by the clock, at which each thread looks for itself:
//! somebody who had to end it would wait for a core behind ten thousand others. A thread
//! that got no core in all that time still makes a few calls.

mod cores;
mod played;
mod seat;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::cpu::thread_cpu;
use crate::program::{Failure, Stop};
use crate::system::{self, Switches};
use crate::watchdog::{self, Place, Station, Watchdog};
use crate::workload::tally::Tally;
pub(crate) use cores::allowed_cores;
pub(crate) use played::{Played, Report};
pub(crate) use seat::Seat;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Enough for a call; frames are larger without optimisation.
pub(crate) const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 64 << 10 };

/// What the threads of a point do.
pub(crate) trait Job: Send + Sync {
    /// One thread's part: calls for as long as [`Seat::next`] asks for some; what it did.
    fn work(&self, seat: &mut Seat<'_>) -> Tally;

    /// What there is to see of the breaker when nobody gets on. Waits for nobody.
    fn dump(&self) -> String;
}

/// How a pool is to be.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How many threads the points are for; the largest is how many there are.
    pub(crate) counts: Vec<usize>,
    pub(crate) stack: usize,
    /// Whether each thread stays on one core: those allowed, in turn.
    pub(crate) pin: bool,
    /// For how long nobody may get anywhere.
    pub(crate) patience: Duration,
}

/// The threads.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    tiers: Vec<Tier>,
    threads: Vec<JoinHandle<()>>,
    wanted: usize,
    patience: Duration,
}

/// The threads from where the last tier ended to where this one does.
#[derive(Debug)]
struct Tier {
    end: usize,
    gate: Arc<Gate>,
}

/// Where a tier waits for its next point.
#[derive(Debug, Default)]
struct Gate(OnceLock<Turn>);

struct Turn {
    /// None: go home.
    point: Option<Arc<Point>>,
    next: Arc<Gate>,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("last", &self.point.is_none()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    stations: Box<[Station]>,
}

/// One point.
struct Point {
    job: Arc<dyn Job>,
    threads: usize,
    length: Duration,
    awake: AtomicUsize,
    began: OnceLock<Instant>,
    /// Ctrl-C came, or nobody got anywhere.
    over: AtomicBool,
    busy: AtomicUsize,
    /// Who waits for its end.
    waits: Thread,
    reports: Box<[Mutex<Option<Report>>]>,
}

/// Nobody got anywhere for too long: what the breaker holds and where the threads are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stalled(pub(crate) String);

impl Pool {
    /// Starts the threads, or as many as there are when `stop` is requested; tells of each.
    ///
    /// # Errors
    ///
    /// The system refuses one.
    pub(crate) fn start(
        setup: &Setup,
        stop: &Stop,
        mut tell: impl FnMut(usize),
    ) -> Result<Self, Failure> {
        let mut counts = setup.counts.clone();
        counts.retain(|&count| count > 0);
        counts.sort_unstable();
        counts.dedup();
        let wanted = counts.last().copied().unwrap_or(0);
        let stations = (0..wanted).map(|_| Station::default()).collect();
        let mut pool = Self {
            shared: Arc::new(Shared { stations }),
            tiers: counts.iter().map(|&end| Tier { end, gate: Arc::default() }).collect(),
            threads: Vec::with_capacity(wanted),
            wanted,
            patience: setup.patience,
        };
        let cores = if setup.pin { allowed_cores() } else { Vec::new() };
        while pool.threads.len() < wanted && !stop.requested() {
            let index = pool.threads.len();
            let shared = Arc::clone(&pool.shared);
            let tier = pool.tiers.partition_point(|tier| tier.end <= index);
            let gate = Arc::clone(&pool.tiers[tier].gate);
            let core = (!cores.is_empty()).then(|| cores[index % cores.len()]);
            let thread = thread::Builder::new()
                .name(format!("pool {index}"))
                .stack_size(setup.stack)
                .spawn(move || shared.live(index, gate, core));
            match thread {
                Ok(thread) => pool.threads.push(thread),
                Err(error) => {
                    pool.dismiss();
                    return Err(Failure(format!(
                        "thread {} of {wanted} could not be started: {error}; {}",
                        index + 1,
                        system::all_limits()
                    )));
                }
            }
            tell(pool.threads.len());
        }
        Ok(pool)
    }

    /// Whether all threads were started: not if Ctrl-C came meanwhile.
    pub(crate) fn is_complete(&self) -> bool {
        self.threads.len() == self.wanted
    }

    /// Lets the first `threads` threads, one of the counts it was set up for, do `job` for
    /// `length`, and waits until they have; `look` is told of calls so far, now and then.
    ///
    /// # Errors
    ///
    /// Nobody got anywhere for too long. The threads are stuck where they are, and the pool
    /// is of no use any more: [`leave`](Self::leave) it.
    pub(crate) fn play(
        &mut self,
        threads: usize,
        length: Duration,
        job: Arc<dyn Job>,
        stop: &Stop,
        mut look: impl FnMut(u64),
    ) -> Result<Played, Stalled> {
        let threads = threads.min(self.threads.len());
        let tiers = self.tiers.partition_point(|tier| tier.end <= threads);
        // Where a count is in between two that were asked for, those of the lower take part.
        let threads = tiers.checked_sub(1).map_or(0, |last| self.tiers[last].end);
        let point = Arc::new(Point {
            job,
            threads,
            length,
            awake: AtomicUsize::new(0),
            began: OnceLock::new(),
            over: AtomicBool::new(false),
            busy: AtomicUsize::new(threads),
            waits: thread::current(),
            reports: (0..threads).map(|_| Mutex::default()).collect(),
        });
        let before = watchdog::progress(&self.shared.stations);
        for tier in &mut self.tiers[..tiers] {
            tier.open(Some(Arc::clone(&point)));
        }
        let mut dog = Watchdog::with_patience(Instant::now(), self.patience);
        let mut cut = false;
        // Acquire: pairs with the Release of the last to leave; its report is there.
        while point.busy.load(Ordering::Acquire) > 0 {
            thread::park_timeout(LOOK.min(self.patience));
            if stop.requested() {
                cut = true;
                // Relaxed: a hint to stop.
                point.over.store(true, Ordering::Relaxed);
            }
            let progress = watchdog::progress(&self.shared.stations);
            look(progress - before);
            // Whoever leaves without a call is progress, too.
            let signs = progress.wrapping_sub(point.busy.load(Ordering::Relaxed) as u64);
            if point.busy.load(Ordering::Acquire) > 0 && dog.barks(signs, Instant::now()) {
                // Who is not stuck waits for no one who is. Relaxed: a hint to stop.
                point.over.store(true, Ordering::Relaxed);
                return Err(Stalled(watchdog::report(
                    "no call ended",
                    self.patience,
                    progress - before,
                    &point.job.dump(),
                    &self.shared.stations[..threads],
                )));
            }
        }
        let reports: Vec<Report> = point
            .reports
            .iter()
            .filter_map(|report| report.lock().unwrap_or_else(PoisonError::into_inner).take())
            .collect();
        let died = threads - reports.len();
        Ok(Played { reports, died, length, quiet: dog.longest(), cut })
    }

    /// Sends all home and waits for them.
    pub(crate) fn dismiss(mut self) {
        self.tiers.iter_mut().for_each(|tier| tier.open(None));
        for thread in self.threads {
            let _ = thread.join();
        }
    }

    /// Waits for none of them: they end with the process.
    pub(crate) fn leave(self) {
        drop(self.threads);
    }
}

impl Tier {
    fn open(&mut self, point: Option<Arc<Point>>) {
        let next = Arc::<Gate>::default();
        let gate = std::mem::replace(&mut self.gate, Arc::clone(&next));
        let _ = gate.0.set(Turn { point, next }); // nobody else sets it
    }
}

impl Shared {
    /// One thread's life.
    fn live(&self, index: usize, mut gate: Arc<Gate>, core: Option<usize>) {
        if let Some(core) = core {
            cores::pin(core);
        }
        loop {
            let turn = gate.0.wait();
            let next = Arc::clone(&turn.next);
            let Some(point) = turn.point.clone() else { return };
            gate = next;
            // A panic was said where it was raised, and noted in the point. The thread goes on:
            // the next point counts on it.
            let _ = catch_unwind(AssertUnwindSafe(|| point.play(index, &self.stations[index])));
        }
    }
}

impl Point {
    /// One thread's part.
    fn play(&self, index: usize, station: &Station) {
        station.set(Place::Waiting);
        let began = self.meet();
        station.set(Place::Calling);
        let mut leaving = Leaving { point: self, index, station, report: None };
        let (cpu, switches) = (thread_cpu(), Switches::of_this_thread());
        let mut seat = Seat::new(index, station, &self.over, began, self.length);
        let tally = self.job.work(&mut seat);
        let (calls, all) = seat.made();
        leaving.report = Some(Report {
            calls,
            all,
            cpu: thread_cpu().saturating_sub(cpu),
            switches: Switches::of_this_thread().since(switches),
            ended: began.elapsed(),
            tally,
        });
    }

    /// Waits until all are awake; when that was.
    fn meet(&self) -> Instant {
        // Relaxed: what the last one writes is handed on by `began`.
        if self.awake.fetch_add(1, Ordering::Relaxed) + 1 == self.threads {
            return *self.began.get_or_init(Instant::now);
        }
        loop {
            if let Some(&began) = self.began.get() {
                return began;
            }
            // Somebody never came, and nobody waits for him any more. Relaxed: a hint.
            if self.over.load(Ordering::Relaxed) {
                return Instant::now();
            }
            thread::yield_now();
        }
    }
}

/// Signs a thread off from a point, also where a panic ends its part.
struct Leaving<'a> {
    point: &'a Point,
    index: usize,
    station: &'a Station,
    report: Option<Report>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.station.set(Place::Done);
        let place = &self.point.reports[self.index];
        *place.lock().unwrap_or_else(PoisonError::into_inner) = self.report.take();
        // Release: pairs with the Acquire of who waits for the last.
        if self.point.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.point.waits.unpark();
        }
    }
}

#[cfg(test)]
mod tests;
