//! The contended workloads: every point again and again, in turn.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;

use ampacity::Contention;

use super::events::{HandOvers, Orders};
use super::swaps;
use super::timed::{self, Timed};
use crate::pool::{Job, Played, Pool, STACK, Setup, Stalled};
use crate::program::{Check, Context, Failure, Verdict};
use crate::watchdog;
use crate::workload::{Rival, Scene, Sizes, Workload};

/// Of the workload that has many.
const BREAKERS: usize = 1_000;

/// What is gone through.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// Ascending, and 1 among them: what one thread does is what others are held against.
    pub(super) counts: Vec<usize>,
    pub(super) workloads: Vec<Workload>,
    pub(super) repetitions: u32,
    pub(super) point: Duration,
}

/// One workload on one rival, by so many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) workload: Workload,
    pub(super) rival: Rival,
    pub(super) threads: usize,
}

/// What one repetition of a point came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub(super) calls: u64,
    pub(super) calls_per_s: f64,
    pub(super) cpu_ns: f64,
    pub(super) share: f64,
    pub(super) jain: f64,
    pub(super) slowest: f64,
    pub(super) voluntary: f64,
    pub(super) involuntary: f64,
    /// How many of the threads called.
    pub(super) callers: usize,
    pub(super) contention: Option<Contention>,
    /// Transitions, and those of which other swaps were won, in words.
    pub(super) turns: u64,
    pub(super) unlike: Vec<String>,
}

/// A point, its repetitions, and how long calls took in all of them.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) point: Point,
    pub(super) rounds: Vec<Round>,
    pub(super) times: Histogram<u64>,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    /// By number of threads: those who count where others do, and those who share a stripe.
    pub(super) collisions: Vec<(usize, usize, usize)>,
    pub(super) hand_overs: Vec<(usize, Vec<HandOvers>)>,
    /// Points that were judged, and what did not hold.
    pub(super) judged: u64,
    pub(super) wrong: Vec<String>,
    pub(super) died: usize,
    pub(super) stalled: Option<String>,
    pub(super) partial: bool,
}

impl Course {
    fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for &threads in &self.counts {
            for &workload in &self.workloads {
                let rivals = Rival::ALL.into_iter().filter(|&rival| workload.takes(rival));
                points.extend(rivals.map(|rival| Point { workload, rival, threads }));
            }
        }
        points
    }

    /// How many times threads are let go.
    pub(super) fn steps(&self) -> u64 {
        let each = (self.points().len() + self.counts.len()) as u64;
        each * u64::from(self.repetitions)
    }

    /// Goes through all points as often as is asked for, or until Ctrl-C; `tell` is told of
    /// each.
    ///
    /// # Errors
    ///
    /// A thread could not be started, or a breaker not be built.
    pub(super) fn run(
        &self,
        ctx: &Context,
        mut tell: impl FnMut(&str),
    ) -> Result<Outcome, Failure> {
        let points = self.points();
        let row = |&point: &Point| Row { point, rounds: Vec::new(), times: timed::none() };
        let mut outcome = Outcome {
            rows: points.iter().map(row).collect(),
            hand_overs: self.counts.iter().map(|&threads| (threads, Vec::new())).collect(),
            ..Outcome::default()
        };
        let setup = Setup {
            counts: self.counts.clone(),
            stack: STACK,
            pin: false,
            patience: watchdog::PATIENCE,
        };
        let mut pool = Pool::start(&setup, &ctx.stop, |_| {})?;
        outcome.partial = !pool.is_complete();
        let ran = self.repeat(ctx, &mut pool, &mut outcome, &mut tell);
        match outcome.stalled {
            // Where they are stuck they are left; they end with the process.
            Some(_) => pool.leave(),
            None => pool.dismiss(),
        }
        ran.map(|()| outcome)
    }

    fn repeat(
        &self,
        ctx: &Context,
        pool: &mut Pool,
        outcome: &mut Outcome,
        tell: &mut impl FnMut(&str),
    ) -> Result<(), Failure> {
        for repetition in 0..self.repetitions {
            for nth in 0..outcome.rows.len() {
                // Every other repetition backwards, so that no point always follows another.
                let last = outcome.rows.len() - 1;
                let nth = if repetition % 2 == 0 { nth } else { last - nth };
                let point = outcome.rows[nth].point;
                let sizes = Sizes { threads: point.threads, breakers: BREAKERS };
                let scene = point.workload.build(point.rival, sizes)?;
                let job = Arc::new(Timed::new(Arc::clone(&scene), point.threads));
                match self.play(pool, point.threads, Arc::clone(&job) as _, ctx, outcome) {
                    Some(played) => outcome.took(nth, &played, &*scene, &job),
                    None => return Ok(()),
                }
                tell(point.workload.name());
            }
            for nth in 0..self.counts.len() {
                let orders = Arc::new(Orders::new()?);
                let job = Arc::clone(&orders) as _;
                if self.play(pool, self.counts[nth], job, ctx, outcome).is_none() {
                    return Ok(());
                }
                outcome.hand_overs[nth].1.push(orders.hand_overs());
                tell("hand-overs");
            }
        }
        Ok(())
    }

    /// One point; none if it was cut short, or nobody got anywhere.
    fn play(
        &self,
        pool: &mut Pool,
        threads: usize,
        job: Arc<dyn Job>,
        ctx: &Context,
        outcome: &mut Outcome,
    ) -> Option<Played> {
        if outcome.partial || ctx.stop.requested() {
            outcome.partial = true;
            return None;
        }
        match pool.play(threads, self.point, job, &ctx.stop, |_| {}) {
            Ok(played) => {
                outcome.died += played.died;
                outcome.partial |= played.cut;
                (!played.cut).then_some(played)
            }
            Err(Stalled(why)) => {
                outcome.stalled = Some(format!("{threads} threads: {why}"));
                None
            }
        }
    }
}

