//! Bytes a thread: what the first call of a thread takes, and ten thousand on one breaker.

use std::io::Write;
use std::sync::Arc;

use ampacity::{CircuitBreaker, Timing};

use super::crowd::{self, Crowd};
use super::said::{Plan, Point, Teller};
use super::sizes::{EACH, failed, use_once};
use crate::heap;
use crate::kinds::{Kind, Policy};
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::Failure;
use crate::system;

/// Fewer than have counters of their own in a breaker, on any machine.
const OWNERS: u32 = 100;

/// What a thread's first calls add, by kind: its slot, its counters in the breaker.
pub(super) fn first_calls(plan: &Plan, teller: &mut Teller<impl Write>) -> Result<(), Failure> {
    let kind = |policy, timing| Kind { policy, timing };
    for kind in [
        kind(Policy::Streak, Timing::Off),
        Kind::DEFAULT,
        kind(Policy::Streak, Timing::Every),
        kind(Policy::Count100, Timing::Adaptive),
        kind(Policy::FailureRate, Timing::Adaptive),
        kind(Policy::FailureRate, Timing::Every),
        kind(Policy::InFlight, Timing::Every),
    ] {
        let threads = OWNERS.min(plan.crowd);
        let breaker = Arc::new(kind.build("threads").map_err(failed)?);
        use_once(&breaker); // the tables that all threads share
        let theirs = Arc::clone(&breaker);
        let mut crowd = Crowd::start(threads, plan.stack_kib, move |step| {
            if step > 0 {
                use_once(&theirs);
            }
        })?;
        crowd.step()?;
        let before = heap::bytes();
        crowd.step()?;
        let grown = heap::bytes().saturating_sub(before) as f64 / f64::from(threads);
        crowd.join();
        let labels = labels([
            ("policy", kind.policy.name().to_owned()),
            ("timing", kind.timing().to_owned()),
            ("counted", "heap".to_owned()),
        ]);
        teller.measure(Measure::new("thread", labels, Unit::Bytes, Better::Lower, [grown]))?;
    }
    teller.step()
}

/// One round of many threads on one breaker.
struct Round {
    before: Point,
    alive: Option<u64>,
    waiting: Point,
    called: Point,
    joined: Point,
    survived: usize,
}

/// Twice: what the first round leaves behind, the second must find.
pub(super) fn on_one(plan: &Plan, teller: &mut Teller<impl Write>) -> Result<(), Failure> {
    let breaker = Arc::new(Kind::DEFAULT.build("one").map_err(failed)?);
    let threads = plan.threads;
    let first = round(plan, &breaker, teller)?;
    let second = round(plan, &breaker, teller)?;
    let each = |to: u64, from: u64| to.saturating_sub(from) as f64 / f64::from(threads);
    let mut waiting = Vec::new();
    let mut calling = Vec::new();
    for round in [&first, &second] {
        if let (Some(before), Some(there), Some(called)) =
            (round.before.resident, round.waiting.resident, round.called.resident)
        {
            waiting.push(each(there, before));
            calling.push(each(called, there));
        }
    }
    for (counted, samples) in [
        // The first round's: the second finds the stacks of the first.
        ("resident_waiting", waiting.into_iter().take(1).collect()),
        ("resident_calling", calling),
        ("heap_waiting", vec![each(first.waiting.heap, first.before.heap)]),
        ("heap_calling", vec![each(first.called.heap, first.waiting.heap)]),
    ] {
        let labels = labels([
            ("policy", Kind::DEFAULT.policy.name().to_owned()),
            ("timing", Kind::DEFAULT.timing().to_owned()),
            ("counted", counted.to_owned()),
            ("threads", threads.to_string()),
        ]);
        teller.measure(Measure::new("thread", labels, Unit::Bytes, Better::Lower, samples))?;
    }
    if let (Some(first), Some(second)) = (first.alive, second.alive) {
        teller.check(
            "all_threads_were_alive_at_once",
            first.min(second) >= u64::from(threads),
            format!("{first} and {second} of {threads}, by the system's count"),
        )?;
    }
    teller.check(
        "no_thread_died",
        first.survived + second.survived == 2 * threads as usize,
        format!("{} and {} of {threads} came to their end", first.survived, second.survived),
    )?;
    let (admitted, made) = (breaker.snapshot().admitted, 2 * u64::from(threads) * EACH);
    teller.check(
        "every_call_is_counted",
        admitted == made,
        format!("{admitted} admitted of {made} made"),
    )?;
    let kept = second.joined.heap.abs_diff(first.joined.heap);
    teller.check(
        "threads_that_have_gone_leave_nothing",
        kept == 0,
        format!("{kept} bytes more after {threads} threads came for the second time"),
    )
}

fn round(
    plan: &Plan,
    breaker: &Arc<CircuitBreaker>,
    teller: &mut Teller<impl Write>,
) -> Result<Round, Failure> {
    let threads = plan.threads;
    teller.doing(format!("{threads} threads on one breaker"))?;
    let before = teller.point("threads on one, before")?;
    let theirs = Arc::clone(breaker);
    let mut crowd = Crowd::start(threads, plan.stack_kib, move |step| {
        if step > 0 {
            use_once(&theirs);
        }
    })?;
    crowd.step()?;
    let alive = system::threads(crowd::NAME);
    let waiting = teller.point("threads on one, alive")?;
    crowd.step()?;
    let called = teller.point("threads on one, called")?;
    let survived = crowd.join();
    let joined = teller.point("threads on one, joined")?;
    teller.step()?;
    Ok(Round { before, alive, waiting, called, joined, survived })
}
