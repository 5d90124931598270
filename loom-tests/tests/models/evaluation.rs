//! Who looks at a window and what follows: of callers who reach a threshold together, one
//! trips. Invariants 4, 20, 30, 31.

use ampacity::{Builder, CircuitBreaker, State, Timing};
use loom_tests::{Bounds, Raced, Reached, Stage, actor, race, race_within, settings};
use std::time::Duration;

/// An owner writes by plain stores; see `counting`.
#[cfg(any(ampacity_loom, ampacity_shuttle))]
const PLAIN_LOADS: Bounds = Bounds { rmw_loads: false, ..Bounds::NONE };
/// Where shuttle's schedules, and loom's, are too many.
const SOME: Bounds = Bounds { preemptions: Some(3), all_schedules: false, ..Bounds::NONE };

fn fail(s: &Stage) {
    s.take().failure();
}

/// Half of the last calls.
fn by_calls(window: u32, minimum: u32) -> Builder {
    settings().failure_rate(0.5).count_window(window).minimum_calls(minimum)
}

/// Half of the last second.
fn by_time(minimum: u32) -> Builder {
    settings()
        .failure_rate(0.5)
        .time_window(Duration::from_secs(1))
        .time_slices(1)
        .minimum_calls(minimum)
}

/// A breaker that has returned such results, by whether they failed.
fn after<const N: usize>(settings: Builder, failed: [bool; N]) -> Stage {
    let stage = Stage::new(settings);
    for failed in failed {
        match failed {
            true => stage.acquire().failure(),
            false => stage.acquire().success(),
        }
    }
    assert_eq!(stage.breaker.era(), 0, "too early");
    stage
}

mod hand_over {
    use super::*;

    fn is_open(s: &Stage) {
        let now = s.at_rest();
        assert_eq!((now.state, now.era), (State::Open, 1), "2 failures of 2");
    }

    /// Invariant 30, and the edge `recorded -> evaluated`.
    #[test]
    fn two_failures_at_once_that_reach_a_rate_of_calls_trip() {
        race_within(
            SOME,
            || Stage::new(by_calls(2, 2).failure_rate(1.0)).with_permits(2),
            fail,
            fail,
            |s, (), ()| is_open(s),
        )
        .contended();
    }

    /// The same in an era that has no result yet: both are the first that it counts.
    #[test]
    fn the_first_two_failures_of_an_era_both_count() {
        race_within(
            Bounds { preemptions: Some(2), ..SOME },
            || {
                let stage = Stage::new(by_calls(2, 2).failure_rate(1.0));
                stage.breaker.reset();
                stage.with_permits(2)
            },
            fail,
            fail,
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!(now.window.calls, 2, "results of an era's first two calls");
                assert_eq!((now.state, now.era), (State::Open, 2), "2 failures of 2");
            },
        )
        .contended();
    }

    fn two_of_time(fail: fn(&Stage)) {
        race_within(
            Bounds { preemptions: Some(2), rmw_loads: false, ..SOME },
            || Stage::new(by_time(2).failure_rate(1.0)).with_permits(2),
            fail,
            fail,
            |s, (), ()| is_open(s),
        )
        .contended();
    }

    /// The same, where each thread has a place of its own.
    #[test]
    fn two_failures_at_once_that_reach_a_rate_of_time_trip() {
        two_of_time(fail);
    }

    /// The same, where threads share a place.
    #[test]
    fn two_failures_at_once_in_a_stripe_that_reach_a_rate_of_time_trip() {
        two_of_time(|s| {
            actor(7);
            s.take().failure();
        });
    }
}

#[cfg(any(ampacity_loom, ampacity_shuttle))]
mod hints {
    use super::*;
    use ampacity::model::Jury;
    use loom_tests::Steps;

    /// Where loom takes minutes to search everything.
    const TWO_PREEMPTIONS: Bounds =
        Bounds { preemptions: Some(2), all_schedules: false, ..PLAIN_LOADS };

    /// One that has looked at the time once, at a failure.
    fn looked_at_the_time() -> Jury {
        let jury = Jury::of_time();
        assert!(!jury.fail(0));
        jury
    }

