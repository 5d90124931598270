//! Races: who does what at once, and who of them goes last.

use crate::reached::Raced;
use crate::search::{Bounds, explore};
use crate::tool::thread;
use std::ptr::fn_addr_eq;
use std::sync::Arc;

/// Runs `left` and `right` at once on what `setup` makes, and then `end` with what
/// they return, in every order that the tool can find.
///
/// Each of the two is run on the spawned thread in turn, because loom can skip
/// schedules when a load comes before a swap on the side that runs later. Where both are
/// the same function, that would be the same search twice.
pub fn race<S, L, R>(
    setup: fn() -> S,
    left: fn(&S) -> L,
    right: fn(&S) -> R,
    end: fn(&S, L, R),
) -> Raced
where
    S: Send + Sync + 'static,
    L: Send + 'static,
    R: Send + 'static,
{
    race_within(Bounds::NONE, setup, left, right, end)
}

/// As [`race`], where that would take too long or be wrong; the caller says why.
pub fn race_within<S, L, R>(
    bounds: Bounds,
    setup: fn() -> S,
    left: fn(&S) -> L,
    right: fn(&S) -> R,
    end: fn(&S, L, R),
) -> Raced
where
    S: Send + Sync + 'static,
    L: Send + 'static,
    R: Send + 'static,
{
    Raced::of(|| {
        explore("left last", bounds, move || {
            let (stage, left, rights) = play(setup, left, [right]);
            let [right] = rights;
            end(&stage, left, right);
        });
        if !fn_addr_eq(left, right) {
            explore("right last", bounds, move || {
                let (stage, right, lefts) = play(setup, right, [left]);
                let [left] = lefts;
                end(&stage, left, right);
            });
        }
    })
}

/// As [`race`], with three actors of one kind, each of which goes last in turn: of those
/// that are the same function, one.
pub fn race_of_three<S, T>(setup: fn() -> S, actors: [fn(&S) -> T; 3], end: fn(&S, [T; 3])) -> Raced
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    race_of_three_within(Bounds::THREE_THREADS, setup, actors, end)
}

/// As [`race_of_three`], where that would take too long or be wrong; the caller says why.
pub fn race_of_three_within<S, T>(
    bounds: Bounds,
    setup: fn() -> S,
    actors: [fn(&S) -> T; 3],
    end: fn(&S, [T; 3]),
) -> Raced
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    let [a, b, c] = actors;
    Raced::of(|| {
        for (role, last, [first, second], is_new) in [
            ("first last", a, [b, c], true),
            ("second last", b, [a, c], !fn_addr_eq(a, b)),
            ("third last", c, [a, b], !fn_addr_eq(a, c) && !fn_addr_eq(b, c)),
        ] {
            if !is_new {
                continue;
            }
            explore(role, bounds, move || {
                let (stage, last, others) = play(setup, last, [first, second]);
                let [first, second] = others;
                end(&stage, [last, first, second]);
            });
        }
    })
}

fn play<S, M, T, const N: usize>(
    setup: fn() -> S,
    here: fn(&S) -> M,
    there: [fn(&S) -> T; N],
) -> (Arc<S>, M, [T; N])
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    actor(0);
    let stage = Arc::new(setup());
    let mut slot = 0;
    let threads = there.map(|act| {
        let stage = Arc::clone(&stage);
        slot += 1;
        let slot = slot;
        thread::spawn(move || {
            actor(slot);
            act(&stage)
        })
    });
    let out = here(&stage);
    // An actor that fails has said why.
    let outs = threads.map(|thread| thread.join().expect("an actor failed"));
    (stage, out, outs)
}

/// Gives the calling thread the counters numbered `slot`; from 4 up, those that
/// threads share.
pub fn actor(slot: u32) {
    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    ampacity::model::assign_slot(slot);
    // Plain threads lease their slots, as in life.
    let _ = slot;
}
