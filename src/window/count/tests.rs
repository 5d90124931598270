use super::*;
use core::sync::atomic::AtomicU64;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::thread;

const GOOD: Entry = Entry { failed: false, slow: false };
const FAILED: Entry = Entry { failed: true, slow: false };
const SLOW: Entry = Entry { failed: false, slow: true };
const BOTH: Entry = Entry { failed: true, slow: true };
const ALL: [Entry; 4] = [GOOD, FAILED, SLOW, BOTH];

fn sums_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Sums {
    entries.into_iter().fold(Sums::default(), |sums, entry| Sums {
        calls: sums.calls + 1,
        failed: sums.failed + u64::from(entry.failed),
        slow: sums.slow + u64::from(entry.slow),
    })
}

fn fill(count: &Count, era: Era, entry: Entry, times: u64) {
    for _ in 0..times {
        count.record(era, entry).unwrap();
    }
}

#[test]
fn a_window_of_one_holds_the_last_result() {
    let count = Count::new(1, Era(0));
    assert_eq!(count.sum(Era(0)).sums, Sums::default());
    for entry in ALL {
        count.record(Era(0), entry).unwrap();
        assert_eq!(count.sum(Era(0)).sums, sums_of([&entry]));
    }
}

#[test]
fn the_result_after_a_full_window_pushes_the_oldest_out() {
    let count = Count::new(3, Era(7));
    fill(&count, Era(7), BOTH, 3);
    assert_eq!(count.sum(Era(7)).sums, Sums { calls: 3, failed: 3, slow: 3 });
    for left in (0..3).rev() {
        count.record(Era(7), GOOD).unwrap();
        assert_eq!(count.sum(Era(7)).sums, Sums { calls: 3, failed: left, slow: left });
    }
}

#[test]
fn a_window_made_in_a_late_era_takes_its_results() {
    for era in [1, 1 << 19, 1 << 20, (1 << 20) + 1, (1 << 21) - 1, u64::MAX] {
        let count = Count::new(4, Era(era));
        count.record(Era(era), FAILED).unwrap();
        assert_eq!(count.sum(Era(era)).sums.failed, 1, "era {era}");
        assert_eq!(count.sum(Era(era)).pending, 0, "era {era}");
    }
}

#[test]
fn a_new_era_starts_empty_and_a_record_of_an_old_one_changes_nothing() {
    let count = Count::new(4, Era(5));
    fill(&count, Era(5), FAILED, 9);
    let nothing = Counted { sums: Sums::default(), pending: 0, head: 9, is_newest: true };
    assert_eq!(count.sum(Era(6)), nothing);
    assert_eq!(count.sum_newest().sums.failed, 4, "what tripped it stays in sight");
    count.record(Era(6), SLOW).unwrap();
    assert_eq!(count.record(Era(5), FAILED), None);
    let counted = count.sum(Era(6));
    assert_eq!((counted.sums, counted.pending), (sums_of([&SLOW]), 0));
    assert_eq!(count.sum(Era(5)).sums, Sums::default());
    assert_eq!(count.sum_newest(), counted);
    assert_eq!((count.results(Era(5)), count.results(Era(6))), (vec![], vec![SLOW]));
}

#[test]
fn swept_results_never_come_back_when_the_bits_of_an_era_come_round() {
    let count = Count::new(4, Era(5));
    fill(&count, Era(5), FAILED, 4);
    let lap = 1 << ERA_BITS;
    for era in (1..=3 * lap / SWEEP_EVERY).map(|step| step * SWEEP_EVERY) {
        count.sweep(Era(era));
        // In any era up to the next sweep.
        for late in [0, 5, SWEEP_EVERY - 1] {
            assert_eq!(count.sum(Era(era + late)).sums, Sums::default(), "{era} {late}");
        }
    }
    assert_eq!(count.sum_newest().sums, Sums::default());
    let now = Era(3 * lap + SWEEP_EVERY / 2);
    assert!(count.record(now, SLOW).is_some());
    assert_eq!((count.sum(now).sums, count.sum(now).pending), (sums_of([&SLOW]), 0));
}