    /// Fails until there are enough failures, `so_far` being there already; the last of
    /// them has to be found one too many, whoever was spared a look before.
    fn one_more_is_too_many(jury: &Jury, so_far: u64, found: bool) {
        assert!(!found, "{so_far} failures of {} are too many", Jury::ENOUGH);
        for failed in so_far + 1..=Jury::ENOUGH {
            let found = jury.fail(0);
            assert_eq!(found, failed == Jury::ENOUGH, "failure {failed} of {}", Jury::ENOUGH);
        }
    }

    /// Invariant 30: a hint that comes late, after another has looked.
    #[test]
    fn a_hint_that_was_overtaken_spares_nobody_a_look_at_the_time() {
        race_within(
            TWO_PREEMPTIONS,
            looked_at_the_time,
            |jury| (0..3).fold(false, |found, _| found | jury.fail(0)),
            |jury| jury.fail_in_a_crowd(5),
            |jury, left, right| one_more_is_too_many(jury, 9, left || right),
        )
        .shown_by("HintKept");
    }

    /// Invariants 7 and 30: what an era that is over had in plenty spares nobody in the next.
    #[test]
    fn a_look_at_an_era_that_is_over_gives_no_hint_for_the_next() {
        static TWO: Steps = Steps::new();
        static BETWEEN: Reached = Reached::new();
        race_within(
            TWO_PREEMPTIONS,
            || {
                let jury = Jury::of_time();
                jury.succeed_in_a_crowd(400);
                jury
            },
            |jury| {
                BETWEEN.hit_if(TWO.is_between());
                jury.fail_in(0, 0)
            },
            // The first looks for being the first of its era.
            |jury| jury.fail_in(1, 1) | TWO.between(|| jury.fail_in(1, 1)),
            |jury, left, right| {
                assert!(!left && !right, "2 failures of {} are too many", Jury::ENOUGH);
                for failed in 3..=Jury::ENOUGH {
                    let found = jury.fail_in(1, 1);
                    assert_eq!(found, failed == Jury::ENOUGH, "failure {failed} of the next era");
                }
            },
        )
        .met([&BETWEEN]);
    }

    /// Invariant 30: failures that are spared while another looks are not forgotten.
    #[test]
    fn failures_that_a_look_at_the_time_misses_fit_its_hint() {
        static TWO: Steps = Steps::new();
        static BETWEEN: Reached = Reached::new();
        race_within(
            TWO_PREEMPTIONS,
            looked_at_the_time,
            |jury| jury.fail(0) | TWO.between(|| jury.fail(0)),
            |jury| {
                BETWEEN.hit_if(TWO.is_between());
                jury.fail_in_a_crowd(4)
            },
            |jury, left, right| one_more_is_too_many(jury, 7, left || right),
        )
        .met([&BETWEEN]);
    }

    /// Invariant 30: a hint takes into account what is being written.
    #[test]
    fn failures_that_a_look_at_the_calls_misses_fit_its_hint() {
        race(
            || {
                let jury = Jury::of_calls();
                assert!((0..6).all(|_| !jury.fail(0)));
                jury
            },
            |jury| jury.fail(0),
            |jury| jury.fail(1),
            |jury, left, right| one_more_is_too_many(jury, 8, left || right),
        )
        .contended();
    }

    /// Invariant 30: of two failures that together are enough, one may be spared by a hint
    /// from before while the look of the other misses it; then the next is found.
    #[test]
    fn one_more_than_enough_is_found_whoever_was_spared() {
        static AT_ONCE: Reached = Reached::new();
        static LATER: Reached = Reached::new();
        race(
            || {
                let jury = Jury::of_calls();
                assert!((2..Jury::ENOUGH).all(|_| !jury.fail(0)));
                jury
            },
            |jury| jury.fail(0),
            |jury| jury.fail(1),
            |jury, left, right| {
                AT_ONCE.hit_if(left || right);
                LATER.hit_if(!left && !right);
                assert!(jury.fail(0), "one more than enough was spared");
            },
        )
        .met([&AT_ONCE, &LATER]);
    }
}

mod armed {
    use super::*;

    /// The call that completes the minimum trips, if not before; whichever call it is.
    fn the_next_trips(s: &Stage) {
        if s.breaker.state() == State::Closed {
            s.acquire().success();
        }
        let now = s.at_rest();
        assert_eq!((now.state, now.era), (State::Open, 1), "2 of 4 or more failed");
    }

