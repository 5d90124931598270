//! Which calls are timed, while not all of them are.
//!
//! A call is chosen before it begins and by chance alone, so each bucket of a
//! histogram holds, on average, the true number of calls: one that was chosen with
//! probability 1/n stands for n. Choosing every n-th call instead, or letting the gap
//! since the last one say how many a call stands for, goes wrong just where latency
//! is bursty or periodic.

use crate::clock::Nanos;
use crate::config::{Draw, Timing};
use crate::metrics::shard::Writer;
use crate::planted::{Bug, planted};
use crate::sync::{Atomic, Ordering, impl_bits};

/// While calls of a thread come further apart than this, [`Timing::Adaptive`] times
/// them all: two clock reads are then a few per cent of the time between two calls.
const PACE: u64 = 1_000; // ns

/// What is decided about the calls to come: `skip` of them are not timed, and the
/// one after them is and stands for `weight`. All zeros: the next one, for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plan(u64);

impl_bits!(Plan);

impl Plan {
    fn new(skip: u32, weight: u32) -> Self {
        Plan(u64::from(weight) << 32 | u64::from(skip))
    }

    #[inline(always)]
    fn skips(self) -> bool {
        self.0 as u32 != 0
    }

    /// Whether it was made with `draw`, and not under other settings.
    #[inline(always)]
    fn is_of(self, draw: &Draw) -> bool {
        (self.0 >> 32) as u32 == draw.of
    }

    /// The plan after one call that it skips.
    #[inline(always)]
    fn after_one(self) -> Plan {
        Plan(self.0 - 1)
    }

    fn weight(self) -> u32 {
        ((self.0 >> 32) as u32).max(1)
    }
}

/// When a call began, and how many it stands for; it is not timed if for none.
///
/// Two words, which is what a function returns in registers: in memory, a load of both
/// may have to wait until two stores of one each have left the store buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) at: Nanos,
    of: u64, // where it is counted as in flight, above how many it stands for
}

impl Start {
    pub(crate) const UNTIMED: Start = Start { at: Nanos(0), of: 0 };

    #[inline(always)]
    pub(crate) fn timed(at: Nanos, weight: u32) -> Self {
        Start { at, of: u64::from(weight) }
    }

    /// The same call, counted as in flight by `flight` from `at` on.
    pub(crate) fn in_flight(self, flight: u32, at: Nanos) -> Self {
        Start { at, of: u64::from(flight) << 32 | u64::from(self.weight()) }
    }

    #[inline(always)]
    pub(crate) fn is_timed(self) -> bool {
        self.weight() != 0
    }

    #[inline(always)]
    pub(crate) fn weight(self) -> u32 {
        self.of as u32
    }

    /// Where it is counted as in flight, by number; nowhere if 0.
    pub(crate) fn flight(self) -> u32 {
        (self.of >> 32) as u32
    }
}

impl Draw {
    /// How many calls to skip: geometric, as if each were drawn on its own, from the
    /// top 53 bits of `random`.
    fn gap(&self, random: u64) -> u32 {
        let uniform = ((random >> 11) + 1) as f64 / (1u64 << 53) as f64; // in (0, 1]
        (uniform.ln() * self.scale) as u32
    }

    /// What to do after a call that begins at `at` and is timed, and the time by which
    /// the next timed one begins if calls keep the pace.
    fn next(&self, at: Nanos, expected: Nanos, random: u64) -> (Plan, Nanos) {
        let by = |calls: u64| Nanos(at.0.saturating_add(calls * PACE));
        if self.timing == Timing::Adaptive && at >= expected {
            return (Plan::new(0, 1), by(1));
        }
        let gap = self.gap(random);
        (Plan::new(gap, self.of), by(u64::from(gap) + 1))
    }
}

