//! The small models of which the checker of histories searches the states are the large one
//! with less in it. No breaker runs here; the large one is held against breakers by `drive`.

use super::{Asked, End, Judge, Model, Order, Pass, Rules, Shape, TICK, Turn, Verdict};
use super::{consecutive, windows};
use ampacity::State;
use proptest::prelude::*;

/// Where the clock begins, in ms.
const START: u64 = 1_000;

const CALM: Rules = Rules {
    streak: None,
    judge: None,
    open_for: None,
    backoff: None,
    longest_given: TICK,
    verdict: Verdict::Successes(1),
    permits: 1,
    lease: TICK,
    limit: None,
    timed: true,
};

const ORDERS: [(Order, consecutive::Order, windows::Order); 5] = [
    (Order::Reset, consecutive::Order::Reset, windows::Order::Reset),
    (Order::Close, consecutive::Order::Close, windows::Order::Close),
    (Order::Trip, consecutive::Order::Trip, windows::Order::Trip),
    (Order::Disable, consecutive::Order::Disable, windows::Order::Disable),
    (Order::MetricsOnly, consecutive::Order::MetricsOnly, windows::Order::MetricsOnly),
];

fn last_turn(model: &mut Model) -> Option<(State, State, String)> {
    let turn = model.untold.pop_back();
    model.untold.clear();
    turn.map(|Turn { from, to, cause, .. }| (from, to, cause))
}

/// Which and by how much.
type Step = (u8, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..32u8, any::<u8>()), 1..150)
}

fn one_of<T: Copy>(of: &[T], which: u8) -> T {
    of[usize::from(which) % of.len()]
}

fn small_rules(by: [u8; 8]) -> consecutive::Rules {
    let open_for = one_of(&[50, 1, 100], by[0]);
    let (verdict, permits) = match by[1] % 3 {
        0 => (consecutive::Verdict::Successes(1), 1 + u64::from(by[2] % 3)),
        1 => (consecutive::Verdict::Successes(2), 2 + u64::from(by[2] % 3)),
        _ => (consecutive::Verdict::Share(one_of(&[33, 50, 100], by[2])), 3),
    };
    let limit = (by[3] % 16 < 6).then(|| {
        (
            one_of(&[150, 30], by[3]),
            if by[3].is_multiple_of(2) { State::Open } else { State::Closed },
        )
    });
    consecutive::Rules {
        failure_threshold: 1 + u64::from(by[4] % 4),
        open_for,
        backoff: (1 + u64::from(by[5] % 3), open_for * 5),
        longest_given: one_of(&[100, 1, 500], by[6]),
        verdict,
        permits,
        lease: one_of(&[100, 1, 20], by[7]),
        limit,
    }
}

fn large(rules: &consecutive::Rules) -> Rules {
    let (factor, cap) = rules.backoff;
    Rules {
        streak: Some(rules.failure_threshold),
        open_for: Some(rules.open_for * TICK),
        backoff: Some((factor, cap * TICK)),
        longest_given: rules.longest_given * TICK,
        verdict: match rules.verdict {
            consecutive::Verdict::Successes(needed) => Verdict::Successes(needed),
            consecutive::Verdict::Share(percent) => Verdict::Share(percent),
        },
        permits: rules.permits,
        lease: rules.lease * TICK,
        limit: rules.limit.map(|(limit, then)| (limit * TICK, then)),
        ..CALM
    }
}

const ENDS: [(End, consecutive::End); 8] = [
    (End::Failure, consecutive::End::Failure),
    (End::Success, consecutive::End::Success),
    (End::Failure, consecutive::End::Failure),
    (End::Success, consecutive::End::Success),
    (End::Ignore, consecutive::End::Ignore),
    (End::Drop, consecutive::End::Drop),
    (End::OpenFor(70 * TICK), consecutive::End::OpenFor(70)),
    (End::OpenFor(0), consecutive::End::OpenFor(0)),
];

