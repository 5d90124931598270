//! The circuit breaker: its decisions, its time and its counts, joined.

use crate::circuit::{Circuit, Decision, Pass, Refusal, Verdict};
use crate::clock::{Nanos, TICK, Tick, TimeSource};
use crate::config::{Builder, Config, ConfigError, DEFAULT_SETTINGS, Settings};
use crate::error::{CallError, Name, Rejected};
use crate::event::desk::Desk;
use crate::event::listeners::{Listener, ListenerId};
use crate::event::{Cause, Event};
use crate::metrics::Metrics;
use crate::metrics::pace::Start;
use crate::metrics::shard::Count;
use crate::metrics::snapshot::{Head, Snapshot};
use crate::permit::{Held, Outcome, OwnedPermit, Permit};
use crate::saved::{Parts, RestoreError, Saved};
use crate::slot::Slot;
use crate::sync::{Kept, OnceBox, const_fn};
use crate::window::{Entry, Judge, Opinion};
use crate::word::{Era, Finding, Order, State};
use core::fmt;
use core::future::Future;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::pin;
use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

/// Stands between your code and something that fails.
///
/// Closed, it lets calls through and counts failures in a row. At the threshold
/// it opens and turns calls away, at once and without making them. When its wait
/// is over it is half-open: a few probes go through, and their success closes it
/// or a failure opens it again. The next call does what is due; there is no
/// timer and no background task.
///
/// Share it by reference, in an [`Arc`] or in a `static`. Admitting a call to a
/// closed breaker reads its word and writes nothing that is shared. No call locks,
/// waits or allocates, but for a thread's first one, the first of all on each breaker
/// (with [`Timing::Every`](crate::Timing::Every) or a time window, of each thread there),
/// and one whose transition somebody listens to: that one allocates, and may run the listeners.
///
/// # Examples
///
/// ```
/// use ampacity::{CallError, CircuitBreaker};
///
/// static DB: CircuitBreaker = CircuitBreaker::new("db");
///
/// fn query() -> Result<u32, std::io::Error> {
///     Ok(42)
/// }
///
/// match DB.call(query) {
///     Ok(rows) => println!("{rows} rows"),
///     Err(CallError::Failed(error)) => println!("the call failed: {error}"),
///     Err(CallError::Rejected(rejected)) => println!("not called: {rejected}"),
/// }
/// ```
pub struct CircuitBreaker {
    circuit: Circuit,
    settings: Kept<Settings>,
    metrics: Metrics,
    clock: TimeSource,
    name: Cow<'static, str>,
    short_name: Name,    // what rejections carry
    desk: OnceBox<Desk>, // made with the first listener or for a history
}

#[cfg(not(any(ampacity_loom, ampacity_shuttle)))]
const _: () = assert!(size_of::<CircuitBreaker>() <= 256, "an idle breaker stays small");

/// What a permit carries from admission to settling.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) pass: Pass,
    start: Start,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Panicked,
    Ignored,
    Cancelled,
}

impl End {
    fn verdict(self) -> Verdict {
        match self {
            End::Succeeded => Verdict::Success,
            End::Failed | End::Panicked => Verdict::Failure,
            End::Ignored | End::Cancelled => Verdict::Neutral,
        }
    }

    fn count(self) -> Count {
        match self {
            End::Succeeded => Count::Succeeded,
            End::Failed => Count::Failed,
            End::Panicked => Count::Panicked,
            End::Ignored => Count::Ignored,
            End::Cancelled => Count::Cancelled,
        }
    }
}

// A panic in a caller's code unwinds past a breaker at points where its word is
// whole: every change is one swap.
impl UnwindSafe for CircuitBreaker {}
impl RefUnwindSafe for CircuitBreaker {}

impl CircuitBreaker {
    const_fn! {
        /// A closed breaker with the defaults: it opens at 5 failures in a row for
        /// 60 s and closes after 2 successes.
        ///
        /// Works in a `static`.
        ///
        /// ```
        /// use ampacity::CircuitBreaker;
        ///
        /// static SEARCH: CircuitBreaker = CircuitBreaker::new("search");
        /// assert!(SEARCH.would_admit());
        /// ```
        pub fn new(name: &'static str) -> Self {
            Self {
                circuit: Circuit::new(),
                settings: Kept::new(&DEFAULT_SETTINGS),
                metrics: Metrics::new(),
                clock: TimeSource::BuiltIn,
                name: Cow::Borrowed(name),
                short_name: Name::Static(name),
                desk: OnceBox::new(),
            }
        }
    }

