//! What is replaced is freed once, and not while somebody has it. Invariant 25.
//!
//! With `--cfg crossbeam_loom` besides our own: crossbeam-epoch itself is then modelled.

use ampacity::model::Collected;
use loom_tests::{Bounds, Note, Reached, alone, race_within};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Epochs take many steps; and a read-modify-write of an epoch is none of ours.
const A_FEW: Bounds = Bounds { preemptions: Some(2), rmw_loads: false, all_schedules: false };

struct Value {
    note: Note,
    freed: Arc<AtomicU64>, // of the standard library: no part of the model
}

impl Drop for Value {
    fn drop(&mut self) {
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

struct Cell {
    cell: Collected<Value>,
    freed: [Arc<AtomicU64>; 2],
}

fn value(says: u64, freed: &Arc<AtomicU64>) -> Value {
    let note = Note::new(0);
    note.write(says);
    Value { note, freed: Arc::clone(freed) }
}

/// Invariant 25, and the edge `relisted -> read`.
#[test]
fn a_replaced_value_is_freed_once_and_not_while_it_is_read() {
    static OLD: Reached = Reached::new();
    static NEW: Reached = Reached::new();
    static FREED: Reached = Reached::new();
    race_within(
        A_FEW,
        || {
            let freed = [Arc::default(), Arc::default()];
            Cell { cell: Collected::new(value(1, &freed[0])), freed }
        },
        |c| c.cell.replace(|| value(2, &c.freed[1])),
        |c| {
            let says = c.cell.read(|value| {
                let says = value.note.read();
                assert!(says == 1 || says == 2, "found before it was written");
                assert_eq!(value.freed.load(Ordering::Relaxed), 0, "freed while it is read");
                says
            });
            OLD.hit_if(says == 1);
            NEW.hit_if(says == 2);
        },
        |c, (), ()| {
            let freed = c.freed.each_ref().map(|freed| freed.load(Ordering::Relaxed));
            assert!(freed[0] <= 1 && freed[1] == 0, "freed twice, or too early");
            FREED.hit_if(freed[0] == 1);
        },
    );
    FREED.assert_some();
    OLD.assert_some();
    NEW.assert_some();
}

/// Invariant 25: nothing is left over.
#[test]
fn all_values_are_freed_once_when_the_cell_is_gone() {
    alone(|| {
        let freed = [0; 3].map(|_| Arc::default());
        let cell = Collected::new(value(1, &freed[0]));
        cell.replace(|| value(2, &freed[1]));
        cell.replace(|| value(3, &freed[2]));
        drop(cell);
        assert_eq!(freed.map(|freed| freed.load(Ordering::Relaxed)), [1, 1, 1]);
    });
}
