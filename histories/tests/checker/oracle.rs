//! The search against all orders: with no memory, no labels, no eras, and the sequential
//! model asked directly.

use histories::check::{Bound, Verdict, check};
use histories::history::{Answer, Call, History, Operation, Rest, Wait};
use histories::model::Model as Start;
use histories::report::account;
use histories::spec::consecutive::{End, Model, Order, Phase, Rules, Verdict as Probes};
use proptest::prelude::*;

/// Whether some order of `left` explains all of them.
fn is_explained(model: &Model, left: &[Operation]) -> bool {
    left.is_empty()
        || left.iter().enumerate().any(|(at, operation)| {
            let is_first = left.iter().all(|other| other.returned >= operation.invoked);
            let mut next = model.clone();
            is_first && answered(&mut next, operation.call) == Some(operation.call) && {
                let mut left = left.to_vec();
                left.remove(at);
                is_explained(&next, &left)
            }
        })
}

/// What the model answers where `call` was asked; nothing if it cannot be asked at all.
fn answered(model: &mut Model, call: Call) -> Option<Call> {
    // Permits settle here that nobody was seen to take, and totals would not add up.
    model.admitted = u64::from(u32::MAX);
    Some(match call {
        Call::Acquire(_) => Call::Acquire(match model.acquire() {
            Ok(era) => Answer::Admitted { era, probe: matches!(model.phase, Phase::HalfOpen(_)) },
            Err((reason, None)) => Answer::Refused { reason, wait: Wait::Unsaid },
            Err((reason, Some(ms))) => {
                Answer::Refused { reason, wait: Wait::Nanos(ms * 1_000_000) }
            }
        }),
        Call::Settle { era, end } => {
            let is_out = |spell: &histories::spec::consecutive::Spell| spell.has_probes_out();
            match &model.phase {
                _ if era > model.era => return None,
                Phase::HalfOpen(spell) if era == model.era && !is_out(spell) => return None,
                _ => model.settle(era, end),
            }
            call
        }
        Call::Order(order) => {
            model.order(order);
            call
        }
        Call::State(_) => Call::State(model.state()),
        Call::Era(_) => Call::Era(model.era),
        Call::WouldAdmit(_) => Call::WouldAdmit(model.would_admit()),
        Call::Glance { .. } => Call::Glance { era: model.era, streak: model.streak() },
        Call::Rest(Rest { .. }) | Call::Clock(_) => call,
    })
}

fn some_call() -> impl Strategy<Value = Call> {
    let end = prop::sample::select(vec![
        End::Success,
        End::Success,
        End::Failure,
        End::Failure,
        End::Failure,
        End::OpenFor(70),
        End::Ignore,
        End::Drop,
    ]);
    let order = prop::sample::select(vec![
        Order::Reset,
        Order::Close,
        Order::Trip,
        Order::ForceOpen,
        Order::Disable,
        Order::MetricsOnly,
    ]);
    let asked = prop::sample::select(vec![
        Call::State(ampacity::State::Open),
        Call::Era(0),
        Call::WouldAdmit(true),
        Call::Glance { era: 0, streak: 0 },
    ]);
    prop_oneof![
        8 => Just(Call::Acquire(Answer::Admitted { era: 0, probe: false })),
        8 => (0..4u64, end).prop_map(|(era, end)| Call::Settle { era, end }),
        4 => order.prop_map(Call::Order),
        3 => asked,
    ]
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let limit = prop::sample::select(vec![
        None,
        Some((40, ampacity::State::Open)),
        Some((40, ampacity::State::Closed)),
    ]);
    (1..3u64, 1..3u64, 1..3u64, limit).prop_map(|(failure_threshold, permits, needed, limit)| {
        Rules {
            failure_threshold,
            open_for: 100,
            backoff: (2, 300),
            longest_given: 500,
            verdict: Probes::Successes(needed.min(permits)),
            permits,
            lease: 50,
            limit,
        }
    })
}

/// A model that has a past: a few calls, and then some time.
fn some_start() -> impl Strategy<Value = (Rules, Vec<(Call, u64)>)> {
    let waits = prop::sample::select(vec![0, 0, 0, 40, 50, 100]);
    (some_rules(), prop::collection::vec((some_call(), waits), 0..6))
}

/// What becomes of one answer: nothing, or something else.
fn changed(call: Call, how: u8) -> Call {
    match (call, how) {
        (Call::Acquire(Answer::Admitted { era, probe }), 0) => {
            Call::Acquire(Answer::Admitted { era: era + 1, probe })
        }
        (Call::Acquire(Answer::Admitted { era, probe }), 1) => {
            Call::Acquire(Answer::Admitted { era, probe: !probe })
        }
        (Call::Acquire(Answer::Refused { .. }), 0) => {
            Call::Acquire(Answer::Admitted { era: 2, probe: true })
        }
        (Call::Era(era), 0) => Call::Era(era + 1),
        (Call::Glance { era, streak }, 0) => Call::Glance { era, streak: streak + 1 },
        (Call::WouldAdmit(would), 0) => Call::WouldAdmit(!would),
        (Call::Settle { era, end: End::Failure }, 1) => Call::Settle { era, end: End::Success },
        (call, _) => call,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    /// Operations that took place one after the other, each told to have taken longer; and
    /// then, perhaps, one that answered something else.
    #[test]
    fn the_search_finds_an_order_exactly_where_one_of_all_explains_it(
        (rules, past) in some_start(),
        calls in prop::collection::vec((some_call(), 0..60u64, 0..60u64), 1..7),
        fault in (any::<prop::sample::Index>(), 0..6u8),
    ) {
        let mut model = Model::new(rules, 1_000);
        for (call, wait) in past {
            answered(&mut model, call);
            model.now += wait;
        }
        // As a history begins: no totals, and the last transition told.
        let start = Model { era: model.era, phase: model.phase, ..Model::new(rules, model.now) };
        let mut model = start.clone();
        let mut operations = Vec::new();
        for (nth, (call, before, after)) in calls.into_iter().enumerate() {
            let Some(call) = answered(&mut model, call) else { continue };
            // In units of 16, of which each operation has two of its own.
            let (at, own) = (100 + nth as u64 * 20, 2 * nth as u64);
            operations.push(Operation {
                thread: nth as u32,
                invoked: (at - before) * 16 + own,
                returned: (at + after) * 16 + own + 1,
                call,
            });
        }
        if !operations.is_empty() && fault.1 < 2 {
            let at = fault.0.index(operations.len());
            operations[at].call = changed(operations[at].call, fault.1);
        }
        let mut wire = serde_json::to_value(Start::by_streak(rules, model.now)).unwrap();
        wire["streak"]["model"] = serde_json::to_value(&start).unwrap();
        let history = History { start: serde_json::from_value(wire).unwrap(), operations };
        let verdict = check(&history, Bound::default());
        let expected = is_explained(&start, &history.operations);
        let found = match &verdict {
            Verdict::Linearizable(order) => {
                // And the order that it names is one.
                let named: Vec<Operation> =
                    order.order.iter().map(|at| history.operations[*at]).collect();
                let mut model = start.clone();
                for operation in &named {
                    prop_assert_eq!(answered(&mut model, operation.call), Some(operation.call));
                }
                prop_assert_eq!(named.len(), history.operations.len());
                true
            }
            Verdict::NotLinearizable(_) => false,
            verdict => return Err(TestCaseError::fail(format!("{verdict:?}"))),
        };
        prop_assert_eq!(found, expected, "{}", account(&history, &verdict));
    }
}
