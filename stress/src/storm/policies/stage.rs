//! One policy, from its first call to its last trip.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ampacity::{CircuitBreaker, ManualClock, Snapshot, State, Window};

use super::crowd::{Act, Crowd, Done};
use super::findings::Findings;
use super::model::{Batch, Bounds, Form, Model, SLICE, SLICES};
use super::policy::{OPEN_FOR, Policy, SLOW_STEP, SUCCESSES, Sizes, Told, Trip};
use super::{EACH, Row};
use crate::program::{Failure, Stop};
use crate::workload::tally::Tally;

/// When a breaker's life begins on its clock: at the beginning of a slice.
const START: Duration = Duration::from_secs(1_000);

/// Why a policy was not played to its end.
#[derive(Debug)]
pub(super) enum Ended {
    Stopped,
    Stalled(String),
}

pub(super) struct Stage<'a> {
    policy: Policy,
    sizes: Sizes,
    crowd: &'a Crowd,
    stop: &'a Stop,
    breaker: Arc<CircuitBreaker>,
    clock: ManualClock,
    now: Duration,
    told: Told,
    model: Model,
    era: u64,
    tally: Tally,
    row: Row,
    findings: &'a mut Findings,
}

impl<'a> Stage<'a> {
    /// # Errors
    ///
    /// The breaker could not be built.
    pub(super) fn new(
        policy: Policy,
        crowd: &'a Crowd,
        stop: &'a Stop,
        findings: &'a mut Findings,
    ) -> Result<Self, Failure> {
        let clock = ManualClock::new();
        clock.set(START);
        let (sizes, told) = (Sizes::of(crowd.len()), Told::default());
        let breaker = policy.build(sizes, &clock, &told)?;
        let row = Row {
            policy: policy.title(),
            name: policy.name(),
            threads: crowd.len(),
            ..Row::default()
        };
        Ok(Self {
            policy,
            sizes,
            crowd,
            stop,
            breaker,
            clock,
            now: START,
            told,
            model: Model::new(policy.form()),
            era: 0,
            tally: Tally::default(),
            row,
            findings,
        })
    }

    pub(super) fn row(&self) -> Row {
        self.row.clone()
    }

    /// Everything, in order.
    pub(super) fn play(&mut self) -> Result<(), Ended> {
        self.below()?;
        for &(trip, after_passes) in self.policy.trips() {
            if after_passes {
                self.pass_until_all_is_well()?;
            }
            self.approach(trip)?;
            let open = self.trip(trip)?;
            self.stay_open(trip, &open);
            self.recover();
        }
        self.calls(self.sizes.calls, 0)?;
        self.rest("in its last era", 0);
        self.totals();
        Ok(())
    }

    /// Calls that must not trip it, and time that goes by.
    fn below(&mut self) -> Result<(), Ended> {
        let calls = self.sizes.calls;
        self.calls(calls, 0)?;
        self.rest("after successes", 0);
        self.step(SLICE * 3);
        self.calls(calls, self.policy.harmless(self.sizes))?;
        self.rest("after a few failures", 0);
        if self.policy.judges_slow() {
            self.act(Act::Hold { total: calls / 4 })?;
            self.step(SLOW_STEP);
            let hangs = if self.policy == Policy::InFlight { calls / 4 } else { 0 };
            self.rest("while calls hang", hangs);
            self.settle_slow(calls / 4)?;
            self.rest("after slow calls", 0);
        }
        self.step(SLICE * (SLICES as u32 - 4));
        self.rest("just before the first results are too old", 0);
        self.step(SLICE);
        self.rest("when the first results are too old", 0);
        self.step(SLICE * SLICES as u32);
        let window = self.window();
        let has = self.model.window(self.now);
        let empty = window == Window::default();
        let right = has.holds(&window) && empty == !matches!(self.policy.form(), Form::Count(_));
        let title = self.policy.title();
        self.findings.gaps.look(right, || format!("{title}: {window:?}"));
        self.still_closed("after a gap");
        Ok(())
    }

    /// Succeeds until the window has nothing but successes in it.
    fn pass_until_all_is_well(&mut self) -> Result<(), Ended> {
        loop {
            self.calls(self.sizes.calls, 0)?;
            let has = self.model.window(self.now);
            let late = matches!(self.policy.form(), Form::Count(_)) && *has.failed.end() > 0;
            if !late {
                self.rest("after successes again", 0);
                return Ok(());
            }
        }
    }

