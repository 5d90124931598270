//! The edge `settled -> admitted`: a snapshot never shows a call settled that it
//! does not show admitted.

use ampacity::Snapshot;
use loom_tests::{Bounds, Reached, Stage, actor, closed, race_within};

fn settled(now: &Snapshot) -> u64 {
    let all = now.lifetime;
    all.succeeded + all.failed + all.ignored + all.cancelled
}

fn call(s: &Stage) {
    s.acquire().success();
}

/// Returns whether the call was settled by then, of which the stage has ignored another.
fn look(s: &Stage) -> bool {
    let now = s.breaker.snapshot();
    assert!(
        settled(&now) <= now.lifetime.admitted,
        "{} settled of {} admitted",
        settled(&now),
        now.lifetime.admitted
    );
    settled(&now) == 2
}

/// Counters of one owner are written by plain stores. loom lets a
/// read-modify-write beside a plain store read what came before it, which no
/// machine does: plain loads only.
pub(crate) const PLAIN_LOADS: Bounds = Bounds { rmw_loads: false, ..Bounds::NONE };

/// For a thread with counters of its own.
#[test]
fn what_its_owner_settled_is_seen_admitted() {
    static BETWEEN: Reached = Reached::new();
    race_within(
        PLAIN_LOADS,
        || closed(1),
        call,
        look,
        |s, (), between| {
            BETWEEN.hit_if(between);
            assert_eq!(s.at_rest().admitted, 2);
        },
    )
    .met([&BETWEEN]);
}

/// The same for whatever becomes of a call: each is counted in a place of its own.
#[test]
fn however_a_call_ends_it_is_seen_admitted() {
    static BETWEEN: Reached = Reached::new();
    let ends: [fn(&Stage); 3] =
        [|s| s.acquire().failure(), |s| s.acquire().ignore(), |s| drop(s.acquire())];
    for end in ends {
        race_within(
            PLAIN_LOADS,
            || closed(2),
            end,
            look,
            |s, (), between| {
                BETWEEN.hit_if(between);
                assert_eq!(s.at_rest().admitted, 2);
            },
        )
        .met([&BETWEEN]);
    }
}

/// For threads that share counters.
#[test]
fn what_a_stripe_shows_settled_is_seen_admitted() {
    static BETWEEN: Reached = Reached::new();
    const SHARED: u32 = 7;
    race_within(
        PLAIN_LOADS,
        || closed(1),
        |s| {
            actor(SHARED);
            call(s);
        },
        look,
        |s, (), between| {
            BETWEEN.hit_if(between);
            assert_eq!(s.at_rest().admitted, 2);
        },
    )
    .met([&BETWEEN]);
}

/// Invariant 24, around a reset: totals are never older than what it noted.
#[test]
fn whoever_sees_a_reset_sees_what_was_counted_before_it() {
    static RESET: Reached = Reached::new();
    race_within(
        // All schedules of a reset and a snapshot are more than two million.
        Bounds { all_schedules: false, ..PLAIN_LOADS },
        || closed(1),
        |s| {
            call(s);
            s.breaker.reset();
        },
        |s| {
            let now = s.breaker.snapshot();
            // The stage has ignored one call, which only a reset takes from the totals.
            if now.ignored == 0 {
                RESET.hit();
                assert_eq!(now.lifetime.succeeded, 1, "totals from before the reset");
            }
        },
        |s, (), ()| assert_eq!(s.breaker.snapshot().succeeded, 0),
    )
    .met([&RESET]);
}
