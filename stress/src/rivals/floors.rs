//! The least that a call could cost: what any breaker has to do, and no decision to trip.
//!
//! Three amounts of work, each of which some way of timing calls cannot go below:
//!
//! * A, nothing timed: a look at the shared word and a count that one thread writes;
//! * B, sampled: A, the count kept by slices of time, of a word that a ticker stores, one
//!   call in 16 timed and put into a histogram, and the thread's counts found in a table;
//! * C, timed: A, two reads of the processor's counter, the slice and the histogram.
//!
//! In A and C a batch of calls looks once for its thread's counts, as if the caller held
//! on to them.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Caller, End, Path, Subject, batch, counted_batch, end};

/// How much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    A,
    B,
    C,
}

impl Work {
    /// Instructions of a success, harness and operation included, beyond which it would
    /// be no floor.
    pub(crate) fn most_instructions(self) -> u32 {
        match self {
            Self::A => 16,
            Self::B => 38,
            Self::C => 49,
        }
    }
}

/// One floor, set up for a path.
#[derive(Debug)]
pub(crate) struct Floor {
    work: Work,
    word: Word,
    clock: quanta::Clock,
    /// Its place in every thread's table.
    place: usize,
}

/// What all threads read, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Word {
    state: AtomicU64,
    open_until: AtomicU64,
}

const CLOSED: u64 = 0;
const OPEN: u64 = 1;

impl Floor {
    pub(crate) fn new(work: Work, path: Path) -> Self {
        let state = if path == Path::Rejected { OPEN } else { CLOSED };
        Self {
            work,
            word: Word { state: state.into(), open_until: u64::MAX.into() },
            clock: quanta::Clock::new(),
            place: path as usize * WORKS + work as usize,
        }
    }
}

/// Once for the clock and once for the counter of instructions, whose processor has no
/// counter to read: there a word stands for it.
macro_rules! go_through {
    ($batch:ident, $floor:expr, $time:expr, $path:expr, $calls:expr) => {{
        let (word, time, place) = (&$floor.word, $time, $floor.place);
        match $floor.work {
            Work::A => $batch(&Untimed { word, counts: counts(place) }, $path, $calls),
            Work::B => $batch(&Sampled { word, time, place }, $path, $calls),
            Work::C => $batch(&Timed { word, time, counts: counts(place) }, $path, $calls),
        }
    }};
}

impl Caller for Floor {
    fn timed(&self, path: Path, calls: u64) -> u64 {
        go_through!(batch, self, &self.clock, path, calls)
    }

    fn counted(&self, path: Path, calls: u64) -> u64 {
        let time = StandIn::new();
        go_through!(counted_batch, self, black_box(&time), path, calls)
    }
}

/// A counter that is read twice to time a call.
trait Time {
    fn raw(&self) -> u64;
    fn nanos(&self, from: u64, to: u64) -> u64;
}

impl Time for quanta::Clock {
    #[inline(always)]
    fn raw(&self) -> u64 {
        self.raw()
    }

    #[inline(always)]
    fn nanos(&self, from: u64, to: u64) -> u64 {
        self.delta_as_nanos(from, to)
    }
}

/// One load for each read. Each call takes as long, and a time long enough to have its
/// bucket computed.
struct StandIn {
    counter: AtomicU64,
    took: u64,
    scale: u64,
}

impl StandIn {
    fn new() -> Self {
        Self { counter: AtomicU64::new(0), took: 30, scale: 1 << 32 }
    }
}

impl Time for StandIn {
    #[inline(always)]
    fn raw(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn nanos(&self, from: u64, to: u64) -> u64 {
        let ticks = to.wrapping_sub(from).wrapping_add(self.took);
        ((u128::from(ticks) * u128::from(self.scale)) >> 32) as u64
    }
}

struct Untimed<'a> {
    word: &'a Word,
    counts: &'static Counts,
}

impl Subject for Untimed<'_> {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        // Acquire, here and below: what a breaker's caller must see of whoever closed it.
        if self.word.state.load(Ordering::Acquire) != CLOSED {
            bump(&self.counts.rejected);
            return End::Rejected;
        }
        let end = end(op());
        self.counts.of(0, end);
        end
    }
}

struct Sampled<'a, T> {
    word: &'a Word,
    time: &'a T,
    place: usize,
}

/// One call in so many is timed.
const TIMED: u64 = 16;

impl<T: Time> Subject for Sampled<'_, T> {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        let counts = counts(self.place);
        if self.word.state.load(Ordering::Acquire) != CLOSED
            && NOW.load(Ordering::Relaxed) < self.word.open_until.load(Ordering::Relaxed)
        {
            bump(&counts.rejected);
            return End::Rejected;
        }
        let nth = NTH.get().wrapping_add(1);
        NTH.set(nth);
        let end = if nth.is_multiple_of(TIMED) {
            let began = self.time.raw();
            let end = end(op());
            counts.record(self.time.nanos(began, self.time.raw()));
            end
        } else {
            end(op())
        };
        counts.count(NOW.load(Ordering::Relaxed) >> SLICE_BITS, end);
        end
    }
}

