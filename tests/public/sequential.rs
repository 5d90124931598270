//! Random operations against the sequential model: the specification in code.

use ampacity::{Builder, CircuitBreaker, ManualClock, OwnedPermit, Reason, State, Timing};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What a breaker is, one operation at a time. Times are in ms.
#[derive(Debug)]
struct Model {
    failure_threshold: u64,
    open_for: u64,
    needed: u64,
    permits: u64,
    lease: u64,
    now: u64,
    era: u64,
    phase: Phase,
    admitted: u64,
    succeeded: u64,
    failed: u64,
    neutral: u64,
    stale: u64,
    rejected: u64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Closed { streak: u64 },
    Open { deadline: u64 },
    HalfOpen { issued: u64, passed: u64, began: u64, lapsed: u32 },
    ByHand(State),
}

impl Model {
    fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { deadline } if self.now >= deadline => State::HalfOpen,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
            Phase::ByHand(state) => state,
        }
    }

    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }

    fn open(&mut self) {
        self.turn(Phase::Open { deadline: self.now + self.open_for });
    }

    fn spell(&mut self, lapsed: u32) {
        self.turn(Phase::HalfOpen { issued: 1, passed: 0, began: self.now, lapsed });
    }

    /// The era of the permit, or why there is none.
    fn acquire(&mut self) -> Result<u64, Reason> {
        if let Err(reason) = self.admits() {
            self.rejected += 1;
            return Err(reason);
        }
        match self.phase {
            Phase::Open { .. } => self.spell(0),
            Phase::HalfOpen { issued, passed, began, lapsed }
                if issued > passed && self.lease_over(began, lapsed) =>
            {
                self.spell(lapsed + 1);
            }
            Phase::HalfOpen { ref mut issued, .. } => *issued += 1,
            _ => {}
        }
        self.admitted += 1;
        Ok(self.era)
    }

    fn lease_over(&self, began: u64, lapsed: u32) -> bool {
        let lease = (self.lease << lapsed.min(30)).min(self.lease.max(3_600_000));
        self.now >= began + lease
    }

    fn admits(&self) -> Result<(), Reason> {
        match self.phase {
            Phase::Open { deadline } if self.now < deadline => Err(Reason::Open),
            Phase::HalfOpen { issued, passed, began, lapsed }
                if issued >= self.permits && issued > passed && !self.lease_over(began, lapsed) =>
            {
                Err(Reason::HalfOpenFull)
            }
            Phase::ByHand(State::ForcedOpen) => Err(Reason::ForcedOpen),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, era: u64, end: End) {
        match end {
            End::Success => self.succeeded += 1,
            End::Failure => self.failed += 1,
            End::Ignore | End::Drop => self.neutral += 1,
        }
        if era != self.era {
            self.stale += 1;
            return;
        }
        match (end, &mut self.phase) {
            (End::Success, Phase::Closed { streak }) => *streak = 0,
            (End::Success, Phase::HalfOpen { passed, .. }) => {
                *passed += 1;
                if *passed >= self.needed {
                    self.turn(Phase::Closed { streak: 0 });
                }
            }
            (End::Failure, Phase::Closed { streak }) => {
                *streak += 1;
                if *streak >= self.failure_threshold {
                    self.open();
                }
            }
            (End::Failure, Phase::HalfOpen { .. }) => self.open(),
            (End::Ignore | End::Drop, Phase::HalfOpen { issued, .. }) => *issued -= 1,
            _ => {}
        }
    }

    fn order(&mut self, order: Order) {
        let by_hand = |state| (Phase::ByHand(state) != self.phase).then_some(Phase::ByHand(state));
        let next = match order {
            Order::Reset => {
                self.admitted -= self.succeeded + self.failed + self.neutral;
                (self.succeeded, self.failed, self.neutral) = (0, 0, 0);
                (self.stale, self.rejected) = (0, 0);
                Some(Phase::Closed { streak: 0 })
            }
            Order::Close => {
                let closed = Phase::Closed { streak: 0 };
                (self.phase != closed).then_some(closed)
            }
            Order::Trip => {
                let open = matches!(self.phase, Phase::Open { deadline } if self.now < deadline);
                (!open).then_some(Phase::Open { deadline: self.now + self.open_for })
            }
            Order::ForceOpen => by_hand(State::ForcedOpen),
            Order::Disable => by_hand(State::Disabled),
            Order::MetricsOnly => by_hand(State::MetricsOnly),
        };
        if let Some(phase) = next {
            self.turn(phase);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Success,
    Failure,
    Ignore,
    Drop,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Order {
    Reset,
    Close,
    Trip,
    ForceOpen,
    Disable,
    MetricsOnly,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    /// Settles one of the permits that are out.
    Settle(prop::sample::Index, End),
    /// Moves the clock, also back.
    Clock(i64),
    Order(Order),
    FailureThreshold(u32),
    SuccessThreshold(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    let end = prop::sample::select(vec![
        End::Success,
        End::Success,
        End::Failure,
        End::Failure,
        End::Ignore,
        End::Drop,
    ]);
    let order = prop::sample::select(vec![
        Order::Reset,
        Order::Close,
        Order::Trip,
        Order::ForceOpen,
        Order::Disable,
    ]);
    prop_oneof![
        12 => Just(Step::Acquire),
        12 => (any::<prop::sample::Index>(), end).prop_map(|(at, end)| Step::Settle(at, end)),
        3 => prop::sample::select(vec![1i64, 49, 50, 99, 100, 250, 100_000])
            .prop_map(Step::Clock),
        1 => (-200i64..0).prop_map(Step::Clock),
        1 => order.prop_map(Step::Order),
        1 => (1u32..6).prop_map(Step::FailureThreshold),
        1 => (1u32..4).prop_map(Step::SuccessThreshold),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_breaker_does_what_the_sequential_model_does(
        failure_threshold in 1u32..5,
        needed in 1u32..4,
        spare in 0u32..3,
        open_for in 1u64..120,
        lease in 1u64..300,
        steps in prop::collection::vec(any_step(), 1..120),
    ) {
        let clock = ManualClock::new();
        clock.set(Duration::from_millis(1_000));
        let breaker = Arc::new(
            CircuitBreaker::builder("model")
                .failure_threshold(failure_threshold)
                .open_for(Duration::from_millis(open_for))
                .success_threshold(needed)
                .half_open_permits(needed + spare)
                .probe_lease(Duration::from_millis(lease))
                .timing(Timing::Off)
                .clock(clock.clone())
                .build()
                .unwrap(),
        );
        let mut model = Model {
            failure_threshold: failure_threshold.into(),
            open_for,
            needed: needed.into(),
            permits: (needed + spare).into(),
            lease,
            now: 1_000,
            era: 0,
            phase: Phase::Closed { streak: 0 },
            admitted: 0,
            succeeded: 0,
            failed: 0,
            neutral: 0,
            stale: 0,
            rejected: 0,
        };
        let mut out: Vec<(OwnedPermit, u64)> = Vec::new();

        for step in steps {
            match step {
                Step::Acquire => match (breaker.try_acquire_owned(), model.acquire()) {
                    (Ok(permit), Ok(era)) => {
                        prop_assert_eq!(permit.era(), era);
                        out.push((permit, era));
                    }
                    (Err(rejected), Err(reason)) => prop_assert_eq!(rejected.reason(), reason),
                    (real, model) => prop_assert!(false, "{real:?}, but {model:?}"),
                },
                Step::Settle(_, _) if out.is_empty() => {}
                Step::Settle(at, end) => {
                    let (permit, era) = out.swap_remove(at.index(out.len()));
                    match end {
                        End::Success => permit.success(),
                        End::Failure => permit.failure(),
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
                Step::FailureThreshold(threshold) => {
                    breaker.reconfigure(|now| now.failure_threshold(threshold)).unwrap();
                    model.failure_threshold = threshold.into();
                }
                Step::SuccessThreshold(needed) => {
                    let change =
                        |now: Builder| now.success_threshold(needed).half_open_permits(needed + spare);
                    breaker.reconfigure(change).unwrap();
                    model.needed = needed.into();
                    model.permits = (needed + spare).into();
                }
            }
            prop_assert_eq!(breaker.state(), model.state());
            prop_assert_eq!(breaker.era(), model.era);
            prop_assert_eq!(breaker.would_admit(), model.admits().is_ok());
            let seen = breaker.snapshot();
            prop_assert_eq!(seen.admitted, model.admitted);
            prop_assert_eq!(seen.succeeded, model.succeeded);
            prop_assert_eq!(seen.failed, model.failed);
            prop_assert_eq!(seen.ignored + seen.cancelled, model.neutral);
            prop_assert_eq!(seen.stale, model.stale);
            prop_assert_eq!(seen.rejected.total(), model.rejected);
            prop_assert_eq!(seen.in_flight, out.len() as u64);
            prop_assert_eq!(seen.transitions.total(), model.era);
            let streak = match model.phase {
                Phase::Closed { streak } => streak,
                _ => 0,
            };
            prop_assert_eq!(seen.streak, streak);
        }
    }
}
