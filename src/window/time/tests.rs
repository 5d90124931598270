use super::*;
use crate::window::SWEEP_EVERY;
use crate::word::ERA_BITS;
use proptest::prelude::*;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::thread;

const MS: u64 = 1_000_000;
const OK_ONE: Entry = Entry { failed: false, slow: false };
const BAD: Entry = Entry { failed: true, slow: false };
const SLOW_BAD: Entry = Entry { failed: true, slow: true };

fn sums(calls: u64, failed: u64, slow: u64) -> Sums {
    Sums { calls, failed, slow }
}

/// A slot with a place of its own, and one without.
fn own_and_shared() -> [Slot; 2] {
    [Slot::of(0), Slot::of(u32::try_from(owners()).unwrap() + 3)]
}

fn window(slices: u32) -> Time {
    Time::new(MS, slices, Era(0))
}

fn at(slice: u64) -> Nanos {
    Nanos(slice.saturating_mul(MS))
}

#[test]
fn a_result_is_in_the_window_for_exactly_its_slices() {
    for slot in own_and_shared() {
        for n in [1, 2, 4, 5, 10, 360] {
            for start in [0, 7, 1_000] {
                let time = window(n);
                let _ = time.record(slot, Era(0), Nanos(at(start).0 + MS - 1), SLOW_BAD);
                let n = u64::from(n);
                assert_eq!(time.sum(Era(0), at(start)), sums(1, 1, 1));
                let last = Nanos(at(start + n).0 - 1);
                assert_eq!(time.sum(Era(0), last), sums(1, 1, 1));
                assert_eq!(time.sum(Era(0), at(start + n)), sums(0, 0, 0));
                assert_eq!(time.sum(Era(0), at(start + n + 1)), sums(0, 0, 0));
            }
        }
    }
}

#[test]
fn after_a_gap_of_n_slices_only_what_is_younger_remains() {
    for slot in own_and_shared() {
        for (gap, left) in [(9, 2), (10, 1), (11, 1)] {
            let time = window(10);
            let _ = time.record(slot, Era(0), at(3), OK_ONE);
            let _ = time.record(slot, Era(0), at(3 + gap), BAD);
            assert_eq!(time.sum(Era(0), at(3 + gap)), sums(left, 1, 0));
        }
    }
}

#[test]
fn a_clock_that_steps_anywhere_neither_loses_a_result_nor_wedges() {
    const HOUR: u64 = 3_600_000;
    const YEAR: u64 = 365 * 24 * HOUR;
    for slot in own_and_shared() {
        let time = window(10);
        let _ = time.record(slot, Era(0), at(HOUR), OK_ONE);
        let _ = time.record(slot, Era(0), at(0), BAD);
        assert_eq!(time.sum(Era(0), at(0)), sums(2, 1, 0));
        assert_eq!(time.sum(Era(0), at(HOUR + 9)), sums(2, 1, 0));
        assert_eq!(time.sum(Era(0), at(HOUR + 10)), sums(0, 0, 0));
        let _ = time.record(slot, Era(0), at(YEAR), BAD);
        assert_eq!(time.sum(Era(0), at(YEAR)), sums(1, 1, 0));
        let _ = time.record(slot, Era(0), Nanos(u64::MAX), BAD);
        let _ = time.record(slot, Era(0), Nanos(u64::MAX), OK_ONE);
        let _ = time.record(slot, Era(0), at(3), OK_ONE);
        assert_eq!(time.sum(Era(0), Nanos(u64::MAX)), sums(3, 1, 0));
        assert_eq!(time.sum(Era(0), Nanos(0)), sums(3, 1, 0));
        // A new era starts from its own slice again.
        let _ = time.record(slot, Era(1), at(3), BAD);
        assert_eq!(time.sum(Era(1), at(3)), sums(1, 1, 0));
        assert_eq!(time.sum(Era(1), at(13)), sums(0, 0, 0));
    }
}

