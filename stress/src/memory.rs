//! `memory`: bytes a breaker, bytes a thread, and that neither grows.
//!
//! All of it is measured in a process of its own, which runs nothing else: what a program
//! before this one left behind, or a progress bar needs, is not in its figures, and the
//! heap is counted to the byte. Sizes are exact and the same on every run of one build;
//! what the system holds in memory is not, and its rules have a margin.

mod child;
mod crowd;
mod heap_profile;
mod parent;
mod report;
mod said;
mod sizes;
mod threads;
mod waves;

use clap::Args;

use crate::program::{Context, Failure, Program, Refusal, Section, Size};
use crate::record::put;
use crate::system::{self, Needs};
use said::Plan;

/// The hidden subcommand that measures.
const SUBCOMMAND: &str = "measure-memory";
/// What dhat calls it by default, so that it is known for what it is.
const PROFILE: &str = "dhat-heap.json";

/// What an idle breaker with settings of its own takes, the allocator's share included.
const EACH_BREAKER: u64 = 1_200;
/// Threads that call a breaker of each kind; where fewer can have counters of their own.
const CROWD: u64 = 200;

/// The flags of `memory`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Threads on one breaker, all alive at once
    /// [default: 10000; with --quick 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub threads: Option<u32>,

    /// Breakers that nobody calls, all there at once
    /// [default: 1000000; in the tour 100000; with --quick 10000]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub breakers: Option<u64>,

    /// Waves of threads that come and go, of each of two kinds
    /// [default: 20; in the tour 8; with --quick 6]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u32).range(waves::FEWEST as i64..=100_000))]
    pub waves: Option<u32>,

    /// Threads of a wave
    /// [default: 1000; in the tour 300; with --quick 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub wave_threads: Option<u32>,

    /// Stack of each thread in KiB
    #[arg(long, value_name = "KIB", default_value_t = STACK_KIB,
          value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub stack_kib: u32,

    /// Leave a profile of the heap beside the record, for dhat's viewer; needs a build with
    /// the feature heap-profile
    #[arg(long)]
    pub profile: bool,
}

/// Frames are larger without optimisation.
const STACK_KIB: u32 = if cfg!(debug_assertions) { 256 } else { 64 };

/// Checks the flags against the system's limits.
///
/// # Errors
///
/// More threads or memory than the system allows; a profile that this build cannot make.
pub fn prepare(options: Options, size: Size) -> Result<Box<dyn Program>, Refusal> {
    if options.profile
        && let Some(refusal) = heap_profile::refusal()
    {
        return Err(refusal);
    }
    let plan = plan(&options, size);
    for (what, threads) in [
        ("--threads", plan.threads),
        ("--wave-threads", plan.wave_threads),
        ("threads that call a breaker of each kind:", plan.crowd),
    ] {
        let needs = Needs {
            threads: threads.into(),
            stack: u64::from(plan.stack_kib) << 10,
            ..Needs::default()
        };
        if let Some(why) = system::refusal(&needs) {
            return Err(Refusal(format!("{what} {threads}: {why}")));
        }
    }
    let breakers = plan.breakers;
    let needs = Needs { memory: breakers.saturating_mul(EACH_BREAKER), ..Needs::default() };
    if let Some(why) = system::refusal(&needs) {
        return Err(Refusal(format!("--breakers {breakers}: {why}")));
    }
    Ok(Box::new(Memory { plan, profile: options.profile }))
}

fn plan(options: &Options, size: Size) -> Plan {
    let (threads, breakers, waves, wave_threads) = match size {
        Size::Full => (10_000, 1_000_000, 20, 1_000),
        Size::Tour => (10_000, 100_000, 8, 300),
        Size::Quick => (500, 10_000, 6, 50),
    };
    // More than can have counters of their own, on any machine.
    let owners = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    Plan {
        threads: options.threads.unwrap_or(threads),
        breakers: options.breakers.unwrap_or(breakers),
        waves: options.waves.unwrap_or(waves),
        wave_threads: options.wave_threads.unwrap_or(wave_threads),
        crowd: u32::try_from(owners).unwrap_or(u32::MAX).saturating_add(72).max(CROWD as u32),
        stack_kib: options.stack_kib,
        profile: false,
    }
}

/// Measures, and tells stdout: what the hidden subcommand does.
///
/// # Errors
///
/// The plan is none, or nobody listens.
pub fn measure(plan: &str) -> Result<(), Failure> {
    let plan = serde_json::from_str(plan)
        .map_err(|error| Failure(format!("{SUBCOMMAND}: not a plan: {error}")))?;
    child::measure(&plan, std::io::stdout().lock())
}

struct Memory {
    plan: Plan,
    profile: bool,
}

impl Program for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn run(&self, ctx: &Context) -> Result<Section, Failure> {
        let path = ctx.dir.join(PROFILE);
        if self.profile && path.symlink_metadata().is_ok() {
            let path = path.display();
            return Err(Failure(format!("{path}: is there already, and is not written over")));
        }
        let mut heard = parent::hear(&self.plan, ctx)?;
        if self.profile && !heard.partial {
            let plan = Plan { profile: true, ..self.plan.clone() };
            let profiled = parent::hear(&plan, ctx)?;
            heard.partial = profiled.partial;
            if let Some(profile) = profiled.profile {
                put(&path, profile.as_bytes())?;
                heard.profile = Some(profile);
            }
        }
        Ok(report::section(&self.plan, heard, self.profile.then_some(PROFILE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            threads: None,
            breakers: None,
            waves: None,
            wave_threads: None,
            stack_kib: STACK_KIB,
            profile: false,
        }
    }

    #[test]
    fn what_was_asked_for_goes_before_what_the_size_says() {
        let asked = Options { breakers: Some(7), ..options() };
        for size in [Size::Full, Size::Tour, Size::Quick] {
            assert_eq!(plan(&asked, size).breakers, 7);
        }
        assert_eq!(plan(&options(), Size::Full).breakers, 1_000_000);
        assert_eq!(plan(&options(), Size::Tour).breakers, 100_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_no_machine_has_room_for_is_refused_with_its_flag() {
        let refused = |options| prepare(options, Size::Quick).map(drop).unwrap_err().0;
        let why = refused(Options { breakers: Some(u64::MAX), ..options() });
        assert!(why.starts_with("--breakers 18446744073709551615: needs about"), "{why}");
        let why = refused(Options { threads: Some(u32::MAX), ..options() });
        assert!(why.starts_with("--threads 4294967295: needs about"), "{why}");
        let why = refused(Options { wave_threads: Some(u32::MAX), ..options() });
        assert!(why.starts_with("--wave-threads 4294967295: needs about"), "{why}");
    }

    #[cfg(not(feature = "heap-profile"))]
    #[test]
    fn a_build_that_cannot_profile_says_which_can() {
        let asked = Options { profile: true, ..options() };
        let Refusal(why) = prepare(asked, Size::Quick).map(drop).unwrap_err();
        assert!(why.contains("--features heap-profile -- memory --profile"), "{why}");
    }
}