    /// Invariant 30: a failure leaves nothing but calls to be missed, and one comes.
    #[test]
    fn a_failure_that_arms_beside_a_success_that_completes_is_followed_by_a_trip() {
        static AT_ONCE: Reached = Reached::new();
        race_within(
            SOME,
            || after(by_calls(4, 4), [false, true]).with_permits(2),
            |s| s.take().failure(),
            |s| s.take().success(),
            |s, (), ()| {
                AT_ONCE.hit_if(s.breaker.state() == State::Open);
                the_next_trips(s);
            },
        )
        .met([&AT_ONCE]);
    }

    /// Invariant 30: one who looked before the failure that armed does not disarm.
    #[test]
    fn of_two_failures_at_once_that_arm_the_earlier_look_does_not_disarm() {
        race_within(
            SOME,
            || after(by_calls(4, 4), [false]).with_permits(2),
            fail,
            fail,
            |s, (), ()| the_next_trips(s),
        )
        .contended();
    }
}

/// Invariant 34: what would have opened the breaker is said once.
#[test]
fn two_failures_at_once_that_would_open_are_one_crossing() {
    static STALE: Reached = Reached::new();
    fn call(s: &Stage) {
        s.acquire().failure();
    }
    race_within(
        SOME,
        || {
            let stage = Stage::new(settings().failure_threshold(1));
            stage.breaker.metrics_only();
            stage
        },
        call,
        call,
        |s, (), ()| {
            let now = s.at_rest();
            STALE.hit_if(now.stale == 1);
            assert_eq!((now.state, now.era), (State::MetricsOnly, 2), "said twice");
        },
    )
    .met([&STALE]);
}

mod openings {
    use super::*;

    /// A breaker whose first wait is 100 ms, and the next one twice as long.
    fn backing_off(probes: u32) -> Builder {
        CircuitBreaker::builder("model")
            .timing(Timing::Off)
            .failure_threshold(1)
            .open_for(Duration::from_millis(100))
            .half_open_permits(probes)
            .half_open_failure_rate(1.0)
            .backoff(2.0, Duration::from_secs(10))
    }

    /// Open for the first time, and due.
    fn due(probes: u32) -> Stage {
        let stage = Stage::new(backing_off(probes));
        stage.breaker.trip();
        stage.wait();
        stage
    }

    #[track_caller]
    fn opened_twice(s: &Stage) {
        let now = s.at_rest();
        assert_eq!((now.state, now.opens), (State::Open, 2), "openings in a row");
        let wait = s.breaker.try_acquire().expect_err("open").retry_after();
        assert_eq!(wait, Some(Duration::from_millis(200)), "the wait of the second opening");
    }

    /// Invariant 6, for a spell that it takes two failures to end.
    #[test]
    fn two_failures_that_reopen_together_are_one_opening() {
        race(
            || due(2).with_permits(2),
            fail,
            fail,
            |s, (), ()| {
                assert_eq!(s.at_rest().era, 3);
                opened_twice(s);
            },
        )
        .contended();
    }

    /// Invariant 20.
    #[test]
    fn a_probe_that_reopens_and_an_order_to_are_one_opening() {
        static ORDERED: Reached = Reached::new();
        race(
            || due(1).with_permits(1),
            |s| s.take().failure(),
            |s| s.breaker.trip(),
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!(now.era, 3);
                ORDERED.hit_if(now.stale == 1);
                opened_twice(s);
            },
        )
        .met([&ORDERED]);
    }

    /// Invariants 20 and 34: one who would open, and does not, leaves no trace.
    #[test]
    fn a_spell_knows_how_often_the_breaker_opened_whoever_tried_to_meanwhile() {
        static PROBED: Reached = Reached::new();
        race_within(
            Bounds { preemptions: Some(3), ..Bounds::NONE },
            || due(1),
            |s| drop(s.try_acquire()),
            |s| s.breaker.trip(),
            |s, (), ()| {
                PROBED.hit_if(s.at_rest().era == 3);
                opened_twice(s);
            },
        )
        .met([&PROBED]);
    }

    /// Invariant 20: of two who open a breaker that is due, one does.
    #[test]
    fn two_orders_to_open_are_one_opening() {
        race(
            || due(1),
            |s| s.breaker.trip(),
            |s| s.breaker.trip(),
            |s, (), ()| {
                assert_eq!(s.at_rest().era, 2);
                opened_twice(s);
            },
        )
        .contended();
    }
}

