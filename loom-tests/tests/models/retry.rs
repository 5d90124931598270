//! Weak swaps that fail without a reason. Invariant 33.

use ampacity::State;
use loom_tests::{Reached, Stage, closed, due, race};

/// Runs `scenario` with every other weak swap of each cell failing.
fn with_spurious_failures(scenario: impl FnOnce()) {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    {
        use ampacity::model::{set_spurious_failures, spurious_failures};
        let before = spurious_failures();
        set_spurious_failures(true);
        scenario();
        set_spurious_failures(false);
        assert!(spurious_failures() > before, "no swap was made to fail");
    }
    // Plain threads get what the processor does.
    #[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
    scenario();
}

/// Invariant 33.
#[test]
fn a_swap_that_fails_without_a_reason_is_tried_again() {
    with_spurious_failures(|| {
        race(
            || closed(2).with_permits(2),
            |s| s.take().failure(),
            |s| s.take().failure(),
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!((now.state, now.era), (State::Open, 1), "2 failures of 2");
            },
        );
    });
}

/// Invariant 33, for admissions and what follows from them.
#[test]
fn swaps_that_fail_without_a_reason_do_not_cost_a_probe() {
    static RIGHT: Reached = Reached::new();
    with_spurious_failures(|| {
        race(
            || due(1, 1),
            Stage::try_acquire,
            Stage::try_acquire,
            |s, left, right| {
                assert!(left.is_some() != right.is_some(), "one place, one probe");
                RIGHT.hit_if(right.is_some());
                left.or(right).into_iter().for_each(|probe| probe.success());
                let now = s.at_rest();
                assert_eq!((now.state, now.era), (State::Closed, 3));
            },
        );
    });
    RIGHT.assert_some();
}
