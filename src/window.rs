//! The recent past of a closed breaker, and whether it says to trip.
//!
//! A window records what calls of one era returned, and adds up what is recent. A new
//! era needs no reset: what it records has another tag, and the first of it replaces
//! what was there. A [`Judge`] asks the window only when a result can matter, and says
//! what it found; it never writes the word.

mod count;
mod flight;
#[cfg(any(ampacity_loom, ampacity_shuttle))]
pub(crate) mod model;
pub(crate) mod policy;
mod slice;
mod time;

use crate::clock::Nanos;
use crate::contained::contained;
use crate::event::Cause;
use crate::metrics::pace::Start;
use crate::planted::{Bug, planted};
use crate::slot::Slot;
use crate::sync::{Atomic, Ordering};
use crate::word::{ERA_BITS, Era, Finding};
use core::fmt;
use count::{Count, tickets_between};
use flight::Flight;
use policy::{Judged, Policy, Which};
use std::sync::Arc;
pub(crate) use time::MOST_SLICES;
use time::{Recorded, Time};

/// The most results that a count window holds.
pub(crate) const MOST_RESULTS: u32 = 65_536;

/// After how many transitions old results are swept, before the low bits of their era
/// come round: an eighth of a lap.
const SWEEP_EVERY: u64 = 1 << (ERA_BITS - 3);

/// What a window holds: results of the present closed era, or of the last one while the
/// breaker is not closed. In a [`Snapshot`](crate::Snapshot), in an event's
/// [`Cause`](crate::Cause), and shown to the policy of
/// [`trip_when`](crate::Builder::trip_when).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Window {
    /// Calls that succeeded or failed, and those in `hanging`.
    pub calls: u64,
    /// Calls among them that failed.
    pub failed: u64,
    /// Calls among them that were slow, failed or not.
    pub slow: u64,
    /// Calls among the slow that are still running; see
    /// [`count_in_flight`](crate::Builder::count_in_flight).
    pub hanging: u64,
    /// The share of calls that failed, from 0 to 1; `None` below the minimum number.
    pub failure_rate: Option<f64>,
    /// The share of calls that were slow, from 0 to 1; `None` below the minimum number.
    pub slow_call_rate: Option<f64>,
}

impl Window {
    pub(crate) const WORDS: usize = 5;

    fn new(sums: Sums, hanging: u64, policy: &Policy) -> Self {
        let (failure_rate, slow_call_rate) = policy.rates(sums);
        let Sums { calls, failed, slow } = sums;
        Window { calls, failed, slow, hanging, failure_rate, slow_call_rate }
    }

    /// The counts, and whether their rates are known.
    pub(crate) fn to_words(self) -> [u64; Self::WORDS] {
        let known = u64::from(self.failure_rate.is_some());
        [self.calls, self.failed, self.slow, self.hanging, known]
    }

    pub(crate) fn from_words([calls, failed, slow, hanging, known]: [u64; Self::WORDS]) -> Self {
        let rate = |part: u64| (known == 1).then(|| part as f64 / calls as f64);
        let (failure_rate, slow_call_rate) = (rate(failed), rate(slow));
        Window { calls, failed, slow, hanging, failure_rate, slow_call_rate }
    }
}

/// What one call adds to a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

impl Entry {
    fn is_bad(self) -> bool {
        self.failed || self.slow
    }
}

/// What a window holds of one era; a slow failure is in `failed` and in `slow`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) failed: u64, // at most `calls`
    pub(crate) slow: u64,   // at most `calls`
}

/// The form of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Count { len: u32 },
    Time { width: u64, slices: u32 }, // ns of a slice
}

/// What a window holds, apart from the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Contents {
    /// The oldest first.
    Results(Vec<Entry>),
    /// By age: how long before the end of the current slice a slice ended, in ns.
    Slices(Vec<(u64, Sums)>),
}

/// A policy of the user's own.
#[derive(Clone)]
pub(crate) struct TripWhen(Arc<dyn Fn(&Window) -> bool + Send + Sync>);

impl TripWhen {
    pub(crate) fn new(policy: impl Fn(&Window) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(policy))
    }

    /// What it says; a panic is a no. It must not unwind through a settling call, which
    /// may itself be part of an unwind.
    fn says(&self, window: &Window) -> bool {
        contained(|| (self.0)(window)).unwrap_or(false)
    }
}

impl PartialEq for TripWhen {
    /// Whether they are one and the same.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for TripWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

/// What a result means besides its verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opinion {
    pub(crate) finding: Finding,
    /// Why the finding is that the breaker must open.
    pub(crate) cause: Cause,
    /// For how long, if the result said so, in ns.
    pub(crate) wait: Option<u64>,
    look: u64, // the number of the evaluation that it comes from
}