impl Outcome {
    fn took(&mut self, nth: usize, played: &Played, scene: &dyn Scene, job: &Timed) {
        if played.died > 0 {
            return; // the others' books and rates are not those of so many threads
        }
        let point = self.rows[nth].point;
        self.judged += 1;
        let wrong = scene.judge(&played.tally()).into_iter().filter(|check| {
            // Of a short point a case may stay away: `storm` sees to it that all come.
            check.verdict == Verdict::Broken
        });
        let what = format!("{}, {}", point.workload.name(), point.rival.name());
        self.wrong.extend(wrong.map(|Check { name, detail, .. }| {
            format!("{what}, {} threads: {name}: {detail}", point.threads)
        }));
        if let [_, ..] = job.places()[..]
            && !self.collisions.iter().any(|&(threads, ..)| threads == point.threads)
        {
            let (counts, sampled) = timed::collisions(&job.places());
            self.collisions.push((point.threads, counts, sampled));
        }
        let callers = scene.callers(point.threads);
        let row = &mut self.rows[nth];
        job.add_to(&mut row.times, callers);
        row.rounds.push(Round::of(played, callers, scene));
    }
}

impl Round {
    fn of(played: &Played, callers: usize, scene: &dyn Scene) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let calling = played.of_the_first(callers);
        let reports = &played.reports[..callers.min(played.reports.len())];
        let calls: Vec<u64> = reports.iter().map(|report| report.calls).collect();
        let all: u64 = reports.iter().map(|report| report.all).sum();
        let million = all as f64 / 1e6;
        let at_rest = scene.breaker().map(|breaker| breaker.snapshot());
        let sum = |part: &dyn Fn(&crate::pool::Report) -> u64| {
            reports.iter().map(part).sum::<u64>() as f64
        };
        Self {
            calls: all,
            calls_per_s: calling.calls_per_s(),
            cpu_ns: calling.cpu_ns_a_call(),
            share: played.share_of_the_cores(cores),
            jain: jain(&calls),
            slowest: slowest_over_median(&calls),
            voluntary: sum(&|report| report.switches.voluntary) / million,
            involuntary: sum(&|report| report.switches.involuntary) / million,
            callers,
            contention: at_rest.as_ref().map(|snapshot| snapshot.contention),
            turns: at_rest.as_ref().map_or(0, |snapshot| snapshot.transitions.total()),
            unlike: at_rest.as_ref().map(swaps::unlike_transitions).unwrap_or_default(),
        }
    }
}

/// Jain's index of fairness: 1 if all made as many calls, 1/n if one made all of them.
fn jain(calls: &[u64]) -> f64 {
    let sum: f64 = calls.iter().map(|&calls| calls as f64).sum();
    let squares: f64 = calls.iter().map(|&calls| (calls as f64).powi(2)).sum();
    sum.powi(2) / (calls.len() as f64 * squares)
}

/// The calls of the thread that made fewest, of those of the one in the middle.
fn slowest_over_median(calls: &[u64]) -> f64 {
    let middle = crate::stats::Middle::of(calls.iter().map(|&calls| calls as f64));
    middle.map_or(f64::NAN, |middle| middle.min / middle.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_one_where_all_call_alike_and_small_where_one_calls_alone() {
        assert_eq!((jain(&[5; 4]), slowest_over_median(&[5; 4])), (1.0, 1.0));
        assert_eq!((jain(&[8, 0, 0, 0]), jain(&[4, 4, 0, 0])), (0.25, 0.5));
        assert_eq!(slowest_over_median(&[1, 4, 8]), 0.25);
    }

    #[test]
    fn baselines_take_part_where_they_can_and_every_count_has_every_workload() {
        let course = Course {
            counts: vec![1, 2],
            workloads: vec![Workload::Success, Workload::Flapping],
            repetitions: 3,
            point: Duration::from_millis(1),
        };
        let points = course.points();
        assert_eq!(points.len(), 2 * (Rival::ALL.len() + 1));
        assert_eq!(course.steps(), 3 * (10 + 2));
        assert!(points.iter().filter(|point| point.threads == 2).count() == 5);
    }
}
