//! The breaker itself, and everything that is done to it.
//!
//! What happens is written down as it happens, by callbacks too. Nothing is locked while
//! the breaker is called: its listeners come back here.

use super::illegal::illegal;
use super::op::{Act, By, Op, Reaction};
use super::seen::Seen;
use super::{Through, clock_after};
use crate::spec::{End, Order, Rules};
use ampacity::{
    CircuitBreaker, Event, ListenerId, ManualClock, Outcome, OwnedPermit, Permit, Saved, Snapshot,
};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// Where every clock begins, in ns.
pub(super) const START: u64 = 1_000_000_000;
/// How many transitions are kept.
pub(super) const HISTORY: u32 = 3;

/// A call that is awaited.
pub(super) type Awaited = Pin<Box<dyn Future<Output = &'static str> + Send>>;

/// A breaker, and what its user has in hand.
pub(super) struct Subject {
    pub(super) breaker: Arc<CircuitBreaker>,
    pub(super) clock: ManualClock,
    pub(super) through: Through,
    me: Weak<Subject>,
    hand: Mutex<Hand>,
}

/// What the user of a breaker has in hand.
#[derive(Default)]
struct Hand {
    now: u64,
    is_coarse: bool, // the clock's steps, while calls in flight are counted
    held: Vec<OwnedPermit>,
    awaited: Vec<Awaited>,
    primed: Vec<Reaction>, // the last comes first
    listeners: Vec<(usize, ListenerId)>,
    listened: usize, // how many listeners there have been
    saved: Option<Saved>,
    mark: Option<Snapshot>,
    seen: Vec<Seen>,
}

/// Does what it must when it is dropped.
struct AtLast<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtLast<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics without a word on the way.
pub(super) fn fall() -> ! {
    resume_unwind(Box::new("as it should"))
}

impl Subject {
    /// A new breaker with one listener, which is told of everything.
    pub(super) fn new(rules: &Rules, through: Through) -> Arc<Self> {
        let clock = ManualClock::new();
        clock.set(Duration::from_nanos(START));
        Arc::new_cyclic(|me: &Weak<Subject>| {
            let told = me.clone();
            let settings = rules.settings(HISTORY).clock(clock.clone());
            let breaker = settings.on_event(move |event| Subject::told(&told, 0, event)).build();
            Subject {
                breaker: Arc::new(breaker.expect("settings that can be")),
                clock,
                through,
                me: me.clone(),
                hand: Mutex::new(Hand {
                    now: START,
                    is_coarse: is_coarse(rules),
                    listened: 1,
                    ..Hand::default()
                }),
            }
        })
    }

    /// The hand, for a moment: what unwinds leaves it whole.
    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn see(&self, seen: Seen) {
        self.hand().seen.push(seen);
    }

