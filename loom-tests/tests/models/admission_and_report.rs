//! The edge `report -> admit`: what a caller wrote before it reported is visible
//! to whoever is admitted after that report. One test for each place where the
//! word is read; each writes a relaxed note, so that no other ordering helps.

use loom_tests::{Bounds, Reached, Stage, half_open, half_open_with_probes_out, race, race_within};

fn note_and_close(s: &Stage) {
    s.note.write(1);
    s.take().success();
}

/// Acquire in the load; Release in the swap.
#[test]
fn whoever_finds_it_closed_sees_what_the_closing_probe_wrote() {
    static CLOSED: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        note_and_close,
        |s| {
            // With its one place taken, only a closed breaker admits.
            if let Some(call) = s.try_acquire() {
                CLOSED.hit();
                assert_eq!(call.era(), 3);
                assert_eq!(s.note.read(), 1, "admitted before the report");
            }
        },
        |s, (), ()| {
            s.at_rest();
        },
    )
    .met([&CLOSED]);
}

/// Acquire of a swap that fails: the caller saw a place free, lost its swap to the
/// report, and is admitted by what the failed swap read.
#[test]
fn whoever_lost_the_swap_to_a_report_sees_what_was_written_before_it() {
    static CLOSED: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 2, 1),
        note_and_close,
        |s| {
            let call = s.acquire();
            if call.era() == 3 {
                CLOSED.hit();
                assert_eq!(s.note.read(), 1, "admitted before the report");
            }
        },
        |s, (), ()| {
            s.at_rest();
        },
    )
    .met([&CLOSED]);
}

/// Acquire of a swap that succeeds: the word was loaded before a probe was issued
/// and given back, and is the same again when it is swapped.
#[test]
fn whoever_takes_a_place_that_was_given_back_sees_what_its_holder_wrote() {
    static RECURRED: Reached = Reached::new();
    // Loads that read the newest value find nothing stale, and take minutes here.
    race_within(
        Bounds { rmw_loads: false, ..Bounds::NONE },
        || half_open(1, 1),
        |s| {
            let probe = s.try_acquire();
            let admitted = probe.is_some();
            if let Some(probe) = probe {
                s.note.write(1);
                probe.ignore();
            }
            admitted
        },
        |s| {
            let probe = s.try_acquire();
            (s.note.read(), probe)
        },
        |s, gave_back, (note, held)| {
            // The one place is held to the end, so the other had it earlier.
            if gave_back && held.is_some() {
                RECURRED.hit();
                assert_eq!(note, 1, "admitted before the report");
            }
            s.at_rest();
        },
    )
    .met([&RECURRED]);
}