#[test]
fn another_thread_goes_to_the_latest_slice_when_the_clock_steps_back() {
    let time = window(10);
    let _ = time.record(Slot::of(0), Era(0), at(50), OK_ONE);
    for slot in [Slot::of(1), own_and_shared()[1]] {
        let _ = time.record(slot, Era(0), at(20), BAD);
    }
    assert_eq!(time.sum(Era(0), at(20)), sums(3, 2, 0));
    assert_eq!(time.sum(Era(0), at(59)), sums(3, 2, 0));
}

#[test]
fn a_thread_that_others_were_ahead_of_goes_to_the_latest_slice_when_the_clock_steps_back() {
    let time = window(10);
    let _ = time.record(Slot::of(0), Era(0), at(20), OK_ONE);
    let _ = time.record(Slot::of(1), Era(0), at(50), OK_ONE);
    // Not in its own slice of 20, which this clock may not reach for long.
    for before in [19, 3, 0] {
        let _ = time.record(Slot::of(0), Era(0), at(before), BAD);
    }
    assert_eq!(time.sum(Era(0), at(0)), sums(4, 3, 0));
    assert_eq!(time.sum(Era(0), at(59)), sums(4, 3, 0));
}

#[test]
fn a_jump_of_any_power_of_two_does_not_bring_old_results_back() {
    for slot in own_and_shared() {
        for n in [1, 3, 4, 10] {
            for k in 0..44 {
                let time = window(n);
                let _ = time.record(slot, Era(0), at(2), BAD);
                let jumped = Nanos((1u64 << k).saturating_mul(MS).saturating_add(at(2).0));
                let left = u64::from((1u64 << k) < u64::from(n));
                assert_eq!(time.sum(Era(0), jumped), sums(left, left, 0), "2^{k} of {n}");
                let _ = time.record(slot, Era(0), jumped, OK_ONE);
                assert_eq!(time.sum(Era(0), jumped), sums(left + 1, left, 0), "2^{k} of {n}");
            }
        }
    }
}

#[test]
fn a_new_era_starts_empty_and_results_of_an_older_one_are_dropped() {
    for slot in own_and_shared() {
        let time = window(10);
        let _ = time.record(slot, Era(4), at(5), BAD);
        assert_eq!(time.sum(Era(5), at(5)), sums(0, 0, 0));
        assert_eq!(time.sum_newest(at(5)), sums(1, 1, 0));
        let _ = time.record(slot, Era(5), at(5), OK_ONE);
        assert_eq!(time.sum(Era(5), at(5)), sums(1, 0, 0));
        for late in [slot, Slot::of(9), own_and_shared()[1]] {
            assert_eq!(time.record(late, Era(4), at(6), BAD), Recorded::Stale);
        }
        assert_eq!(time.sum(Era(5), at(5)), sums(1, 0, 0));
        assert_eq!(time.sum_newest(at(5)), sums(1, 0, 0));
    }
}

#[test]
fn a_late_result_of_a_thread_still_in_the_old_era_leaves_the_newer_one_alone() {
    let time = window(10);
    let _ = time.record(Slot::of(0), Era(4), at(5), BAD);
    let _ = time.record(Slot::of(1), Era(5), at(5), OK_ONE);
    let _ = time.record(Slot::of(0), Era(4), at(5), BAD); // on its fast path
    assert_eq!(time.sum(Era(5), at(5)), sums(1, 0, 0));
    assert_eq!(time.sum_newest(at(5)), sums(1, 0, 0));
}

#[test]
fn the_window_of_an_era_ends_by_the_clock_or_by_its_own_latest_slice() {
    let time = window(10);
    let _ = time.record(Slot::of(0), Era(4), at(5), BAD);
    let _ = time.record(Slot::of(1), Era(5), at(100), OK_ONE);
    assert_eq!(time.sum(Era(4), at(5)), sums(1, 1, 0));
    assert_eq!(time.sum(Era(5), at(5)), sums(1, 0, 0));
}

#[test]
fn an_era_that_ends_while_a_result_is_on_its_way_to_a_slice_is_over_for_it() {
    let time = window(10);
    time.latest.store(Tag::of(Era(1), 90), Ordering::Relaxed);
    for slot in own_and_shared() {
        assert_eq!(time.record(slot, Era(0), at(5), BAD), Recorded::Stale);
    }
    assert_eq!(time.sum_newest(at(5)), sums(0, 0, 0));
}

