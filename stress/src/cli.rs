//! The command line: what is asked for, and what the exit status says.
//!
//! Status 0: every check held. 1: a check broke, or a program could not go on. 2: bad
//! flags, a bad trace, a directory that cannot be written; nothing was run and nothing
//! is left behind. 130: Ctrl-C; what was measured is kept and marked partial.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{Args, Command, FromArgMatches, Parser, Subcommand};

use crate::program::{Check, Context, Failure, Program, Refusal, Section, Size, Stop, Verdict};
use crate::record::{Part, Place, Record};
use crate::{
    compare, contend, glance, index, log, memory, merge, pictures, print, profile, recovery,
    replay, report, sample, soak, storm,
};

const INTERRUPTED: u8 = 130;

/// Drives an ampacity breaker hard and checks what it did.
///
/// Without a subcommand it runs the tour: a smaller plan of replay, glance, storm, contend,
/// memory and recovery, which ends within two minutes on two cores.
#[derive(Debug, Parser)]
#[command(name = "stress", version)]
struct Line {
    #[command(subcommand)]
    program: Option<Which>,

    /// Write the record to DIR instead of a new directory under results/local; a report or
    /// pictures to here
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of all random choices
    #[arg(long, global = true, value_name = "N", default_value_t = sample::SEED)]
    seed: u64,

    /// Do as little as shows that it works: a few seconds
    #[arg(long, global = true)]
    quick: bool,

    /// Print the record to stdout, not the tables
    #[arg(long, global = true)]
    json: bool,

    /// Show no progress bars
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Replay a trace of arrivals against a model server in trouble, with and without a breaker,
    /// and against a provider that mostly says 429 and 400
    Replay(replay::Options),
    /// Put 10,000 threads on one breaker and account for every call, and for every window under
    /// each policy; then every workload from 1 thread to 10,000, beside the breakers that one
    /// writes first
    Storm(storm::Options),
    /// Time a call under each policy, against an empty call, the least work there is, and two
    /// mutex breakers
    Glance(glance::Options),
    /// Time an event of the log, against tracing-subscriber's JSON layer, and account for every
    /// record of 10,000 threads
    Log(log::Options),
    /// Look for contention: locked instructions and shared writes of each call, swaps of the word
    /// by site, and the same workloads on two mutex breakers and one of a single atomic
    Contend(contend::Options),
    /// Play what goes wrong with a dependency, on the manual clock and for real, and check what a
    /// breaker makes of it
    Recovery(recovery::Options),
    /// Say which figures of two runs moved beyond their noise; status 1 if one got worse
    Compare(compare::Options),
    /// Put runs of several hosts together: histograms added, each host's figures its own
    Merge(merge::Options),
    /// Count the bytes of a breaker and of a thread, and see that neither grows
    Memory(memory::Options),
    /// Keep a load up for hours, with a look at everything once a minute
    Soak(soak::Options),
    /// Show where the time and the memory of a workload go, and what to do about it
    Profile(profile::Options),
    /// Draw one run, or several side by side, as a page: report.html
    Report(report::Options),
    /// Draw a run's pictures for the README, each as an SVG file of its own
    Pictures(pictures::Options),
    /// Print a trace like the one that ships with the project
    #[command(hide = true)]
    Sample,
    /// Write the index of the committed runs, results/README.md
    #[command(hide = true)]
    Index,
    /// Make the calls whose instructions glance counts
    #[command(hide = true)]
    CountCalls,
    /// Play one scenario of recovery in this process
    #[command(hide = true)]
    PlayAlone(recovery::alone::Options),
    /// Measure what `memory` shows
    #[command(hide = true)]
    MeasureMemory {
        /// How much of it, in JSON
        plan: String,
    },
    /// Make the calls that contend follows
    #[command(hide = true)]
    TraceCalls {
        /// Which kinds
        extent: contend::Extent,
    },
}

/// Runs the command line `args`, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let line = match Line::try_parse_from(&args) {
        Ok(line) => line,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            print::out(&error.to_string());
            return printed(0);
        }
        Err(error) => return refuse(&one_line(&error)),
    };
    match run(line, &args) {
        Ok(status) => printed(status),
        Err(Refusal(why)) => refuse(&format!("error: {why}")),
    }
}

/// The exit status `status`, unless it says that all is well and nobody could read it.
fn printed(status: u8) -> ExitCode {
    let Some(why) = print::lost() else { return ExitCode::from(status) };
    print::err(&format!("error: stdout: not written: {why}"));
    ExitCode::from(status.max(1))
}

/// What is wrong with a command line, the program's name first, without running it.
///
/// # Errors
///
/// It would be refused, in one line.
pub fn check<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    Line::try_parse_from(args).map(drop).map_err(|error| one_line(&error))
}

fn refuse(line: &str) -> ExitCode {
    print::err(line);
    ExitCode::from(2)
}

/// What clap says over several lines, in one: the fault and the tips, without the usage.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    said.join("; ")
}