impl Opinion {
    /// Nobody was asked.
    pub(crate) const NONE: Opinion = Opinion::of(Finding::Unasked);

    /// The breaker must open.
    pub(crate) const fn over(cause: Cause, wait: Option<u64>) -> Self {
        Opinion { finding: Finding::Over, cause, wait, look: 0 }
    }

    const fn of(finding: Finding) -> Self {
        Opinion { finding, ..Opinion::over(Cause::WaitOver, None) } // a cause that is not used
    }
}

/// A window, and the policies that judge it.
#[derive(Debug)]
pub(crate) struct Judge {
    shape: Shape,
    ring: Arc<Ring>,
    in_flight: Option<Arc<Flight>>,
    policy: Policy,
    trip_when: Option<TripWhen>,
    /// Up to where bad results cannot matter, by the last to have looked; each form of
    /// window reads it in its own way. It belongs to this policy, and so lies here.
    hint: Atomic<u64>,
}

/// A window of either form.
enum Ring {
    Count(Count),
    Time(Time),
}

impl Ring {
    fn new(shape: Shape, era: Era) -> Self {
        match shape {
            Shape::Count { len } => Ring::Count(Count::new(len, era)),
            Shape::Time { width, slices } => Ring::Time(Time::new(width, slices, era)),
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ring::Count(_) => "the last calls",
            Ring::Time(_) => "the last slices of time",
        })
    }
}

impl Judge {
    pub(crate) fn new(
        shape: Shape,
        policy: Policy,
        trip_when: Option<TripWhen>,
        in_flight_over: Option<u64>,
        era: Era,
    ) -> Self {
        Self {
            shape,
            ring: Arc::new(Ring::new(shape, era)),
            in_flight: in_flight_over.map(|over| Arc::new(Flight::new(over, era))),
            policy,
            trip_when,
            hint: Atomic::new(0),
        }
    }

    /// Goes on with the window of the settings before: with the same one if it has the
    /// same form, else with what of it fits into this one.
    pub(crate) fn go_on_from(&mut self, before: &Judge, era: Era, now: Nanos) {
        if planted(Bug::HintOutlives) {
            self.hint = Atomic::new(before.hint.load(Ordering::Relaxed));
        }
        if self.shape == before.shape {
            self.ring = Arc::clone(&before.ring);
        } else {
            match (&*self.ring, &*before.ring) {
                _ if planted(Bug::CarryNothing) => {}
                (Ring::Count(mine), Ring::Count(old)) => mine.carry_from(old, era),
                (Ring::Time(mine), Ring::Time(old)) => mine.carry_from(old, era, now),
                // Results without a time, or without an order.
                _ => {}
            }
        }
        if let (Some(mine), Some(old)) = (&mut self.in_flight, &before.in_flight)
            && mine.threshold() == old.threshold()
        {
            *mine = Arc::clone(old);
        }
    }

    pub(crate) fn trip_when(&self) -> Option<&TripWhen> {
        self.trip_when.as_ref()
    }

    /// Records a result of `era`, and says what follows from the window if that can matter;
    /// `is_watched` says that results of any kind do.
    pub(crate) fn take(
        &self,
        slot: Slot,
        era: Era,
        entry: Entry,
        is_watched: bool,
        now: impl Fn() -> Nanos,
    ) -> Opinion {
        let matters = entry.is_bad() || is_watched;
        // A hint knows of rates and of results. Calls in flight come and go without one.
        let always = is_watched || self.trip_when.is_some() || self.in_flight.is_some();
        match &*self.ring {
            Ring::Count(count) => {
                let Some(ticket) = count.record(era, entry) else { return Opinion::NONE };
                if !matters || (!always && self.is_spared(count, ticket)) {
                    return Opinion::NONE;
                }
                // The clock matters to calls in flight only.
                let now = if self.in_flight.is_some() { now() } else { Nanos(0) };
                self.look(era, now, matters)
            }
            Ring::Time(time) => {
                let now = now();
                let looks = match time.record(slot, era, now, entry) {
                    Recorded::Stale => false,
                    Recorded::Counted => matters && (always || !self.is_spared_to(time, slot)),
                    Recorded::Turned => true,
                    Recorded::Shared => matters,
                };
                if looks { self.look(era, now, matters) } else { Opinion::NONE }
            }
        }
    }