#[test]
fn the_newest_window_is_still_there_while_later_eras_record_nothing() {
    let time = window(10);
    let _ = time.record(Slot::of(0), Era(4), at(5), BAD);
    assert_eq!(time.sum_newest(at(14)), sums(1, 1, 0));
    assert_eq!(time.sum_newest(at(15)), sums(0, 0, 0));
    assert_eq!(time.sum_newest(Nanos(0)), sums(1, 1, 0));
}

#[test]
fn eras_whose_low_bits_go_round_do_not_bring_old_results_back() {
    let lap = 1u64 << ERA_BITS;
    for slot in own_and_shared() {
        for first in [0, 3, SWEEP_EVERY - 1, SWEEP_EVERY, SWEEP_EVERY + 1, lap / 2, lap - 1] {
            let time = Time::new(MS, 4, Era(first));
            let _ = time.record(slot, Era(first), at(2), BAD);
            for laps in 1..=9 {
                let begin = (first + (laps - 1) * lap) / SWEEP_EVERY + 1;
                let now = first + laps * lap;
                (begin..=now / SWEEP_EVERY).for_each(|era| time.sweep(Era(era * SWEEP_EVERY)));
                for near in now - 2..now + 3 {
                    assert_eq!(time.sum(Era(near), at(2)), sums(0, 0, 0), "{first} {laps}");
                    assert_eq!(time.sum(Era(near), at(0)), sums(0, 0, 0), "{first} {laps}");
                }
            }
            // Late by any number of eras, a result is late.
            let now = first + 9 * lap;
            for late in [first, now - SWEEP_EVERY, now - lap / 2 - 1, now - lap, now - 2 * lap + 1]
            {
                if late / SWEEP_EVERY < now / SWEEP_EVERY {
                    let recorded = time.record(own_and_shared()[1], Era(late), at(2), BAD);
                    assert_eq!(recorded, Recorded::Stale);
                }
            }
            let mut before = now;
            for now in [now, now + lap / 2 + 1, now + 5 * lap / 4, now + 2 * lap - 1] {
                (before / SWEEP_EVERY + 1..=now / SWEEP_EVERY)
                    .for_each(|era| time.sweep(Era(era * SWEEP_EVERY)));
                before = now;
                assert_ne!(time.record(slot, Era(now), at(2), OK_ONE), Recorded::Stale);
                assert_eq!(time.sum(Era(now), at(2)), sums(1, 0, 0));
            }
        }
    }
}

#[test]
fn one_sweep_is_enough_after_several_that_did_not_come() {
    for slot in own_and_shared() {
        for missed in 0..6 {
            let time = window(4);
            let _ = time.record(slot, Era(0), at(2), BAD);
            time.sweep(Era((missed + 1) * SWEEP_EVERY));
            assert_eq!(time.sum(Era(1 << ERA_BITS), at(2)), sums(0, 0, 0));
            let era = Era((missed + 1) * SWEEP_EVERY + 1);
            assert_ne!(time.record(slot, era, at(2), OK_ONE), Recorded::Stale);
            assert_eq!(time.sum_newest(at(2)), sums(1, 0, 0));
        }
    }
}

#[test]
fn the_owner_of_a_swept_bucket_adds_nothing_to_a_later_era() {
    let time = Time::new(u64::MAX, 4, Era(0));
    let _ = time.record(Slot::of(0), Era(0), Nanos(0), BAD);
    for era in (SWEEP_EVERY..=8 * SWEEP_EVERY).step_by(usize::try_from(SWEEP_EVERY).unwrap()) {
        time.sweep(Era(era));
        // From an owner that slept meanwhile: its head is still there.
        let _ = time.record(Slot::of(0), Era(0), Nanos(0), BAD);
        assert_eq!(time.sum(Era(era), Nanos(0)), sums(0, 0, 0));
    }
    let _ = time.record(Slot::of(0), Era(9 * SWEEP_EVERY), Nanos(0), OK_ONE);
    assert_eq!(time.sum(Era(9 * SWEEP_EVERY), Nanos(0)), sums(1, 0, 0));
}