#[test]
fn a_sweep_leaves_alone_what_is_recent_or_newer() {
    let count = Count::new(4, Era(SWEEP_EVERY + 1));
    fill(&count, Era(SWEEP_EVERY + 1), FAILED, 4);
    let before = count.sum_newest();
    for era in [SWEEP_EVERY, 2 * SWEEP_EVERY] {
        count.sweep(Era(era));
        assert_eq!(count.sum_newest(), before, "era {era}");
    }
    count.sweep(Era(3 * SWEEP_EVERY));
    assert_eq!(count.sum_newest().sums, Sums::default());
}

#[test]
fn a_ticket_whose_result_is_late_is_pending_and_only_that() {
    let count = Count::new(5, Era(0));
    fill(&count, Era(0), FAILED, 20);
    let first = count.record(Era(1), GOOD).unwrap();
    let late = count.take(Era(1)).unwrap();
    count.record(Era(1), SLOW).unwrap();
    let counted = count.sum(Era(1));
    assert_eq!((counted.sums.calls, counted.pending), (2, 1));
    assert_eq!((late, counted.head), (first + 1, first + 3));
    count.write(count.ring(), late, BOTH);
    let counted = count.sum(Era(1));
    assert_eq!((counted.sums, counted.pending), (Sums { calls: 3, failed: 1, slow: 2 }, 0));
    assert_eq!(count.results(Era(1)), [GOOD, BOTH, SLOW]);
}

#[test]
fn a_writer_that_slept_for_a_window_erases_nothing_and_is_not_counted() {
    for len in [1, 3, 4, 7] {
        for windows in 1..4 {
            let count = Count::new(len, Era(0));
            fill(&count, Era(0), FAILED, 2);
            let late = count.take(Era(0)).unwrap();
            fill(&count, Era(0), GOOD, count.places() * windows);
            let before = count.sum(Era(0));
            assert_eq!((before.sums.calls, before.pending), (len.into(), 0));
            count.write(count.ring(), late, BOTH);
            assert_eq!(count.sum(Era(0)), before, "{len} {windows}");
        }
    }
}

#[test]
fn a_writer_that_slept_into_a_new_era_erases_nothing_and_is_not_counted() {
    let count = Count::new(4, Era(0));
    count.ring();
    let late = count.take(Era(0)).unwrap();
    fill(&count, Era(1), SLOW, 1);
    count.write(count.ring(), late, FAILED);
    assert_eq!(count.sum(Era(1)).sums, sums_of([&SLOW]));
    assert_eq!(count.sum(Era(1)).pending, 0);
}

#[test]
fn a_place_that_a_writer_of_half_a_lap_ago_took_is_taken_back() {
    let count = Count::new(2, Era(0));
    fill(&count, Era(0), GOOD, 4);
    count.write(count.ring(), (1 << 42) + 2, FAILED);
    assert_eq!((count.sum(Era(0)).sums.calls, count.sum(Era(0)).pending), (1, 1));
    fill(&count, Era(0), SLOW, 2);
    assert_eq!(count.results(Era(0)), [SLOW, SLOW]);
    assert_eq!(count.sum(Era(0)).pending, 0);
}

/// A window with results, moved on to `ticket` as if their era had gone on until then.
fn gone_on_until(ticket: u64) -> Count {
    let count = Count::new(3, Era(0));
    for mark in (0..=ticket / MARK_EVERY).map(|step| step * MARK_EVERY) {
        count.head.store(Head::new(0, mark), Ordering::Relaxed);
        fill(&count, Era(0), GOOD, 3);
    }
    count.head.store(Head::new(0, ticket), Ordering::Relaxed);
    count
}

#[test]
fn an_era_longer_than_a_lap_of_the_tickets_keeps_a_full_window() {
    for laps in 1..3 {
        let count = gone_on_until(laps << TICKET.end());
        // The two before the wrap were not written: they are pending.
        for (recorded, pending) in [(1, 2), (2, 1), (3, 0), (3, 0)] {
            count.record(Era(0), FAILED).unwrap();
            let counted = count.sum(Era(0));
            assert_eq!((counted.sums.failed, counted.pending), (recorded, pending));
        }
    }
}

#[test]
fn an_era_begins_where_the_era_before_it_ended_and_not_where_it_was_first_tried() {
    let count = Count::new(8, Era(0));
    fill(&count, Era(0), FAILED, 2);
    // One of the new era sleeps just before the swap of the head.
    count.begin(count.newest(), Era(1));
    fill(&count, Era(0), FAILED, 3);
    count.record(Era(1), SLOW).unwrap();
    let counted = count.sum(Era(1));
    assert_eq!((counted.sums, counted.pending), (sums_of([&SLOW]), 0));
}

