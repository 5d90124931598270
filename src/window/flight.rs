//! Calls in flight, by when they began: how many of them hang.
//!
//! A call hangs when it has been running for strictly longer than the threshold and has
//! not returned. All calls of an era in flight, less those that began too recently to
//! hang, do. So each stripe counts all that began and ended in an era, and counts them by
//! the slice of time in which they began: slices of an eighth of the threshold, in a ring
//! that reaches further back than the threshold. A call whose slice has left the ring is
//! old: it hangs until it ends, after an hour too.
//!
//! A slice is old when every call that began in it is. So calls that hang are noticed
//! late by at most the width of a slice, and at once if their slice has no younger ones.
//!
//! # Never too many
//!
//! A call begins in one stripe and may end in another, and all is read while it changes.
//! What is read is never more than what hung at some time during the reading:
//!
//! * A beginning is counted in its slice and then in the total; the totals of what began
//!   are read first. So a young call that is in the total is taken off again.
//! * An end is counted in the total and then in its slice; the totals of what ended are
//!   read last. So an end that is missing in the young ones is there in the total.
//! * A call that is in the total of begun, and not of ended, had not ended when the
//!   latter was read.
//!
//! Both rest on the edge `changed -> read` of [`slice`](crate::window::slice).
//!
//! # A clock that steps back
//!
//! Then the place of a slice in the ring may be taken by a later slice. A call that begins
//! counts there, and hangs only when that slice is old: too late, but not too early. The
//! calls that began in the slice whose place was taken were old when that happened, by
//! the clock of that moment, and hang from then on.

use crate::clock::{Nanos, TICK};
use crate::metrics::shard::Writer;
use crate::planted::{Bug, planted};
use crate::slot::{self, Slot};
use crate::sync::{Atomic, Ordering, PlainU64};
use crate::window::slice::{Bucket, LAST_SLICE, Newest, Tag};
use crate::word::Era;
use core::fmt;

/// Two in models: a call may end elsewhere than it began.
const STRIPES: usize = if cfg!(any(ampacity_loom, ampacity_shuttle)) { 2 } else { slot::STRIPES };

/// Slices in the ring: eight are as long as the threshold, one is the current one, and
/// one more makes up for what the eighth was rounded down by.
const RING: usize = 10;

// What a slice counts.
const BEGUN: usize = 0;
const LATEST: usize = 1; // the latest beginning: how long after the slice's, plus one
const ENDED: usize = 2;

/// What threads that share a stripe count.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    /// All of an era.
    total: Bucket<3>,
    ring: [Bucket<3>; RING],
}