#[test]
fn a_sweep_leaves_what_is_near() {
    for slot in own_and_shared() {
        for era in [3 * SWEEP_EVERY + 1, 4 * SWEEP_EVERY, 5 * SWEEP_EVERY] {
            let time = Time::new(MS, 4, Era(era));
            let _ = time.record(slot, Era(era), at(2), BAD);
            time.sweep(Era(4 * SWEEP_EVERY));
            assert_eq!(time.sum(Era(era), at(2)), sums(1, 1, 0));
        }
    }
}

#[test]
fn a_thread_is_told_of_its_turn_and_a_shared_place_gives_no_certainty() {
    let [own, shared] = own_and_shared();
    let time = window(4);
    let record = |slot, era, now| time.record(slot, Era(era), now, OK_ONE);
    assert_eq!(record(own, 0, at(0)), Recorded::Turned);
    assert_eq!(record(own, 0, Nanos(MS - 1)), Recorded::Counted);
    assert_eq!(record(own, 0, at(1)), Recorded::Turned);
    assert_eq!(record(own, 1, at(1)), Recorded::Turned);
    assert_eq!(record(own, 0, at(1)), Recorded::Stale);
    assert_eq!(record(shared, 1, at(1)), Recorded::Turned);
    assert_eq!(record(shared, 1, at(1)), Recorded::Shared);
    assert_eq!(record(own, 1, at(0)), Recorded::Counted);
    assert_eq!(record(own, 1, Nanos(u64::MAX)), Recorded::Turned);
    assert_eq!(record(own, 1, Nanos(u64::MAX)), Recorded::Counted);
}

#[test]
fn a_hint_covers_so_many_of_an_owner_and_ends_with_its_turn() {
    let [own, shared] = own_and_shared();
    let time = window(4);
    assert!(!time.spend(own, 1, 5), "an owner without a record");
    let _ = time.record(own, Era(0), at(0), BAD);
    let hint = u32::try_from(time.begin_evaluation()).unwrap();
    assert_eq!((time.evaluations(), time.owners_made()), (1, 1));
    assert!(!time.spend(own, hint, 2), "the first after a turn");
    assert!(!time.spend(own, hint, 2), "nor is there more of that hint");
    let hint = u32::try_from(time.begin_evaluation()).unwrap();
    assert!([true, true, false, false] == [(); 4].map(|()| time.spend(own, hint, 2)));
    assert!([true, false] == [(); 2].map(|()| time.spend(own, hint + 1, 1)));
    let _ = time.record(own, Era(0), at(1), BAD);
    assert!(!time.spend(own, hint + 2, 9), "the first after a turn");
    assert!(!time.spend(own, u32::MAX, 0));
    assert!(!time.spend(shared, hint + 3, 9));
    let _ = time.record(shared, Era(0), at(1), BAD);
    assert!(!time.spend(shared, hint + 3, 9));
    assert_eq!(time.owners_made(), 1);
}

#[test]
fn a_window_saved_and_put_back_under_another_clock_ages_from_there() {
    let old = window(4);
    for (slice, entry) in [(10, BAD), (11, OK_ONE), (13, SLOW_BAD)] {
        let _ = old.record(Slot::of(0), Era(7), at(slice), entry);
    }
    let saved = old.ages(Era(7), at(13));
    assert_eq!(saved, [(0, sums(1, 1, 1)), (2 * MS, sums(1, 0, 0)), (3 * MS, sums(1, 1, 0))]);
    // Also at the very start of a clock.
    for start in [0, 1, 2, 1_000] {
        let new = Time::new(MS, 4, Era(1));
        saved.iter().for_each(|&(age, sums)| new.put(Era(1), at(start), age, sums));
        assert_eq!(new.ages(Era(1), at(start)), saved);
        assert_eq!(new.sum(Era(1), at(start)), sums(3, 2, 1));
        assert_eq!(new.sum(Era(1), at(start + 1)), sums(2, 1, 1));
        assert_eq!(new.sum(Era(1), at(start + 3)), sums(1, 1, 1));
        assert_eq!(new.sum(Era(1), at(start + 4)), sums(0, 0, 0));
        new.put(Era(1), at(start), 4 * MS, sums(9, 9, 9));
        new.put(Era(1), at(start), u64::MAX, sums(9, 9, 9));
        assert_eq!(new.sum(Era(1), at(start)), sums(3, 2, 1));
    }
}

