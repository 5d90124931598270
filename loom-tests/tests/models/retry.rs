//! Weak swaps that fail without a reason. Invariant 33.

use crate::trip::two_failures_at_once;
use ampacity::State;
use loom_tests::{closed, half_open_with_probes_out, race};

/// Runs `scenario` with every other weak swap of each cell failing.
fn with_spurious_failures(scenario: impl FnOnce()) {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    {
        use ampacity::model::{set_spurious_failures, spurious_failures};
        let before = spurious_failures();
        set_spurious_failures(true);
        scenario();
        set_spurious_failures(false);
        let failed = spurious_failures() > before;
        assert!(failed, "{}no swap was made to fail", loom_tests::NOTHING_SHOWN);
    }
    // Plain threads get what the processor does.
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    scenario();
}

/// Invariant 33.
#[test]
fn a_swap_that_fails_without_a_reason_is_tried_again() {
    with_spurious_failures(|| {
        two_failures_at_once(
            || closed(2).with_permits(2),
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!((now.state, now.era), (State::Open, 1), "2 failures of 2");
            },
        )
        .contended();
    });
}

/// Invariant 33, for probes.
#[test]
fn swaps_that_fail_without_a_reason_lose_neither_a_verdict_nor_a_place() {
    with_spurious_failures(|| {
        race(
            || half_open_with_probes_out(2, 2, 2),
            |s| s.take().success(),
            |s| s.take().ignore(),
            |s, (), ()| {
                assert_eq!(s.at_rest().state, State::HalfOpen);
                // One passed and one place is free: one more success closes.
                s.acquire().success();
                let now = s.at_rest();
                assert_eq!((now.state, now.era), (State::Closed, 3));
            },
        )
        .contended();
    });
}