/// Calls in flight; see the module.
pub(crate) struct Flight {
    id: u32,        // not 0, and another for each in this process, but for 2^32 of them
    threshold: u64, // ns
    width: u64,     // ns, at least a tick
    newest: Newest,
    looked: Atomic<u64>, // the slice, plus one, in which somebody looked last
    stripes: Box<[Stripe]>,
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

/// What all stripes know of one slice.
#[derive(Clone, Copy, Default)]
struct Began {
    begun: u64,
    latest: u64,
    ended: u64,
}

impl Flight {
    /// None in flight, from `era` on; they hang after `threshold` ns.
    pub(crate) fn new(threshold: u64, era: Era) -> Self {
        let stripe =
            |_| Stripe { total: Bucket::new(era), ring: std::array::from_fn(|_| Bucket::new(era)) };
        let width = (threshold / 8).max(TICK);
        // Relaxed: a number that nobody else has.
        static MADE: PlainU64 = PlainU64::new(0);
        let id = 1 + (MADE.fetch_add(1, Ordering::Relaxed) % u64::from(u32::MAX)) as u32;
        Self {
            id,
            threshold,
            width,
            newest: Newest::new(era),
            looked: Atomic::new(0),
            stripes: (0..STRIPES).map(stripe).collect(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Whether nobody has looked in the slice of `now`; if so, the caller has to.
    pub(crate) fn is_due(&self, now: Nanos) -> bool {
        let slice = self.slice_of(now) + 1;
        // Relaxed: a turn to look, and nothing else is read on the strength of it.
        let (seen, relaxed) = (self.looked.load(Ordering::Relaxed), Ordering::Relaxed);
        seen != slice && self.looked.compare_exchange_weak(seen, slice, relaxed, relaxed).is_ok()
    }

    fn slice_of(&self, at: Nanos) -> u64 {
        (at.0 / self.width).min(LAST_SLICE)
    }

    fn start_of(&self, slice: u64) -> u64 {
        slice.saturating_mul(self.width)
    }

    /// Counts a call of `era` that begins at `at`. Returns when it is taken to begin, which
    /// is to be given to [`end`](Self::end): later than `at` if the clock has stepped back.
    pub(crate) fn begin(&self, slot: Slot, era: Era, at: Nanos) -> Nanos {
        if !self.newest.admits(era) {
            return at;
        }
        let stripe = &self.stripes[slot.shared(STRIPES)];
        let slice = Tag::of(era, self.slice_of(at));
        let bucket = &stripe.ring[place(slice)];
        let (tag, at) = match bucket.claim(Writer::Shared, slice) {
            Ok(tag) => (tag, at),
            Err(newer) if newer.is_of_era_of(slice) => (newer, Nanos(self.start_of(newer.slice()))),
            Err(_) => return at, // of an era that is over
        };
        // The slice before the total: see the module.
        let after = at.0.saturating_sub(self.start_of(tag.slice())).saturating_add(1);
        bucket.change(Writer::Shared, tag, LATEST, |latest| latest.max(after));
        bucket.change(Writer::Shared, tag, BEGUN, |begun| begun.saturating_add(1));
        if let Ok(tag) = stripe.total.claim(Writer::Shared, Tag::of(era, 0)) {
            stripe.total.change(Writer::Shared, tag, BEGUN, |begun| begun.saturating_add(1));
        }
        at
    }

    /// Counts the end of a call of `era` for which [`begin`](Self::begin) returned `began`.
    pub(crate) fn end(&self, slot: Slot, era: Era, began: Nanos) {
        if !self.newest.admits(era) {
            return;
        }
        let stripe = &self.stripes[slot.shared(STRIPES)];
        // An error is an era that is over, and below, a slice that has left the ring.
        let Ok(tag) = stripe.total.claim(Writer::Shared, Tag::of(era, 0)) else { return };
        // The total before the slice: see the module.
        stripe.total.change(Writer::Shared, tag, ENDED, |ended| ended.saturating_add(1));
        let slice = Tag::of(era, self.slice_of(began));
        let bucket = &stripe.ring[place(slice)];
        if let Ok(tag) = bucket.claim(Writer::Shared, slice) {
            bucket.change(Writer::Shared, tag, ENDED, |ended| ended.saturating_add(1));
        }
    }

    /// How many calls of `era` hang at `now`.
    pub(crate) fn hanging(&self, era: Era, now: Nanos) -> u64 {
        let early = planted(Bug::EndedFirst).then(|| self.total(era, ENDED));
        let begun = self.total(era, BEGUN);
        let young = self.young(era, now);
        let ended = early.unwrap_or_else(|| self.total(era, ENDED));
        begun.saturating_sub(ended).saturating_sub(young)
    }

    fn total(&self, era: Era, word: usize) -> u64 {
        let of = Tag::of(era, 0);
        let totals =
            self.stripes.iter().filter_map(|stripe| stripe.total.read(|tag| tag.names(of)));
        totals.fold(0, |sum, (_, words)| sum.saturating_add(words[word]))
    }

    /// How many calls are in flight that began in slices which are not old.
    fn young(&self, era: Era, now: Nanos) -> u64 {
        let of = Tag::of(era, 0);
        (0..RING).fold(0, |young: u64, place| {
            let mut seen = [None; STRIPES];
            for (seen, stripe) in seen.iter_mut().zip(&self.stripes) {
                *seen = stripe.ring[place].read(|tag| tag.is_of_era_of(of));
            }
            // Stripes may have different slices in one place of the ring.
            (0..STRIPES).fold(young, |young, first| match seen[first] {
                Some((tag, _)) if !is_in(tag, &seen[..first]) => {
                    young.saturating_add(self.young_of(tag.slice(), gather(tag, &seen), now))
                }
                _ => young,
            })
        })
    }

    fn young_of(&self, slice: u64, calls: Began, now: Nanos) -> u64 {
        // What began before this has been running for longer than the threshold.
        let old = now.0.saturating_sub(self.threshold);
        let last = self.start_of(slice).saturating_add(calls.latest.saturating_sub(1));
        // The last slice never ends: what began in it is not told apart.
        let all_are_old = slice < LAST_SLICE && (self.start_of(slice + 1) <= old || last < old);
        if all_are_old { 0 } else { calls.begun.saturating_sub(calls.ended) }
    }

    /// Forgets what is of eras long over; as [`Time::sweep`](crate::window::time::Time::sweep).
    pub(crate) fn sweep(&self, era: Era) {
        self.newest.admits(era);
        let buckets = |stripe: &Stripe| {
            stripe.ring.iter().chain([&stripe.total]).for_each(|bucket| bucket.sweep(era));
        };
        self.stripes.iter().for_each(buckets);
    }
}

/// What one stripe has in one place of the ring.
type Seen = Option<(Tag, [u64; 3])>;

fn place(slice: Tag) -> usize {
    (slice.slice() % RING as u64) as usize
}

fn is_in(slice: Tag, seen: &[Seen]) -> bool {
    seen.iter().flatten().any(|(tag, _)| tag.names(slice))
}

fn gather(slice: Tag, seen: &[Seen]) -> Began {
    let same = seen.iter().flatten().filter(|(tag, _)| tag.names(slice));
    same.fold(Began::default(), |sum, (_, words)| Began {
        begun: sum.begun.saturating_add(words[BEGUN]),
        latest: sum.latest.max(words[LATEST]),
        ended: sum.ended.saturating_add(words[ENDED]),
    })
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::window::SWEEP_EVERY;
    use crate::word::ERA_BITS;
    use proptest::prelude::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU64;
    use std::thread;

    const THRESHOLD: u64 = 80 * TICK; // so that a slice is 10 ticks
    const ERA: Era = Era(3);
    const HOUR: u64 = 3_600_000 * TICK;

    fn flight() -> Flight {
        Flight::new(THRESHOLD, ERA)
    }

    #[test]
    fn a_call_hangs_when_it_has_run_for_strictly_longer_than_the_threshold() {
        for threshold in [0, 1, 999, TICK, 3 * TICK, 15_000_001, THRESHOLD, HOUR] {
            for at in [0, 1, 7 * TICK, 10 * TICK - 1, 10 * TICK, HOUR + 12_345] {
                let flight = Flight::new(threshold, ERA);
                (0..3).for_each(|n| assert_eq!(flight.begin(Slot::of(n), ERA, Nanos(at)).0, at));
                let hanging = |after: u64| flight.hanging(ERA, Nanos(at + after));
                assert_eq!(hanging(0), 0, "{threshold} from {at}");
                assert_eq!(hanging(threshold), 0, "{threshold} from {at}");
                assert_eq!(hanging(threshold + 1), 3, "{threshold} from {at}");
                assert_eq!(hanging(threshold + HOUR), 3, "{threshold} from {at}");
                flight.end(Slot::of(0), ERA, Nanos(at));
                assert_eq!(hanging(threshold + 1), 2);
            }
        }
    }

    #[test]
    fn a_call_may_end_where_it_did_not_begin() {
        for later in [0, THRESHOLD + 10 * TICK, HOUR] {
            let flight = flight();
            let began: Vec<_> =
                (0..8).map(|n| flight.begin(Slot::of(n), ERA, Nanos(u64::from(n)))).collect();
            // Others come and go meanwhile, and use the same places of the ring.
            for at in (0..later.min(3 * THRESHOLD)).step_by(7 * TICK as usize) {
                let began = flight.begin(Slot::of(2), ERA, Nanos(at));
                flight.end(Slot::of(5), ERA, began);
            }
            for (n, began) in (3..).zip(began.iter().take(5)) {
                flight.end(Slot::of(n), ERA, *began);
            }
            assert_eq!(flight.hanging(ERA, Nanos(8 + later)), if later > 0 { 3 } else { 0 });
            for (n, began) in (6..).zip(began.iter().skip(5)) {
                flight.end(Slot::of(n), ERA, *began);
            }
            assert_eq!(flight.hanging(ERA, Nanos(8 + later)), 0);
            assert_eq!(flight.hanging(ERA, Nanos(u64::MAX)), 0);
        }
    }

    #[test]
    fn a_call_that_hangs_for_an_hour_is_still_counted_beside_many_that_do_not() {
        let flight = flight();
        let stuck = flight.begin(Slot::of(0), ERA, Nanos(5));
        let mut at = 0;
        while at < HOUR {
            let began = flight.begin(Slot::of(0), ERA, Nanos(at));
            let expected = u64::from(at > 5 + THRESHOLD + 10 * TICK);
            assert_eq!(flight.hanging(ERA, Nanos(at)), expected, "at {at}");
            flight.end(Slot::of(0), ERA, began);
            at += 7_777 * TICK / 10;
        }
        flight.end(Slot::of(0), ERA, stuck);
        assert_eq!(flight.hanging(ERA, Nanos(at)), 0);
    }

    #[test]
    fn a_new_era_starts_at_zero_and_late_ends_change_nothing() {
        let flight = flight();
        let old = flight.begin(Slot::of(0), ERA, Nanos(5));
        let _ = flight.begin(Slot::of(0), ERA, Nanos(5));
        let next = Era(ERA.0 + 1);
        assert_eq!(flight.hanging(next, Nanos(HOUR)), 0);
        let _ = flight.begin(Slot::of(0), next, Nanos(5));
        for slot in 0..8 {
            flight.end(Slot::of(slot), ERA, old);
            assert_eq!(flight.begin(Slot::of(slot), ERA, Nanos(5)), Nanos(5));
        }
        assert_eq!(flight.hanging(next, Nanos(HOUR)), 1);
        assert_eq!(flight.hanging(next, Nanos(5 + THRESHOLD)), 0);
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_call_hang() {
        let flight = flight();
        let ahead: Vec<_> =
            (0..10).map(|n| flight.begin(Slot::of(0), ERA, Nanos(HOUR + n * 10 * TICK))).collect();
        let began: Vec<_> =
            (0..10).map(|n| flight.begin(Slot::of(0), ERA, Nanos(n * 10 * TICK))).collect();
        assert!(began.iter().all(|began| began.0 >= HOUR));
        assert_eq!(flight.hanging(ERA, Nanos(2 * THRESHOLD)), 0);
        assert_eq!(flight.hanging(ERA, Nanos(2 * HOUR)), 20);
        ahead.iter().chain(&began).for_each(|began| flight.end(Slot::of(1), ERA, *began));
        assert_eq!(flight.hanging(ERA, Nanos(2 * HOUR)), 0);
        for at in [u64::MAX - 1, u64::MAX, 0] {
            let _ = flight.begin(Slot::of(0), ERA, Nanos(at));
            assert_eq!(flight.hanging(ERA, Nanos(at)), 0, "at {at}");
        }
        let never = Flight::new(u64::MAX, ERA);
        let _ = never.begin(Slot::of(0), ERA, Nanos(0));
        assert_eq!(never.hanging(ERA, Nanos(u64::MAX)), 0);
    }

    #[test]
    fn eras_whose_low_bits_go_round_do_not_bring_old_calls_back() {
        let lap = 1u64 << ERA_BITS;
        let flight = flight();
        let began = flight.begin(Slot::of(0), ERA, Nanos(5));
        for laps in 1..=9 {
            let first = (laps - 1) * 8 + 1;
            (first..=laps * 8).for_each(|n| flight.sweep(Era(n * SWEEP_EVERY)));
            for near in laps * lap - 2..laps * lap + 5 {
                assert_eq!(flight.hanging(Era(near), Nanos(HOUR)), 0);
            }
        }
        flight.end(Slot::of(0), ERA, began);
        let now = Era(9 * lap);
        let _ = flight.begin(Slot::of(0), now, Nanos(5));
        assert_eq!(flight.hanging(now, Nanos(HOUR)), 1);
    }

    proptest! {
        #[test]
        fn hanging_is_late_by_at_most_a_slice_and_never_early(
            threshold in 0u64..300 * TICK,
            steps in proptest::collection::vec(
                (0u32..16, 0..20 * TICK, any::<bool>(), any::<usize>()), 1..150),
        ) {
            let flight = Flight::new(threshold, ERA);
            let mut running = Vec::new();
            let mut now = 0;
            for (slot, step, ends, which) in steps {
                now += step;
                if ends && !running.is_empty() {
                    let began = running.swap_remove(which % running.len());
                    flight.end(Slot::of(slot), ERA, began);
                } else {
                    running.push(flight.begin(Slot::of(slot), ERA, Nanos(now)));
                }
                let longer = |than: u64| {
                    running.iter().filter(|began| Nanos(now).since(**began) > than).count() as u64
                };
                let hanging = flight.hanging(ERA, Nanos(now));
                prop_assert!(hanging <= longer(threshold));
                prop_assert!(hanging >= longer(threshold.saturating_add(flight.width)));
            }
        }
    }

    #[test]
    fn with_many_threads_none_hang_that_do_not_and_in_the_end_none_are_left() {
        const THREADS: u32 = 8;
        const EACH: u64 = 10_000;
        let flight = flight();
        let stuck = flight.begin(Slot::of(0), ERA, Nanos(0));
        let clock = AtomicU64::new(HOUR);
        let start = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (flight, clock, start) = (&flight, &clock, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..EACH {
                        let now = Nanos(clock.fetch_add(TICK / 1_000, Ordering::Relaxed));
                        let slot = Slot::of(thread);
                        // Several, so that there are now more of them and now fewer.
                        let began = [(); 4].map(|()| flight.begin(slot, ERA, now));
                        if n % 16 == 0 {
                            // All that is young began at an hour or later.
                            let hanging = flight.hanging(ERA, Nanos(HOUR));
                            assert!(hanging <= 1, "{hanging}");
                        }
                        let elsewhere = Slot::of(thread + n as u32 % 3);
                        began.iter().for_each(|began| flight.end(elsewhere, ERA, *began));
                        if n % 16 == 8 {
                            assert!(flight.hanging(ERA, Nanos(HOUR)) <= 1);
                        }
                    }
                });
            }
        });
        let now = Nanos(2 * HOUR);
        assert_eq!(flight.hanging(ERA, now), 1);
        flight.end(Slot::of(5), ERA, stuck);
        assert_eq!(flight.hanging(ERA, now), 0);
    }
}