    /// A breaker to be set up; see [`Builder`].
    ///
    /// A `&'static str` is kept as it is. Of a `String`, rejections carry the
    /// first 30 bytes.
    pub fn builder(name: impl Into<Cow<'static, str>>) -> Builder {
        Builder::new(name.into())
    }

    pub(crate) fn assemble(
        name: Cow<'static, str>,
        settings: Settings,
        clock: TimeSource,
        desk: Option<Desk>,
    ) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new("");
        breaker.short_name = match &name {
            Cow::Borrowed(name) => Name::Static(name),
            Cow::Owned(name) => Name::cut(name),
        };
        breaker.name = name;
        breaker.clock = clock;
        breaker.settings = Kept::owning(settings);
        if let Some(desk) = desk {
            breaker.desk.get_or_make(|| desk);
        }
        breaker
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the call, unless the breaker turns it away.
    ///
    /// `Ok` is a success and `Err` a failure; so is a panic, which goes on. See
    /// [`classified`](Self::classified) to judge otherwise.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] if the call was not made, [`CallError::Failed`]
    /// with the error of `f` if it was.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.classified(crate::classify::plain).call(f)
    }

    /// Awaits the future, unless the breaker turns it away.
    ///
    /// Works on any runtime. The call begins with the first poll: dropped before
    /// that, it took nothing; dropped later, it is cancelled, and a probe gives
    /// its place back. The future returned here must not be polled after it has
    /// finished; it panics then, as every `async fn` does, and settles nothing.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, CallError<E>>> {
        self.classified(crate::classify::plain).call_async(future)
    }

    /// Makes the call, or answers with `fallback` if the breaker turns it away.
    ///
    /// The error of a call that was made is returned as it is. Fallbacks are
    /// counted.
    ///
    /// # Errors
    ///
    /// The error of `f`, or of `fallback`.
    pub fn call_or<T, E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        fallback: impl FnOnce(Rejected) -> Result<T, E>,
    ) -> Result<T, E> {
        self.classified(crate::classify::plain).call_or(f, fallback)
    }

    /// This breaker with another idea of what a failure is.
    ///
    /// The view costs nothing to make: one breaker serves calls of many types,
    /// each through a view of its own. See [`classify`](crate::classify).
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, Outcome};
    ///
    /// let api = CircuitBreaker::new("model-api");
    /// let status = api
    ///     .classified(|result: &Result<u16, std::io::Error>| match result {
    ///         Ok(429 | 500..) | Err(_) => Outcome::Failure,
    ///         Ok(400..) => Outcome::Ignore, // our mistake, not theirs
    ///         Ok(_) => Outcome::Success,
    ///     })
    ///     .call(|| Ok(400));
    /// assert_eq!(status.unwrap(), 400);
    /// assert_eq!(api.snapshot().ignored, 1);
    /// ```
    pub fn classified<C>(&self, classifier: C) -> Classified<'_, C> {
        Classified { breaker: self, classifier }
    }

    /// Asks for leave to make one call, to be settled by hand.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call is turned away.
    ///
    /// # Examples
    ///
    /// ```
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// let permit = breaker.try_acquire()?;
    /// match "42".parse::<u32>() {
    ///     Ok(_) => permit.success(),
    ///     Err(_) => permit.failure(),
    /// }
    /// # Ok::<(), ampacity::Rejected>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejected> {
        self.enter().map(|ticket| Permit(Held::new(self, ticket)))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns the breaker.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call is turned away.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, Rejected> {
        self.enter().map(|ticket| OwnedPermit(Held::new(Arc::clone(self), ticket)))
    }

    /// Whether a call would be let through now; takes and writes nothing. With
    /// [`count_in_flight`](Builder::count_in_flight), calls that hang may yet turn it away.
    pub fn would_admit(&self) -> bool {
        self.circuit.would_admit(&self.settings.get().rules, || self.now())
    }

    /// The state now: half-open, too, when the open wait is over though no call
    /// has come. Takes and writes nothing.
    pub fn state(&self) -> State {
        self.circuit.state(self.circuit.word(), &self.settings.get().rules, || self.now())
    }

    #[cfg(any(ampacity_loom, ampacity_shuttle))]
    pub(crate) fn word(&self) -> crate::word::Word {
        self.circuit.word()
    }

    /// The number of transitions so far.
    pub fn era(&self) -> u64 {
        self.circuit.era_of(self.circuit.word()).0
    }

    /// Where the calling thread counts its calls of this breaker.
    #[cfg(feature = "contention")]
    pub fn place(&self) -> crate::Place {
        self.metrics.recorder().place()
    }

    /// State, counts and latencies at about this time. Not for a hot path: it adds up
    /// all threads' counters. It waits for nobody. Before that it tells listeners what is
    /// left to tell, if nobody does.
    pub fn snapshot(&self) -> Snapshot {
        if let Some(desk) = self.desk.get() {
            desk.deliver(&|| self.era_from_now_on());
        }
        let settings = self.settings.get();
        let word = self.circuit.word();
        let era = self.circuit.era_of(word);
        let last = self.circuit.last_turn(word, || self.now());
        let of = word.is_judged().then_some(era);
        let window = settings.judge.as_ref().map(|judge| judge.read(of, self.now()));
        let head = Head {
            name: self.name.clone().into_owned(),
            state: self.circuit.state(word, &settings.rules, || self.now()),
            era: era.0,
            streak: word.streak(),
            opens: self.circuit.opens_before(word),
            window: window.unwrap_or_default(),
            last_transition: last.map(|tick| Duration::from_nanos(tick.0 * TICK)),
            events: self.desk.get().map(Desk::counts).unwrap_or_default(),
        };
        Snapshot::new(head, self.metrics.read(settings.rules.grain))
    }

    /// Closes the breaker and lets its totals begin anew, under a new era. Calls
    /// in flight are stale from now on; those that settle while the totals are being
    /// noted belong to the old ones.
    pub fn reset(&self) {
        let decision = self.decide(Order::Reset);
        self.metrics.reset();
        self.tell(&decision);
    }

    /// Closes the breaker and leaves its totals alone.
    ///
    /// On a closed breaker without a failure streak and with an empty window this changes
    /// nothing.
    pub fn close(&self) {
        self.obey(Order::Close);
    }

    /// Opens the breaker now, as its policy would: for the open wait.
    ///
    /// On an open breaker whose wait is not over this changes nothing.
    pub fn trip(&self) {
        self.obey(Order::Trip);
    }

    /// Turns every call away until the next call by hand, whatever the clock says.
    pub fn force_open(&self) {
        self.obey(Order::ForceOpen);
    }

    /// Lets every call through and judges none until the next call by hand.
    pub fn disable(&self) {
        self.obey(Order::Disable);
    }

    /// Lets every call through, and judges it, until the next call by hand.
    ///
    /// What would have opened the breaker is reported as an event of its own, under a new
    /// era: see [`Event::would_open`]. It is reported again only when all rates and streaks
    /// have been below their thresholds in between; while there are fewer calls than the
    /// minimum, it is the rates of those that count for this.
    pub fn metrics_only(&self) {
        self.obey(Order::MetricsOnly);
    }

    /// Changes settings while the breaker runs.
    ///
    /// `change` gets a builder with the present settings, and gets it again if
    /// another change came between. State and totals stay;
    /// the next decision goes by the new settings, so that the next call to end may open
    /// the breaker, whatever it returns; a deadline that is set stays as it is. Replaced settings, some hundred bytes, are kept until the
    /// breaker is dropped, because calls read them without a lock: this is for
    /// changes by people, not by the second.
    ///
    /// A window of the same form goes on. One of another length or other slices takes over
    /// the newest results that fit, each at the age it had, and its old memory is kept, too;
    /// between calls and time nothing can be taken over. A call that ends at the very time
    /// of such a change may be counted in the old window only, and calls in flight before
    /// [`count_in_flight`](Builder::count_in_flight) was set are not seen.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build), and [`ConfigError::FixedAtBuild`] for the
    /// clock and the name. Nothing changes then.
    ///
    /// # Examples
    ///
    /// ```
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// breaker.reconfigure(|now| now.failure_threshold(10))?;
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn reconfigure(&self, change: impl Fn(Builder) -> Builder) -> Result<(), ConfigError> {
        self.settings.replace(|now| {
            let when = (self.circuit.era_of(self.circuit.word()), self.now());
            change(Builder::of_settings(self.name.clone(), now)).live(&self.name, now, when)
        })?;
        // The next result is judged by the new settings, whatever it is: it may complete
        // their minimum.
        if self.settings.get().judge.is_some() {
            let decision = self.circuit.arm(self.circuit.era_of(self.circuit.word()));
            self.take_note(&decision);
        }
        Ok(())
    }

    /// What is set: as it was built, or changed by the last
    /// [`reconfigure`](Self::reconfigure).
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, Config, Preset};
    ///
    /// let breaker = CircuitBreaker::builder("db").preset(Preset::Database).build()?;
    /// assert_eq!(breaker.config(), Preset::Database.config());
    /// assert_eq!(CircuitBreaker::new("cache").config(), Config::new());
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn config(&self) -> Config {
        self.settings.get().config.clone()
    }

    /// State and window as data, to be [restored](Self::restore) later or elsewhere.
    ///
    /// Of a closed breaker, and of one that only says what it would do, the streak and the
    /// window; of an open one what is left of its wait, and how often in a row it has
    /// opened; of a half-open one the latter. Probes and calls in flight are not in it, nor are
    /// totals, latencies and settings. Not for a hot path: as [`snapshot`](Self::snapshot),
    /// it adds up what threads recorded, and what they record meanwhile may be left out.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "serde")] {
    /// use ampacity::{CircuitBreaker, Saved, State};
    ///
    /// let before = CircuitBreaker::new("db");
    /// before.trip();
    /// let text = serde_json::to_string(&before.save())?;
    ///
    /// let after = CircuitBreaker::new("db");
    /// after.restore(&serde_json::from_str::<Saved>(&text)?)?;
    /// assert_eq!(after.state(), State::Open);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self) -> Saved {
        let mut word = self.circuit.word();
        loop {
            let era = self.circuit.era_of(word);
            let (state, now) = (word.state(), self.now());
            let wait = match (state, word.deadline()) {
                (State::Open, Tick::NEVER) => None,
                (State::Open, deadline) => Some(whole_nanos(deadline.remaining(now))),
                _ => None,
            };
            let judge = self.settings.get().judge.as_ref().filter(|_| word.is_judged());
            let parts = Parts {
                name: &self.name,
                state,
                era: era.0,
                streak: word.streak(),
                opens: self.circuit.opens_before(word),
                wait,
                window: judge.map(|judge| judge.export(era, now)),
            };
            // What was read beside the word belongs to it if its era still is now.
            let again = self.circuit.word();
            if again.era() == word.era() {
                return Saved::new(parts);
            }
            word = again;
        }
    }

    /// Goes on from what was saved, under a new era: one transition, one event, and what was
    /// in flight is stale.
    ///
    /// An open breaker waits for what was left of its wait, by this breaker's clock: the
    /// time in between does not count, and clocks need not agree. A half-open one is open
    /// and due, so that the next call is its first probe, and the next wait goes on with
    /// the back-off in both. The window takes over the newest results that fit, with the
    /// ages they had, to within a slice; between calls and time it takes over none. It opens
    /// nothing by itself: the next failure does, if it should. Settings stay as they are.
    ///
    /// The state changes first, in one step, and then the window: calls that end meanwhile
    /// are counted beside what is restored, and may find it incomplete. A breaker that trips
    /// at that very time may take over the saved step of the back-off, until it is restored.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] says what is wrong. Nothing changes then.
    pub fn restore(&self, saved: &Saved) -> Result<(), RestoreError> {
        let revived = saved.check(&self.name)?;
        let settings = self.settings.get();
        let decision = self.circuit.restore(&revived, &settings.rules, || self.now());
        self.take_note(&decision);
        if let (Some(change), Some(judge), Some(window)) =
            (decision.change, &settings.judge, &revived.window)
            && judge.import(window, change.turn.era, self.now()) == Finding::Armed
        {
            self.take_note(&self.circuit.arm(change.turn.era));
        }
        self.tell(&decision);
        Ok(())
    }

    /// Whether one made anew with `created` would differ in nothing but totals: closed,
    /// no streak, an empty window, no setting changed since, no listener come since.
    pub(crate) fn is_as_created(&self, created: &Config) -> bool {
        let word = self.circuit.word();
        let settings = self.settings.get();
        let unchanged = settings.config == *created
            && !settings.is_rejudged
            && !self.desk.get().is_some_and(Desk::has_newcomers);
        word.state() == State::Closed
            && word.streak() == 0
            && unchanged
            && self.is_blank(self.circuit.era_of(word))
    }

    /// Whether there is no window, or it holds nothing of `era`.
    fn is_blank(&self, era: Era) -> bool {
        let judge = self.settings.get().judge.as_ref();
        judge.is_none_or(|judge| judge.read(Some(era), self.now()).calls == 0)
    }

    /// Admits one call and counts it, or turns it away and counts that.
    #[inline(always)]
    fn enter(&self) -> Result<Ticket, Rejected> {
        let rules = &self.settings.get().rules;
        match self.circuit.admit_at_once() {
            Some(pass) if !rules.counts_in_flight => {
                let recorder = self.metrics.recorder();
                recorder.count(Count::Admitted);
                Ok(Ticket { pass, start: recorder.start(&rules.draw, || self.now()) })
            }
            _ => self.enter_or_reject(),
        }
    }

    /// Admits a call unless those in flight open the breaker first.
    fn enter_beside_others(&self, pass: Pass) -> Result<Ticket, Rejected> {
        let settings = self.settings.get();
        let recorder = self.metrics.recorder();
        // All calls are timed where calls in flight are counted.
        let mut start = recorder.start(&settings.rules.draw, || self.now());
        if let Some(judge) = &settings.judge
            && pass.is_judged()
        {
            let opinion = judge.look_at_flight(pass.era(), start.at);
            if opinion.finding != Finding::Unasked {
                let finding = || judge.finding(&opinion);
                let rules = &settings.rules;
                let decision = self.circuit.give_way(pass, &opinion, finding, rules, start.at);
                self.take_note(&decision);
                if decision.change.is_some() {
                    self.tell(&decision);
                    return self.enter(); // at most once more: nobody is due in this slice
                }
            }
            judge.begin(Slot::leased(), pass.era(), &mut start);
        }
        recorder.count(Count::Admitted);
        Ok(Ticket { pass, start })
    }

    #[inline(never)]
    fn enter_or_reject(&self) -> Result<Ticket, Rejected> {
        let settings = self.settings.get();
        let rules = &settings.rules;
        if rules.counts_in_flight
            && let Some(pass) = self.circuit.admit_at_once()
        {
            return self.enter_beside_others(pass);
        }
        let decision = self.circuit.admit(rules, || self.now());
        self.take_note(&decision);
        match decision.out {
            Ok(pass) => {
                let recorder = self.metrics.recorder();
                recorder.count(Count::Admitted);
                self.tell(&decision);
                let mut start = recorder.start(&rules.draw, || self.now());
                if let Some(judge) = &settings.judge
                    && start.is_timed()
                    && pass.is_judged()
                {
                    judge.begin(Slot::leased(), pass.era(), &mut start);
                }
                Ok(Ticket { pass, start })
            }
            Err(Refusal { reason, wait }) => {
                self.metrics.recorder().reject(reason);
                self.tell(&decision);
                Err(Rejected::new(self.short_name, reason, wait))
            }
        }
    }

    /// Settles one call.
    #[inline(always)]
    pub(crate) fn settle(&self, ticket: Ticket, end: End) {
        // A success that nobody times, with nothing to change, is one comparison.
        let Ticket { pass, start } = ticket;
        if end == End::Succeeded
            && !start.is_timed()
            && !self.settings.get().rules.windowed
            && self.circuit.is_unchanged(pass)
        {
            self.metrics.recorder().count(Count::Succeeded);
        } else {
            self.settle_and_record(pass, start, end, Duration::ZERO);
        }
    }

    /// Settles one call that failed and said for how long to stay away.
    pub(crate) fn settle_for(&self, ticket: Ticket, wait: Duration) {
        self.settle_and_record(ticket.pass, ticket.start, End::Failed, wait);
    }

    /// As [`settle`](Self::settle), for a permit that is dropped: out of line, so that the
    /// unwinding of a call does not weigh on it.
    #[cold]
    #[inline(never)]
    pub(crate) fn settle_unsettled(&self, ticket: Ticket, end: End) {
        self.settle(ticket, end);
    }

    /// Settles one call: the window and the state first, then the counts. A `wait` that is
    /// not zero is what the result asked for.
    #[inline(never)]
    fn settle_and_record(&self, pass: Pass, start: Start, end: End, wait: Duration) {
        let mut verdict = end.verdict();
        let settings = self.settings.get();
        let rules = &settings.rules;
        // Neutral calls have no latency.
        let is_timed = start.is_timed() && verdict != Verdict::Neutral;
        let ended = is_timed.then(|| self.now());
        let now = || ended.unwrap_or_else(|| self.now());
        let is_slow = ended.is_some_and(|ended| ended.since(start.at) > rules.slow_over);

        let mut opinion = &Opinion::NONE;
        let of_window;
        if let Some(judge) = &settings.judge {
            of_window = self.opinion(judge, pass, start, verdict, is_slow, now);
            opinion = &of_window;
        }
        let of_result;
        if !wait.is_zero() {
            let cause = Cause::WaitGiven { wait };
            of_result = Opinion::over(cause, Some(whole_nanos(wait)));
            opinion = &of_result;
        }
        if is_slow && rules.slow_probes_fail && pass.is_probe() {
            verdict = Verdict::Failure;
        }
        let judge = settings.judge.as_ref();
        let finding = || judge.map_or(opinion.finding, |judge| judge.finding(opinion));
        let decision = self.circuit.settle(pass, verdict, opinion, finding, rules, now);
        self.take_note(&decision);

        let recorder = self.metrics.recorder();
        recorder.count(end.count());
        if !decision.out {
            recorder.count(Count::Stale);
        }
        if let Some(ended) = ended {
            let failed = end.verdict() == Verdict::Failure;
            recorder.time(rules, failed, start, ended);
        }
        self.tell(&decision);
    }

    /// Records a result in the window, and says what follows from it.
    fn opinion(
        &self,
        judge: &Judge,
        pass: Pass,
        start: Start,
        verdict: Verdict,
        is_slow: bool,
        now: impl Fn() -> Nanos,
    ) -> Opinion {
        if !pass.is_judged() {
            return Opinion::NONE;
        }
        let slot = Slot::leased();
        judge.end(slot, pass.era(), start);
        if verdict == Verdict::Neutral {
            return Opinion::NONE;
        }
        match self.circuit.is_watched(pass) {
            Some(is_watched) => {
                let entry = Entry { failed: verdict == Verdict::Failure, slow: is_slow };
                judge.take(slot, pass.era(), entry, is_watched, now)
            }
            None => Opinion::NONE,
        }
    }

    #[inline(never)]
    fn now(&self) -> Nanos {
        self.clock.now()
    }

    fn obey(&self, order: Order) {
        let decision = self.decide(order);
        self.tell(&decision);
    }

    fn decide(&self, order: Order) -> Decision<()> {
        let rules = &self.settings.get().rules;
        let is_blank = |era| self.is_blank(era);
        let decision = self.circuit.obey(order, rules, is_blank, || self.now());
        self.take_note(&decision);
        decision
    }

    /// Counts a swap: for the caller who won it, and after its loop.
    #[inline(always)]
    fn take_note<T>(&self, decision: &Decision<T>) {
        if let Some(change) = decision.change {
            self.metrics.turned(change.turn, decision.retries);
            if let Some(judge) = &self.settings.get().judge {
                judge.sweep(change.turn.era);
            }
        }
        #[cfg(feature = "contention")]
        self.metrics.swapped(&decision.tried);
    }
}