fn run(line: Line, args: &[OsString]) -> Result<u8, Refusal> {
    let size = match (line.quick, &line.program) {
        (true, _) => Size::Quick,
        (false, Some(_)) => Size::Full,
        (false, None) => Size::Tour,
    };
    let (what, programs) = match line.program {
        Some(Which::Replay(options)) => ("replay", vec![replay::prepare(options, size)?]),
        Some(Which::Storm(options)) => ("storm", vec![storm::prepare(options, size)?]),
        Some(Which::Glance(options)) => ("glance", vec![glance::prepare(options, size)?]),
        Some(Which::Log(options)) => ("log", vec![log::prepare(options, size)?]),
        Some(Which::Contend(options)) => ("contend", vec![contend::prepare(options, size)?]),
        Some(Which::Recovery(options)) if options.list => {
            print::out(&recovery::list());
            return Ok(0);
        }
        Some(Which::Recovery(options)) => ("recovery", vec![recovery::prepare(options, size)?]),
        Some(Which::Compare(options)) => {
            return compare::run(&options, line.json).map(u8::from);
        }
        Some(Which::Merge(options)) => {
            let merged = merge::run(&options)?;
            return Ok(keep(Place::reserve(line.out.as_deref(), "merged")?, &merged, line.json));
        }
        Some(Which::Memory(options)) => ("memory", vec![memory::prepare(options, size)?]),
        Some(Which::Soak(options)) => ("soak", vec![soak::prepare(options, size)?]),
        Some(Which::Profile(options)) => ("profile", vec![profile::prepare(options, size)?]),
        Some(Which::MeasureMemory { plan }) => {
            return memory::measure(&plan).map(|()| 0).map_err(|Failure(why)| Refusal(why));
        }
        Some(Which::Report(options)) => {
            let path = report::write(&options, line.out.as_deref())?;
            print::out(&format!("report: {}\n", path.display()));
            return Ok(0);
        }
        Some(Which::Pictures(options)) => {
            for path in pictures::write(&options, line.out.as_deref())? {
                print::out(&format!("picture: {}\n", path.display()));
            }
            return Ok(0);
        }
        Some(Which::Sample) => {
            print::out(&sample::generate(line.seed));
            return Ok(0);
        }
        Some(Which::Index) => {
            index::write(Path::new("results"))?;
            return Ok(0);
        }
        Some(Which::CountCalls) => {
            return glance::count_calls().map(|()| 0).map_err(|Failure(why)| Refusal(why));
        }
        Some(Which::PlayAlone(options)) => {
            let played = recovery::alone::perform(&options).map_err(|Failure(why)| Refusal(why))?;
            print::out(&played);
            return Ok(0);
        }
        Some(Which::TraceCalls { extent }) => {
            return contend::trace_calls(extent).map(|()| 0).map_err(|Failure(why)| Refusal(why));
        }
        None => ("tour", tour(size)?),
    };
    let place = Place::reserve(line.out.as_deref(), what)?;
    let stop = Stop::default();
    listen(&stop)?;
    let context = if line.quiet { Context::quiet } else { Context::new };
    let ctx = context(line.seed, stop, place.dir());

    let mut record = Record::begin(args, line.seed, size);
    let start = Instant::now();
    for program in &programs {
        if ctx.stop.requested() {
            record.partial = true;
            break;
        }
        let part = perform(program.as_ref(), &ctx);
        record.partial |= part.section.partial;
        record.programs.push(part);
    }
    record.wall_s = start.elapsed().as_secs_f64();

    Ok(keep(place, &record, line.json))
}

/// Prints and writes `record`; the exit status.
fn keep(place: Place, record: &Record, as_json: bool) -> u8 {
    if as_json {
        print::json(record);
    } else {
        print::run(record);
    }
    match place.keep(record) {
        Ok(path) if as_json => print::err(&format!("record: {}", path.display())),
        Ok(path) => print::out(&format!("\nrecord: {}\n", path.display())),
        Err(Failure(why)) => {
            print::err(&format!("error: {why}"));
            return 1;
        }
    }
    status(record)
}

fn tour(size: Size) -> Result<Vec<Box<dyn Program>>, Refusal> {
    Ok(vec![
        replay::prepare(defaults()?, size)?,
        glance::prepare(defaults()?, size)?,
        storm::prepare(defaults()?, size)?,
        contend::prepare(defaults()?, size)?,
        memory::prepare(defaults()?, size)?,
        recovery::prepare(defaults()?, size)?,
    ])
}

/// A program's options as they are when no flag is given.
fn defaults<T: Args + FromArgMatches>() -> Result<T, Refusal> {
    T::augment_args(Command::new("stress"))
        .try_get_matches_from(["stress"])
        .and_then(|matches| T::from_arg_matches(&matches))
        .map_err(|error| Refusal(one_line(&error)))
}

/// The first Ctrl-C asks, the second ends the process where it stands.
fn listen(stop: &Stop) -> Result<(), Refusal> {
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if stop.requested() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.request();
    })
    .map_err(|error| Refusal(format!("cannot listen for Ctrl-C: {error}")))
}

fn perform(program: &dyn Program, ctx: &Context) -> Part {
    let start = Instant::now();
    let section = program.run(ctx).unwrap_or_else(|Failure(why)| Section {
        checks: vec![Check::judged("ran_to_its_end", false, why)],
        ..Section::default()
    });
    let wall_s = start.elapsed().as_secs_f64();
    Part { name: program.name().to_owned(), wall_s, section: section.recordable() }
}

fn status(record: &Record) -> u8 {
    let broken = record
        .programs
        .iter()
        .flat_map(|part| &part.section.checks)
        .any(|check| matches!(check.verdict, Verdict::Broken | Verdict::NotReached));
    match (broken, record.partial) {
        (true, _) => 1,
        (false, true) => INTERRUPTED,
        (false, false) => 0,
    }
}
