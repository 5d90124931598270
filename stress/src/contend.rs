//! `contend`: what contention there is, and where.
//!
//! Two looks. The first is exact: this very program is followed through single calls,
//! instruction by instruction, of two threads in turn (`calls`): which instructions are
//! locked, and which stores go to cache lines that the other thread's calls use. The second
//! is in earnest (`course`): the workloads that `storm` has, on this crate's breaker and on
//! baselines, with what tells contention: throughput against what one thread does, fairness,
//! switches, latencies, and the swaps of the word by site.

mod calls;
mod costs;
mod course;
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
mod decode;
mod events;
mod lane;
mod report;
mod swaps;
mod timed;
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
mod traced;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "contend/no_tracer.rs"]
mod tracer;

use std::time::Duration;

use clap::Args;

use crate::pool::STACK;
use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::system::{self, Needs};
use crate::workload::Workload;
use calls::Calls;
use course::Course;
pub use lane::Extent;
use lane::Lane;
pub use traced::make_calls as trace_calls;

const MOST_THREADS: i64 = 100_000;

/// The flags of `contend`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many threads call at once; 1 is added, for what the others are held against
    /// [default: 1, 2, as many as there are cores, and 64; in the tour and with --quick 1, the
    /// cores and 64]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=MOST_THREADS))]
    pub threads: Vec<u32>,

    /// Which workloads, by name, or `policies` for all of those [default: those whose figures
    /// baselines or swaps can explain; all policies too unless it is the tour or --quick]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub workloads: Vec<String>,

    /// How often everything is measured [default: 5; in the tour 3, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub repetitions: Option<u32>,

    /// How long each point is measured, in ms [default: 200; in the tour 50, with --quick 20]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub point_ms: Option<u64>,
}

/// Open files at once: pipes to a child, its memory, the record.
const DESCRIPTORS: u64 = 32;

/// Checks the flags, and that there can be so many threads.
///
/// # Errors
///
/// A workload that there is not, or more threads than the system allows.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts: Vec<usize> = options.threads.iter().map(|&count| count as usize).collect();
    if counts.is_empty() {
        counts = if size == Size::Full { vec![2, cores, 64] } else { vec![cores, 64] };
    }
    counts.push(1);
    counts.sort_unstable();
    counts.dedup();
    let most = counts.last().copied().unwrap_or(1) as u64;
    let needs = Needs {
        threads: most,
        stack: STACK as u64,
        // A recorder each.
        memory: most.saturating_mul(32 << 10),
        descriptors: DESCRIPTORS,
    };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("--threads {most}: {why}")));
    }
    let (repetitions, point) = match size {
        Size::Full => (5, 200),
        Size::Tour => (3, 50),
        Size::Quick => (1, 20),
    };
    let course = Course {
        counts,
        workloads: workloads(&options.workloads, size)?,
        repetitions: options.repetitions.unwrap_or(repetitions),
        point: Duration::from_millis(options.point_ms.unwrap_or(point)),
    };
    Ok(Box::new(Contend {
        course,
        extent: match size {
            Size::Full => Extent::All,
            Size::Tour => Extent::Some,
            Size::Quick => Extent::Few,
        },
    }))
}

/// The workloads of these names, or those of this size.
fn workloads(names: &[String], size: Size) -> Result<Vec<Workload>, Refusal> {
    let is_policy = |workload: &Workload| matches!(workload, Workload::Policy(_));
    if names.is_empty() {
        let all = Workload::ALL.into_iter().filter(|workload| match workload {
            // Both need many threads to be what they are: `storm` has them.
            Workload::Readers | Workload::ManyBreakers => false,
            Workload::OneIn100Fails | Workload::Policy(_) => size == Size::Full,
            _ => true,
        });
        return Ok(all.collect());
    }
    let known = |name: &String| {
        name == "policies" || Workload::ALL.iter().any(|workload| workload.name() == name)
    };
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = Workload::ALL.iter().map(|workload| workload.name()).collect();
        return Err(Refusal(format!(
            "--workloads {unknown}: there is no such workload; there are {}, and policies",
            all.join(", ")
        )));
    }
    let wanted = |workload: &Workload| {
        names
            .iter()
            .any(|name| name == workload.name() || name == "policies" && is_policy(workload))
    };
    Ok(Workload::ALL.into_iter().filter(wanted).collect())
}

struct Contend {
    course: Course,
    /// Which kinds of calls are followed.
    extent: Extent,
}

impl Program for Contend {
    fn name(&self) -> &'static str {
        "contend"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut section = Section::default();
        // First: what is traced shares its core with the tracer, and nobody else is to run.
        let bar = ctx.bar("contend: step by step", Lane::all(self.extent).count() as u64);
        let calls = Calls::take(self.extent, &ctx.stop, |done| bar.set_position(done as u64));
        bar.finish_and_clear();
        calls.add_to(&mut section);

        let bar = ctx.bar("contend", self.course.steps());
        let outcome = self.course.run(ctx, |what| {
            bar.inc(1);
            bar.set_message(what.to_owned());
        });
        bar.finish_and_clear();
        report::add_to(&mut section, &self.course, &outcome?);
        section.partial |= ctx.stop.requested();
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options { threads: Vec::new(), workloads: Vec::new(), repetitions: None, point_ms: None }
    }

    #[test]
    fn a_workload_that_there_is_not_is_refused_by_name_with_those_there_are() {
        let options = Options { workloads: vec!["herd".to_owned()], ..options() };
        let Err(Refusal(why)) = prepare(options, Size::Full) else { panic!("not refused") };
        assert!(why.starts_with("--workloads herd: ") && why.contains("half_open_herd"), "{why}");
    }

    #[test]
    fn the_tours_workloads_are_among_those_of_a_full_run() {
        let full = workloads(&[], Size::Full).unwrap();
        let tour = workloads(&[], Size::Tour).unwrap();
        assert!(tour.iter().all(|workload| full.contains(workload)) && tour.len() < full.len());
        let policies = workloads(&["policies".to_owned()], Size::Tour).unwrap();
        assert_eq!(policies.len(), crate::workload::Policy::ALL.len());
    }
}
