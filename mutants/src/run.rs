//! Runs `cargo mutants` over a few mutants at a time, in a tree of their own.

use crate::mutant::Mutant;
use crate::verdicts::Fate;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which tests a mutant is given to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

    /// The tree below `work` that is theirs. What the tests of the public face build on is
    /// built of the library, each time that it is changed, and would be for the unit tests, too.
    pub(crate) fn tree(self, work: &Path) -> PathBuf {
        work.join(if self == Self::Unit { "unit" } else { "tree" })
    }

    /// The dependency that their tree does without.
    pub(crate) fn spared(self) -> Option<&'static str> {
        (self == Self::Unit).then_some("histories")
    }

    /// Seconds that the tests may take without a mutant, on two slow cores.
    fn most(self) -> f64 {
        match self {
            Self::Unit => 40.0,
            Self::All => 240.0,
        }
    }
}

/// Mutants, by the file that each changes.
pub(crate) type Files = BTreeMap<String, Vec<Mutant>>;

/// What became of each.
pub(crate) type Fates = Vec<(Mutant, Fate)>;

/// Every mutant of the library.
pub(crate) fn list(tree: &Path) -> Result<Files, Box<dyn Error>> {
    let out = cargo_mutants(tree)
        .args(["--list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()?;
    if !out.status.success() {
        return Err("cargo mutants cannot list: is it installed?".into());
    }
    let mutants: Vec<Mutant> = serde_json::from_slice(&out.stdout)?;
    let mut files = Files::new();
    for mutant in mutants {
        files.entry(mutant.file.clone()).or_default().push(mutant);
    }
    for (file, mutants) in &mut files {
        let text = fs::read_to_string(tree.join(file))?;
        mutants.iter_mut().for_each(|mutant| mutant.find_line(&text));
    }
    Ok(files)
}

/// Gives mutants to tests.
pub(crate) struct Runner<'a> {
    /// Where the trees are, and what is said of them.
    pub(crate) work: &'a Path,
    /// The seconds after which a mutant has made something hang, once it is known how long
    /// the tests take without one.
    pub(crate) limits: HashMap<Tests, f64>,
}

impl Runner<'_> {
    /// What became of each of `batch`, which are of one file that has `all` of these.
    ///
    /// Before the first batch that is given to them the tests run without a mutant, and it is
    /// an error if they fail: tests that do would catch every mutant.
    pub(crate) fn run(
        &mut self,
        tests: Tests,
        all: &[Mutant],
        batch: &[Mutant],
    ) -> Result<Fates, Box<dyn Error>> {
        let Some(file) = batch.first().map(|mutant| &mutant.file) else { return Ok(Vec::new()) };
        let limit = self.limits.get(&tests).copied();
        // Told that all others were caught, it runs these. (A pattern of names would do, did
        // it not overlook those that leave out a field.)
        let mut others = String::new();
        for mutant in all.iter().filter(|mutant| batch.iter().all(|one| one.name != mutant.name)) {
            others += &format!("{}\n", mutant.name);
        }
        let told = self.work.join("mutants.out");
        let _ = fs::remove_dir_all(&told);
        fs::create_dir_all(&told)?;
        fs::write(told.join("caught.txt"), others)?;
        // Its exit code says whether some were missed; which they are, it writes down.
        cargo_mutants(&tests.tree(self.work))
            // One for both, so that what is not changed is built once.
            .env("CARGO_TARGET_DIR", self.work.canonicalize()?.join("tree/target"))
            .args(["--file", file, "--iterate", "--in-place"])
            .args(["--baseline", if limit.is_none() { "run" } else { "skip" }])
            .args(["--timeout", &limit.unwrap_or(tests.most()).to_string()])
            .args(["--no-shuffle", "--colors", "never"])
            .arg("--output")
            .arg(self.work.canonicalize()?)
            // Not behind a `--`: all that cargo would test is built then, whatever is run.
            .args(tests.args().iter().map(|arg| format!("--cargo-arg={arg}")))
            .env("PROPTEST_CASES", if tests == Tests::Unit { "16" } else { "256" })
            .status()?;
        let outcomes = fs::read_to_string(told.join("outcomes.json"))?;
        let (fates, took) = read(&outcomes)?;
        if limit.is_none() {
            let took = took.ok_or("the tests did not run without a mutant")?;
            self.limits.insert(tests, LEAST + TIMES * took);
        }
        Ok(fates)
    }
}

/// So many times as long as without a mutant, and some seconds for a machine that is busy.
const TIMES: f64 = 5.0;
const LEAST: f64 = 20.0;

#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: String,
    phase_results: Vec<Phase>,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

#[derive(Deserialize)]
struct Phase {
    phase: String,
    /// Seconds.
    duration: f64,
}

/// What became of each mutant, and how long the tests took without one, if they were run so.
fn read(outcomes: &str) -> Result<(Fates, Option<f64>), Box<dyn Error>> {
    let outcomes: Outcomes = serde_json::from_str(outcomes)?;
    let (mut fates, mut took) = (Vec::new(), None);
    for outcome in outcomes.outcomes {
        let Scenario::Mutant(mutant) = outcome.scenario else {
            if outcome.summary != "Success" {
                return Err("the tests fail without a mutant: see mutants.out/log".into());
            }
            let test = outcome.phase_results.iter().find(|phase| phase.phase == "Test");
            took = test.map(|phase| phase.duration);
            continue;
        };
        let fate = match outcome.summary.as_str() {
            "CaughtMutant" => Fate::Caught,
            "MissedMutant" => Fate::Survived,
            "Timeout" => Fate::TimedOut,
            "Unviable" => Fate::Unviable,
            other => return Err(format!("{}: {other}", mutant.name).into()),
        };
        fates.push((mutant, fate));
    }
    Ok((fates, took))
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

    const MUTANT: &str = r#"{"Mutant": {
        "name": "src/a.rs:3:4: replace a with b", "file": "src/a.rs",
        "span": {"start": {"line": 3, "column": 4}}
    }}"#;

    fn told(scenario: &str, summary: &str) -> String {
        let phases = r#"[{"phase": "Build", "duration": 9.0}, {"phase": "Test", "duration": 1.5}]"#;
        format!(
            r#"{{"outcomes": [
                {{"scenario": {scenario}, "summary": "{summary}", "phase_results": {phases}}}
            ]}}"#
        )
    }

    #[test]
    fn each_outcome_is_told_by_its_name_and_one_that_is_not_known_is_an_error() {
        for (summary, fate) in [
            ("CaughtMutant", Fate::Caught),
            ("MissedMutant", Fate::Survived),
            ("Timeout", Fate::TimedOut),
            ("Unviable", Fate::Unviable),
        ] {
            let (fates, took) = read(&told(MUTANT, summary)).unwrap();
            assert_eq!((fates.len(), took), (1, None), "{fates:?}");
            assert_eq!((fates[0].0.change(), fates[0].1), ("replace a with b", fate));
        }
        let error = read(&told(MUTANT, "Failure")).unwrap_err().to_string();
        assert_eq!(error, "src/a.rs:3:4: replace a with b: Failure");
    }

    #[test]
    fn nothing_is_learnt_from_tests_that_fail_without_a_mutant() {
        let of = |summary: &str| read(&told(r#""Baseline""#, summary));
        assert_eq!(of("Success").unwrap().1, Some(1.5));
        for summary in ["Failure", "Timeout"] {
            let error = of(summary).unwrap_err().to_string();
            assert!(error.starts_with("the tests fail without a mutant"), "{error}");
        }
    }
}