#[test]
fn an_era_whose_mark_is_gone_shows_its_own_results_and_too_many_pending() {
    for len in [1, 3, 4] {
        let count = Count::new(len, Era(0));
        fill(&count, Era(0), FAILED, 9);
        // One of era 2 sleeps just before the swap of the head, and era 1 comes late.
        count.begin(count.newest(), Era(2));
        count.record(Era(1), SLOW).unwrap();
        let counted = count.sum(Era(1));
        assert_eq!((counted.sums, counted.pending), (sums_of([&SLOW]), u64::from(len) - 1));
        count.record(Era(2), BOTH).unwrap();
        let counted = count.sum(Era(2));
        assert_eq!((counted.sums, counted.pending), (sums_of([&BOTH]), 0));
        // So with a sweep that comes late.
        count.begin(count.newest(), Era(SWEEP_EVERY + 3));
        count.sweep(Era(SWEEP_EVERY + 2));
        assert_eq!(count.sum(Era(SWEEP_EVERY + 2)).sums, Sums::default());
    }
}

#[test]
fn after_a_write_its_place_holds_that_result_or_a_newer_one() {
    let count = &Count::new(1, Era(0));
    thread::scope(|scope| {
        for entry in ALL {
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let (ring, ticket) = (count.ring(), count.take(Era(0)).unwrap());
                    count.write(ring, ticket, entry);
                    let held = ring[0].load(Ordering::Relaxed).ticket().unwrap();
                    assert!(held >= ticket, "{held} in the place of {ticket}");
                }
            });
        }
    });
}

#[test]
fn a_window_carries_over_the_newest_results_that_it_has_room_for() {
    for (from, to, kept) in [(4, 2, 2), (4, 4, 4), (4, 9, 4), (1, 3, 1)] {
        let old = Count::new(from, Era(3));
        for entry in [BOTH, GOOD, GOOD, FAILED, SLOW, BOTH] {
            old.record(Era(3), entry).unwrap();
        }
        let new = Count::new(to, Era(3));
        new.carry_from(&old, Era(3));
        let all = old.results(Era(3));
        assert_eq!(new.results(Era(3)), all[all.len() - kept..]);
        assert_eq!(new.capacity(), u64::from(to));
        let other = Count::new(to, Era(4));
        other.carry_from(&old, Era(4));
        assert_eq!(other.results(Era(4)), [], "of another era");
    }
}

#[derive(Clone, Debug)]
enum Op {
    Record(Entry),
    Late(u64, Entry), // of this many eras ago
    Turn(u64),        // this many eras on
}

fn an_op() -> impl Strategy<Value = Op> {
    let entry = (0..4_usize).prop_map(|number| ALL[number]);
    prop_oneof![
        20 => entry.clone().prop_map(Op::Record),
        1 => (1..5_u64, entry).prop_map(|(ago, entry)| Op::Late(ago, entry)),
        1 => (1..SWEEP_EVERY).prop_map(Op::Turn),
    ]
}

proptest! {
    #[test]
    fn totals_are_those_of_the_last_results_exactly(
        len in 1..40_u32,
        to_the_wrap in prop_oneof![Just(0), 0..200_u64, any::<u64>()],
        start in 0..1u64 << 62,
        ops in prop::collection::vec(an_op(), 1..300),
    ) {
        let (mut era, mut model) = (start, VecDeque::new());
        let count = Count::starting_at(len, Era(era), to_the_wrap.wrapping_neg());
        let (mut recorded, mut next) = (era, None);
        for op in ops {
            match op {
                Op::Record(entry) => {
                    if recorded != era {
                        (recorded, next) = (era, None);
                        model.clear();
                    }
                    let ticket = count.record(Era(era), entry).unwrap();
                    prop_assert_eq!(ticket, next.unwrap_or(ticket));
                    next = Some((ticket + 1) & TICKET.max());
                    model.push_back(entry);
                    if model.len() > len as usize {
                        model.pop_front();
                    }
                }
                Op::Late(ago, entry) => {
                    if recorded == era && era >= ago {
                        prop_assert_eq!(count.record(Era(era - ago), entry), None);
                    }
                }
                Op::Turn(eras) => {
                    let next = era.wrapping_add(eras);
                    if era / SWEEP_EVERY != next / SWEEP_EVERY {
                        let sweeper = next / SWEEP_EVERY * SWEEP_EVERY;
                        count.sweep(Era(sweeper));
                        if sweeper.wrapping_sub(recorded) >= SWEEP_EVERY {
                            model.clear();
                        }
                    }
                    era = next;
                }
            }
            let of_era = if recorded == era { sums_of(&model) } else { Sums::default() };
            let counted = count.sum(Era(era));
            prop_assert_eq!((counted.sums, counted.pending), (of_era, 0));
            prop_assert_eq!(count.sum_newest().sums, sums_of(&model));
            if recorded == era {
                prop_assert_eq!(count.results(Era(era)), Vec::from(model.clone()));
            }
        }
    }
}