mod new_settings {
    use super::*;

    /// Results stay, and no hint of the settings before spares a result.
    #[test]
    fn a_failure_beside_new_settings_is_judged_by_them_with_the_next_at_the_latest() {
        static OLD: Reached = Reached::new();
        static NEW: Reached = Reached::new();
        race_within(
            SOME,
            || after(by_calls(16, 16), [true]).with_permits(1),
            |s| {
                let changed = s.breaker.reconfigure(|now| now.minimum_calls(2));
                assert!(changed.is_ok());
            },
            |s| s.take().failure(),
            |s, (), ()| {
                let now = s.at_rest();
                assert_eq!(now.window.failed, 2);
                OLD.hit_if(now.state == State::Closed);
                NEW.hit_if(now.state == State::Open);
                if now.state == State::Closed {
                    s.acquire().failure();
                }
                let now = s.at_rest();
                assert_eq!((now.state, now.era), (State::Open, 1), "all of 2 failed, or of 3");
            },
        )
        .met([&OLD, &NEW]);
    }

    /// A result beside a window of another length is in one of them or in both, and counts
    /// once; what was there before is there.
    #[test]
    fn a_failure_beside_a_window_of_another_length_counts_once() {
        static OLD: Reached = Reached::new();
        static NEW: Reached = Reached::new();
        race_within(
            SOME,
            || after(by_calls(4, 4), [false]).with_permits(1),
            |s| {
                let changed = s.breaker.reconfigure(|now| now.count_window(3).minimum_calls(2));
                assert!(changed.is_ok());
            },
            |s| s.take().failure(),
            |s, (), ()| {
                let now = s.at_rest();
                let window = (now.window.calls, now.window.failed);
                if now.state == State::Open {
                    NEW.hit();
                    assert_eq!(window, (2, 1), "judged by other results");
                } else {
                    OLD.hit();
                    assert!([(1, 0), (2, 1)].contains(&window), "{window:?}");
                    s.acquire().failure();
                    assert_eq!(s.at_rest().state, State::Open, "half of 2, or 2 of 3");
                }
            },
        )
        .met([&OLD, &NEW]);
    }
}

/// A probe out, in a spell that has lasted as long as it may.
fn over_its_limit(then: State) -> Stage {
    let limit = Duration::from_millis(500);
    let stage = Stage::new(settings().failure_threshold(1).half_open_limit(limit, then));
    stage.breaker.trip();
    stage.wait();
    let stage = stage.with_permits(1);
    stage.clock.advance(limit);
    stage
}

/// Invariant 6, where time itself ends a spell.
fn a_limit_beside_a_closing_probe(setup: fn() -> Stage, end: fn(&Stage, (), bool)) -> Raced {
    race(
        setup,
        |s| s.take().success(),
        |s| s.try_acquire().map(|permit| permit.ignore()).is_some(),
        end,
    )
}

/// Returns whether the limit was first.
fn one_end(s: &Stage, admitted: bool) -> bool {
    let now = s.at_rest();
    assert_eq!(now.era, 3, "the spell has one end");
    assert_eq!(admitted, now.state == State::Closed);
    now.stale == 1
}

#[test]
fn a_spell_that_its_limit_opens_beside_a_closing_probe_has_one_end() {
    static LIMIT: Reached = Reached::new();
    static PROBE: Reached = Reached::new();
    a_limit_beside_a_closing_probe(
        || over_its_limit(State::Open),
        |s, (), admitted| {
            let limit = one_end(s, admitted);
            LIMIT.hit_if(limit);
            PROBE.hit_if(!limit);
        },
    )
    .met([&LIMIT, &PROBE]);
}

#[test]
fn a_spell_that_its_limit_closes_beside_a_closing_probe_has_one_end() {
    static LIMIT: Reached = Reached::new();
    static PROBE: Reached = Reached::new();
    a_limit_beside_a_closing_probe(
        || over_its_limit(State::Closed),
        |s, (), admitted| {
            let limit = one_end(s, admitted);
            LIMIT.hit_if(limit);
            PROBE.hit_if(!limit);
        },
    )
    .met([&LIMIT, &PROBE]);
}
