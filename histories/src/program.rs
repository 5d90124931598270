//! What threads are to do, made of a seed: settings, what happens before the race, and what
//! each thread does in it.

use crate::model::Model;
use crate::spec::consecutive::{self, End, Order, Verdict};
use crate::spec::windows::{self, Shape};
use ampacity::State;
use fastrand::Rng;

/// The time at which every program begins, in ms.
pub const START: u64 = 1_000;

/// Settings, and what is done under them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// The breaker to begin with.
    pub start: Model,
    /// What one thread does before the others begin.
    pub before: Vec<Act>,
    /// What each thread does beside the others.
    pub threads: Vec<Vec<Act>>,
    /// Whether one of them moves the clock meanwhile.
    pub is_moving: bool,
}

/// One thing that a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Asks for a permit, and keeps it.
    Acquire,
    /// Settles one of the permits that it has; if it has none, asks for one.
    Settle(usize, End),
    /// Gives an order by hand.
    Order(Order),
    /// Moves the clock, by so many ms.
    Wait(u64),
    /// Asks for the state.
    State,
    /// Asks for the era.
    Era,
    /// Asks whether a call would be admitted.
    WouldAdmit,
    /// Asks for era and streak at once.
    Glance,
}

/// How large programs are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// The most threads.
    pub threads: usize,
    /// The most that each does, but for the one who ends an era beside results of a window.
    pub acts: usize,
    /// Whether snapshots are taken beside other calls.
    pub glances: bool,
}

impl Size {
    /// Up to 4 threads, up to 6 operations each.
    pub const SMALL: Size = Size { threads: 4, acts: 6, glances: true };
    /// What a model checker can still go through: no thread can sleep for more transitions
    /// than half of those that a model's era tells apart.
    pub const TINY: Size = Size { threads: 3, acts: 3, glances: false };
}

/// What a program is about, by which the operations in it are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Theme {
    Calls,
    ByHand,
    Probes,
}

impl Program {
    /// The program of a seed, of a breaker that opens by a failure rate.
    pub fn by_window(seed: u64, size: Size) -> Program {
        of_a_window(&mut Rng::with_seed(seed), size)
    }

    /// The program of a seed: a third of them are of windows.
    pub fn of(seed: u64, size: Size) -> Program {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        if rng.u8(..3) == 0 {
            return of_a_window(rng, size);
        }
        let is_moving = rng.u8(..4) == 0;
        let rules = some_rules(rng, is_moving);
        let theme = [Theme::Calls, Theme::ByHand, Theme::Probes][rng.usize(..3)];
        let mut before = Vec::new();
        if theme == Theme::Probes || rng.bool() {
            before.push(Act::Order(Order::Trip));
            before.push(Act::Wait(rng.u64(1..=rules.open_for)));
            if theme == Theme::Probes {
                before.push(Act::Wait(rules.open_for));
                (0..rng.usize(0..=3)).for_each(|_| before.push(Act::Acquire));
            }
            if rng.u8(..4) == 0 {
                // Leases and limits end, or do not.
                before.push(Act::Wait(rng.u64(1..=2 * rules.lease.min(1_000))));
            }
        }
        for _ in 0..rng.usize(0..4) {
            before.push(some_act(rng, theme, size, &rules));
        }
        let mut threads = some_threads(rng, size, |rng| some_act(rng, theme, size, &rules));
        if is_moving && let Some(acts) = threads.first_mut() {
            for _ in 0..rng.usize(1..=2) {
                let at = rng.usize(0..=acts.len());
                let ms = rng.u64(1..=rules.open_for);
                if acts.len() < size.acts {
                    acts.insert(at, Act::Wait(ms));
                } else if let Some(act) = acts.get_mut(at) {
                    *act = Act::Wait(ms);
                }
            }
        }
        Program { start: Model::by_streak(rules, START), before, threads, is_moving }
    }
}

/// Settings of a storm: no spell ends by time, since the clock is moved beside calls.
pub fn rules_of_a_storm(rng: &mut Rng) -> consecutive::Rules {
    some_rules(rng, true)
}

/// What some thread does in a storm. `waits` says that it is the one that moves the clock.
pub fn act_of_a_storm(
    rng: &mut Rng,
    rules: &consecutive::Rules,
    by_hand: bool,
    waits: bool,
) -> Act {
    if waits && rng.bool() {
        return Act::Wait(rng.u64(1..=2 * rules.open_for));
    }
    // A snapshot adds up every thread's counts: with many threads it is a round by itself.
    let size = Size { threads: 0, acts: 0, glances: false };
    let theme = if by_hand { Theme::Probes } else { Theme::Calls };
    some_act(rng, theme, size, rules)
}

fn some_threads(rng: &mut Rng, size: Size, mut act: impl FnMut(&mut Rng) -> Act) -> Vec<Vec<Act>> {
    let threads = rng.usize(2..=size.threads);
    (0..threads).map(|_| (0..rng.usize(1..=size.acts)).map(|_| act(rng)).collect()).collect()
}

