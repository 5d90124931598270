//! What a breaker counts. Never read to decide anything.

#[cfg(feature = "contention")]
pub(crate) mod contention;
pub(crate) mod histogram;
pub(crate) mod latency;
pub(crate) mod pace;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod shard;
pub(crate) mod snapshot;

use crate::bits::scatter;
use crate::clock::Nanos;
use crate::config::{Draw, Rules, Timing};
use crate::grain::Grain;
use crate::planted::{Bug, planted};
use crate::slot::{STRIPES, Slot, owners};
use crate::sync::{Atomic, Current, OnceBox, Ordering, const_fn};
use crate::word::{Reason, State, Turn};
use core::time::Duration;
use histogram::Histogram;
use latency::{Latency, Spread};
use pace::Start;
use shard::{COUNTS, Count, Histograms, Shard, Writer};

const STATES: usize = State::ALL.len();

/// The counters of a breaker; nothing is allocated before its first call.
pub(crate) struct Metrics {
    table: OnceBox<Table>,
}

struct Table {
    /// One for each thread that has a slot among them.
    own: Box<[Shard]>,
    stripes: Box<[Shard]>,
    /// Latencies while calls are sampled, shared by all threads: a histogram is forty
    /// times as large as a shard.
    sampled: [OnceBox<Histograms>; STRIPES],
    #[cfg(feature = "contention")]
    contention: contention::Striped<STRIPES>,
    /// Transitions, by where from and where to; written by winners.
    turns: [[Atomic<u64>; STATES]; STATES],
    /// What had been counted at the last reset, once there was one.
    reset_at: OnceBox<Current<Totals>>,
}

impl Table {
    fn new() -> Self {
        Self {
            own: (0..owners()).map(|_| Shard::new()).collect(),
            stripes: (0..STRIPES).map(|_| Shard::new()).collect(),
            sampled: std::array::from_fn(|_| OnceBox::new()),
            #[cfg(feature = "contention")]
            contention: contention::Striped::new(),
            turns: std::array::from_fn(|_| std::array::from_fn(|_| Atomic::new(0))),
            reset_at: OnceBox::new(),
        }
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        let own = self.own.iter().enumerate().filter(|(slot, _)| !is_left_out(*slot));
        own.map(|(_, shard)| shard).chain(&self.stripes)
    }

    /// Every settled count is read before any admitted one, so that what is seen
    /// settled is seen admitted, and in-flight is never negative.
    fn totals(&self) -> Totals {
        let sum = |count| self.shards().map(|shard| shard.read(count)).sum();
        let admitted = Count::Admitted as usize;
        let early = if planted(Bug::AdmittedFirst) { sum(admitted) } else { 0 };
        let mut counts = std::array::from_fn(sum);
        if planted(Bug::AdmittedFirst) {
            counts[admitted] = early;
        }
        Totals { counts }
    }
}

/// For a canary; in an ordinary build, never.
fn is_left_out(slot: usize) -> bool {
    planted(Bug::FreeShards) && crate::slot::is_free(slot)
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
    table: &'a Table,
    shard: &'a Shard,
    writer: Writer,
    slot: Slot,
}