proptest! {
    #[test]
    fn without_a_window_the_large_model_is_the_one_of_failures_in_a_row(
        rules in any::<[u8; 8]>(),
        steps in steps(),
    ) {
        let mut small = consecutive::Model::new(small_rules(rules), START);
        let mut large = Model::new(large(&small_rules(rules)), START * TICK);
        let mut out: Vec<Pass> = Vec::new();
        for (kind, by) in steps {
            small.told = None;
            match kind {
                0..11 => match (large.acquire(), small.acquire()) {
                    (Asked::Passes(pass), Ok(era)) if pass.era == era => out.push(pass),
                    (Asked::Refused(reason, wait), Err((same, ms))) => {
                        prop_assert_eq!(reason, same);
                        let wait = wait.map(|wait| wait.as_millis() as u64);
                        prop_assert_eq!(wait, ms);
                    }
                    other => prop_assert!(false, "{other:?}"),
                },
                11..23 if !out.is_empty() => {
                    let pass = out.swap_remove(usize::from(by >> 3) % out.len());
                    let (end, same) = one_of(&ENDS, by);
                    large.settle(pass, end);
                    small.settle(pass.era, same);
                }
                23..28 => {
                    let ms = one_of(&[1i64, 49, 50, 100, 250, 100_000, -30], by);
                    small.now = small.now.saturating_add_signed(ms);
                    large.now = small.now * TICK;
                }
                28..30 => {
                    let (order, same, _) = one_of(&ORDERS, by);
                    large.order(order);
                    small.order(same);
                }
                30 => {
                    small.rules = small_rules([by; 8]);
                    large.reconfigure(self::large(&small.rules));
                }
                _ => {}
            }
            let shown = (large.state(), large.era, large.would_admit());
            prop_assert_eq!(shown, (small.state(), small.era, small.would_admit()));
            prop_assert_eq!((large.streak(), large.opens()), (small.streak(), small.opens()));
            prop_assert_eq!(last_turn(&mut large), small.told.clone());
            let counts = large.counts - large.before_reset;
            prop_assert_eq!(counts.admitted, small.admitted);
            prop_assert_eq!((counts.failed, counts.stale), (small.failed, small.stale));
        }
    }
}

fn windowed(by: [u8; 8]) -> windows::Rules {
    let shape = match by[0] % 2 {
        0 => windows::Shape::Last(1 + usize::from(by[1] % 12)),
        _ => windows::Shape::Slices {
            width: one_of(&[20, 50, 100], by[1]),
            number: 1 + u64::from(by[2] % 5),
        },
    };
    let share = |by| one_of(&[10, 25, 33, 50, 60, 75, 99, 100], by);
    let most = match shape {
        windows::Shape::Last(len) => len as u64,
        windows::Shape::Slices { .. } => 12,
    };
    windows::Rules {
        shape,
        failed: (!by[3].is_multiple_of(3)).then(|| share(by[4])),
        slow: (by[3] % 3 != 1).then(|| share(by[5])),
        minimum: (1 + u64::from(by[6] % 12)).min(most),
        streak: by[7].is_multiple_of(3).then_some(1 + u64::from(by[7] % 5)),
    }
}

fn with_window(rules: &windows::Rules) -> Rules {
    let shape = match rules.shape {
        windows::Shape::Last(len) => Shape::Last(len),
        windows::Shape::Slices { width, number } => Shape::Slices { width: width * TICK, number },
    };
    let windows::Rules { failed, slow, minimum, streak, .. } = *rules;
    let judge = Judge { shape, failed, slow, policy: None, minimum, in_flight: false };
    Rules { streak, judge: Some(judge), ..CALM }
}

proptest! {
    #[test]
    fn while_it_is_closed_the_large_model_is_the_one_of_windows(
        rules in any::<[u8; 8]>(),
        steps in steps(),
    ) {
        let mut small = windows::Model { now: START, ..windows::Model::new(windowed(rules)) };
        let mut large = Model::new(with_window(&windowed(rules)), START * TICK);
        for (kind, by) in steps {
            small.told = None;
            match kind {
                0..20 => match large.acquire() {
                    Asked::Passes(pass) => {
                        let took = one_of(&[0, 0, 3, 9, 30], by >> 2);
                        small.now += took;
                        large.now = small.now * TICK;
                        let failed = by.is_multiple_of(2);
                        large.settle(pass, if failed { End::Failure } else { End::Success });
                        small.settle(pass.era, failed, took > 8);
                    }
                    _ => prop_assert_eq!(small.state, State::Open),
                },
                20..26 => {
                    let ms = one_of(&[1i64, 19, 20, 50, 51, 100, 250, -30], by);
                    small.now = small.now.saturating_add_signed(ms);
                    large.now = small.now * TICK;
                }
                26..30 => {
                    let (order, _, same) = one_of(&ORDERS, by);
                    large.order(order);
                    small.order(same);
                }
                30 => {
                    let rules = windowed([by, by >> 1, by >> 2, by >> 3, by, by >> 4, by >> 1, by]);
                    small.change(rules);
                    large.reconfigure(with_window(&rules));
                }
                _ => {}
            }
            prop_assert_eq!((large.bare_state(), large.era), (small.state, small.era));
            let (held, same) = (large.figures(), small.held());
            let figures = (held.calls, held.failed, held.slow);
            prop_assert_eq!(figures, (same.calls, same.failed, same.slow), "after {}, {}", kind, by);
            prop_assert_eq!(large.streak(), small.streak);
            prop_assert_eq!(last_turn(&mut large), small.told.clone());
        }
    }
}
