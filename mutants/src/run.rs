//! Runs `cargo mutants` over a few mutants at a time, in a tree of their own.

use crate::mutant::Mutant;
use crate::verdicts::Fate;
use serde::Deserialize;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Which tests a mutant is given to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tests {
    /// Those in the library, with few cases for each property.
    Unit,
    /// Those of the public face and of the contract as well, with all cases.
    All,
}

impl Tests {
    fn args(self) -> &'static [&'static str] {
        match self {
            Self::Unit => &["--lib"],
            Self::All => &["--lib", "--test=public", "--test=conformance"],
        }
    }

    /// Seconds after which a mutant has made something hang: ten times what the tests take
    /// on two slow cores.
    fn limit(self) -> &'static str {
        match self {
            Self::Unit => "40",
            Self::All => "240",
        }
    }
}

/// Every mutant of one file.
pub(crate) fn list(tree: &Path, file: &str) -> Result<Vec<Mutant>, Box<dyn Error>> {
    let out = cargo_mutants(tree)
        .args(["--list", "--json", "--file", file])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()?;
    if !out.status.success() {
        return Err("cargo mutants cannot list: is it installed?".into());
    }
    let mut mutants: Vec<Mutant> = serde_json::from_slice(&out.stdout)?;
    if mutants.is_empty() {
        return Err(format!("{file} has no mutants: is it a file of the library?").into());
    }
    let text = fs::read_to_string(tree.join(file))?;
    for mutant in &mut mutants {
        mutant.find_line(&text);
    }
    Ok(mutants)
}

#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: String,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

/// What became of each of `batch`, which are of the one `file` that has `all` of these.
pub(crate) fn run(
    tree: &Path,
    out: &Path,
    tests: Tests,
    file: &str,
    all: &[Mutant],
    batch: &[Mutant],
) -> Result<Vec<(Mutant, Fate)>, Box<dyn Error>> {
    // Told that all others were caught, it runs these. (A pattern of names would do, did it
    // not overlook those that leave out a field.)
    let mut others = String::new();
    for mutant in all.iter().filter(|mutant| batch.iter().all(|one| one.name != mutant.name)) {
        others += &format!("{}\n", mutant.name);
    }
    let told = out.join("mutants.out");
    let _ = fs::remove_dir_all(&told);
    fs::create_dir_all(&told)?;
    fs::write(told.join("caught.txt"), others)?;
    // Its exit code says whether some were missed; which they are, it writes down.
    cargo_mutants(tree)
        .args(["--file", file, "--iterate"])
        .args(["--in-place", "--baseline", "skip", "--timeout", tests.limit()])
        .args(["--no-shuffle", "--colors", "never"])
        .arg("--output")
        .arg(out.canonicalize()?)
        // Not behind a `--`: all that cargo would test is built then, whatever is run.
        .args(tests.args().iter().map(|arg| format!("--cargo-arg={arg}")))
        .env("PROPTEST_CASES", if tests == Tests::Unit { "16" } else { "256" })
        .status()?;
    let outcomes = fs::read_to_string(out.join("mutants.out/outcomes.json"))?;
    read(&outcomes)
}

fn read(outcomes: &str) -> Result<Vec<(Mutant, Fate)>, Box<dyn Error>> {
    let outcomes: Outcomes = serde_json::from_str(outcomes)?;
    let mut fates = Vec::new();
    for outcome in outcomes.outcomes {
        let Scenario::Mutant(mutant) = outcome.scenario else { continue };
        let fate = match outcome.summary.as_str() {
            "CaughtMutant" => Fate::Caught,
            "MissedMutant" => Fate::Survived,
            "Timeout" => Fate::TimedOut,
            "Unviable" => Fate::Unviable,
            other => return Err(format!("{}: {other}", mutant.name).into()),
        };
        fates.push((mutant, fate));
    }
    Ok(fates)
}

fn cargo_mutants(tree: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["mutants", "--dir"])
        .arg(tree)
        .args(["--package", "ampacity"])
        // Quick builds of tests that are quick; the same cases each time, for a property that
        // fails by chance is no verdict; nothing written beside the tests, nothing made small.
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
        .env("PROPTEST_RNG_SEED", "7")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_told_by_its_name_and_one_that_is_not_known_is_an_error() {
        let of = |summary: &str| {
            read(&format!(
                r#"{{"outcomes": [
                    {{"scenario": "Baseline", "summary": "Success"}},
                    {{"scenario": {{"Mutant": {{
                        "name": "src/a.rs:3:4: replace a with b", "file": "src/a.rs",
                        "span": {{"start": {{"line": 3, "column": 4}}}}
                    }}}}, "summary": "{summary}"}}
                ]}}"#
            ))
        };
        for (summary, fate) in [
            ("CaughtMutant", Fate::Caught),
            ("MissedMutant", Fate::Survived),
            ("Timeout", Fate::TimedOut),
            ("Unviable", Fate::Unviable),
        ] {
            let fates = of(summary).unwrap();
            assert_eq!(fates.len(), 1, "{fates:?}");
            assert_eq!((fates[0].0.change(), fates[0].1), ("replace a with b", fate));
        }
        let error = of("Failure").unwrap_err().to_string();
        assert_eq!(error, "src/a.rs:3:4: replace a with b: Failure");
    }
}
