//! What a breaker counts. Never read to decide anything.

pub(crate) mod histogram;
pub(crate) mod shard;
pub(crate) mod snapshot;

use crate::planted::{Bug, planted};
use crate::slot::Slot;
use crate::sync::{Atomic, Mutex, OnceBox, OnceLock, Ordering, const_fn, lock};
use crate::word::{Reason, State, Turn};
use histogram::Merged;
use shard::{COUNTS, Count, Shard, Writer};

/// How many threads can have a shard to themselves; later ones share stripes.
fn owners() -> usize {
    if cfg!(any(ampacity_loom, ampacity_shuttle)) {
        return 4; // a model has at most five threads that matter
    }
    static OWNERS: OnceLock<usize> = OnceLock::new();
    *OWNERS.get_or_init(|| num_cpus::get().saturating_mul(4).max(128))
}

/// Stripes that threads without a shard of their own share.
const STRIPES: usize = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 1 } else { 8 };

const STATES: usize = State::ALL.len();

/// The counters of a breaker; nothing is allocated before its first call.
#[derive(Debug)]
pub(crate) struct Metrics {
    table: OnceBox<Table>,
}

#[derive(Debug)]
struct Table {
    owned: Box<[Shard]>,
    stripes: Box<[Shard]>,
    /// Transitions, by where from and where to; written by winners.
    turns: [[Atomic<u64>; STATES]; STATES],
    /// What had been counted at the last reset.
    reset_at: Mutex<Totals>,
}

impl Table {
    fn new() -> Self {
        Self {
            owned: (0..owners()).map(|_| Shard::new()).collect(),
            stripes: (0..STRIPES).map(|_| Shard::new()).collect(),
            turns: std::array::from_fn(|_| std::array::from_fn(|_| Atomic::new(0))),
            reset_at: Mutex::new(Totals::default()),
        }
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.owned.iter().chain(&self.stripes)
    }

    /// Every settled count is read before any admitted one, so that what is seen
    /// settled is seen admitted, and in-flight is never negative.
    fn totals(&self) -> Totals {
        let sum = |count| self.shards().map(|shard| shard.read(count)).sum();
        Totals { counts: std::array::from_fn(sum) }
    }
}

/// Sums over all shards, by [`Count`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    counts: [u64; COUNTS],
}

impl Totals {
    pub(crate) fn of(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    pub(crate) fn settled(&self) -> u64 {
        [Count::Succeeded, Count::Failed, Count::Panicked, Count::Ignored, Count::Cancelled]
            .map(|count| self.of(count))
            .iter()
            .sum()
    }

    /// What was counted since `earlier`, which a reset noted.
    pub(crate) fn since(&self, earlier: &Totals) -> Totals {
        let since = |count: usize| self.counts[count].saturating_sub(earlier.counts[count]);
        Totals { counts: std::array::from_fn(since) }
    }
}

/// The calling thread's place to count in.
#[derive(Clone, Copy)]
pub(crate) struct Recorder<'a> {
    shard: &'a Shard,
    writer: Writer,
}

impl Recorder<'_> {
    #[inline(always)]
    pub(crate) fn count(&self, count: Count) {
        self.shard.add(self.writer, count, 1);
    }

    #[cfg(feature = "contention")]
    pub(crate) fn add(&self, count: Count, value: u64) {
        self.shard.add(self.writer, count, value);
    }

    pub(crate) fn reject(&self, reason: Reason) {
        self.count(match reason {
            Reason::Open => Count::RejectedOpen,
            Reason::HalfOpenFull => Count::RejectedHalfOpenFull,
            Reason::ForcedOpen => Count::RejectedForcedOpen,
        });
    }

    pub(crate) fn time(&self, failed: bool, nanos: u64, ended: u64) {
        let latencies = self.shard.latencies();
        let histogram = if failed { &latencies.failure } else { &latencies.success };
        histogram.record(self.writer, nanos, ended);
    }
}

impl Metrics {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { table: OnceBox::new() }
        }
    }

    #[inline(always)]
    fn table(&self) -> &Table {
        match self.table.get() {
            Some(table) => table,
            None => self.table.get_or_make(Table::new),
        }
    }

    #[inline(always)]
    pub(crate) fn recorder(&self) -> Recorder<'_> {
        let table = self.table();
        let slot = Slot::current();
        match slot.own(table.owned.len()) {
            Some(own) => Recorder { shard: &table.owned[own], writer: Writer::Owner },
            None => {
                Recorder { shard: &table.stripes[slot.shared(STRIPES)], writer: Writer::Shared }
            }
        }
    }

    /// Counts a transition, once, for the caller who won it after `retries`.
    pub(crate) fn turned(&self, turn: Turn, retries: u64) {
        let cell = &self.table().turns[turn.from as usize][turn.to as usize];
        let times = if planted(Bug::EffectsOfLosers) { 1 + retries } else { 1 };
        // Relaxed: a statistic; nothing is read on the strength of it.
        cell.fetch_add(times, Ordering::Relaxed);
    }

    /// Lets the totals begin anew, with the calls in flight as admitted.
    pub(crate) fn reset(&self) {
        let table = self.table();
        let mut noted = lock(&table.reset_at);
        let mut totals = table.totals();
        totals.counts[Count::Admitted as usize] = totals.settled();
        *noted = totals;
    }

    pub(crate) fn read(&self) -> Reading {
        let Some(table) = self.table.get() else {
            return Reading::default();
        };
        // Held while the totals are read: they are never older than what a reset noted.
        let noted = lock(&table.reset_at);
        let reset_at = *noted;
        let lifetime = table.totals();
        drop(noted);
        let (mut success, mut failure) = (Merged::new(), Merged::new());
        for latencies in table.shards().filter_map(Shard::latencies_so_far) {
            success.add(&latencies.success);
            failure.add(&latencies.failure);
        }
        // Relaxed: a statistic, as where it is written.
        let load = |cell: &Atomic<u64>| cell.load(Ordering::Relaxed);
        let turns = table.turns.each_ref().map(|from| from.each_ref().map(load));
        Reading { lifetime, reset_at, success, failure, turns }
    }
}

/// All counters at about one time.
pub(crate) struct Reading {
    pub(crate) lifetime: Totals,
    pub(crate) reset_at: Totals,
    pub(crate) success: Merged,
    pub(crate) failure: Merged,
    pub(crate) turns: [[u64; STATES]; STATES],
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            lifetime: Totals::default(),
            reset_at: Totals::default(),
            success: Merged::new(),
            failure: Merged::new(),
            turns: [[0; STATES]; STATES],
        }
    }
}
