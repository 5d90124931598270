//! Spells without a verdict. Invariants 15, 37, 38.

use ampacity::State;
use loom_tests::{
    Bounds, Reached, Stage, half_open_with_probes_out, race, race_of_three_within, settings,
};
use std::time::Duration;

/// A spell of one probe, which has been out for a whole lease.
fn out_for_a_lease() -> Stage {
    let stage = half_open_with_probes_out(1, 1, 1);
    stage.outlive_lease();
    stage
}

/// Invariant 37.
#[test]
fn a_spell_whose_probes_were_abandoned_is_followed_by_a_fresh_one() {
    static LEFT: Reached = Reached::new();
    static RIGHT: Reached = Reached::new();
    race(out_for_a_lease, Stage::try_acquire, Stage::try_acquire, |s, left, right| {
        LEFT.hit_if(left.is_some());
        RIGHT.hit_if(right.is_some());
        let admitted = [&left, &right].into_iter().flatten().count();
        assert_eq!(admitted, 1, "probes of a fresh spell of 1");
        assert_eq!(s.turns(State::HalfOpen, State::HalfOpen), 1);
        // The abandoned one comes back at last, and is nobody's probe any more.
        s.take().failure();
        let now = s.at_rest();
        assert_eq!((now.state, now.era, now.stale), (State::HalfOpen, 3, 1));
    })
    .met([&LEFT, &RIGHT]);
}

/// Invariant 37, with three callers.
#[test]
fn one_of_three_callers_begins_the_spell_that_follows_abandoned_probes() {
    static TURNED_AWAY: Reached = Reached::new();
    // A minute with two.
    let bounds = Bounds { preemptions: Some(1), ..Bounds::THREE_THREADS };
    race_of_three_within(bounds, out_for_a_lease, [Stage::try_acquire; 3], |s, probes| {
        TURNED_AWAY.hit_if(probes[0].is_none());
        assert_eq!(probes.iter().flatten().count(), 1, "probes of a fresh spell of 1");
        assert_eq!(s.turns(State::HalfOpen, State::HalfOpen), 1);
        assert_eq!(s.at_rest().era, 3);
    })
    .met([&TURNED_AWAY]);
}

/// Invariant 37: a probe that comes back as its lease ends is in time or too late.
#[test]
fn a_verdict_at_the_end_of_the_lease_is_in_time_or_stale() {
    static IN_TIME: Reached = Reached::new();
    static TOO_LATE: Reached = Reached::new();
    race(
        out_for_a_lease,
        |s| s.take().success(),
        |s| s.acquire(),
        |s, (), next| {
            let now = s.at_rest();
            let closed = now.state == State::Closed;
            IN_TIME.hit_if(closed);
            TOO_LATE.hit_if(!closed);
            assert_eq!(now.stale, u64::from(!closed));
            assert_eq!((next.is_probe(), next.era()), (!closed, 3));
        },
    )
    .met([&IN_TIME, &TOO_LATE]);
}

/// Invariant 38: who asks while a spell follows another is answered by the one or the other.
#[test]
fn whoever_asks_as_a_spell_lapses_is_told_of_a_place_in_it_or_in_the_next() {
    static LAPSED: Reached = Reached::new();
    static FRESH: Reached = Reached::new();
    race(
        || {
            let stage = half_open_with_probes_out(2, 2, 1);
            stage.outlive_lease();
            stage
        },
        |s| s.acquire(),
        |s| (s.breaker.would_admit(), s.breaker.era()),
        |_, probe, (would, era)| {
            assert!(would, "the lease was over, and then there was a second place");
            assert_eq!(probe.era(), 3);
            LAPSED.hit_if(era == 2);
            FRESH.hit_if(era == 3);
        },
    )
    .met([&LAPSED, &FRESH]);
}

/// Invariant 38: who asks while a limit closes the breaker is not told of the spell that was too long.
#[test]
fn whoever_asks_as_a_limit_ends_a_spell_is_told_what_comes_after_it() {
    static BEFORE: Reached = Reached::new();
    static AFTER: Reached = Reached::new();
    race(
        || {
            let limited = settings().half_open_limit(Duration::from_millis(200), State::Closed);
            let stage = Stage::new(limited.failure_threshold(1));
            stage.breaker.trip();
            stage.wait();
            stage.acquire().ignore();
            stage.clock.advance(Duration::from_millis(200));
            stage
        },
        |s| s.acquire(),
        |s| (s.breaker.state(), s.breaker.era()),
        |_, call, (state, era)| {
            assert_eq!(state, State::Closed);
            assert_eq!(call.era(), 3);
            BEFORE.hit_if(era == 2);
            AFTER.hit_if(era == 3);
        },
    )
    .met([&BEFORE, &AFTER]);
}

/// Invariant 38: who asks while an order ends a spell, and time goes on, is not told of the lapse
/// that there would have been. Not under loom, to which a clock is no atomic: loads after a
/// reading of it might be as stale as those before.
#[cfg(not(ampacity_loom))]
#[test]
fn whoever_asks_as_an_order_ends_a_spell_is_not_told_that_it_lapsed() {
    static BEFORE: Reached = Reached::new();
    static AFTER: Reached = Reached::new();
    race(
        || half_open_with_probes_out(1, 1, 1),
        |s| {
            s.breaker.force_open();
            s.outlive_lease();
        },
        |s| (s.breaker.era(), s.breaker.would_admit(), s.breaker.era()),
        |_, (), (before, would, after)| {
            assert!(!would, "no place while the lease ran, and none after");
            BEFORE.hit_if(after == 2);
            AFTER.hit_if(before == 3);
        },
    )
    .met([&BEFORE, &AFTER]);
}

/// Invariant 38: likewise of a wait that an order ends.
#[cfg(not(ampacity_loom))]
#[test]
fn whoever_asks_as_an_order_ends_a_wait_is_not_told_that_it_was_over() {
    static BEFORE: Reached = Reached::new();
    static AFTER: Reached = Reached::new();
    race(
        || {
            let stage = Stage::new(settings());
            stage.breaker.trip();
            stage
        },
        |s| {
            s.breaker.force_open();
            s.wait();
        },
        |s| s.breaker.state(),
        |_, (), state| {
            BEFORE.hit_if(state == State::Open);
            AFTER.hit_if(state == State::ForcedOpen);
            assert!(state == State::Open || state == State::ForcedOpen, "{state}");
        },
    )
    .met([&BEFORE, &AFTER]);
}

/// Invariant 15: of the counts in the word, the lapsed spells are the one that can
/// reach the end of its lane.
#[test]
fn the_count_of_lapsed_spells_stops_at_the_end_of_its_lane() {
    static LEFT: Reached = Reached::new();
    static RIGHT: Reached = Reached::new();
    const CAP: Duration = Duration::from_secs(3600);
    race(
        || {
            let mut stage = half_open_with_probes_out(1, 1, 1);
            for _ in 0..31 {
                stage.clock.advance(CAP);
                stage = stage.with_permits(1);
            }
            stage.clock.advance(CAP);
            stage
        },
        Stage::try_acquire,
        Stage::try_acquire,
        |s, left, right| {
            LEFT.hit_if(left.is_some());
            RIGHT.hit_if(right.is_some());
            assert!(left.is_some() != right.is_some());
            assert_eq!(s.at_rest().era, 2 + 32);
            let rejected = s.breaker.try_acquire().expect_err("the place is taken");
            let wait = rejected.retry_after();
            assert_eq!(wait, Some(CAP), "the lease began to double anew");
        },
    )
    .met([&LEFT, &RIGHT]);
}