impl Recorder<'_> {
    #[inline(always)]
    pub(crate) fn count(&self, count: Count) {
        #[cfg(any(ampacity_loom, ampacity_shuttle))]
        if planted(Bug::GoneUncounted) && self.slot.is_gone() {
            return;
        }
        self.shard.add(self.writer, count, 1);
    }

    #[cfg(feature = "contention")]
    pub(crate) fn place(&self) -> crate::contention::Place {
        crate::contention::Place {
            own: matches!(self.writer, Writer::Owner),
            stripe: self.slot.shared(STRIPES),
        }
    }

    pub(crate) fn reject(&self, reason: Reason) {
        self.count(match reason {
            Reason::Open => Count::RejectedOpen,
            Reason::HalfOpenFull => Count::RejectedHalfOpenFull,
            Reason::ForcedOpen => Count::RejectedForcedOpen,
        });
    }

    /// Begins a call: whether it is timed, and for how many calls it then stands.
    #[inline(always)]
    pub(crate) fn start(&self, draw: &Draw, now: impl Fn() -> Nanos) -> Start {
        let (shard, slot) = (self.shard, self.slot);
        // Each thread draws from a part of the sequence of its own, also where several
        // share a stripe.
        let random = || scatter(shard.admitted().wrapping_add(slot.seed() << 40));
        shard.pace.start(self.writer, draw, random, now)
    }

    /// Records how long a call took that began at `start`.
    pub(crate) fn time(&self, rules: &Rules, failed: bool, start: Start, end: Nanos) {
        let grain = rules.grain;
        let (histograms, writer) = match (rules.draw.timing, self.writer) {
            (Timing::Every, Writer::Owner) => (self.shard.histograms(grain), Writer::Owner),
            _ => {
                let stripe = &self.table.sampled[self.slot.shared(STRIPES)];
                (Histograms::made(stripe, grain), Writer::Shared)
            }
        };
        let histogram = if failed { &histograms.failure } else { &histograms.success };
        let nanos = end.since(start.at);
        histogram.record(grain, writer, start.weight(), nanos, end.0);
        match writer {
            // A stripe's successes are tallied in the thread's shard: one cell less to share.
            Writer::Shared if !failed => self.shard.sampled.add(self.writer, start.weight(), nanos),
            _ => histogram.tally.add(writer, start.weight(), nanos),
        }
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
        let mut slot = Slot::current();
        let own = slot.own(table.own.len()).or_else(|| {
            // Beyond every table is also whoever has not leased a slot yet.
            slot = Slot::leased();
            slot.own(table.own.len())
        });
        let (shard, writer) = match own {
            Some(own) => (&table.own[own], Writer::Owner),
            None => (&table.stripes[slot.shared(STRIPES)], Writer::Shared),
        };
        Recorder { table, shard, writer, slot }
    }

    /// Counts the swaps of one loop.
    #[cfg(feature = "contention")]
    #[inline]
    pub(crate) fn swapped(&self, tried: &crate::contention::Tried) {
        if !tried.is_empty() {
            let Recorder { table, slot, .. } = self.recorder();
            table.contention.add(slot.shared(STRIPES), tried);
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
        let noted = table.reset_at.get_or_make(|| Current::new(Totals::default()));
        noted.replace(|_| {
            let mut totals = table.totals();
            totals.counts[Count::Admitted as usize] = totals.settled();
            Some(totals)
        });
    }

    pub(crate) fn read(&self, grain: Grain) -> Reading {
        let Some(table) = self.table.get() else {
            return Reading::default();
        };
        // What a reset noted first: the totals are then never older than that.
        let early = planted(Bug::TotalsFirst).then(|| table.totals());
        let reset_at = table.reset_at.get().map(|noted| *noted.read()).unwrap_or_default();
        let lifetime = early.unwrap_or_else(|| table.totals());
        let (mut success, mut failure) = (Timed::new(grain), Timed::new(grain));
        let own = table.shards().filter_map(Shard::histograms_so_far);
        for histograms in own.chain(table.sampled.iter().filter_map(OnceBox::get)) {
            success.add(&histograms.success);
            failure.add(&histograms.failure);
        }
        table.shards().for_each(|shard| success.spread.add_tally(&shard.sampled));
        // Relaxed: a statistic, as where it is written.
        let load = |cell: &Atomic<u64>| cell.load(Ordering::Relaxed);
        let turns = table.turns.each_ref().map(|from| from.each_ref().map(load));
        Reading {
            lifetime,
            reset_at,
            success,
            failure,
            turns,
            #[cfg(feature = "contention")]
            contention: table.contention.read(),
        }
    }
}

/// All counters at about one time.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) lifetime: Totals,
    pub(crate) reset_at: Totals,
    pub(crate) success: Timed,
    pub(crate) failure: Timed,
    pub(crate) turns: [[u64; STATES]; STATES],
    #[cfg(feature = "contention")]
    pub(crate) contention: contention::Contention,
}

/// What was timed, of one outcome.
#[derive(Default)]
pub(crate) struct Timed {
    spread: Spread,
    last: u64, // the clock's ns at the end of the last call, plus 1; 0 is none
}

impl Timed {
    fn new(grain: Grain) -> Self {
        Self { spread: Spread::new(grain), last: 0 }
    }

    fn add(&mut self, histogram: &Histogram) {
        self.spread.add(histogram);
        self.last = self.last.max(histogram.last());
    }

    /// When the last call ended, by the breaker's clock.
    pub(crate) fn last(&self) -> Option<Duration> {
        self.last.checked_sub(1).map(Duration::from_nanos)
    }

    pub(crate) fn latency(self) -> Latency {
        Latency::of(self.spread)
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_a_shard_of_its_own_from_its_first_call_on() {
        let metrics = Metrics::new();
        let writer = || metrics.recorder().writer;
        let both = std::thread::scope(|scope| scope.spawn(|| [writer(), writer()]).join().unwrap());
        assert_eq!(both, [Writer::Owner; 2]);
    }
}
