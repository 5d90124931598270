//! What callers hand in for one sink, and its writer takes away batch by batch.
//!
//! Two buffers: callers append to one under the lock while the writer works through the
//! other, and they are swapped when the writer is through. Both keep their capacity, so
//! that nothing is allocated once they have grown to what the program needs. A record is
//! numbered under the same lock, so that the numbers in the file go up by one; a record
//! that is dropped uses up a number, and the reader sees the gap.

mod batch;

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{mem, ptr};

pub(crate) use batch::{Batch, Bounds, Claim, Orders, Parts, Tally};

use crate::counts::Counts;

/// How long a writer that ran out of records looks for more before it sleeps until it is
/// woken. Whoever logs more often than that never pays for waking it.
const LINGER: Duration = Duration::from_millis(5);

/// The share of a queue that only urgent records may use: one in so many.
const RESERVE: usize = 8;

thread_local! {
    /// The address of the queue whose writer this thread is; 0 if it is none's.
    static WRITES_FOR: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Open,
    /// Takes no more, and ends when all is written.
    Closing,
    /// The writer is gone.
    Closed,
}

/// What the writer does while there is nothing to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rest {
    None,
    /// Looks again by itself in a moment.
    Lingers,
    /// Sleeps until it is woken.
    Sleeps,
}

/// How many flushes were asked for, taken by the writer, and done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Flushes {
    asked: u64,
    taken: u64,
    done: u64,
}

#[derive(Debug)]
struct State {
    pending: Batch,
    next_seq: u64,
    counts: Counts,
    /// The dropped that came after the queue was closed.
    late: u64,
    phase: Phase,
    rest: Rest,
    /// Callers who wait for room.
    waiting: usize,
    /// Nobody waits for room any more.
    hurried: bool,
    reopen: bool,
    flushes: Flushes,
    /// The writer has said something since its last batch.
    said: bool,
    /// Flushes that are taken wait for what the writer said.
    deferred: bool,
}