    /// Goes as near to the threshold as it can without reaching it.
    fn approach(&mut self, trip: Trip) -> Result<(), Ended> {
        let bounds = self.model.window(self.now);
        let has =
            Batch { calls: bounds.calls, failed: *bounds.failed.end(), slow: *bounds.slow.end() };
        let few = trip.needs(has, self.policy.form(), self.sizes) - 1;
        match trip {
            Trip::SlowRate => {
                self.act(Act::Hold { total: few })?;
                self.step(SLOW_STEP);
                self.settle_slow(few)?;
                self.rest("one slow call below the threshold", 0);
            }
            Trip::Hanging => {
                self.act(Act::Hold { total: few })?;
                self.step(SLOW_STEP);
                self.rest("one hanging call below the minimum", few);
            }
            _ => {
                self.calls(few, few)?;
                self.rest("one failure below the threshold", 0);
                if trip == Trip::Streak {
                    let (streak, title) = (self.breaker.snapshot().streak, self.policy.title());
                    self.findings
                        .streaks
                        .look(streak == few, || format!("{title}: {streak} in a row, not {few}"));
                }
            }
        }
        Ok(())
    }

    /// Lets all threads go beyond the threshold at once.
    fn trip(&mut self, trip: Trip) -> Result<Snapshot, Ended> {
        let before = self.breaker.snapshot();
        let title = self.policy.title();
        let done = match trip {
            Trip::SlowRate | Trip::Hanging => {
                self.act(Act::Hold { total: self.sizes.calls })?;
                self.step(SLOW_STEP);
                if trip == Trip::SlowRate {
                    self.row.slow += self.sizes.calls;
                    self.act(Act::Settle { passed: true })?
                } else {
                    // So few that those which hang stay more than half of all.
                    self.act(Act::UntilTurnedAway { passed: true, most: 2 })?
                }
            }
            _ => {
                let passed = trip == Trip::Minimum;
                self.act(Act::UntilTurnedAway { passed, most: EACH })?
            }
        };
        let open = self.breaker.snapshot();
        self.era += 1;
        let trips = |at: &Snapshot| at.transitions.between(State::Closed, State::Open);
        self.row.trips += trips(&open).saturating_sub(trips(&before));
        let (era, state) = (open.era, open.state);
        self.findings.above.look(era == self.era && state == State::Open, || {
            format!("{title}, {trip:?}: {state} in era {era}, not open in era {}", self.era)
        });

        let ended = done.tally.succeeded + done.tally.failed;
        // What was settled in its era changed the word or was to; what was recorded in the
        // window and then found the era over did neither, and is late all the same.
        let in_time = ended.saturating_sub(open.stale.saturating_sub(before.stale));
        let bad = |window: &Window| match trip {
            Trip::SlowRate => window.slow,
            Trip::Minimum => window.calls,
            _ => window.failed,
        };
        let (was, is) = (bad(&before.window), bad(&open.window));
        let late = in_time.max(is.saturating_sub(was)).saturating_sub(1);
        if trip != Trip::Hanging {
            let threads = self.crowd.len();
            self.row.late = Some(self.row.late.unwrap_or(0).max(late));
            self.findings.late.look(late < threads.max(2), || {
                format!("{title}, {trip:?}: {late} late by {threads} threads")
            });
            if self.policy.form() == Form::Time {
                let more = |count: fn(&Window) -> u64| {
                    count(&open.window).saturating_sub(count(&before.window))
                };
                let has = Batch {
                    calls: more(|window| window.calls),
                    failed: more(|window| window.failed),
                    slow: more(|window| window.slow),
                };
                let all = match trip {
                    Trip::SlowRate => [has.calls, has.slow, 0, has.failed],
                    Trip::Minimum => [has.calls, has.calls, has.failed, has.slow],
                    _ => [has.calls, has.failed, has.slow, 0],
                };
                let right = all[0] == all[1]
                    && all[2..] == [0, 0]
                    && (in_time..=ended).contains(&has.calls);
                self.findings.windows.look(right, || {
                    format!("{title}, {trip:?}: {has:?} more, where {in_time} to {ended} ended")
                });
                self.row.looks += 1;
            }
        }
        self.told_once(trip, was, is, &before);
        if trip == Trip::Hanging {
            self.act(Act::Settle { passed: true })?;
            self.row.slow += self.sizes.calls + before.window.hanging;
        }
        Ok(open)
    }