#[test]
fn sums_that_nobody_could_have_recorded_saturate() {
    let time = window(2);
    for age in [0, 0, MS] {
        time.put(Era(0), at(0), age, sums(u64::MAX, u64::MAX, u64::MAX));
        time.put(Era(0), at(0), age, sums(3, 5, 7));
    }
    let sum = time.sum(Era(0), at(0));
    assert!(sum.failed <= sum.calls && sum.slow <= sum.calls && sum.calls > 1 << 52);
}

#[test]
fn another_shape_takes_over_what_it_covers_by_when_its_slices_ended() {
    let old = Time::new(3 * MS, 4, Era(2));
    for (ms, times) in [(0, 1), (3, 2), (6, 4), (9, 8)] {
        for _ in 0..times {
            let _ = old.record(Slot::of(0), Era(2), at(ms), BAD);
        }
    }
    let new = Time::new(2 * MS, 4, Era(2));
    new.carry_from(&old, Era(2), at(10)); // slices of 4, 6, 8 and 10 ms
    // Slices that ended at 12 and 9 and 6 ms; the one that ended at 3 ms is left out.
    let now = |count| sums(count, count, 0);
    assert_eq!(new.ages(Era(2), at(10)), [(0, now(8)), (2 * MS, now(4)), (6 * MS, now(2))]);
    // Ends at 10 ms, when the old one's current slice has not ended.
    let new = Time::new(2 * MS, 4, Era(2));
    new.carry_from(&old, Era(2), at(9));
    assert_eq!(new.ages(Era(2), at(9)), [(0, now(12)), (4 * MS, now(2)), (6 * MS, now(1))]);
    // Ends at 14 ms, and the old one's current slice, without results, at 15.
    let new = Time::new(2 * MS, 4, Era(2));
    new.carry_from(&old, Era(2), at(13));
    assert_eq!(new.ages(Era(2), at(13)), [(2 * MS, now(8)), (4 * MS, now(4))]);
    // Ends at 18 ms, after the old one's; its first slice begins where one ended.
    let new = Time::new(6 * MS, 2, Era(2));
    new.carry_from(&old, Era(2), at(14));
    assert_eq!(new.ages(Era(2), at(14)), [(6 * MS, now(12))]);
    // A coarser one, in whose current slice all of them ended.
    let new = Time::new(100 * MS, 2, Era(2));
    new.carry_from(&old, Era(2), at(10));
    assert_eq!(new.sum(Era(2), at(10)), now(15));
    assert_eq!(new.sum(Era(3), at(10)), now(0));
}

/// What a window should say, from a list of all that was recorded.
#[derive(Default)]
struct Model {
    results: Vec<(u64, u64, Entry)>, // era, slice
    latest: (u64, u64),
    heads: std::collections::HashMap<u32, (u64, u64)>, // by owner
}

impl Model {
    fn record(&mut self, slot: u32, (era, slice): (u64, u64), entry: Entry) {
        let owned = (slot as usize) < owners();
        let slice = match self.heads.get(&slot) {
            // Within its slice a thread looks no further.
            Some(&(of, head)) if owned && of == era && slice == head => head,
            _ if era < self.latest.0 => return,
            _ => {
                self.latest = self.latest.max((era, slice));
                self.latest.1
            }
        };
        self.heads.insert(slot, (era, slice));
        self.results.push((era, slice, entry));
    }