    /// Whether the result of `ticket` cannot bring a rate to its threshold, even if all
    /// since the last look were bad. The hint is the first ticket that can: at most a
    /// window ahead of it when it is still good, so that what is left of an earlier era,
    /// which lies behind, spares nobody.
    fn is_spared(&self, count: &Count, ticket: u64) -> bool {
        // Relaxed: any hint of this era is right, see `look`.
        let ahead = tickets_between(ticket, self.hint.load(Ordering::Relaxed));
        (1..=count.capacity()).contains(&ahead)
    }

    /// Whether this thread's bad result is among so many of its own that the last look
    /// allowed. The hint is the number of that look over the allowance; a later look
    /// revokes it, and so does a new slice or era for the thread that finds it.
    fn is_spared_to(&self, time: &Time, slot: Slot) -> bool {
        // Relaxed: as for `Time::evaluations`.
        let hint = self.hint.load(Ordering::Relaxed);
        let (look, allowance) = ((hint >> 32) as u32, hint as u32);
        let is_latest = look == time.evaluations() as u32 || planted(Bug::HintKept);
        allowance > 0 && is_latest && time.spend(slot, look, allowance)
    }

    /// Adds the window up and says what follows. A rate that came to its threshold by
    /// results becoming too old does not open the breaker, unless this one `matters`, or
    /// completes the minimum.
    fn look(&self, era: Era, now: Nanos, matters: bool) -> Opinion {
        if planted(Bug::EvaluatorWaitedFor) {
            // In place of the hint, until the sums are there.
            const UNDER_WAY: u64 = u64::MAX;
            if self.hint.load(Ordering::Relaxed) == UNDER_WAY {
                return Opinion::NONE;
            }
            self.hint.store(UNDER_WAY, Ordering::Relaxed);
        }
        match &*self.ring {
            Ring::Count(count) => {
                let look = count.begin_evaluation();
                let counted = count.sum(era);
                // What is being written is a call, for all we know a good one: so its writer
                // neither trips by sleeping nor holds up a trip.
                let calls = counted.sums.calls + counted.pending;
                let sums = self.with_hanging(Sums { calls, ..counted.sums }, era, now);
                let opinion = self.judged(sums, count.capacity(), matters, |slack| {
                    // What is being written may be bad. If that alone could be too much, or
                    // if it is of a later era, then nothing is spared: the hint lies behind
                    // the window. And no more than a window is looked ahead, since a hint
                    // must lie behind the tickets of the next era.
                    let pending = if planted(Bug::HintPending) { 0 } else { counted.pending };
                    match slack.checked_sub(pending).filter(|_| counted.is_newest) {
                        Some(left) => counted.head.wrapping_add(left.min(count.capacity())),
                        None => counted.head.wrapping_sub(count.capacity()),
                    }
                });
                Opinion { look, ..opinion }
            }
            Ring::Time(time) => {
                let look = time.begin_evaluation();
                let sums = self.with_hanging(time.sum(era, now), era, now);
                let opinion = self.judged(sums, u64::MAX, matters, |slack| {
                    // Each thread gets an equal part of a quarter: the rest is for results
                    // that the sum has just missed, one a thread.
                    let owners = time.owners_made().max(1) as u64;
                    let allowance = (slack / 4 / owners).min(u32::MAX.into());
                    // Of an era that is over it says nothing for the one that began: whose
                    // first result revokes what was given before, but not what comes after.
                    look << 32 | if time.is_newest(era) { allowance } else { 0 }
                });
                Opinion { look, ..opinion }
            }
        }
    }

    /// What `opinion` says to the word that its caller has just read: that all is well only
    /// if nobody has looked since. Who did may have found a rate at its threshold, and have
    /// had the word say so.
    pub(crate) fn finding(&self, opinion: &Opinion) -> Finding {
        let evaluations = match &*self.ring {
            Ring::Count(count) => count.evaluations(),
            Ring::Time(time) => time.evaluations(),
        };
        match opinion.finding {
            Finding::Below | Finding::High
                if opinion.look != evaluations && !planted(Bug::BelowOvertaken) =>
            {
                Finding::Unasked
            }
            finding => finding,
        }
    }

