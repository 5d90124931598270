//! Random operations against the sequential model of windows: what a breaker records, and
//! when that opens it. What follows after it has opened is in `sequential`.

use crate::{START, started, told};
use ampacity::{OwnedPermit, State};
use histories::spec::windows::{Figures, Model, Order, Rules, SLOW_OVER, Shape};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A call that takes so many ms.
    Call {
        fails: bool,
        takes: u64,
    },
    /// A call that is settled by a later step.
    Begin,
    Settle {
        which: prop::sample::Index,
        fails: bool,
    },
    /// One that is in no window.
    Neutral {
        takes: u64,
        ignored: bool,
    },
    /// Moves the clock, also back.
    Clock(i64),
    Order(Order),
    Change(Rules),
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let shape = prop_oneof![
        (1..12usize).prop_map(Shape::Last),
        (prop::sample::select(vec![20u64, 50, 100]), 1..6u64)
            .prop_map(|(width, number)| Shape::Slices { width, number }),
    ];
    let share = || prop::sample::select(vec![10u64, 25, 33, 50, 60, 75, 99, 100]);
    let rates = prop_oneof![
        share().prop_map(|failed| (Some(failed), None)),
        share().prop_map(|slow| (None, Some(slow))),
        (share(), share()).prop_map(|(failed, slow)| (Some(failed), Some(slow))),
    ];
    (shape, rates, 1..12u64, prop::option::weighted(0.3, 1..6u64)).prop_map(
        |(shape, (failed, slow), minimum, streak)| {
            let minimum = match shape {
                Shape::Last(len) => minimum.min(len as u64),
                Shape::Slices { .. } => minimum,
            };
            Rules { shape, failed, slow, minimum, streak }
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let orders = vec![
        Order::Reset,
        Order::Close,
        Order::Trip,
        Order::Disable,
        Order::MetricsOnly,
        Order::MetricsOnly,
    ];
    let takes = || prop::sample::select(vec![0u64, 0, 0, 3, SLOW_OVER, SLOW_OVER + 1, 30]);
    prop_oneof![
        24 => (any::<bool>(), takes()).prop_map(|(fails, takes)| Step::Call { fails, takes }),
        16 => takes().prop_map(|takes| Step::Call { fails: false, takes: takes.min(SLOW_OVER) }),
        3 => Just(Step::Begin),
        3 => (any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(which, fails)| Step::Settle { which, fails }),
        2 => (takes(), any::<bool>()).prop_map(|(takes, ignored)| Step::Neutral { takes, ignored }),
        5 => prop::sample::select(vec![1i64, 19, 20, 49, 50, 51, 100, 250, 1_000])
            .prop_map(Step::Clock),
        1 => (-300i64..0).prop_map(Step::Clock),
        2 => prop::sample::select(orders).prop_map(Step::Order),
        2 => some_rules().prop_map(Step::Change),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_window_and_what_it_trips_are_those_of_the_sequential_model(
        rules in some_rules(),
        steps in prop::collection::vec(any_step(), 1..150),
    ) {
        let (breaker, clock) = started(rules.settings());
        let mut model = Model { now: START, ..Model::new(rules) };
        let mut out: Vec<(OwnedPermit, u64, u64)> = Vec::new();

        for step in steps {
            let pass = |model: &mut Model, ms: u64| {
                model.now += ms;
                clock.set(Duration::from_millis(model.now));
            };
            let admits = model.state != State::Open;
            match step {
                Step::Call { .. } | Step::Begin | Step::Neutral { .. } if !admits => {
                    prop_assert!(breaker.try_acquire().is_err());
                    breaker.close();
                    model.order(Order::Close);
                }
                Step::Call { fails, takes } => {
                    let permit = breaker.try_acquire().unwrap();
                    let era = model.era;
                    pass(&mut model, takes);
                    if fails { permit.failure() } else { permit.success() }
                    model.settle(era, fails, takes > SLOW_OVER);
                }
                Step::Begin => {
                    out.push((breaker.try_acquire_owned().unwrap(), model.era, model.now));
                }
                Step::Settle { .. } if out.is_empty() => {}
                Step::Settle { which, fails } => {
                    let (permit, era, began) = out.swap_remove(which.index(out.len()));
                    if fails { permit.failure() } else { permit.success() }
                    model.settle(era, fails, model.now.saturating_sub(began) > SLOW_OVER);
                }
                Step::Neutral { takes, ignored } => {
                    let permit = breaker.try_acquire().unwrap();
                    pass(&mut model, takes);
                    if ignored { permit.ignore() } else { drop(permit) }
                }
                Step::Clock(by) => {
                    model.now = model.now.saturating_add_signed(by);
                    clock.set(Duration::from_millis(model.now));
                }
                Step::Order(order) => {
                    match order {
                        Order::Reset => breaker.reset(),
                        Order::Close => breaker.close(),
                        Order::Trip => breaker.trip(),
                        Order::Disable => breaker.disable(),
                        Order::MetricsOnly => breaker.metrics_only(),
                    }
                    model.order(order);
                }
                Step::Change(rules) => {
                    breaker.reconfigure(|_| rules.settings().history(1)).unwrap();
                    model.change(rules);
                }
            }
            prop_assert_eq!(breaker.state(), model.state, "{:?}", step);
            prop_assert_eq!(breaker.era(), model.era);
            let seen = breaker.snapshot();
            let held = model.held();
            let window = Figures {
                calls: seen.window.calls,
                failed: seen.window.failed,
                slow: seen.window.slow,
            };
            prop_assert_eq!(window, held, "after {:?}", step);
            let rate = |part: u64| {
                (held.calls >= model.rules.minimum).then(|| part as f64 / held.calls as f64)
            };
            prop_assert_eq!(seen.window.failure_rate, rate(held.failed));
            prop_assert_eq!(seen.window.slow_call_rate, rate(held.slow));
            prop_assert_eq!(seen.streak, model.streak);
            prop_assert_eq!(told(&breaker), (model.era, model.told.clone()));
        }
    }
}
