//! Plants each bug of `src/planted.rs` in turn and fails if a model misses it.
//!
//! Builds the models once for each tool, runs the tests of its table in
//! [`loom_tests::invariants`] without a bug (they must pass), then each with its bug (it must fail, by an
//! assertion of its own).

use loom_tests::invariants::{
    CANARIES, ELSEWHERE, INVARIANTS, LOOM_ONLY, LOOM_ONLY_BUGS, SHUTTLE_ONLY,
};
use model_runs::{End, Models, Tool, is_there};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{fs, io};

/// The list of bugs itself, so that none can be planted without a model.
const PLANTED: &str = include_str!("../../../src/planted.rs");

/// Far more than any test needs; a bug that makes a model explode is not caught.
const LIMIT: Duration = Duration::from_secs(120);
/// All the tests in a row, without a bug.
const LIMIT_OF_ALL: Duration = Duration::from_secs(480);

fn main() -> ExitCode {
    let began = Instant::now();
    // For who has just run the models: without a bug they pass.
    let planted_only = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--planted-only" => true,
        _ => {
            eprintln!("usage: canaries [--planted-only]");
            return ExitCode::from(2);
        }
    };
    let mut complaints = unknown_or_forgotten();
    complaints.extend(without_a_canary());
    if !complaints.is_empty() {
        return told(&complaints);
    }
    let mut rows = Vec::new();
    for tool in [Tool::Loom, Tool::Shuttle] {
        let models = match Models::build(tool, &workspace(), &workspace()) {
            Ok(models) => models,
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        };
        println!("{tool}: built after {:.0?}", began.elapsed());
        if !planted_only {
            complaints.extend(unsound(tool, &models));
        }
        run_all(tool, &models, &mut rows, &mut complaints);
    }
    rows.sort();
    println!("{:<17} {:>3}  {:<8}{:<9}{:>6}  test: what it said", "canary", "inv", "tool", "", "s");
    for (invariant, bug, tool, caught, seconds, said) in &rows {
        let caught = if *caught { "caught" } else { "SURVIVED" };
        println!("{bug:<17} {invariant:>3}  {tool:<8}{caught:<9}{seconds:>6}  {said}");
    }
    let canaries = CANARIES.len();
    let elsewhere = ELSEWHERE.len();
    println!(
        "{canaries} canaries and {elsewhere} elsewhere, {} runs, {:.0?}",
        rows.len(),
        began.elapsed()
    );
    told(&complaints)
}

fn told(complaints: &[String]) -> ExitCode {
    complaints.iter().for_each(|complaint| println!("FAILED: {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Row = (u32, &'static str, Tool, bool, String, String);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Bugs without a canary or without a place in the library, and canaries without a bug.
fn unknown_or_forgotten() -> Vec<String> {
    let listed: BTreeSet<&str> = PLANTED
        .lines()
        .skip_while(|line| !line.contains("enum Bug"))
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','))
        .collect();
    let known: BTreeSet<&str> = CANARIES.iter().map(|canary| canary.1).collect();
    let mut sources = String::new();
    if let Err(error) = read_all(&workspace().join("src"), &mut sources) {
        return vec![format!("the library's source cannot be read: {error}")];
    }
    let planted: BTreeSet<&str> = sources
        .split("Bug::")
        .skip(1)
        .filter_map(|after| after.split(|c: char| !c.is_alphanumeric()).next())
        .collect();
    let forgotten = listed.difference(&known).map(|bug| format!("{bug} has no canary"));
    let unknown = known.difference(&listed).map(|bug| format!("{bug} is no bug of the list"));
    let nowhere = listed.difference(&planted).map(|bug| format!("{bug} is planted nowhere"));
    forgotten.chain(unknown).chain(nowhere).collect()
}

fn read_all(directory: &Path, sources: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path, sources)?;
        } else {
            *sources += &fs::read_to_string(&path)?;
        }
    }
    Ok(())
}

/// Invariants that no canary is about, and canaries whose tests are not there.
fn without_a_canary() -> Vec<String> {
    let ours = CANARIES.iter().map(|canary| canary.0);
    let known: BTreeSet<u32> = ours.chain(ELSEWHERE.iter().map(|canary| canary.0)).collect();
    let forgotten = INVARIANTS.iter().filter(|(number, _)| !known.contains(number));
    let forgotten =
        forgotten.map(|(number, says)| format!("invariant {number}, {says}, has no canary"));
    let gone = CANARIES.iter().filter(|(_, _, test)| !is_there(&workspace(), test));
    let gone = gone.map(|(_, bug, test)| format!("the canary of {bug}, {test}, is no test"));
    let is_in = |file: &str, test: &str| {
        let source = fs::read_to_string(workspace().join(file)).unwrap_or_default();
        source.contains(&format!("fn {test}("))
    };
    let gone_elsewhere = ELSEWHERE.iter().filter(|(_, file, test)| !is_in(file, test));
    let gone_elsewhere = gone_elsewhere.map(|(number, file, test)| {
        format!("the canary of invariant {number}, {test}, is not in {file}")
    });
    forgotten.chain(gone).chain(gone_elsewhere).collect()
}

/// The canaries that a tool can run.
fn canaries_of(tool: Tool) -> Vec<&'static (u32, &'static str, &'static str)> {
    let explores = |bug: &str, test: &str| match tool {
        Tool::Shuttle => {
            !LOOM_ONLY_BUGS.contains(&bug)
                && !LOOM_ONLY.iter().any(|module| test.starts_with(module))
        }
        Tool::Loom => !SHUTTLE_ONLY.iter().any(|module| test.starts_with(module)),
    };
    CANARIES.iter().filter(|(_, bug, test)| explores(bug, test)).collect()
}

/// What the tests of all canaries say without a bug, if they do not pass.
fn unsound(tool: Tool, models: &Models) -> Option<String> {
    let tests: BTreeSet<&str> = canaries_of(tool).iter().map(|canary| canary.2).collect();
    match models.run(&tests.into_iter().collect::<Vec<_>>(), LIMIT_OF_ALL, |_| ()).0 {
        End::Passed => None,
        end => Some(format!("{tool}, no bug planted: {end:?}")),
    }
}

/// Plants each bug in turn.
fn run_all(tool: Tool, models: &Models, rows: &mut Vec<Row>, complaints: &mut Vec<String>) {
    let mut canaries = canaries_of(tool);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let todo = Mutex::new(&mut canaries);
    let done = Mutex::new((rows, complaints));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().expect("nobody panics").pop();
                    let Some(&(invariant, bug, test)) = next else {
                        return;
                    };
                    let (end, took) = models.run(&[test], LIMIT, |command| {
                        command.env("AMPACITY_CANARY", bug);
                    });
                    // An assertion of ours, and neither a crash nor a search that gave up.
                    let (caught, said) = match end {
                        End::Asserted(said) => (true, said),
                        end => (false, format!("{end:?}")),
                    };
                    let seconds = format!("{:.1}", took.as_secs_f64());
                    let (rows, complaints) = &mut *done.lock().expect("nobody panics");
                    if !caught {
                        complaints.push(format!("{bug} survives {test} under {tool}: {said}"));
                    }
                    rows.push((invariant, bug, tool, caught, seconds, format!("{test}: {said}")));
                }
            });
        }
    });
}