/// One sink's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// The writer has something to do.
    ready: Condvar,
    /// A waiting caller may find room.
    room: Condvar,
    /// A flush is done, or the writer gone.
    settled: Condvar,
    bounds: Bounds,
    /// What follows a record's number: the name of this stream of numbers.
    stream: Box<[u8]>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, stream: u64) -> Self {
        let state = State {
            pending: Batch::default(),
            next_seq: 0,
            counts: Counts::default(),
            late: 0,
            phase: Phase::Open,
            rest: Rest::None,
            waiting: 0,
            hurried: false,
            reopen: false,
            flushes: Flushes::default(),
            said: false,
            deferred: false,
        };
        Queue {
            state: Mutex::new(state),
            ready: Condvar::new(),
            room: Condvar::new(),
            settled: Condvar::new(),
            bounds,
            stream: format!(",\"stream\":\"{stream:016x}\"").into_bytes().into(),
        }
    }

    /// Makes this thread the writer. What it writes to may log to this queue, flush it or
    /// close it, and would wait for itself.
    pub(crate) fn adopt(&self) {
        WRITES_FOR.set(ptr::from_ref(self).addr());
    }

    fn is_mine(&self) -> bool {
        WRITES_FOR.get() == ptr::from_ref(self).addr()
    }

    /// Hands a record in; where there is no room for it in time, it is dropped and counted.
    pub(crate) fn push(&self, parts: Parts<'_>, claim: Claim) {
        let mut state = self.lock();
        state.counts.emitted += 1;
        let in_time = state.phase == Phase::Open;
        if in_time && !self.fits(&state, parts, claim) {
            state = self.wait_for_room(state, parts, claim);
        }
        let seq = state.next_seq;
        state.next_seq += 1;
        let open = match state.phase {
            Phase::Open => true,
            Phase::Closing => claim.in_band,
            Phase::Closed => false,
        };
        if !open || !self.fits(&state, parts, claim) {
            state.counts.dropped += 1;
            state.late += u64::from(!in_time);
            return;
        }
        state.pending.append(parts, seq, &self.stream);
        state.said |= claim.in_band;
        let much = state.pending.len() > self.bounds.records / 4
            || state.pending.size() > self.bounds.bytes / 4;
        let wake = match state.rest {
            Rest::None => false,
            Rest::Lingers => claim.urgent || much,
            Rest::Sleeps => true,
        };
        if wake {
            state.rest = Rest::None;
            drop(state);
            self.ready.notify_one();
        }
    }

    /// A record that is larger than the whole queue fits when the queue is empty.
    fn fits(&self, state: &State, parts: Parts<'_>, claim: Claim) -> bool {
        let share = |of: usize| if claim.urgent { of } else { of - of / RESERVE };
        let pending = &state.pending;
        let size = parts.head.len() + 20 + self.stream.len() + parts.tail.len();
        claim.in_band
            || pending.is_empty()
            || pending.len() < share(self.bounds.records)
                && pending.size().saturating_add(size) <= share(self.bounds.bytes)
    }

    #[cold]
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        parts: Parts<'_>,
        claim: Claim,
    ) -> MutexGuard<'a, State> {
        if WRITES_FOR.get() != 0 {
            // A writer, which some other writer may be waiting for.
            return state;
        }
        let start = Instant::now();
        while state.phase == Phase::Open && !self.fits(&state, parts, claim) {
            let left = claim.wait.saturating_sub(start.elapsed());
            if left.is_zero() || state.hurried {
                break;
            }
            state.waiting += 1;
            let woken = self.room.wait_timeout(state, left);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state
    }

    /// The writer's next batch, in place of the one it is through with; `None` when the
    /// queue is closed and empty. `batch` and `done` are of the last batch.
    pub(crate) fn next(&self, batch: &mut Batch, done: Tally) -> Option<Orders> {
        batch.clear();
        let mut state = self.lock();
        state.counts.add(done);
        self.settle(&mut state);
        let mut lingered = false;
        loop {
            let Flushes { asked, taken, .. } = state.flushes;
            if !state.pending.is_empty() || state.reopen || asked != taken {
                break;
            }
            if state.phase != Phase::Open {
                return None;
            }
            if lingered {
                state.rest = Rest::Sleeps;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                state.rest = Rest::Lingers;
                let woken = self.ready.wait_timeout(state, LINGER);
                let (guard, over) = woken.unwrap_or_else(PoisonError::into_inner);
                (state, lingered) = (guard, over.timed_out());
            }
            state.rest = Rest::None;
        }
        mem::swap(&mut state.pending, batch);
        if state.waiting > 0 {
            self.room.notify_all();
        }
        let Flushes { asked, taken, .. } = &mut state.flushes;
        let flush = mem::replace(taken, *asked) != *asked || state.deferred;
        let reopen = mem::take(&mut state.reopen);
        Some(Orders { reopen, flush, dropped: state.counts.dropped - state.late })
    }

    /// Says of the flushes that were taken that they are done.
    fn settle(&self, state: &mut State) {
        let said = mem::take(&mut state.said);
        let Flushes { taken, done, .. } = state.flushes;
        // What the writer said of this batch belongs to it; but once only, or a writer with
        // ever more to say would keep a flush for ever.
        state.deferred = taken != done && said && !state.deferred;
        if taken != done && !state.deferred {
            state.flushes.done = taken;
            self.settled.notify_all();
        }
    }

    /// The writer is gone; what it leaves behind has failed. `done` is of its end.
    pub(crate) fn gone(&self, done: Tally) {
        let mut state = self.lock();
        state.counts.add(done);
        state.phase = Phase::Closed;
        let Counts { emitted, written, dropped, failed, .. } = state.counts;
        state.counts.failed = emitted - written - dropped;
        debug_assert!(state.counts.failed >= failed);
        state.pending = Batch::default();
        drop(state);
        self.settled.notify_all();
        self.room.notify_all();
    }

    /// Waits until all that was handed in before is written or has failed, and the sink
    /// flushed; `Err` with how many records wait when `within` is over.
    pub(crate) fn flush(&self, within: Duration) -> Result<(), u64> {
        let mut state = self.lock();
        state.flushes.asked += 1;
        let mine = state.flushes.asked;
        self.wait_until(state, within, |state| {
            state.flushes.done >= mine || state.phase == Phase::Closed
        })
    }

    /// Lets callers go who wait for room, and has nobody wait for it from now on: the queue
    /// is about to be closed, within a deadline that is not theirs.
    pub(crate) fn hurry(&self) {
        self.lock().hurried = true;
        self.room.notify_all();
    }

    /// Takes no more records; waits until those that are there are written.
    pub(crate) fn close(&self, within: Duration) -> Result<(), u64> {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        self.room.notify_all();
        self.wait_until(state, within, |state| state.phase == Phase::Closed)
    }

    fn wait_until(
        &self,
        mut state: MutexGuard<'_, State>,
        within: Duration,
        done: impl Fn(&State) -> bool,
    ) -> Result<(), u64> {
        let start = Instant::now();
        self.ready.notify_one();
        while !done(&state) {
            let left = within.saturating_sub(start.elapsed());
            if left.is_zero() || self.is_mine() {
                return Err(state.counts.queued());
            }
            let woken = self.settled.wait_timeout(state, left);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Asks the writer to open its sink anew before the next batch.
    pub(crate) fn reopen(&self) {
        self.lock().reopen = true;
        self.ready.notify_one();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock, and if it did, the counts would still be right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
