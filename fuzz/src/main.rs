//! Drives the fuzz targets with a stable compiler: the committed inputs, then some that are
//! made of them and of chance.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, io};

use ampacity_fuzz::{TARGETS, Target};
use fastrand::Rng;
use lexopt::prelude::*;

mod mutate;

const USAGE: &str = "\
usage: ampacity-fuzz [--runs N | --seconds N] [--seed N] [TARGET [FILE...]]

  TARGET       one of them; by default all
  FILE         inputs to run, and no others
  --runs N     generated inputs for each target (default 1000)
  --seconds N  for each target, as many as can be run within that time
  --seed N     what they are generated from (default 0)
  --list       the names of the targets";

type Error = Box<dyn std::error::Error>;

struct Arguments {
    runs: u64,
    time: Option<Duration>,
    seed: u64,
    target: Option<String>,
    files: Vec<OsString>,
    list: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Whether every input did well.
fn run() -> Result<bool, Error> {
    let Some(arguments) = Arguments::parse()? else {
        println!("{USAGE}");
        return Ok(true);
    };
    if arguments.list {
        TARGETS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(true);
    }
    let wanted = |name: &str| arguments.target.as_deref().is_none_or(|target| target == name);
    if !TARGETS.iter().any(|(name, _)| wanted(name)) {
        return Err("there is no such target".into());
    }
    for (name, target) in TARGETS.iter().filter(|(name, _)| wanted(name)) {
        if !drive(name, *target, &arguments)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Arguments {
    /// Nothing where help is wanted.
    fn parse() -> Result<Option<Self>, lexopt::Error> {
        let mut arguments = Arguments {
            runs: 1000,
            time: None,
            seed: 0,
            target: None,
            files: Vec::new(),
            list: false,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("runs") => arguments.runs = parser.value()?.parse()?,
                Long("seconds") => {
                    arguments.time = Some(Duration::from_secs(parser.value()?.parse()?));
                }
                Long("list") => arguments.list = true,
                Long("seed") => arguments.seed = parser.value()?.parse()?,
                Short('h') | Long("help") => return Ok(None),
                Value(target) if arguments.target.is_none() => {
                    arguments.target = Some(target.string()?);
                }
                Value(file) => arguments.files.push(file),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(arguments))
    }
}

/// Runs one target; whether all went well.
fn drive(name: &str, target: Target, arguments: &Arguments) -> Result<bool, Error> {
    let start = Instant::now();
    let files = match &arguments.files[..] {
        [] => files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name))?,
        files => files.iter().map(PathBuf::from).collect(),
    };
    // One that is asked for is kept already.
    let kept = arguments.files.is_empty().then(|| Kept::new(name)).transpose()?;
    let note = |bytes: &[u8]| kept.as_ref().map_or(Ok(()), |kept| kept.note(bytes));
    let mut seeds = Vec::new();
    for file in &files {
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        note(&bytes)?;
        if !holds(target, &bytes) {
            eprintln!("{name} fails on {}", file.display());
            return Ok(false);
        }
        seeds.push(bytes);
    }
    let mut runs = 0;
    let more = |runs| match arguments.time {
        _ if !arguments.files.is_empty() => false,
        Some(time) => start.elapsed() < time,
        None => runs < arguments.runs,
    };
    while more(runs) {
        // Each of its own seed, so that none depends on those before it.
        let mut random = Rng::with_seed(arguments.seed.wrapping_add(runs));
        runs += 1;
        let bytes = mutate::input(&mut random, &seeds);
        note(&bytes)?;
        if !holds(target, &bytes) {
            let file = keep(name, &bytes)?;
            eprintln!("{name} fails on {}", file.display());
            return Ok(false);
        }
    }
    let (known, took) = (files.len(), start.elapsed().as_secs_f64());
    println!("{name}: {known} known inputs and {runs} generated ones passed, {took:.1} s");
    Ok(true)
}

fn holds(target: Target, bytes: &[u8]) -> bool {
    // Nothing is used any more that a panic may have left half done.
    catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok()
}

/// In the order of their names, so that a run can be repeated.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let files: io::Result<Vec<_>> = fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect();
    let mut files = files?;
    files.sort();
    Ok(files)
}

/// Where cargo-fuzz keeps its own.
fn artifacts(name: &str) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn keep(name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let file = artifacts(name)?.join("failed");
    fs::write(&file, bytes)?;
    Ok(file)
}

/// The file of the input that is being run. A panic is caught, but one that aborts, overflows
/// the stack or never ends leaves nothing else behind.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str) -> io::Result<Self> {
        let file = artifacts(name)?.join(format!("running-{}", std::process::id()));
        Ok(Self(file))
    }

    fn note(&self, bytes: &[u8]) -> io::Result<()> {
        fs::write(&self.0, bytes)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
