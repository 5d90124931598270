//! Waves: threads come and go, call, make breakers and drop them, and memory stays.
//!
//! Two rules say what staying means. Where threads only make calls, and breakers come and
//! go, the heap after a wave holds exactly as many bytes as after any other, but for the
//! first, which makes what all later ones use. Where some of them take snapshots, listen, reset
//! and trip as well, what is replaced is released some time later, when no reader can hold it,
//! and now and then a wave leaves much more than the others: there the least that any of the
//! later half of the waves left is at most a margin above the least that any of the earlier
//! half left, which a leak in every wave, however small, breaks if there are waves enough. The
//! same rule, with a margin of its own, holds for the resident set in both cases, since the
//! allocator keeps what was released.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ampacity::{CircuitBreaker, Timing};

use super::crowd::Crowd;
use super::said::{Plan, Point, Teller};
use super::sizes::{failed, use_once};
use crate::kinds::{Kind, Policy};
use crate::measure::{Better, Measure, Unit, labels};
use crate::program::{Check, Failure};

/// So many of a wave's threads do everything: each listener makes a list of all there are.
const BUSY: usize = 8;
/// What waits to be released may be so much more.
const HEAP_MARGIN: u64 = 256 << 10;
/// What the allocator keeps may be so much more, or a twentieth.
const RESIDENT_MARGIN: u64 = 4 << 20;
/// Of fewer waves nothing is judged.
pub(super) const FEWEST: usize = 4;

/// What threads do in a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Do {
    /// Calls, on breakers that stay and on one of each thread's own.
    Calls,
    /// Snapshots, listeners, resets and trips as well.
    Everything,
}

impl Do {
    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Everything => "everything",
        }
    }

    fn phase(self) -> &'static str {
        match self {
            Self::Calls => "waves of calls",
            Self::Everything => "waves of everything",
        }
    }
}

pub(super) fn waves(plan: &Plan, teller: &mut Teller<impl Write>) -> Result<(), Failure> {
    for what in [Do::Calls, Do::Everything] {
        let kept: Arc<Vec<CircuitBreaker>> = Arc::new(
            [
                Kind::DEFAULT,
                Kind { policy: Policy::Streak, timing: Timing::Every },
                Kind { policy: Policy::Count100, timing: Timing::Adaptive },
                Kind { policy: Policy::FailureRate, timing: Timing::Every },
            ]
            .into_iter()
            .map(|kind| kind.build("kept").map_err(failed))
            .collect::<Result<_, _>>()?,
        );
        let mut after = Vec::with_capacity(plan.waves as usize);
        for wave in 1..=plan.waves {
            teller.doing(format!("wave {wave} of {}, {}", plan.waves, what.name()))?;
            let theirs = Arc::clone(&kept);
            let busy = AtomicUsize::new(0);
            let step = move |_| {
                // Relaxed: a number each.
                let busy = busy.fetch_add(1, Ordering::Relaxed) < BUSY;
                live(&theirs, what == Do::Everything && busy);
            };
            let mut crowd = Crowd::start(plan.wave_threads, plan.stack_kib, step)?;
            crowd.step()?;
            crowd.join();
            after.push(teller.point(what.phase())?);
            teller.step()?;
        }
        for (counted, samples) in by_what(&after) {
            let labels =
                labels([("waves_of", what.name().to_owned()), ("counted", counted.to_owned())]);
            let samples = samples.into_iter().map(|bytes| bytes as f64);
            let name = "after_a_wave";
            teller.measure(Measure::new(name, labels, Unit::Bytes, Better::Lower, samples))?;
        }
        for check in judge(what, &after) {
            teller.say(&super::said::Said::Check(check))?;
        }
    }
    Ok(())
}

/// What one thread of a wave does.
fn live(kept: &[CircuitBreaker], everything: bool) {
    kept.iter().for_each(use_once);
    let Ok(own) = super::sizes::Settings::Own.build(0) else {
        return; // built a thousand times before
    };
    use_once(&own);
    if everything {
        for breaker in kept {
            let id = breaker.add_listener(|event| _ = std::hint::black_box(event.era));
            breaker.trip();
            breaker.close();
            std::hint::black_box(breaker.snapshot());
            breaker.remove_listener(id);
            breaker.reset();
        }
        own.add_listener(|event| _ = std::hint::black_box(event.era));
        own.trip();
        // Settings that were replaced go with their breaker.
        let _ = own.reconfigure(|now| now.failure_threshold(4));
    }
}

