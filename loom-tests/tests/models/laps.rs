//! The generations of a slice's place come round: in models, at every fourth use. Whoever
//! sees a use of a place then finds no words as old as that, by the edge `claimed ->
//! changed`.

use ampacity::model::{LastCalls, Slices};
use loom_tests::{Bounds, Reached, race, race_within};

/// The case needs no more: all of the lap, and then whoever sees its end. What loom has to
/// search is how much older than that each load may be.
const ONE: Bounds = Bounds { preemptions: Some(1), ..Bounds::NONE };

/// The slice that has the generation of slice 1 again.
const LAP: u64 = 5;

fn read(s: &Slices, reached: &Reached) {
    let (slice, sums) = s.sums_of_any();
    reached.hit_if(slice == LAP);
    let expected = if slice == 1 { [1, 1] } else { [0, 0] };
    assert_eq!(sums, expected, "slice {slice} has what was counted a lap before");
}

/// Release of an owner's tag, and both Acquires of who reads it.
#[test]
fn a_reader_finds_nothing_of_a_lap_before_where_an_owner_writes() {
    static LAPPED: Reached = Reached::new();
    race_within(
        // An owner writes by plain stores; see `counting`.
        Bounds { rmw_loads: false, ..ONE },
        || {
            let slices = Slices::new();
            let owned = slices.own(0, 1);
            slices.add_owned(owned);
            slices
        },
        |s| (2..=LAP).for_each(|slice| _ = s.own(0, slice)),
        |s| read(s, &LAPPED),
        |_, (), ()| (),
    )
    .met([&LAPPED]);
}

fn one_of_each() -> Slices {
    let slices = Slices::new();
    assert!(slices.add(0, 1));
    slices
}

/// Release of a tag that is swapped in.
#[test]
fn a_reader_finds_nothing_of_a_lap_before_where_several_write() {
    static LAPPED: Reached = Reached::new();
    race_within(
        // All schedules are more than two million, and shuttle sees nothing old anyway.
        Bounds { all_schedules: false, ..ONE },
        one_of_each,
        |s| assert!((2..=LAP).all(|slice| s.begin(0, slice)), "nothing newer was there"),
        |s| read(s, &LAPPED),
        |_, (), ()| (),
    )
    .met([&LAPPED]);
}

/// Acquire of a tag that is there already, and of one that came first.
#[test]
fn a_writer_takes_nothing_of_a_lap_before_for_its_own() {
    static JOINED: Reached = Reached::new();
    race_within(
        ONE,
        one_of_each,
        |s| (2..=LAP).all(|slice| s.begin(0, slice)),
        |s| s.raise(0, LAP, 1),
        |s, came_first, counts| {
            assert!(counts, "nothing newer was there");
            JOINED.hit_if(came_first);
            let [raised, _] = s.sums(0, LAP).expect("nothing newer is there");
            assert_eq!(raised, 1, "what was raised a lap before is not there any more");
        },
    )
    .met([&JOINED]);
}

/// The edge `begun -> read`, for an era that begins with a sweep and without a result.
#[test]
fn whoever_reads_of_an_era_that_was_swept_for_finds_nothing_from_before() {
    static NEW: Reached = Reached::new();
    race(
        || {
            let calls = LastCalls::new(4);
            calls.record(0, true);
            calls
        },
        |calls| calls.sweep(4),
        |calls| {
            let now = calls.read(4);
            NEW.hit_if(now.head > 1);
            assert_eq!(now.calls + now.pending, 0, "results from before the era");
        },
        |_, (), ()| (),
    )
    .met([&NEW]);
}
