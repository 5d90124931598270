//! Random operations against the sequential model, of opening by failures in a row and of
//! everything that follows. Windows have a model of their own in `sequential_windows`.

use crate::{START, started, told};
use ampacity::{OwnedPermit, State};
use histories::spec::consecutive::{End, Model, Order, Rules, Verdict};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    /// Settles one of the permits that are out.
    Settle(prop::sample::Index, End),
    /// Moves the clock, also back.
    Clock(i64),
    Order(Order),
    Change(Rules),
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let verdict = prop_oneof![
        (1..4u64, 0..3u64).prop_map(|(needed, spare)| (Verdict::Successes(needed), needed + spare)),
        (prop::sample::select(vec![1u64, 30, 33, 50, 67, 100]), 1..11u64)
            .prop_map(|(percent, permits)| (Verdict::Share(percent), permits)),
    ];
    let limit = (1..400u64, prop::sample::select(vec![State::Open, State::Closed]));
    let times = (1..120u64, 1..300u64, 1..500u64, prop::option::weighted(0.4, limit));
    (1..5u64, (1..4u64, 1..9u64), verdict, times).prop_map(
        |(failure_threshold, (factor, capped_at), (verdict, permits), times)| {
            let (open_for, lease, longest_given, limit) = times;
            let backoff = (factor, open_for * capped_at);
            Rules {
                failure_threshold,
                open_for,
                backoff,
                longest_given,
                verdict,
                permits,
                lease,
                limit,
            }
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        6 => Just(End::Success),
        6 => Just(End::Failure),
        1 => prop::sample::select(vec![0u64, 1, 70, 500, 1_000_000]).prop_map(End::OpenFor),
        2 => Just(End::Ignore),
        2 => Just(End::Drop),
    ];
    let order = prop::sample::select(vec![
        Order::Reset,
        Order::Close,
        Order::Trip,
        Order::ForceOpen,
        Order::Disable,
        Order::MetricsOnly,
    ]);
    prop_oneof![
        24 => Just(Step::Acquire),
        24 => (any::<prop::sample::Index>(), end).prop_map(|(at, end)| Step::Settle(at, end)),
        8 => prop::sample::select(vec![1i64, 49, 50, 99, 100, 250, 100_000])
            .prop_map(Step::Clock),
        2 => (-200i64..0).prop_map(Step::Clock),
        2 => order.prop_map(Step::Order),
        2 => some_rules().prop_map(Step::Change),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_breaker_does_what_the_sequential_model_does(
        rules in some_rules(),
        steps in prop::collection::vec(any_step(), 1..150),
    ) {
        let (breaker, clock) = started(rules.settings("model"));
        let mut model = Model::new(rules, START);
        let mut out: Vec<(OwnedPermit, u64)> = Vec::new();

        for step in steps {
            match step {
                Step::Acquire => match (breaker.try_acquire_owned(), model.acquire()) {
                    (Ok(permit), Ok(era)) => {
                        prop_assert_eq!(permit.era(), era);
                        out.push((permit, era));
                    }
                    (Err(rejected), Err((reason, wait))) => {
                        prop_assert_eq!(rejected.reason(), reason);
                        prop_assert_eq!(rejected.retry_after(), wait.map(Duration::from_millis));
                    }
                    (real, model) => prop_assert!(false, "{real:?}, but {model:?}"),
                },
                Step::Settle(_, _) if out.is_empty() => {}
                Step::Settle(at, end) => {
                    let (permit, era) = out.swap_remove(at.index(out.len()));
                    match end {
                        End::Success => permit.success(),
                        End::Failure => permit.failure(),
                        End::OpenFor(wait) => permit.open_for(Duration::from_millis(wait)),
                        End::Ignore => permit.ignore(),
                        End::Drop => drop(permit),
                    }
                    model.settle(era, end);
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
                        Order::ForceOpen => breaker.force_open(),
                        Order::Disable => breaker.disable(),
                        Order::MetricsOnly => breaker.metrics_only(),
                    }
                    model.order(order);
                }
                Step::Change(rules) => {
                    breaker.reconfigure(|_| rules.settings("model").history(1)).unwrap();
                    model.rules = rules;
                }
            }
            prop_assert_eq!(breaker.state(), model.state(), "after {:?}", step);
            prop_assert_eq!(breaker.era(), model.era);
            prop_assert_eq!(breaker.would_admit(), model.would_admit());
            let seen = breaker.snapshot();
            prop_assert_eq!(seen.admitted, model.admitted);
            prop_assert_eq!(seen.succeeded, model.succeeded);
            prop_assert_eq!(seen.failed, model.failed);
            prop_assert_eq!(seen.ignored + seen.cancelled, model.neutral);
            prop_assert_eq!(seen.stale, model.stale);
            prop_assert_eq!(seen.rejected.total(), model.rejected);
            prop_assert_eq!(seen.in_flight, out.len() as u64);
            prop_assert_eq!(seen.transitions.total(), model.era);
            prop_assert_eq!((seen.streak, seen.opens), (model.streak(), model.opens()));
            prop_assert_eq!(told(&breaker), (model.era, model.told.clone()));
        }
    }
}
