//! A thread's small index, leased on its first call and given back when it ends.
//!
//! Slots are numbered for the whole process, the lowest free number first, so
//! that they stay small however many threads come and go. A breaker's counters
//! are an array that a slot indexes: nothing in a thread points into a breaker,
//! and a breaker can be dropped whenever its owner likes.

use crate::planted::{Bug, planted};
use crate::sync::{Mutex, OnceLock, lock, per_process, thread_local};
use core::cell::Cell;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many threads can have a place to themselves; later ones share [`STRIPES`].
pub(crate) fn owners() -> usize {
    if cfg!(any(ampacity_loom, ampacity_shuttle)) {
        return 4; // a model has at most five threads that matter
    }
    static OWNERS: OnceLock<usize> = OnceLock::new();
    *OWNERS.get_or_init(|| num_cpus::get().saturating_mul(4).max(128))
}

/// Places that threads without one of their own share.
pub(crate) const STRIPES: usize = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 1 } else { 8 };

/// A thread's index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot(u32);

impl Slot {
    /// The number that tells a thread which holds a lease from one which does not.
    const NONE: u32 = u32::MAX;
    /// Set in the number of a thread that has given its slot back.
    const GONE: u32 = 1 << 31;

    /// This thread's own place in an array of `len`, if it has one: not beyond
    /// the array's end, and not after the slot went to another thread.
    #[inline(always)]
    pub(crate) fn own(self, len: usize) -> Option<usize> {
        let index = self.0 as usize;
        (index < len).then_some(index)
    }

    /// A place in an array of `len` that other threads use too.
    #[inline(always)]
    pub(crate) fn shared(self, len: usize) -> usize {
        (self.0 & !Slot::GONE) as usize % len
    }

    /// A slot by its number, which nobody has leased.
    #[cfg(any(test, ampacity_loom, ampacity_shuttle))]
    pub(crate) fn of(index: u32) -> Slot {
        Slot(index)
    }

    /// Whether its thread has given it back.
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    pub(crate) fn is_gone(self) -> bool {
        self.0 & Slot::GONE != 0
    }

    /// A number that tells slots apart.
    #[inline(always)]
    pub(crate) fn seed(self) -> u64 {
        self.0.into()
    }

    /// The calling thread's slot, if it has leased one; else one that is beyond every array.
    #[inline(always)]
    pub(crate) fn current() -> Slot {
        #[cfg(any(ampacity_loom, ampacity_shuttle))]
        let _held = planted(Bug::SlotUnderLock).then(|| lock(&POOL));
        Slot(CURRENT.try_with(Cell::get).unwrap_or(Slot::GONE))
    }

    /// The calling thread's slot, leased now if need be.
    #[inline(never)]
    pub(crate) fn leased() -> Slot {
        match Slot::current() {
            Slot(Slot::NONE) => lease(),
            slot => slot,
        }
    }
}

thread_local! {
    // Without a destructor, so that a read is one instruction and works to the
    // very end of the thread.
    static CURRENT: Cell<u32> = const { Cell::new(Slot::NONE) };
    // With one: touched once, when the slot is leased.
    static LEASE: Lease = const { Lease };
}

/// Gives the thread's slot back when the thread ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        // Marked gone before it is given back: whatever other destructors of this
        // thread still count goes to the shared stripes.
        let leased = CURRENT.try_with(|current| current.replace(current.get() | gone()));
        if let Ok(slot) = leased
            && slot & Slot::GONE == 0
        {
            // The lock orders this thread's plain stores before those of the
            // slot's next lessee.
            lock(&POOL).free.push(Reverse(slot));
        }
    }
}

fn gone() -> u32 {
    if planted(Bug::SlotKept) { 0 } else { Slot::GONE }
}

/// What models do with slots besides calling.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) mod model {
    use super::{CURRENT, Cell, Lease, Slot};

    /// Gives the calling thread a slot without a lease: most models give each thread
    /// its own, so that they need not explore the lock of the pool.
    pub fn assign_slot(index: u32) {
        CURRENT.with(|current| current.set(index));
    }

    /// Lets the calling thread lease a slot at its next call, as in life.
    pub fn forget_slot() {
        assign_slot(Slot::NONE);
    }

    /// Gives the calling thread's slot back, as its end does.
    pub fn give_slot_back() {
        drop(Lease);
    }

    /// The calling thread's slot, if it has one.
    pub fn slot() -> Option<u32> {
        let slot = CURRENT.with(Cell::get);
        (slot & Slot::GONE == 0).then_some(slot)
    }
}

/// Whether nobody has a lease of a slot that was leased before.
pub(crate) fn is_free(index: usize) -> bool {
    lock(&POOL).free.iter().any(|slot| slot.0 as usize == index)
}

#[cold]
#[inline(never)]
fn lease() -> Slot {
    // The thread is past its destructors: no lease could be given back.
    if LEASE.try_with(|_| ()).is_err() {
        return Slot(Slot::GONE);
    }
    let mut pool = lock(&POOL);
    let slot = pool.free.pop().map_or(pool.next, |Reverse(slot)| slot);
    let slot = if planted(Bug::SlotTwice) { 0 } else { slot };
    pool.next = pool.next.max(slot + 1);
    drop(pool);
    CURRENT.with(|current| current.set(slot));
    Slot(slot)
}

struct Pool {
    free: BinaryHeap<Reverse<u32>>,
    next: u32,
}

per_process! {
    static POOL: Mutex<Pool> = Mutex::new(Pool { free: BinaryHeap::new(), next: 0 });
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn slots_stay_small_however_many_threads_come_and_go() {
        // Other tests hold slots meanwhile, but never hundreds.
        for _ in 0..1_000 {
            let slot = thread::spawn(Slot::leased).join().unwrap();
            assert!(slot.own(256).is_some(), "{slot:?}");
        }
    }

    #[test]
    fn a_thread_keeps_its_slot_and_two_threads_have_different_ones() {
        let mine = Slot::leased();
        assert_eq!((mine, mine), (Slot::leased(), Slot::current()));
        assert_ne!(thread::spawn(Slot::leased).join().unwrap(), mine);
    }

    #[test]
    fn a_slot_beyond_the_array_or_given_back_has_no_place_of_its_own() {
        assert_eq!(Slot(3).own(4), Some(3));
        assert_eq!(Slot(4).own(4), None);
        let gone = Slot(3 | Slot::GONE);
        assert_eq!((gone.own(4), gone.shared(2)), (None, 1));
    }
}