/// Whole nanoseconds, up to 584 years.
fn whole_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Events.
impl CircuitBreaker {
    /// Calls `listener` with each transition from now on, as
    /// [`Builder::on_event`] says.
    ///
    /// Every transition that begins after this call is told; one that happens at the same
    /// time may be.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::CircuitBreaker;
    ///
    /// static DB: CircuitBreaker = CircuitBreaker::new("db");
    ///
    /// let id = DB.add_listener(|event| eprintln!("{event}"));
    /// DB.trip();
    /// assert!(DB.remove_listener(id));
    /// ```
    pub fn add_listener(&self, listener: impl Fn(&Event) + Send + Sync + 'static) -> ListenerId {
        let desk = self.desk.get_or_make(|| Desk::new(&self.name, 0, Vec::new()));
        desk.add(Listener::new(listener), &|| self.era_from_now_on())
    }

    /// Removes a listener of this breaker; says whether it was there.
    ///
    /// No later transition is told to it. A call of it that is in progress on another
    /// thread goes on and may end after this one returns. What the listener owns is
    /// dropped here, or when that call ends.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.desk.get().is_some_and(|desk| desk.remove(id))
    }

    /// The last transitions, the oldest first: as many as
    /// [`Builder::history`] asked for, none by default. Eras are missing only where
    /// they were dropped, as [`Snapshot::events`] counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{Cause, CircuitBreaker};
    ///
    /// let breaker = CircuitBreaker::builder("db").history(16).build()?;
    /// breaker.trip();
    /// breaker.reset();
    /// let causes: Vec<Cause> = breaker.history().iter().map(|event| event.cause).collect();
    /// assert_eq!(causes, [Cause::Trip, Cause::Reset]);
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn history(&self) -> Vec<Event> {
        let Some(desk) = self.desk.get() else { return Vec::new() };
        desk.deliver(&|| self.era_from_now_on());
        desk.history()
    }

    /// Sees to it that a transition is told, if the caller won one and anybody listens:
    /// the last thing that a caller does.
    #[inline(always)]
    fn tell<T>(&self, decision: &Decision<T>) {
        if let Some(change) = decision.change
            && let Some(desk) = self.desk.get()
        {
            desk.hand_in(change, &|| self.era_from_now_on());
        }
    }

    fn era_from_now_on(&self) -> Era {
        #[cfg_attr(not(feature = "contention"), allow(unused_variables))]
        let (era, tried) = self.circuit.era_from_now_on();
        #[cfg(feature = "contention")]
        self.metrics.swapped(&tried);
        era
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("word", &self.circuit.word())
            .field("era", &self.era())
            .field("settings", &self.settings)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// A breaker with a classifier; from [`CircuitBreaker::classified`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a view does nothing until it makes a call"]
pub struct Classified<'a, C> {
    breaker: &'a CircuitBreaker,
    classifier: C,
}

