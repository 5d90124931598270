//! What is replaced is freed once, and not while somebody has it. Invariant 25.
//!
//! With `--cfg crossbeam_loom` besides our own: crossbeam-epoch itself is then modelled.

use ampacity::model::Collected;
use loom_tests::{Bounds, Note, Reached, alone, race_within};
use std::sync::atomic::{AtomicU64, Ordering};

/// Epochs take many steps; and a read-modify-write of an epoch is none of ours.
const A_FEW: Bounds =
    Bounds { preemptions: Some(2), rmw_loads: false, all_schedules: false, ..Bounds::NONE };

struct Value {
    note: Note,
    /// How often it was freed. Of the standard library: no part of the model; and for
    /// ever, so that a reader who comes too late can still look.
    freed: &'static AtomicU64,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

type Cell = Collected<Value>;

fn value(says: u64, freed: &'static AtomicU64) -> Value {
    freed.store(0, Ordering::Relaxed);
    Value { note: Note::written(says), freed }
}

/// Invariant 25, and the edge `relisted -> read`.
#[test]
fn a_replaced_value_is_freed_once_and_not_while_it_is_read() {
    static OLD: Reached = Reached::new();
    static NEW: Reached = Reached::new();
    static FREED: Reached = Reached::new();
    static COUNTS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    race_within(
        A_FEW,
        || Cell::new(value(1, &COUNTS[0])),
        |cell| cell.replace(|_| value(2, &COUNTS[1])),
        |cell| {
            let says = cell.read(|value| {
                assert_eq!(value.freed.load(Ordering::Relaxed), 0, "freed while it is read");
                let says = value.note.read();
                assert!(says == 1 || says == 2, "found before it was written");
                says
            });
            OLD.hit_if(says == 1);
            NEW.hit_if(says == 2);
        },
        |_, (), ()| {
            let freed = COUNTS.each_ref().map(|freed| freed.load(Ordering::Relaxed));
            assert!(freed[0] <= 1 && freed[1] == 0, "freed twice, or too early");
            FREED.hit_if(freed[0] == 1);
        },
    )
    .met([&FREED, &OLD, &NEW]);
}

/// Invariant 25: nothing is left over.
#[test]
fn all_values_are_freed_once_when_the_cell_is_gone() {
    static COUNTS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
    alone(|| {
        let cell = Cell::new(value(1, &COUNTS[0]));
        cell.replace(|_| value(2, &COUNTS[1]));
        cell.replace(|_| value(3, &COUNTS[2]));
        drop(cell);
        let freed = COUNTS.each_ref().map(|freed| freed.load(Ordering::Relaxed));
        assert_eq!(freed, [1, 1, 1], "freed twice, or never");
    });
}

/// The edge `relisted -> read`, for whoever replaces what another has just put there.
#[test]
fn whoever_replaces_a_value_finds_it_whole() {
    static LEFT: Reached = Reached::new();
    static RIGHT: Reached = Reached::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    fn replace(cell: &Cell, says: u64) -> bool {
        let found = AtomicU64::new(0);
        cell.replace(|now| {
            let found_there = now.note.read();
            assert_ne!(found_there, 0, "found before it was written");
            found.store(found_there, Ordering::Relaxed);
            value(says, &COUNT)
        });
        found.into_inner() > 1
    }
    race_within(
        Bounds { preemptions: Some(1), ..A_FEW }, // two of them take minutes
        || Cell::new(value(1, &COUNT)),
        |cell| replace(cell, 2),
        |cell| replace(cell, 3),
        |_, left, right| {
            assert!(left != right, "one replaced the other's");
            LEFT.hit_if(left);
            RIGHT.hit_if(right);
        },
    )
    .met([&LEFT, &RIGHT]);
}