/// Entries that differ from ticket to ticket and thread to thread.
fn some_entry(seed: &mut u64) -> Entry {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    ALL[(*seed >> 20) as usize % 4]
}

const THREADS: u64 = 8;

/// Eight threads record, each result in the era that `turn` says; a reader looks on.
/// What is there at rest is what the last tickets' owners recorded.
fn at_rest_the_last_tickets_count(len: u32, start: u64, turn: impl Fn(u64) -> u64 + Sync) {
    let count = &Count::starting_at(len, Era(0), start);
    let (turn, left) = (&turn, &AtomicU64::new(THREADS));
    let mut recorded: Vec<(u64, u64, Entry)> = thread::scope(|scope| {
        let writers: Vec<_> = (1..=THREADS)
            .map(|number| {
                scope.spawn(move || {
                    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut mine = Vec::new();
                    for step in 0..4_000 {
                        let (era, entry) = (turn(step), some_entry(&mut seed));
                        if let Some(ticket) = count.record(Era(era), entry) {
                            mine.push((era, tickets_between(start, ticket), entry));
                        }
                    }
                    left.fetch_sub(1, Ordering::Release);
                    mine
                })
            })
            .collect();
        while left.load(Ordering::Acquire) > 0 {
            let Counted { sums, pending, .. } = count.sum_newest();
            assert!(sums.failed <= sums.calls && sums.slow <= sums.calls, "{sums:?}");
            assert!(sums.calls + pending <= count.capacity());
        }
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    recorded.sort_unstable_by_key(|&(era, ticket, _)| (era, ticket));
    let last = recorded.last().unwrap().0;
    assert!(recorded.is_sorted_by_key(|&(_, ticket, _)| ticket), "eras take turns");
    let of_last = recorded.iter().filter(|(era, ..)| *era == last);
    let of_last: Vec<Entry> = of_last.map(|&(.., entry)| entry).collect();
    let expected = &of_last[of_last.len().saturating_sub(len as usize)..];
    assert_eq!(count.results(Era(last)), expected);
    let counted = count.sum(Era(last));
    assert_eq!((counted.sums, counted.pending), (sums_of(expected), 0));
}

#[test]
fn after_a_race_exactly_the_last_results_are_there() {
    for len in [1, 3, 64, 1_000] {
        at_rest_the_last_tickets_count(len, 0, |_| 0);
        at_rest_the_last_tickets_count(len, TICKET.max() - 15_000, |_| 0);
    }
}

#[test]
fn after_a_race_of_eras_exactly_the_last_results_of_the_last_are_there() {
    for (len, steps_an_era) in [(1, 1), (3, 5), (64, 50), (64, 300), (1_000, 2_000)] {
        let era = AtomicU64::new(0);
        at_rest_the_last_tickets_count(len, TICKET.max() - 15_000, |step| match step {
            0 => 0,
            _ if step % steps_an_era == 0 => era.fetch_add(1, Ordering::Relaxed) + 1,
            _ => era.load(Ordering::Relaxed),
        });
    }
}

#[test]
fn of_two_threads_that_record_and_evaluate_one_sums_both() {
    for _ in 0..2_000 {
        let count = &Count::new(4, Era(0));
        let calls: Vec<u64> = thread::scope(|scope| {
            let both = [FAILED, SLOW].map(|entry| {
                scope.spawn(move || {
                    count.record(Era(0), entry).unwrap();
                    count.begin_evaluation();
                    count.sum(Era(0)).sums.calls
                })
            });
            both.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(calls.contains(&2), "{calls:?}");
    }
}