    /// One event of this era, with a fitting cause.
    fn told_once(&mut self, trip: Trip, was: u64, is: u64, before: &Snapshot) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let title = self.policy.title();
        let of_era: Vec<_> = told.iter().filter(|event| event.era == self.era).collect();
        let (least, most) = match trip {
            Trip::Hanging => (1, before.window.hanging + self.sizes.calls),
            Trip::Minimum => (before.window.failed, before.window.failed),
            // A count window may have let go of some since; it never holds more than this.
            _ => (was + 1, is.max(before.window.calls + 1)),
        };
        let fault = match of_era[..] {
            [event] => match trip.fault(&event.cause, least, most, self.sizes) {
                None if (event.from, event.to) != (State::Closed, State::Open) => {
                    Some(event.to_string())
                }
                fault => fault,
            },
            _ => Some(format!("{} events of era {}", of_era.len(), self.era)),
        };
        self.findings
            .events
            .look(fault.is_none(), || format!("{title}, {trip:?}: {}", fault.unwrap_or_default()));
    }

    /// While it is open, its window stays as it was, however long that takes.
    fn stay_open(&mut self, trip: Trip, open: &Snapshot) {
        self.step(OPEN_FOR / 2);
        let now = self.breaker.snapshot();
        // Calls in flight are never recorded, so what they tripped is not to be shown.
        if trip != Trip::Hanging {
            let title = self.policy.title();
            let (was, is) = (open.window, now.window);
            let right = was == is && now.era == self.era;
            self.findings.open.look(right, || format!("{title}, {trip:?}: {is:?} after {was:?}"));
        }
    }

    /// Closes it again, by probes of this thread.
    fn recover(&mut self) {
        self.step(OPEN_FOR);
        for _ in 0..SUCCESSES {
            self.tally.calls += 1;
            if let Ok(probe) = self.breaker.try_acquire() {
                self.tally.admitted += 1;
                self.tally.succeeded += 1;
                probe.success();
            }
        }
        self.era += 2;
        self.model.clear();
        let title = self.policy.title();
        let window = self.window();
        self.findings
            .fresh
            .look(window == Window::default(), || format!("{title}: a new era with {window:?}"));
        self.still_closed("after its probes");
    }

    /// At the end: the totals, and that every era was told once.
    fn totals(&mut self) {
        let snapshot = self.breaker.snapshot();
        self.row.stale = snapshot.stale;
        let title = self.policy.title();
        let wrong = self.tally.mismatches(&snapshot);
        self.findings.totals.look(wrong.is_empty(), || format!("{title}: {}", wrong.join("; ")));
        let (told, era) = (snapshot.events.told, self.era);
        let heard = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let eras: Vec<u64> = heard.iter().map(|event| event.era).collect();
        let right = told == era && eras.iter().copied().eq(1..=era);
        self.findings.events.look(right, || format!("{title}: {told} told of {era}: {eras:?}"));
    }

    /// Whether the window at rest is what the model says, `hanging` calls beside it.
    fn rest(&mut self, when: &str, hanging: u64) {
        let window = self.window();
        let mut bounds = self.model.window(self.now);
        bounds.calls += hanging;
        bounds.slow = bounds.slow.start() + hanging..=bounds.slow.end() + hanging;
        let title = self.policy.title();
        let right = bounds.holds(&window) && window.hanging == hanging;
        self.row.looks += 1;
        self.findings.windows.look(right, || {
            let Bounds { calls, failed, slow } = bounds;
            format!(
                "{title}, {when}: {window:?}, not {calls} calls, {failed:?} failed, {slow:?} slow, \
                 {hanging} hanging"
            )
        });
        self.still_closed(when);
    }

    fn still_closed(&mut self, when: &str) {
        let (era, state) = (self.breaker.era(), self.breaker.state());
        let title = self.policy.title();
        self.findings.below.look(era == self.era && state == State::Closed, || {
            format!("{title}, {when}: {state} in era {era}, not closed in era {}", self.era)
        });
    }

    fn window(&self) -> Window {
        self.breaker.snapshot().window
    }

    fn step(&mut self, by: Duration) {
        self.now += by;
        self.clock.set(self.now);
    }

    fn calls(&mut self, total: u64, failed: u64) -> Result<(), Ended> {
        self.act(Act::Calls { total, failed })?;
        self.model.add(self.now, Batch { calls: total, failed, slow: 0 });
        Ok(())
    }

    fn settle_slow(&mut self, slow: u64) -> Result<(), Ended> {
        self.act(Act::Settle { passed: true })?;
        self.model.add(self.now, Batch { calls: slow, failed: 0, slow });
        self.row.slow += slow;
        Ok(())
    }

    /// Lets all threads do something, and counts what they did; what they did alone is
    /// returned.
    fn act(&mut self, act: Act) -> Result<Done, Ended> {
        if self.stop.requested() {
            return Err(Ended::Stopped);
        }
        let Some(done) = self.crowd.all(&self.breaker, act) else {
            let threads = self.crowd.whereabouts();
            let breaker = &self.breaker;
            return Err(Ended::Stalled(format!("{act:?}, {breaker:?}; threads: {threads}")));
        };
        let row = &mut self.row;
        row.calls += done.tally.calls;
        row.failed += done.tally.failed;
        row.turned_away += done.tally.rejected_open + done.tally.rejected_full;
        row.cpu_ns += u64::try_from(done.cpu.as_nanos()).unwrap_or(u64::MAX);
        self.tally += done.tally.clone();
        Ok(done)
    }
}