struct Timed<'a, T> {
    word: &'a Word,
    time: &'a T,
    counts: &'static Counts,
}

impl<T: Time> Subject for Timed<'_, T> {
    #[inline(always)]
    fn call(&self, op: impl FnOnce() -> Result<u64, u64>) -> End {
        if self.word.state.load(Ordering::Acquire) != CLOSED
            && self.time.raw() < self.word.open_until.load(Ordering::Relaxed)
        {
            bump(&self.counts.rejected);
            return End::Rejected;
        }
        let began = self.time.raw();
        let end = end(op());
        let ended = self.time.raw();
        self.counts.record(self.time.nanos(began, ended));
        self.counts.count(ended >> SLICE_BITS, end);
        end
    }
}

/// Slices of time that are kept; each is 2^30 ns or ticks long, about a second.
const SLICES: usize = 16;
const SLICE_BITS: u32 = 30;

/// Sixteen buckets to an octave.
const SUB_BITS: u32 = 4;
const BUCKETS: usize = ((u64::BITS - SUB_BITS + 1) << SUB_BITS) as usize;

/// What one thread counts; it alone writes it.
#[derive(Debug)]
#[repr(align(128))]
struct Counts {
    slices: [AtomicU64; SLICES],
    succeeded: [AtomicU64; SLICES],
    failed: [AtomicU64; SLICES],
    rejected: AtomicU64,
    times: [AtomicU64; BUCKETS],
}

impl Counts {
    fn new() -> Self {
        Self {
            slices: [const { AtomicU64::new(0) }; SLICES],
            succeeded: [const { AtomicU64::new(0) }; SLICES],
            failed: [const { AtomicU64::new(0) }; SLICES],
            rejected: AtomicU64::new(0),
            times: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    #[inline(always)]
    fn count(&self, slice: u64, end: End) {
        let at = slice as usize % SLICES;
        if self.slices[at].load(Ordering::Relaxed) != slice {
            self.begin(at, slice);
        }
        self.of(at, end);
    }

    #[inline(always)]
    fn of(&self, at: usize, end: End) {
        bump(match end {
            End::Succeeded => &self.succeeded[at],
            _ => &self.failed[at],
        });
    }

    #[cold]
    #[inline(never)]
    fn begin(&self, at: usize, slice: u64) {
        self.succeeded[at].store(0, Ordering::Relaxed);
        self.failed[at].store(0, Ordering::Relaxed);
        // Release: whoever adds up the slices sees the counts that belong to this one.
        self.slices[at].store(slice, Ordering::Release);
    }

    #[inline(always)]
    fn record(&self, nanos: u64) {
        bump(&self.times[bucket(nanos)]);
    }
}

/// Counts one, where nobody else writes. Relaxed: a statistic.
#[inline(always)]
fn bump(cell: &AtomicU64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

#[inline(always)]
fn bucket(nanos: u64) -> usize {
    if nanos < 1 << SUB_BITS {
        return nanos as usize;
    }
    let octave = nanos.ilog2() - SUB_BITS;
    ((octave << SUB_BITS) as usize) + (nanos >> octave) as usize
}

const WORKS: usize = 3;
const PLACES: usize = Path::ALL.len() * WORKS;

thread_local! {
    // Without destructors, so that a read is one instruction.
    static TABLE: [Cell<Option<&'static Counts>>; PLACES] =
        const { [const { Cell::new(None) }; PLACES] };
    static NTH: Cell<u64> = const { Cell::new(0) };
    static LEASED: Lease = const { Lease(RefCell::new(Vec::new())) };
}

/// Counts that no thread writes to now.
static FREE: Mutex<Vec<&'static Counts>> = Mutex::new(Vec::new());

/// Those of this thread, which go to others when it ends.
struct Lease(RefCell<Vec<&'static Counts>>);

impl Drop for Lease {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).append(self.0.get_mut());
    }
}

/// What the calling thread counts of the floor at this place.
#[inline(always)]
fn counts(place: usize) -> &'static Counts {
    TABLE.with(|table| match table.get(place).and_then(Cell::get) {
        Some(counts) => counts,
        None => lease(place),
    })
}

#[cold]
#[inline(never)]
fn lease(place: usize) -> &'static Counts {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    // Never freed, so that a table may hold a plain reference; there are as many as
    // threads at once.
    let counts = free.unwrap_or_else(|| Box::leak(Box::new(Counts::new())));
    LEASED.with(|leased| leased.0.borrow_mut().push(counts));
    TABLE.with(|table| table[place].set(Some(counts)));
    counts
}

/// The time as the ticker last stored it, in ns.
static NOW: AtomicU64 = AtomicU64::new(0);
const TICK: Duration = Duration::from_millis(1);

/// A thread that stores the time every millisecond, until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker(Arc<AtomicBool>);

impl Ticker {
    /// # Errors
    ///
    /// The system refuses the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&over);
        let start = Instant::now();
        // Relaxed: a hint to end.
        let tick = move || {
            while !its.load(Ordering::Relaxed) {
                NOW.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                thread::sleep(TICK);
            }
        };
        thread::Builder::new().name("ticker".to_owned()).spawn(tick)?;
        Ok(Self(over))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