fn by_what(after: &[Point]) -> [(&'static str, Vec<u64>); 2] {
    [
        ("heap", after.iter().map(|point| point.heap).collect()),
        ("resident", after.iter().filter_map(|point| point.resident).collect()),
    ]
}

fn judge(what: Do, after: &[Point]) -> Vec<Check> {
    let [(_, heap), (_, resident)] = by_what(after);
    let heap_check = match what {
        Do::Calls => same(&format!("waves_of_{}_leave_the_heap_as_it_was", what.name()), &heap),
        Do::Everything => {
            flat(&format!("waves_of_{}_do_not_grow_the_heap", what.name()), &heap, HEAP_MARGIN)
        }
    };
    let margin = RESIDENT_MARGIN.max(resident.iter().max().copied().unwrap_or(0) / 20);
    let name = format!("waves_of_{}_do_not_grow_the_resident_set", what.name());
    vec![heap_check, flat(&name, &resident, margin)]
}

/// After each wave but the first, the same number of bytes.
fn same(name: &str, after: &[u64]) -> Check {
    let (Some(settled), Some(last)) = (after.get(1..), after.last()) else {
        return Check::not_reached(name, "no waves");
    };
    if settled.len() < 2 {
        return Check::not_reached(name, format!("{} waves, at least 3", after.len()));
    }
    let most = settled.iter().max().unwrap_or(last);
    let least = settled.iter().min().unwrap_or(last);
    let held = most == least;
    Check::judged(name, held, format!("{least} to {most} bytes after waves 2 to {}", after.len()))
}

/// The least of the later half, at most `margin` above the least of the earlier.
fn flat(name: &str, after: &[u64], margin: u64) -> Check {
    if after.is_empty() {
        return Check::unjudged(name, "the system does not say");
    }
    if after.len() < FEWEST {
        return Check::not_reached(name, format!("{} waves, at least {FEWEST}", after.len()));
    }
    let (early, late) = after.split_at(after.len() / 2);
    let least = |half: &[u64]| half.iter().min().copied().unwrap_or(0);
    let (early, late) = (least(early), least(late));
    Check::judged(
        name,
        late <= early + margin,
        format!("least {late} bytes in the later half, {early} in the earlier; margin {margin}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Verdict::{self, Broken, Held, NotReached, Unjudged};

    #[test]
    fn one_byte_more_after_any_wave_but_the_first_is_growth() {
        let verdict = |after: &[u64]| same("x", after).verdict;
        assert_eq!(verdict(&[50, 70, 70, 70]), Held);
        assert_eq!(verdict(&[50, 70, 70, 71]), Broken);
        assert_eq!(verdict(&[50, 71, 70, 70]), Broken);
        assert_eq!(verdict(&[50, 70]), NotReached);
        assert_eq!(verdict(&[]), NotReached);
    }

    #[test]
    fn a_slope_is_growth_and_what_goes_up_and_down_is_not() {
        let verdict = |after: &[u64]| flat("x", after, 10).verdict;
        assert_eq!(verdict(&[1, 30, 2, 11, 90, 40]), Held);
        assert_eq!(verdict(&[1, 30, 2, 12, 90, 40]), Broken);
        let slope: Vec<u64> = (0..10).map(|wave| wave * 3).collect();
        assert_eq!(verdict(&slope), Broken);
        assert_eq!(verdict(&[0, 0, 0]), NotReached);
    }

    #[test]
    fn where_nobody_says_what_is_resident_nothing_is_held_of_it() {
        let point = |heap| Point { at_s: 0.0, phase: "".into(), heap, resident: None };
        let checks = judge(Do::Calls, &[point(1), point(2), point(2), point(2)]);
        let verdicts: Vec<Verdict> = checks.iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Held, Unjudged]);
    }
}