    /// All that has been seen since this was last asked.
    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.hand().seen)
    }

    pub(super) fn mark(&self) -> Option<Snapshot> {
        self.hand().mark.clone()
    }

    pub(super) fn saved(&self) -> Option<Saved> {
        self.hand().saved.clone()
    }

    /// Goes on from another one's, with its listeners' reactions; what is left in that one's
    /// hand is dropped before.
    pub(super) fn take_over(&self, saved: Saved, old: &Subject) {
        let mut theirs = std::mem::take(&mut *old.hand());
        let mut hand = self.hand();
        hand.primed.append(&mut theirs.primed);
        hand.seen.append(&mut theirs.seen);
        hand.saved = theirs.saved;
        drop(hand);
        self.restore(saved);
    }

    /// Drops permits and what is awaited, one after the other.
    pub(super) fn empty_hand(&self) {
        while let Some(permit) = self.pop(|hand| hand.held.pop()) {
            drop(permit);
        }
        while let Some(awaited) = self.pop(|hand| hand.awaited.pop()) {
            drop(awaited);
        }
    }

    fn pop<T>(&self, pop: impl FnOnce(&mut Hand) -> Option<T>) -> Option<T> {
        pop(&mut self.hand())
    }

    fn told(me: &Weak<Subject>, listener: usize, event: &Event) {
        let Some(me) = me.upgrade() else { return };
        let edge = (event.from, event.to);
        let cause = event.cause.to_string();
        me.see(Seen::Told { listener, era: event.era, edge, cause, at: event.at });
        match me.pop(|hand| hand.primed.pop()) {
            Some(Reaction::Does(first, second)) => {
                me.act(&first);
                me.act(&second);
            }
            Some(Reaction::Panics) => fall(),
            None => {}
        }
    }

    /// Runs it here, or on a thread that ends before this returns.
    fn run(&self, elsewhere: bool, f: impl FnOnce() + Send) {
        match elsewhere {
            false => f(),
            true => thread::scope(|scope| match scope.spawn(f).join() {
                Ok(()) => {}
                Err(payload) => resume_unwind(payload),
            }),
        }
    }

    /// Carries out one operation, but for one that needs another breaker.
    pub(super) fn perform(&self, op: &Op) {
        match op {
            Op::Do { act, elsewhere } => self.run(*elsewhere, || self.act(act)),
            Op::Call { call, elsewhere } => self.run(*elsewhere, || {
                let called = catch_unwind(AssertUnwindSafe(|| self.call(call)));
                self.see(called.map_or(Seen::Unwound, Seen::Returned));
            }),
            Op::Begin(call) => {
                if let Some(me) = self.me.upgrade() {
                    self.poll(me.awaited(call.clone()));
                }
            }
            Op::Poll { which, elsewhere } => {
                if let Some(awaited) = self.pop(|hand| take(&mut hand.awaited, *which)) {
                    self.run(*elsewhere, || self.poll(awaited));
                }
            }
            Op::Abandon(which) => drop(self.pop(|hand| take(&mut hand.awaited, *which))),
            Op::Prime(reaction) => self.hand().primed.insert(0, reaction.clone()),
            Op::Replace(_) => {}
        }
    }

    fn poll(&self, mut awaited: Awaited) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| awaited.as_mut().poll(&mut context)));
        match polled {
            Ok(std::task::Poll::Ready(returned)) => self.see(Seen::Returned(returned)),
            Ok(std::task::Poll::Pending) => {
                self.see(Seen::Pending);
                self.hand().awaited.push(awaited);
            }
            Err(_) => self.see(Seen::Unwound),
        }
    }

    pub(super) fn act(&self, act: &Act) {
        let breaker = &self.breaker;
        match act {
            Act::Nothing => {}
            Act::Acquire => match breaker.try_acquire_owned() {
                Ok(permit) => {
                    self.see(Seen::Admitted { era: permit.era(), is_probe: permit.is_probe() });
                    self.hand().held.push(permit);
                }
                Err(rejected) => self.see(Seen::from(&rejected)),
            },
            Act::Settle { which, end, by } => {
                if let Some(permit) = self.pop(|hand| take(&mut hand.held, *which)) {
                    settle(Either::Owned(permit), *end, *by);
                }
            }
            Act::Quick(end, by) => match breaker.try_acquire() {
                Ok(permit) => {
                    self.see(Seen::Admitted { era: permit.era(), is_probe: permit.is_probe() });
                    settle(Either::Borrowed(permit), *end, *by);
                }
                Err(rejected) => self.see(Seen::from(&rejected)),
            },
            Act::Clock(by) => self.pass(*by),
            Act::Order(order) => match order {
                Order::Reset => breaker.reset(),
                Order::Close => breaker.close(),
                Order::Trip => breaker.trip(),
                Order::ForceOpen => breaker.force_open(),
                Order::Disable => breaker.disable(),
                Order::MetricsOnly => breaker.metrics_only(),
            },
            Act::Change(rules) => self.change(rules),
            Act::Illegal(which) => {
                let (_, wrong) = illegal(*which);
                self.see(match breaker.reconfigure(wrong) {
                    Ok(()) => Seen::Changed,
                    Err(error) => Seen::Illegal(error.field()),
                });
            }
            Act::PanickyChange => {
                let changed = catch_unwind(AssertUnwindSafe(|| breaker.reconfigure(|_| fall())));
                self.see(if changed.is_err() { Seen::Unwound } else { Seen::Changed });
            }
            Act::Listen => self.listen(),
            Act::Unlisten(which) => {
                if let Some((_, id)) = self.pop(|hand| take(&mut hand.listeners, *which)) {
                    self.see(Seen::Removed(breaker.remove_listener(id)));
                    self.see(Seen::Removed(breaker.remove_listener(id)));
                }
            }
            Act::Save => {
                let saved = (self.through)(breaker.save());
                self.hand().saved = Some(saved);
            }
            Act::Restore => {
                if let Some(saved) = self.saved() {
                    self.restore(saved);
                }
            }
            Act::RestoreForeign => self.restore(CircuitBreaker::new("another").save()),
            Act::Mark => {
                let mark = breaker.snapshot();
                self.hand().mark = Some(mark);
            }
        }
    }

    fn restore(&self, saved: Saved) {
        let restored = self.breaker.restore(&saved);
        self.see(Seen::Restored(restored.is_ok()));
    }

    /// A clock that stops at its start and where a breaker can still be built.
    pub(super) fn pass(&self, by: i64) {
        let mut hand = self.hand();
        hand.now = clock_after(hand.now, by, hand.is_coarse);
        self.clock.set(Duration::from_nanos(hand.now));
    }

    fn change(&self, rules: &Rules) {
        let changed = self.breaker.reconfigure(|_| rules.settings(HISTORY));
        let wanted = rules.settings(HISTORY).build().map(|breaker| breaker.config());
        self.see(match changed {
            Ok(()) if wanted.as_ref() == Ok(&self.breaker.config()) => {
                self.hand().is_coarse = is_coarse(rules);
                Seen::Changed
            }
            other => Seen::Impossible(format!("{other:?}, not {wanted:?}")),
        });
    }

    fn listen(&self) {
        let number = {
            let mut hand = self.hand();
            hand.listened += 1;
            hand.listened - 1
        };
        let told = self.me.clone();
        let id = self.breaker.add_listener(move |event| Subject::told(&told, number, event));
        self.hand().listeners.push((number, id));
    }
}