    /// What follows from the sums of a window of `capacity`. If that is nothing, then
    /// `hint` says up to where it stays so.
    fn judged(
        &self,
        (sums, hanging): (Sums, u64),
        capacity: u64,
        matters: bool,
        hint: impl FnOnce(u64) -> u64,
    ) -> Opinion {
        if planted(Bug::EvaluatorWaitedFor) {
            self.hint.store(0, Ordering::Relaxed);
        }
        let window = Window::new(sums, hanging, &self.policy);
        let over = |cause| match matters || sums.calls <= self.policy.minimum {
            true => Opinion::over(cause, None),
            false => Opinion::NONE,
        };
        let judged = self.policy.judge_last(sums, capacity.saturating_add(hanging));
        if let Judged::Trip(which) = judged {
            return over(match which {
                Which::FailureRate => Cause::FailureRate { window },
                Which::SlowCallRate => Cause::SlowCallRate { window },
            });
        }
        if matters && self.trip_when.as_ref().is_some_and(|policy| policy.says(&window)) {
            return over(Cause::TripWhen { window });
        }
        match judged {
            Judged::Below { slack } => {
                // Relaxed: one that is seen late, or overwritten by an older one, only
                // costs another look.
                self.hint.store(hint(slack), Ordering::Relaxed);
                Opinion::of(if self.policy.is_high(sums) { Finding::High } else { Finding::Below })
            }
            _ => Opinion::of(Finding::Armed),
        }
    }

    fn with_hanging(&self, sums: Sums, era: Era, now: Nanos) -> (Sums, u64) {
        let hanging = self.in_flight.as_ref().map_or(0, |flight| flight.hanging(era, now));
        let Sums { calls, failed, slow } = sums;
        let (calls, slow) = (calls.saturating_add(hanging), slow.saturating_add(hanging));
        (Sums { calls, failed, slow }, hanging)
    }

    /// What the calls in flight say when one comes at `now`, once in a while. If none
    /// hang, or the results would suffice without them, that is for the next result to say.
    pub(crate) fn look_at_flight(&self, era: Era, now: Nanos) -> Opinion {
        let Some(flight) = self.in_flight.as_ref().filter(|flight| flight.is_due(now)) else {
            return Opinion::NONE;
        };
        if flight.hanging(era, now) == 0 {
            return Opinion::NONE;
        }
        let (results, capacity) = match &*self.ring {
            Ring::Count(count) => (count.sum(era).sums, count.capacity()),
            Ring::Time(time) => (time.sum(era, now), u64::MAX),
        };
        match self.policy.judge_last(results, capacity) {
            Judged::Trip(_) => Opinion::NONE,
            _ => self.look(era, now, true),
        }
    }

    /// A call of `era` begins, at a time that is put right if the clock has stepped back.
    pub(crate) fn begin(&self, slot: Slot, era: Era, start: &mut Start) {
        if let Some(flight) = &self.in_flight {
            *start = start.in_flight(flight.id(), flight.begin(slot, era, start.at));
        }
    }

    /// A call of `era` has ended in whatever way. One that these settings did not see begin
    /// is none of theirs.
    pub(crate) fn end(&self, slot: Slot, era: Era, start: Start) {
        if let Some(flight) = &self.in_flight
            && start.flight() == flight.id()
        {
            flight.end(slot, era, start.at);
        }
    }

    /// What the window holds: of `era`, or of the last era that it has results of.
    pub(crate) fn read(&self, era: Option<Era>, now: Nanos) -> Window {
        let sums = match (&*self.ring, era) {
            (Ring::Count(count), Some(era)) => count.sum(era).sums,
            (Ring::Count(count), None) => count.sum_newest().sums,
            (Ring::Time(time), Some(era)) => time.sum(era, now),
            // As it was when it was last recorded in: it does not slide away meanwhile.
            (Ring::Time(time), None) => time.sum_newest(Nanos(0)),
        };
        let (sums, hanging) = match era {
            Some(era) => self.with_hanging(sums, era, now),
            None => (sums, 0),
        };
        Window::new(sums, hanging, &self.policy)
    }

    /// Whether the window has nothing of `era`. What is being written is something: it may
    /// have pushed out all that was there before, and then there was no moment without any.
    pub(crate) fn is_blank(&self, era: Era, now: Nanos) -> bool {
        match &*self.ring {
            Ring::Count(count) => {
                let counted = count.sum(era);
                let (sums, _) = self.with_hanging(counted.sums, era, now);
                counted.pending == 0 && sums.calls == 0
            }
            Ring::Time(_) => self.read(Some(era), now).calls == 0,
        }
    }

    /// The form of the window, and what it holds of `era`. Calls in flight are not in it.
    pub(crate) fn export(&self, era: Era, now: Nanos) -> (Shape, Contents) {
        let contents = match &*self.ring {
            Ring::Count(count) => Contents::Results(count.results(era)),
            Ring::Time(time) => Contents::Slices(time.ages(era, now)),
        };
        (self.shape, contents)
    }

