//! Plants each bug of `src/planted.rs` in turn and fails if a model misses it.
//!
//! Builds the models once for each tool, runs the tests of its table in
//! [`loom_tests::invariants`] without a bug (they must pass), then each with its bug (it must fail, by an
//! assertion of its own).

use loom_tests::invariants::{
    CANARIES, ELSEWHERE, INVARIANTS, LOOM_ONLY, LOOM_ONLY_BUGS, SHUTTLE_ONLY,
};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LOOM: &str = "loom";
const SHUTTLE: &str = "shuttle";

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
    let mut rows = Vec::new();
    for tool in [LOOM, SHUTTLE] {
        let models = match build(tool) {
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
    for complaint in &complaints {
        println!("FAILED: {complaint}");
    }
    let canaries = CANARIES.len();
    let elsewhere = ELSEWHERE.len();
    println!(
        "{canaries} canaries and {elsewhere} elsewhere, {} runs, {:.0?}",
        rows.len(),
        began.elapsed()
    );
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Row = (u32, &'static str, &'static str, bool, String, String);

/// Bugs without a canary, and canaries without a bug.
fn unknown_or_forgotten() -> Vec<String> {
    let planted: BTreeSet<&str> = PLANTED
        .lines()
        .skip_while(|line| !line.contains("enum Bug"))
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','))
        .collect();
    let known: BTreeSet<&str> = CANARIES.iter().map(|canary| canary.1).collect();
    let forgotten = planted.difference(&known);
    let unknown = known.difference(&planted);
    forgotten
        .map(|bug| format!("{bug} has no canary"))
        .chain(unknown.map(|bug| format!("{bug} is not planted anywhere")))
        .collect()
}

/// Invariants that no canary is about, and canaries elsewhere that are not there.
fn without_a_canary() -> Vec<String> {
    let known: BTreeSet<u32> = CANARIES
        .iter()
        .map(|canary| canary.0)
        .chain(ELSEWHERE.iter().map(|canary| canary.0))
        .collect();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let is_there = |file: &str, test: &str| {
        let source = std::fs::read_to_string(workspace.join(file)).unwrap_or_default();
        source.contains(&format!("fn {test}("))
    };
    let forgotten = INVARIANTS.iter().filter(|(number, _)| !known.contains(number));
    let gone = ELSEWHERE.iter().filter(|(_, file, test)| !is_there(file, test));
    forgotten
        .map(|(number, says)| format!("invariant {number}, {says}, has no canary"))
        .chain(gone.map(|(number, file, test)| {
            format!("the canary of invariant {number}, {test}, is not in {file}")
        }))
        .collect()
}

/// Builds the models with one tool and says where they are.
fn build(tool: &str) -> Result<String, String> {
    let mut flags = format!("--cfg ampacity_{tool}");
    if tool == LOOM {
        flags += " --cfg crossbeam_loom"; // as the gate does, which builds the same files
    }
    let output = Command::new(env!("CARGO"))
        .args(["test", "--profile", "model", "-p", "loom-tests", "--test", "models"])
        .args(["--no-run", "--locked", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", format!("../target-{tool}"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout);
    // One message a line. This program is built along with the tests and must not
    // be taken for them: it would start itself.
    let models = told
        .lines()
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
        .map(|(path, _)| path)
        .find(|path| path.contains("models-"));
    match models {
        Some(path) if output.status.success() => Ok(path.to_owned()),
        _ => Err(format!("the models do not build for {tool}")),
    }
}

/// The canaries that a tool can run.
fn canaries_of(tool: &str) -> Vec<&'static (u32, &'static str, &'static str)> {
    let explores = |bug: &str, test: &str| match tool {
        SHUTTLE => {
            !LOOM_ONLY_BUGS.contains(&bug)
                && !LOOM_ONLY.iter().any(|module| test.starts_with(module))
        }
        _ => !SHUTTLE_ONLY.iter().any(|module| test.starts_with(module)),
    };
    CANARIES.iter().filter(|(_, bug, test)| explores(bug, test)).collect()
}

/// What the tests of all canaries say without a bug, if they do not pass.
fn unsound(tool: &str, models: &str) -> Option<String> {
    let tests: BTreeSet<&str> = canaries_of(tool).iter().map(|canary| canary.2).collect();
    match run(models, &tests.into_iter().collect::<Vec<_>>(), None) {
        Some(output) if output.status.success() => None,
        Some(output) => Some(format!("{tool}, no bug planted: {}", said(&output))),
        None => Some(format!("{tool}, no bug planted: not done in {LIMIT_OF_ALL:?}")),
    }
}

/// Plants each bug in turn.
fn run_all(tool: &'static str, models: &str, rows: &mut Vec<Row>, complaints: &mut Vec<String>) {
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
                    let began = Instant::now();
                    let (caught, said) = judge(run(models, &[test], Some(bug)));
                    let seconds = format!("{:.1}", began.elapsed().as_secs_f64());
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

/// Runs some tests; `None` if they take too long.
fn run(models: &str, tests: &[&str], bug: Option<&str>) -> Option<Output> {
    let mut command = Command::new(models);
    command.arg("--exact").args(tests);
    command.env_remove("AMPACITY_CANARY").env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(bug) = bug {
        command.env("AMPACITY_CANARY", bug);
    }
    let mut child = command.spawn().expect("the models were just built");
    // Read as it comes: the schedule of a thousand threads does not fit a pipe.
    let stdout = read_on(child.stdout.take());
    let stderr = read_on(child.stderr.take());
    let limit = if bug.is_some() { LIMIT } else { LIMIT_OF_ALL };
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        if began.elapsed() > limit {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |said: JoinHandle<Vec<u8>>| said.join().expect("reading does not panic");
    Some(Output { status, stdout: read(stdout), stderr: read(stderr) })
}

fn read_on(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read is missed where the words of a test are looked for.
        pipe.map(|mut pipe| pipe.read_to_end(&mut said));
        said
    })
}

/// Whether a model with a bug in it said what was violated.
fn judge(output: Option<Output>) -> (bool, String) {
    let Some(output) = output else {
        return (false, format!("not done in {LIMIT:?}"));
    };
    let said = said(&output);
    // An assertion of ours, and neither a model that gave up nor a case not met.
    let ours = said.contains("loom-tests/") && !said.contains("never met its case");
    (!output.status.success() && ours, said)
}

/// The first panic's place and words.
fn said(output: &Output) -> String {
    let all = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let mut lines = all.lines().skip_while(|line| !line.contains("panicked at"));
    let Some((_, place)) = lines.next().and_then(|line| line.split_once("panicked at ")) else {
        return "no panic".to_owned();
    };
    let words: Vec<&str> = lines
        .take_while(|line| !line.starts_with("note:") && !line.is_empty())
        .take(3)
        .map(str::trim)
        .collect();
    format!("{place} {}", words.join(", "))
}