/// The plan of a thread, or of the threads that share a stripe.
#[derive(Debug)]
pub(crate) struct Pace {
    plan: Atomic<Plan>,
    expected: Atomic<u64>, // ns: when the next timed call begins if calls keep the pace
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { plan: Atomic::new(0), expected: Atomic::new(0) }
    }

    /// Takes the next call's place in the plan.
    #[inline(always)]
    pub(crate) fn start(
        &self,
        writer: Writer,
        draw: &Draw,
        random: impl Fn() -> u64,
        now: impl Fn() -> Nanos,
    ) -> Start {
        // Relaxed, everywhere here: who is timed is chance, and nothing else is read
        // on the strength of it.
        let plan = self.plan.load(Ordering::Relaxed);
        if plan.skips() && plan.is_of(draw) && writer == Writer::Owner {
            self.plan.store(plan.after_one(), Ordering::Relaxed);
            return Start::UNTIMED;
        }
        match draw.timing {
            Timing::Every => Start::timed(now(), 1),
            Timing::Off => {
                if writer == Writer::Owner {
                    // So many calls then do with the comparison above.
                    self.plan.store(Plan::new(u32::MAX, draw.of), Ordering::Relaxed);
                }
                Start::UNTIMED
            }
            Timing::Sampled(_) | Timing::Adaptive => {
                self.plan_or_share(writer, plan, draw, random, now)
            }
        }
    }

    /// For a call after which a new plan is made, and for threads that share one.
    #[inline(never)]
    fn plan_or_share(
        &self,
        writer: Writer,
        mut seen: Plan,
        draw: &Draw,
        random: impl Fn() -> u64,
        now: impl Fn() -> Nanos,
    ) -> Start {
        loop {
            // Drawn under other settings: drawn again, which a gap without memory allows.
            if seen.skips() && !seen.is_of(draw) {
                let anew = Plan::new(draw.gap(random()), draw.of);
                match self.swap(writer, seen, anew) {
                    Ok(()) => seen = anew,
                    Err(newer) => seen = newer,
                }
                continue;
            }
            if seen.skips() {
                match self.swap(writer, seen, seen.after_one()) {
                    Ok(()) => return Start::UNTIMED,
                    Err(newer) => seen = newer,
                }
                continue;
            }
            let at = now();
            let expected = Nanos(self.expected.load(Ordering::Relaxed));
            let (next, expected) = draw.next(at, expected, random());
            match self.swap(writer, seen, next) {
                Ok(()) => {
                    self.expected.store(expected.0, Ordering::Relaxed);
                    return Start::timed(at, seen.weight());
                }
                Err(newer) => seen = newer,
            }
        }
    }

    fn swap(&self, writer: Writer, seen: Plan, next: Plan) -> Result<(), Plan> {
        match writer {
            Writer::Shared if !planted(Bug::PlanRaced) => self
                .plan
                .compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed)
                .map(|_| ()),
            _ => {
                self.plan.store(next, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

#[cfg(all(test, not(any(ampacity_loom, ampacity_shuttle))))]
mod tests {
    use super::*;
    use crate::bits::scatter;
    use core::cell::Cell;

    /// Plays `calls` of one thread, `apart` ns from each other, and returns what was timed.
    fn play(timing: Timing, writer: Writer, calls: u64, apart: u64) -> Vec<(u64, u32)> {
        let (pace, draw) = (Pace::new(), Draw::of(timing));
        let at = Cell::new(0);
        let one = |nth| {
            at.set(nth * apart);
            pace.start(writer, &draw, || scatter(nth), || Nanos(at.get()))
        };
        (0..calls)
            .map(|nth| (nth, one(nth)))
            .filter(|(_, start)| start.is_timed())
            .map(|(nth, start)| (nth, start.weight()))
            .collect()
    }

    #[test]
    fn the_constant_scale_is_what_is_computed_for_one_in_sixteen() {
        let computed = Draw::of(Timing::Sampled(16)).scale;
        assert!((Draw::ADAPTIVE.scale / computed - 1.0).abs() < 1e-12, "{computed}");
    }

    #[test]
    fn the_first_call_is_timed_for_itself_whatever_the_timing() {
        for timing in [Timing::Adaptive, Timing::Sampled(1), Timing::Sampled(1_000)] {
            assert_eq!(play(timing, Writer::Owner, 1, 1), [(0, 1)]);
        }
    }

    #[test]
    fn calls_further_apart_than_the_pace_are_all_timed_for_themselves() {
        for writer in [Writer::Owner, Writer::Shared] {
            let timed = play(Timing::Adaptive, writer, 100, PACE);
            assert_eq!(timed, (0..100).map(|nth| (nth, 1)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn fast_calls_are_drawn_so_that_weights_add_up_to_the_calls() {
        for (timing, of) in
            [(Timing::Adaptive, 16), (Timing::Sampled(3), 3), (Timing::Sampled(100), 100)]
        {
            for writer in [Writer::Owner, Writer::Shared] {
                let calls = 1_000_000;
                let timed = play(timing, writer, calls, 50);
                let weights: u64 = timed.iter().map(|&(_, weight)| u64::from(weight)).sum();
                // Four standard deviations of a binomial.
                let bound = 4.0 * (calls as f64 * f64::from(of)).sqrt();
                let off = weights as f64 - calls as f64;
                assert!(off.abs() < bound, "{timing:?}: {weights} for {calls}");
                // The first two of an adaptive thread stand for themselves.
                assert!(timed[2..].iter().all(|&(_, weight)| weight == of));
            }
        }
    }

    #[test]
    fn gaps_have_no_memory() {
        // The chance that the next call is timed is the same after any gap.
        for (timing, of) in [(Timing::Sampled(4), 4.0), (Timing::Adaptive, 16.0)] {
            let timed = play(timing, Writer::Owner, 1_600_000, 50);
            let gaps: Vec<u64> = timed.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            for least in 1..20 {
                let alive = gaps.iter().filter(|&&gap| gap >= least).count() as f64;
                let now = gaps.iter().filter(|&&gap| gap == least).count() as f64;
                let (chance, even) = (now / alive, 1.0 / of);
                let bound = 4.5 * (even * (1.0 - even) / alive).sqrt();
                assert!((chance - even).abs() < bound, "{timing:?} after {least}: {chance}");
            }
        }
    }

    #[test]
    fn a_gap_drawn_under_other_settings_is_drawn_again() {
        for writer in [Writer::Owner, Writer::Shared] {
            let pace = Pace::new();
            let count = |timing, calls| {
                let draw = Draw::of(timing);
                let one = |nth| pace.start(writer, &draw, || scatter(nth), || Nanos(nth * 50));
                (0..calls).filter(|&nth| one(nth).is_timed()).count()
            };
            assert_eq!(count(Timing::Sampled(1_000_000), 10), 1);
            assert_eq!(count(Timing::Sampled(1), 1_000), 1_000);
            assert_eq!(count(Timing::Sampled(1_000_000), 10), 1, "planned before, for itself");
            assert!(count(Timing::Adaptive, 1_600) > 60);
            assert_eq!(count(Timing::Off, 1_000), 0);
            assert_eq!(count(Timing::Every, 1_000), 1_000);
            assert_eq!(count(Timing::Off, 1_000), 0);
            assert!(count(Timing::Sampled(16), 1_600) > 60);
        }
    }

    #[test]
    fn a_slowdown_is_noticed_at_the_next_timed_call_and_so_is_a_speed_up() {
        let (pace, draw) = (Pace::new(), Draw::ADAPTIVE);
        let mut at = 0;
        let mut timed = |apart: u64, calls: u64| {
            let mut weights = Vec::new();
            for nth in 0..calls {
                at += apart;
                let start = pace.start(Writer::Owner, &draw, || scatter(nth), || Nanos(at));
                weights.extend(start.is_timed().then_some(start.weight()));
            }
            weights
        };
        assert!(timed(100, 10_000).len() < 1_000);
        let slow = timed(10 * PACE, 500);
        // What was drawn before is still of its old weight.
        assert_eq!(slow[0], 16);
        assert!(slow.len() > 300 && slow[1..].iter().all(|&weight| weight == 1), "{slow:?}");
        let fast = timed(100, 10_000);
        assert_eq!((fast[0], fast[2]), (1, 16));
    }

    #[test]
    fn one_in_one_is_every_call_and_the_rarest_draw_does_not_overflow() {
        assert_eq!(play(Timing::Sampled(1), Writer::Owner, 50, 1).len(), 50);
        let rare = Draw::of(Timing::Sampled(1_000_000));
        assert!(rare.gap(0) < 40_000_000);
        assert_eq!(rare.gap(u64::MAX), 0);
    }
}
