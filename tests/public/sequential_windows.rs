//! Random operations against the sequential model of windows: what a breaker records, and
//! when that opens it. What follows after it has opened is in `sequential`.

use crate::{START, started, told};
use ampacity::{Builder, CircuitBreaker, OwnedPermit, State, Timing};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

const NAME: &str = "model";
/// Calls are slow that take longer, in ms.
const SLOW_OVER: u64 = 10;

/// What can be set. Shares are in percent, times in ms.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Rules {
    shape: Shape,
    failed: Option<u64>,
    slow: Option<u64>,
    minimum: u64,
    streak: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Shape {
    Last(usize),
    Slices { width: u64, number: u64 },
}

impl Rules {
    fn settings(self) -> Builder {
        let share = |percent: u64| percent as f64 / 100.0;
        let mut builder = CircuitBreaker::builder(NAME).timing(Timing::Every);
        builder = builder.minimum_calls(self.minimum as u32).open_for(Duration::MAX);
        builder = match self.shape {
            Shape::Last(len) => builder.count_window(len as u32),
            Shape::Slices { width, number } => builder
                .time_window(Duration::from_millis(width * number))
                .time_slices(number as u32),
        };
        if let Some(percent) = self.failed {
            builder = builder.failure_rate(share(percent));
        }
        if let Some(percent) = self.slow {
            let over = Duration::from_millis(SLOW_OVER);
            builder = builder.slow_call(over).slow_call_rate(share(percent));
        }
        if let Some(streak) = self.streak {
            builder = builder.failure_threshold(streak as u32);
        }
        builder
    }
}

/// One result in the window.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Result {
    slice: u64, // 0 in a window of the last calls
    failed: bool,
    slow: bool,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Figures {
    calls: u64,
    failed: u64,
    slow: u64,
}

impl Figures {
    fn add(&mut self, result: &Result) {
        self.calls += 1;
        self.failed += u64::from(result.failed);
        self.slow += u64::from(result.slow);
    }
}

/// What a breaker is, one operation at a time.
#[derive(Debug)]
struct Model {
    rules: Rules,
    now: u64,
    era: u64,
    state: State,
    streak: u64,
    /// Results of this era, the oldest first.
    results: VecDeque<Result>,
    /// The newest slice of this era that has a result.
    latest: u64,
    /// What the window held when the breaker was last closed or set to metrics only.
    kept: Figures,
    /// Metrics-only has said that it would open, and not fallen below since.
    reported: bool,
    /// The next result is judged whatever it is, because the settings have changed.
    changed: bool,
    /// The last transition: from, to, why.
    told: Option<(State, State, String)>,
}

impl Model {
    fn new(rules: Rules) -> Self {
        Model {
            rules,
            now: 0,
            era: 0,
            state: State::Closed,
            streak: 0,
            results: VecDeque::new(),
            latest: 0,
            kept: Figures::default(),
            reported: false,
            changed: false,
            told: None,
        }
    }

    fn is_judged(&self) -> bool {
        matches!(self.state, State::Closed | State::MetricsOnly)
    }

    /// The slice that a result gets now: a clock that steps back does not go back in it.
    fn slice(&self) -> u64 {
        match self.rules.shape {
            Shape::Last(_) => 0,
            Shape::Slices { width, .. } => (self.now / width).max(self.latest),
        }
    }

    fn is_in(&self, result: &Result) -> bool {
        match self.rules.shape {
            Shape::Last(_) => true,
            Shape::Slices { number, .. } => result.slice + number > self.slice(),
        }
    }

    fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        self.results
            .iter()
            .filter(|result| self.is_in(result))
            .for_each(|result| figures.add(result));
        figures
    }

    /// What a snapshot shows: of a breaker that is not judged, what it held at the last.
    fn held(&self) -> Figures {
        if self.is_judged() { self.figures() } else { self.kept }
    }

    fn turn(&mut self, to: State, cause: String) {
        if !self.results.is_empty() {
            // Slices do not leave a window that is over.
            let newest = self.latest;
            let shape = self.rules.shape;
            self.kept = Figures::default();
            for result in &self.results {
                match shape {
                    Shape::Slices { number, .. } if result.slice + number <= newest => {}
                    _ => self.kept.add(result),
                }
            }
        }
        self.told = Some((self.state, to, cause));
        self.state = to;
        self.era += 1;
        self.streak = 0;
        self.results.clear();
        self.latest = 0;
        (self.reported, self.changed) = (false, false);
    }

    /// A share at its threshold, of at least so many calls: the failures come first.
    fn share_reached(&self, of: Figures, least: u64) -> Option<String> {
        let Figures { calls, failed, slow } = of;
        let reached = |part: u64, percent: Option<u64>| {
            calls >= least && percent.is_some_and(|percent| part * 100 >= percent * calls)
        };
        if reached(failed, self.rules.failed) {
            Some(format!("{failed} of {calls} calls failed"))
        } else if reached(slow, self.rules.slow) {
            Some(format!("{slow} of {calls} calls were slow"))
        } else {
            None
        }
    }

    fn settle(&mut self, era: u64, failed: bool, slow: bool) {
        if era != self.era || !self.is_judged() {
            return;
        }
        let slow = slow && self.rules.slow.is_some();
        let before = self.figures();
        let slice = self.slice();
        self.latest = slice;
        self.results.push_back(Result { slice, failed, slow });
        if let Shape::Last(len) = self.rules.shape
            && self.results.len() > len
        {
            self.results.pop_front();
        }
        let after = self.figures();

        self.streak = match self.rules.streak {
            Some(_) if failed => self.streak + 1,
            _ => 0,
        };
        let in_a_row = self.rules.streak.is_some_and(|streak| self.streak >= streak);
        let completes = before.calls < self.rules.minimum;
        let is_asked = failed || slow || completes || self.changed || self.reported;
        let reached = self.share_reached(after, self.rules.minimum).filter(|_| is_asked);
        self.changed = false;

        if !in_a_row && reached.is_none() {
            // Below, unless there are too few calls, and of those too many bad ones.
            self.reported &= self.share_reached(after, 1).is_some();
            return;
        }
        let cause = match (in_a_row, self.streak, reached) {
            (true, 1, _) => "1 failure".to_owned(),
            (true, streak, _) => format!("{streak} failures in a row"),
            (false, _, reached) => reached.unwrap_or_default(),
        };
        match self.state {
            State::Closed => self.turn(State::Open, cause),
            _ if self.reported => {}
            _ => {
                let streak = self.streak;
                self.turn(State::MetricsOnly, cause);
                (self.streak, self.reported) = (streak, true);
            }
        }
    }

    fn order(&mut self, order: Order) {
        let (to, cause) = match order {
            Order::Reset => (State::Closed, "reset by hand"),
            Order::Close => (State::Closed, "closed by hand"),
            Order::Trip => (State::Open, "tripped by hand"),
            Order::Disable => (State::Disabled, "disabled by hand"),
            Order::MetricsOnly => (State::MetricsOnly, "set to metrics only by hand"),
        };
        let is_blank = self.streak == 0 && self.figures() == Figures::default();
        let changes = match order {
            Order::Reset => true,
            Order::Close => self.state != State::Closed || !is_blank,
            _ => self.state != to,
        };
        if changes {
            self.turn(to, cause.to_owned());
        }
    }

    /// New settings: the newest results stay, where they can be told apart.
    fn change(&mut self, rules: Rules) {
        let old = self.rules.shape;
        self.results = match (old, rules.shape) {
            (old, new) if old == new => std::mem::take(&mut self.results),
            (Shape::Last(_), Shape::Last(len)) => {
                let surplus = self.results.len().saturating_sub(len);
                self.results.iter().skip(surplus).copied().collect()
            }
            (Shape::Slices { width, .. }, Shape::Slices { width: new_width, .. }) => {
                // A slice goes to the one in which it ended.
                let current = self.now / new_width;
                let moved = |result: &Result| Result {
                    slice: (((result.slice + 1) * width).div_ceil(new_width) - 1).min(current),
                    ..*result
                };
                self.results.iter().filter(|result| self.is_in(result)).map(moved).collect()
            }
            _ => VecDeque::new(),
        };
        self.rules = rules;
        if old != rules.shape {
            self.latest = match (old, rules.shape) {
                (Shape::Slices { .. }, Shape::Slices { width, .. }) => self.now / width,
                _ => 0,
            };
            self.kept = Figures::default();
        }
        self.changed = true;
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Order {
    Reset,
    Close,
    Trip,
    Disable,
    MetricsOnly,
}

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