fn is_coarse(rules: &Rules) -> bool {
    rules.judge.is_some_and(|judge| judge.in_flight)
}

/// One of them, if there are any.
pub(super) fn take<T>(of: &mut Vec<T>, which: u8) -> Option<T> {
    let at = usize::from(which).checked_rem(of.len())?;
    Some(of.remove(at))
}

/// A permit of either kind.
enum Either<'a> {
    Borrowed(Permit<'a>),
    Owned(OwnedPermit),
}

fn settle(permit: Either<'_>, end: End, by: By) {
    match by {
        By::Method => settle_now(permit, end),
        By::Outcome => match (outcome(end), permit) {
            (Some(outcome), Either::Borrowed(permit)) => permit.settle(outcome),
            (Some(outcome), Either::Owned(permit)) => permit.settle(outcome),
            (None, permit) => drop(permit),
        },
        By::Unwinding => {
            let mut permit = Some(permit);
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _at_last = AtLast(|| {
                    if let Some(permit) = permit.take() {
                        settle_now(permit, end);
                    }
                });
                fall();
            }));
            debug_assert!(unwound.is_err());
        }
    }
}

fn settle_now(permit: Either<'_>, end: End) {
    macro_rules! settle {
        ($permit:ident) => {
            match end {
                End::Success => $permit.success(),
                End::Failure => $permit.failure(),
                End::OpenFor(wait) => $permit.open_for(Duration::from_nanos(wait)),
                End::Ignore => $permit.ignore(),
                End::Drop | End::Panic => drop($permit),
            }
        };
    }
    match permit {
        Either::Borrowed(permit) => settle!(permit),
        Either::Owned(permit) => settle!(permit),
    }
}

/// What a classifier says for this; nothing for what is no outcome.
pub(super) fn outcome(end: End) -> Option<Outcome> {
    match end {
        End::Success => Some(Outcome::Success),
        End::Failure => Some(Outcome::Failure),
        End::OpenFor(wait) => Some(Outcome::OpenFor(Duration::from_nanos(wait))),
        End::Ignore => Some(Outcome::Ignore),
        End::Drop | End::Panic => None,
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}