    /// Adds what another window held, as much as there is room for, as results of `era`;
    /// nothing between calls and time. Says what follows: never that the breaker must
    /// open, which is for the next result to do.
    pub(crate) fn import(&self, contents: &Contents, era: Era, now: Nanos) -> Finding {
        match (&*self.ring, contents) {
            (Ring::Count(count), Contents::Results(results)) => count.put(era, results),
            (Ring::Time(time), Contents::Slices(slices)) => {
                slices.iter().for_each(|&(age, sums)| time.put(era, now, age, sums));
            }
            // Results without a time, or without an order.
            _ => return Finding::Unasked,
        }
        // Of whoever records meanwhile and looks, and of this look, the later one finds all;
        // it revokes what was allowed on the strength of an emptier window.
        self.look(era, now, false).finding
    }

    /// Lets go of what is so old that the low bits of its era will come again. The winner
    /// of every era calls this.
    pub(crate) fn sweep(&self, era: Era) {
        if !era.0.is_multiple_of(SWEEP_EVERY) {
            return;
        }
        match &*self.ring {
            Ring::Count(count) => count.sweep(era),
            Ring::Time(time) => time.sweep(era),
        }
        if let Some(flight) = &self.in_flight {
            flight.sweep(era);
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    const GOOD: Entry = Entry { failed: false, slow: false };
    const BAD: Entry = Entry { failed: true, slow: false };
    const TEN_SECONDS: Shape = Shape::Time { width: 1_000_000_000, slices: 10 };

    #[test]
    fn bad_results_that_cannot_matter_are_looked_at_once_and_then_spared() {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: None, minimum: 100 };
        for shape in [Shape::Count { len: 1_000 }, TEN_SECONDS] {
            let judge = Judge::new(shape, policy, None, None, Era(0));
            let take = |entry| judge.take(Slot::of(0), Era(0), entry, false, || Nanos(5)).finding;
            (0..1_000).for_each(|_| assert_ne!(take(GOOD), Finding::Over));
            let looks = (0..200).filter(|_| take(BAD) != Finding::Unasked).count();
            assert_eq!(looks, 1, "{shape:?}");
        }
    }

    /// Two that hang beside two results of `entry`: what one who comes then finds.
    fn found_by_a_newcomer(entry: Entry) -> Finding {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: Some(0.5), minimum: 2 };
        let judge = Judge::new(TEN_SECONDS, policy, None, Some(1_000_000_000), Era(0));
        let slot = Slot::of(0);
        for _ in 0..2 {
            let _ = judge.take(slot, Era(0), entry, false, || Nanos(5));
            judge.begin(slot, Era(0), &mut Start::timed(Nanos(5), 1));
        }
        judge.look_at_flight(Era(0), Nanos(3_000_000_000)).finding
    }

    #[test]
    fn calls_that_hang_are_for_a_newcomer_unless_the_results_would_do_without_them() {
        assert_eq!(found_by_a_newcomer(GOOD), Finding::Over);
        assert_eq!(found_by_a_newcomer(BAD), Finding::Unasked);
    }

    #[test]
    fn calls_in_flight_are_swept_with_the_window() {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: Some(0.5), minimum: 2 };
        let judge = Judge::new(TEN_SECONDS, policy, None, Some(1_000_000_000), Era(0));
        judge.begin(Slot::of(0), Era(0), &mut Start::timed(Nanos(5), 1));
        let hanging = |era| judge.read(Some(Era(era)), Nanos(3_000_000_000)).hanging;
        judge.sweep(Era(SWEEP_EVERY + 1));
        assert_eq!(hanging(0), 1);
        judge.sweep(Era(SWEEP_EVERY));
        assert_eq!(hanging(0), 0);
    }

    /// As by a caller who sleeps between a record and a look.
    #[test]
    fn a_look_of_an_era_that_is_over_spares_no_result_of_the_next() {
        let policy = Policy { failure_rate: Some(0.5), slow_rate: None, minimum: 100 };
        for (shape, enough) in [(Shape::Count { len: 100 }, 2), (TEN_SECONDS, 3)] {
            let judge = Judge::new(shape, policy, None, None, Era(0));
            let take =
                |era, entry| judge.take(Slot::of(0), Era(era), entry, false, || Nanos(5)).finding;
            take(0, BAD);
            (0..51).for_each(|_| assert_ne!(take(1, GOOD), Finding::Over));
            (0..48).for_each(|_| assert_ne!(take(1, BAD), Finding::Over));
            let _ = judge.look(Era(0), Nanos(5), true);
            let findings: Vec<Finding> = (0..enough).map(|_| take(1, BAD)).collect();
            assert_eq!(findings.last(), Some(&Finding::Over), "{shape:?}: {findings:?}");
        }
    }
}
