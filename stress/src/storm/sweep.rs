//! Every workload at every thread count, for a fixed time each, again and again.
//!
//! One pool has all threads; a point lets the first so many of them go. Repetitions are
//! interleaved: each goes through all points, every other one backwards, so that what the
//! machine does meanwhile does not fall on one of them alone. At rest, after each point,
//! its workload judges what the threads did.

mod findings;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pool::{Played, Pool, Setup, Stalled};
use crate::program::{Check, Context, Failure, Refusal, Section, Size};
use crate::system::Switches;
use crate::watchdog;
use crate::workload::{Play, Rival, Sizes, Workload, many, readers};
use findings::Findings;

/// What the sweep goes through.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub(super) counts: Vec<usize>,
    pub(super) workloads: Vec<Workload>,
    pub(super) point: Duration,
    pub(super) repetitions: u32,
    /// Of the workload that has many.
    pub(super) breakers: usize,
    pub(super) pin: bool,
    pub(super) stack: usize,
    pub(super) size: Size,
}

/// One workload on one rival, by so many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    workload: Workload,
    rival: Rival,
    threads: usize,
}

/// A point, and what each repetition of it came to.
#[derive(Clone, Debug)]
struct Row {
    point: Point,
    calls: u64,
    calls_per_s: Vec<f64>,
    cpu_ns: Vec<f64>,
    share: Vec<f64>,
    switches: Switches,
}

/// What came of it all.
#[derive(Debug, Default)]
struct Outcome {
    rows: Vec<Row>,
    findings: Findings,
    died: usize,
    quiet: Duration,
    stalled: Option<String>,
    partial: bool,
    wall: Duration,
    spawn: Duration,
}

/// The thread counts where none are given.
pub(super) fn counts(size: Size, cores: usize) -> Vec<usize> {
    let up_to_cores = (0..).map(|power| 1 << power).take_while(|&count| count < cores);
    let mut counts: Vec<usize> = match size {
        Size::Full => up_to_cores.chain([cores, 64, 256, 1_000, 4_000, 10_000]).collect(),
        Size::Tour => vec![1, cores, 64, 10_000],
        Size::Quick => vec![1, cores, 64, 1_000],
    };
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// The workloads of these names, all if there are none.
///
/// # Errors
///
/// No workload has that name.
pub(super) fn workloads(names: &[String]) -> Result<Vec<Workload>, Refusal> {
    let mut all = Workload::ALL.to_vec();
    for name in names {
        if name != "policies" && !Workload::ALL.iter().any(|workload| workload.name() == name) {
            let known: Vec<&str> = Workload::ALL.iter().map(|workload| workload.name()).collect();
            return Err(Refusal(format!(
                "--workloads {name}: there is no such workload; there are {}, and policies for all \
                 of these",
                known.join(", ")
            )));
        }
    }
    if !names.is_empty() {
        all.retain(|workload| {
            let policy = matches!(workload, Workload::Policy(_));
            names.iter().any(|name| name == workload.name() || policy && name == "policies")
        });
    }
    Ok(all)
}

impl Sweep {
    /// All points, the counts ascending.
    fn points(&self) -> Vec<Point> {
        let mut counts = self.counts.clone();
        counts.sort_unstable();
        counts.dedup();
        let storm = readers::LEAST + readers::writers(2 * readers::LEAST);
        let mut points = Vec::new();
        for &workload in &self.workloads {
            let of = |threads: Vec<usize>| {
                let rivals = Rival::ALL.into_iter().filter(move |&rival| workload.takes(rival));
                rivals.flat_map(move |rival| {
                    threads.clone().into_iter().map(move |threads| Point {
                        workload,
                        rival,
                        threads,
                    })
                })
            };
            let threads = match workload {
                Workload::ManyBreakers => vec![many::THREADS],
                // Without so many it would be no storm of readers.
                Workload::Readers => {
                    let large = counts.iter().copied().filter(|&count| count > storm);
                    let most = if self.size == Size::Full { usize::MAX } else { 0 };
                    std::iter::once(storm).chain(large.take(most)).collect()
                }
                // About as many as there are cores, and some more.
                Workload::Policy(_) if self.size != Size::Full => match counts[..] {
                    [_, one, two, ..] => vec![one, two],
                    _ => counts.clone(),
                },
                _ => counts.clone(),
            };
            points.extend(of(threads));
        }
        points.sort_by_key(|point| point.threads);
        points
    }

    /// The threads of its largest point: not always the largest count that was asked for.
    pub(super) fn most_threads(&self) -> usize {
        self.points().last().map_or(0, |point| point.threads)
    }

    /// Goes through all points, as often as is asked for or until Ctrl-C.
    ///
    /// # Errors
    ///
    /// A thread could not be started, or a breaker not be built.
    pub(super) fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let points = self.points();
        let mut outcome =
            Outcome { rows: points.iter().map(Row::of).collect(), ..Outcome::default() };
        if !points.is_empty() {
            self.play(&points, ctx, &mut outcome)?;
        }
        Ok(report::section(self, &outcome))
    }

    fn play(&self, points: &[Point], ctx: &Context, outcome: &mut Outcome) -> Result<(), Failure> {
        let start = Instant::now();
        let setup = Setup {
            counts: points.iter().map(|point| point.threads).collect(),
            stack: self.stack,
            pin: self.pin,
            patience: watchdog::PATIENCE,
        };
        let most = setup.counts.iter().copied().max().unwrap_or(0);
        let bar = ctx.bar("storm: starting", most as u64);
        let started = Pool::start(&setup, &ctx.stop, |count| bar.set_position(count as u64));
        bar.finish_and_clear();
        let mut pool = started?;
        outcome.spawn = start.elapsed();
        outcome.partial = !pool.is_complete();

        let all = points.len() as u64 * u64::from(self.repetitions);
        let bar = ctx.bar("storm: sweep", all);
        let played = self.repeat(points, ctx, &mut pool, outcome, &bar);
        bar.finish_and_clear();
        match outcome.stalled {
            // Where they are stuck they are left; they end with the process.
            Some(_) => pool.leave(),
            None => pool.dismiss(),
        }
        outcome.wall = start.elapsed();
        played
    }

    fn repeat(
        &self,
        points: &[Point],
        ctx: &Context,
        pool: &mut Pool,
        outcome: &mut Outcome,
        bar: &indicatif::ProgressBar,
    ) -> Result<(), Failure> {
        for repetition in 0..self.repetitions {
            for nth in 0..points.len() {
                if outcome.partial || ctx.stop.requested() {
                    outcome.partial = true;
                    return Ok(());
                }
                let nth = if repetition % 2 == 0 { nth } else { points.len() - 1 - nth };
                let point = points[nth];
                bar.set_message(format!("{} by {}", point.workload.name(), point.threads));
                let sizes = Sizes { threads: point.threads, breakers: self.breakers };
                let scene = point.workload.build(point.rival, sizes)?;
                let job = Arc::new(Play(Arc::clone(&scene)));
                match pool.play(point.threads, self.point, job, &ctx.stop, |_| {}) {
                    Ok(played) => {
                        let callers = scene.callers(point.threads);
                        outcome.took(nth, &played, callers);
                        outcome.findings.add(&point, scene.judge(&played.tally()));
                    }
                    Err(Stalled(why)) => {
                        outcome.stalled = Some(format!("{}: {why}", point.name()));
                        return Ok(());
                    }
                }
                bar.inc(1);
            }
        }
        Ok(())
    }
}