    fn sum(&self, era: u64, slice: u64, slices: u64) -> Sums {
        let newest = if era == self.latest.0 { self.latest.1 } else { 0 };
        let last = slice.max(newest);
        let mut sum = Sums::default();
        for &(of, at, entry) in &self.results {
            if of == era && at <= last && last - at < slices {
                sum.calls += 1;
                sum.failed += u64::from(entry.failed);
                sum.slow += u64::from(entry.slow);
            }
        }
        sum
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_window_says_what_a_list_of_all_results_says(
        slices in 1u32..7,
        steps in proptest::collection::vec(
            (0u32..6, -9i64..10, 0u64..20, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let time = window(slices);
        let mut model = Model::default();
        let (mut era, mut now) = (0u64, 40u64);
        let beyond = u32::try_from(owners()).unwrap();
        for (who, step, event, failed, slow) in steps {
            if event == 0 { era += 1; }
            // Most of the time the clock does not move, seldom far.
            now = match event {
                1 => now.saturating_add_signed(step * 7),
                2..7 => now.saturating_add_signed(step),
                _ => now,
            };
            // Some are late: of the era before.
            let of = if event == 7 { era.saturating_sub(1) } else { era };
            let slot = if who < 4 { who } else { beyond + who };
            let entry = Entry { failed, slow };
            let _ = time.record(Slot::of(slot), Era(of), at(now), entry);
            model.record(slot, (of, now), entry);
            // Of an older era a ring may have lost some, but never of the newest.
            let newest = model.latest.0;
            prop_assert_eq!(
                time.sum(Era(newest), at(now)),
                model.sum(newest, now, slices.into())
            );
            let ages = time.ages(Era(newest), at(now));
            let aged = ages.iter().fold(Sums::default(), |sum, (_, part)| sum.plus(*part));
            prop_assert_eq!(aged, time.sum_newest(at(now)));
            prop_assert_eq!(time.sum(Era(era + 1), at(now)), Sums::default());
        }
    }
}

#[test]
fn with_many_threads_nothing_is_lost_and_nothing_counted_twice() {
    const THREADS: usize = 8;
    const EACH: u64 = 20_000;
    let beyond = u32::try_from(owners()).unwrap();
    let slot = |thread: usize| match u32::try_from(thread).unwrap() {
        own @ 0..3 => Slot::of(own),
        // Five threads on two stripes.
        more => Slot::of(beyond + more % 2),
    };
    let time = Time::new(MS, MOST_SLICES, Era(0));
    let (clock, counted) = (AtomicU64::new(0), AtomicU64::new(0));
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (time, clock, counted, start) = (&time, &clock, &counted, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..EACH {
                    // 320 slices in all: the window covers them.
                    let now = clock.fetch_add(2_000, Ordering::Relaxed);
                    let entry = Entry { failed: n % 3 == 0, slow: n % 5 == 0 };
                    let now = Nanos(now);
                    if time.record(slot(thread), Era(0), now, entry) != Recorded::Stale {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    if n % 512 == 0 {
                        let sum = time.sum(Era(0), now);
                        assert!(sum.failed <= sum.calls && sum.slow <= sum.calls);
                    }
                }
            });
        }
    });
    let all = THREADS as u64 * EACH;
    assert_eq!(counted.into_inner(), all);
    let each = |of: u64| THREADS as u64 * EACH.div_ceil(of);
    assert_eq!(time.sum_newest(Nanos(0)), sums(all, each(3), each(5)));
}

#[test]
fn while_eras_change_in_shared_places_no_era_sees_more_than_was_recorded_in_it() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 300;
    const ERAS: usize = 7; // fewer than there are generations: see `slice`
    const IN_EACH: u64 = 8;
    let stripe = Slot::of(u32::try_from(owners()).unwrap());
    for _ in 0..ROUNDS {
        // One slice: all eras fight over one bucket.
        let time = Time::new(u64::MAX, 1, Era(0));
        let begun: [AtomicU64; ERAS] = std::array::from_fn(|_| AtomicU64::new(0));
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    for (era, begun) in (0..).map(Era).zip(&begun) {
                        for _ in 0..IN_EACH {
                            // Before it is recorded, so that no sum is ahead of it.
                            begun.fetch_add(1, Ordering::AcqRel);
                            let _ = time.record(stripe, era, Nanos(0), BAD);
                            let sum = time.sum(era, Nanos(0));
                            assert!(sum.calls <= begun.load(Ordering::Acquire));
                            assert_eq!(sum.calls, sum.failed);
                        }
                    }
                });
            }
        });
        // Nobody was too late for the last era, so all of it is there.
        let last = THREADS as u64 * IN_EACH;
        assert_eq!(time.sum_newest(Nanos(0)), sums(last, last, 0));
    }
}