impl<C> Classified<'_, C> {
    /// As [`CircuitBreaker::call`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        let held = Held::new(self.breaker, self.breaker.enter().map_err(CallError::Rejected)?);
        held.run(f, &self.classifier).map_err(CallError::Failed)
    }

    /// As [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn call_async<T, E>(
        self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        let held = Held::new(self.breaker, self.breaker.enter().map_err(CallError::Rejected)?);
        held.run_async(pin!(future), self.classifier).await.map_err(CallError::Failed)
    }

    /// As [`CircuitBreaker::call_or`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn call_or<T, E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        fallback: impl FnOnce(Rejected) -> Result<T, E>,
    ) -> Result<T, E>
    where
        C: Fn(&Result<T, E>) -> Outcome,
    {
        match self.breaker.enter() {
            Ok(ticket) => Held::new(self.breaker, ticket).run(f, &self.classifier),
            Err(rejected) => {
                self.breaker.metrics.recorder().count(Count::Fallbacks);
                fallback(rejected)
            }
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn without_a_listener_and_a_history_no_desk_is_made() {
        let breaker = CircuitBreaker::new("alone");
        (0..5).for_each(|_| breaker.try_acquire().unwrap().failure());
        breaker.reset();
        assert_eq!((breaker.snapshot().era, breaker.history()), (2, vec![]));
        assert!(breaker.desk.get().is_none());
        breaker.add_listener(|_| ());
        assert!(breaker.desk.get().is_some());
    }
}