impl Point {
    fn name(&self) -> String {
        format!("{}, {}, {} threads", self.workload.name(), self.rival.name(), self.threads)
    }
}

impl Row {
    fn of(point: &Point) -> Self {
        Self {
            point: *point,
            calls: 0,
            calls_per_s: Vec::new(),
            cpu_ns: Vec::new(),
            share: Vec::new(),
            switches: Switches::default(),
        }
    }
}

impl Outcome {
    /// Takes a point's figures, of which those of the first so many threads are calls.
    fn took(&mut self, nth: usize, played: &Played, callers: usize) {
        self.died += played.died;
        self.quiet = self.quiet.max(played.quiet);
        self.partial |= played.cut;
        if played.cut || played.died > 0 {
            return; // its time is not the one it should have
        }
        let row = &mut self.rows[nth];
        let calling = played.of_the_first(callers);
        row.calls += played.tally().calls;
        // Where a call lets all others go first, none may end in a short point: a rate of
        // zero would say something else.
        row.calls_per_s.extend(Some(calling.calls_per_s()).filter(|&rate| rate > 0.0));
        row.cpu_ns.push(calling.cpu_ns_a_call());
        row.share.push(played.share_of_the_cores(super::report::cores()));
        row.switches.voluntary +=
            played.reports.iter().map(|one| one.switches.voluntary).sum::<u64>();
        row.switches.involuntary +=
            played.reports.iter().map(|one| one.switches.involuntary).sum::<u64>();
    }

    /// What has to hold of the sweep as a whole.
    fn checks(&self) -> Vec<Check> {
        let moving = match &self.stalled {
            Some(why) => Check::judged("sweep_keeps_moving", false, why.clone()),
            None => Check::judged(
                "sweep_keeps_moving",
                true,
                format!("at most {:.1} s without a call", self.quiet.as_secs_f64()),
            ),
        };
        let died =
            Check::judged("sweep_loses_no_thread", self.died == 0, format!("{} died", self.died));
        let mut checks = vec![moving, died];
        checks.extend(self.findings.checks(self.partial || self.stalled.is_some()));
        checks
    }
}

#[cfg(test)]
mod tests;