fn some_rules(rng: &mut Rng, is_moving: bool) -> consecutive::Rules {
    let permits = rng.u64(1..=3);
    let verdict = match rng.u8(..4) {
        0 => Verdict::Share([1, 34, 50, 67, 100][rng.usize(..5)]),
        _ => Verdict::Successes(rng.u64(1..=permits)),
    };
    let open_for = [1, 20, 100][rng.usize(..3)];
    // Beside calls the clock passes waits, and neither leases nor limits: of those it is not
    // known when they began, only between which stamps.
    let (lease, limit) = match is_moving {
        true => (1 << 29, None),
        false => {
            let then = [State::Open, State::Closed][rng.usize(..2)];
            let limit = (rng.u8(..4) == 0).then(|| (rng.u64(1..400), then));
            ([1, 30, 300][rng.usize(..3)], limit)
        }
    };
    consecutive::Rules {
        failure_threshold: rng.u64(1..=3),
        open_for,
        backoff: (rng.u64(1..=3), open_for * rng.u64(1..=8)),
        longest_given: 500,
        verdict,
        permits,
        lease,
        limit,
    }
}

fn some_act(rng: &mut Rng, theme: Theme, size: Size, rules: &consecutive::Rules) -> Act {
    use Order::{Close, Disable, ForceOpen, MetricsOnly, Reset, Trip};
    let orders = match theme {
        Theme::Calls => 3,
        Theme::ByHand => 30,
        Theme::Probes => 6,
    };
    match rng.u8(..100) {
        0..6 => match rng.u8(..4) {
            0 => Act::State,
            1 => Act::Era,
            2 => Act::WouldAdmit,
            _ if size.glances => Act::Glance,
            _ => Act::State,
        },
        share if share < 6 + orders => {
            Act::Order([Reset, Close, Trip, ForceOpen, Disable, MetricsOnly][rng.usize(..6)])
        }
        share if share < 60 => {
            let end = match rng.u8(..20) {
                0..7 => End::Success,
                7..14 => End::Failure,
                14..16 => End::Ignore,
                16..19 => End::Drop,
                _ => End::OpenFor([0, 1, 70, rules.open_for][rng.usize(..4)]),
            };
            Act::Settle(rng.usize(..4), end)
        }
        _ => Act::Acquire,
    }
}

/// A breaker that opens by the failure rate of its last calls, with results in its window.
fn of_a_window(rng: &mut Rng, size: Size) -> Program {
    let len = rng.usize(1..=5);
    let rules = windows::Rules {
        shape: Shape::Last(len),
        failed: Some([25, 34, 50, 60, 75, 100][rng.usize(..6)]),
        slow: None,
        minimum: rng.u64(1..=len as u64),
        streak: None,
    };
    let mut before = Vec::new();
    let mut model = windows::Model::new(rules);
    for _ in 0..rng.usize(0..=8) {
        // As many failures as there can be without a trip.
        let mut next = model.clone();
        let failed = rng.bool();
        next.settle(0, failed, false);
        if next.era == 0 {
            let end = if failed { End::Failure } else { End::Success };
            before.extend([Act::Acquire, Act::Settle(0, end)]);
            model = next;
        }
    }
    let threads = if rng.u8(..3) == 0 {
        let threads = some_threads(rng, size, |rng| match rng.u8(..3) {
            0 => Act::Acquire,
            _ => Act::Settle(rng.usize(..4), some_end(rng)),
        });
        // The permits from before are the others': the last ends the era, and has results of
        // the next.
        before.resize(before.len() + threads.len() - 1, Act::Acquire);
        with_a_turnover(rng, threads)
    } else {
        before.resize(before.len() + rng.usize(0..=2 * size.threads), Act::Acquire);
        let orders = rng.u8(..3) * 5;
        some_threads(rng, size, |rng| match rng.u8(..100) {
            0..3 => [Act::State, Act::Era, Act::WouldAdmit][rng.usize(..3)],
            share if share < 3 + orders => {
                Act::Order([Order::Reset, Order::Close, Order::Trip][rng.usize(..3)])
            }
            share if share < 80 => Act::Settle(rng.usize(..4), some_end(rng)),
            _ => Act::Acquire,
        })
    };
    Program { start: Model::by_window(rules, START), before, threads, is_moving: false }
}

fn with_a_turnover(rng: &mut Rng, mut threads: Vec<Vec<Act>>) -> Vec<Vec<Act>> {
    if let Some(last) = threads.last_mut() {
        *last = vec![Act::Order(Order::Reset)];
        for _ in 0..rng.usize(2..=3) {
            let end = if rng.u8(..4) == 0 { End::Success } else { End::Failure };
            last.extend([Act::Acquire, Act::Settle(0, end)]);
        }
    }
    threads
}

/// Most are results.
fn some_end(rng: &mut Rng) -> End {
    match rng.u8(..12) {
        0..6 => End::Success,
        6..11 => End::Failure,
        _ => [End::Ignore, End::Drop][rng.usize(..2)],
    }
}
