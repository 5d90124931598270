//! `storm`: ten thousand threads on one breaker, and every call accounted for; then what
//! any number of threads does to it.
//!
//! First the accounting, by as many threads as the sweep has at most: all stand at one
//! gate; then each makes its calls, of all kinds and with all outcomes, while the clock is
//! moved so that the breaker opens and closes thousands of times. At the end the threads'
//! own books, what they saw of each era, and the breaker's snapshot have to agree,
//! exactly. Readers look on, and none may see anything go back; and at the end as many
//! threads again come and go, a hundred calls each. Then, under every policy in turn, the
//! window at rest has to hold exactly what the threads did.
//!
//! Then the sweep: every workload, from one thread to ten thousand,
//! for a fixed time each, again and again, beside the breakers that one writes first. Each
//! point's books are judged as well.

mod account;
mod audience;
mod brief;
mod crew;
mod ear;
mod plan;
mod policies;
mod reader;
mod report;
mod sights;
mod sweep;
mod turns;
mod worker;

use std::time::Duration;

use clap::Args;

use crate::eventlog::{EventLog, LogTo, Seen};
use crate::pool;
use crate::program::{Context, Failure, Program, Refusal, Section, Size, Verdict};
use crate::system::{self, Needs};
use crate::workload::Workload;
use account::Account;
use sweep::Sweep;

/// More calls than this are not a storm but a siege, and their eras are not all kept.
const MOST_CALLS: u64 = 1_000_000_000;
/// Threads that are there anyway: this one, Ctrl-C's, the bars', a reader.
const OTHERS: u64 = 8;
/// Descriptors that are open anyway, at most, and the record's.
const DESCRIPTORS: u64 = 32;
/// With less a call runs over the end of its stack, and that ends the process.
const LEAST_STACK_KIB: i64 = if cfg!(debug_assertions) { 64 } else { 16 };
/// Memory of a breaker that many threads call and none times, at most.
const BREAKER: u64 = 32 << 10;

/// The flags of `storm`.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Thread counts of the sweep, separated by commas; the storm that accounts for every call
    /// has the largest [default: 1, 2, 4, ... cores, then 64,256,1000,4000,10000; quick: to 1000]
    #[arg(long, value_name = "N,...", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub threads: Vec<u32>,

    /// Calls that each thread of the accounting makes, at least [default: 1000; quick: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_CALLS))]
    pub calls: Option<u64>,

    /// Cycles of closed, open, half-open and closed again, at least, in the accounting
    /// [default: 1000; quick: 100]
    #[arg(long, value_name = "N")]
    pub cycles: Option<u64>,

    /// Threads that read the breaker during the accounting [default: 150]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub readers: Option<u32>,

    /// How long each point of the sweep lasts, in ms [default: 200; tour: 20; quick: 5]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub point_ms: Option<u64>,

    /// How often the sweep is repeated, all of it each time [default: 5; tour: 3; quick: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub repetitions: Option<u32>,

    /// Workloads of the sweep, separated by commas: success, one_in_100_fails, half_fail,
    /// rejecting, flapping, half_open_herd, readers, many_breakers, policies [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub workloads: Vec<String>,

    /// Breakers of the workload many_breakers [default: 10000; tour: 1000; quick: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub breakers: Option<u32>,

    /// Keep each thread of the sweep on one core: those allowed, in turn
    #[arg(long)]
    pub pin: bool,

    /// Stack of each thread of the sweep, in KiB [default: 64; 256 if built without optimisation]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(LEAST_STACK_KIB..=1_048_576))]
    pub stack_kib: Option<u32>,

    /// The event log of the storm that accounts for every call.
    #[command(flatten)]
    pub log: LogTo,
}

/// Checks the flags against each other and against the system's limits.
///
/// # Errors
///
/// Too many calls in all, an unknown workload, or more threads, memory or descriptors than
/// the system allows.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    let by_size = |full, tour, quick| match size {
        Size::Full => full,
        Size::Tour => tour,
        Size::Quick => quick,
    };
    let workloads = sweep::workloads(&options.workloads)?;
    let cores = report::cores();
    let counts = match &options.threads[..] {
        [] => sweep::counts(size, cores),
        given => given.iter().map(|&count| count as usize).collect(),
    };
    let largest = counts.iter().copied().max().unwrap_or(1);
    let account = Account {
        threads: u32::try_from(largest).unwrap_or(u32::MAX),
        calls: options.calls.unwrap_or(by_size(1_000, 1_000, 200)),
        cycles: options.cycles.unwrap_or(by_size(1_000, 1_000, 100)),
        readers: options.readers.unwrap_or(150),
    };
    let all = account.calls.saturating_mul(largest as u64);
    if all > MOST_CALLS {
        return Err(Refusal(format!(
            "--threads {largest} --calls {}: {all} calls in all, at most {MOST_CALLS}",
            account.calls
        )));
    }
    let stack = options.stack_kib.map_or(pool::STACK, |kib| kib as usize * 1024);
    let breakers = options.breakers.unwrap_or(match size {
        Size::Full => 10_000,
        Size::Tour => 1_000,
        Size::Quick => 100,
    });
    if options.pin && pool::allowed_cores().is_empty() {
        return Err(Refusal("--pin: this system does not say which cores there are".to_owned()));
    }
    let sweep = Sweep {
        counts,
        workloads,
        point: Duration::from_millis(options.point_ms.unwrap_or(by_size(200, 20, 5))),
        repetitions: options.repetitions.unwrap_or(match size {
            Size::Full => 5,
            Size::Tour => 3,
            Size::Quick => 1,
        }),
        breakers: breakers as usize,
        pin: options.pin,
        stack,
        size,
    };
    let many = if sweep.workloads.contains(&Workload::ManyBreakers) { breakers.into() } else { 0 };
    // One storm after the other.
    let account_threads = largest as u64 + u64::from(account.readers);
    let needs = Needs {
        threads: account_threads.max(sweep.most_threads() as u64) + OTHERS,
        stack: stack.max(pool::STACK) as u64,
        memory: many * BREAKER,
        descriptors: DESCRIPTORS,
    };
    if let Some(why) = system::refusal(&needs) {
        // It is the breakers' memory, if that is more than the threads'.
        let flag = match needs.memory > needs.threads.saturating_mul(needs.stack) {
            true => format!("--breakers {breakers}"),
            false => format!("--threads {largest}"),
        };
        return Err(Refusal(format!("{flag}: {why}")));
    }
    let log = options.log.open("storm")?;
    Ok(Box::new(Storm { account, sweep, log }))
}

struct Storm {
    account: Account,
    sweep: Sweep,
    /// Of the storm that accounts for every call.
    log: EventLog,
}

impl Program for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let mut seen = Seen::default();
        let mut section = self.account.run(ctx, &self.log, &mut seen)?;
        self.log.finish(&mut section, &seen);
        let stalled = |check: &crate::program::Check| {
            check.name == "keeps_moving" && check.verdict == Verdict::Broken
        };
        // Threads that are stuck may hold on to what the sweep would need.
        if section.partial || section.checks.iter().any(stalled) {
            return Ok(section);
        }
        let sweep = self.sweep.run(ctx)?;
        section.partial |= sweep.partial;
        section.checks.extend(sweep.checks);
        section.measures.extend(sweep.measures);
        section.tables.extend(sweep.tables);
        if let Some(figures) = section.figures.as_object_mut() {
            figures.insert("sweep".to_owned(), sweep.figures);
        }
        Ok(section)
    }
}

#[cfg(test)]
mod tests;
