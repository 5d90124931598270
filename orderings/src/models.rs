//! The models under loom, with all mutants in them.

use model_runs::{End, Models, Tool};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The tests of the copy, built.
#[derive(Debug)]
pub struct Mutable(Models);

/// One ordering of the copy, made weaker.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The number of the site.
    pub site: usize,
    /// The ordering in place of its own.
    pub weaker: &'static str,
}

impl Mutable {
    /// Builds the models of the copy, where the gate has built what they depend on.
    ///
    /// # Errors
    ///
    /// If they do not build; the compiler has said why.
    pub fn build(copy: &Path, root: &Path) -> Result<Self, String> {
        Models::build(Tool::Loom, copy, root).map(Self)
    }

    /// The names of all tests.
    ///
    /// # Errors
    ///
    /// If they cannot be had.
    pub fn tests(&self) -> Result<Vec<String>, String> {
        self.0.tests()
    }

    /// Runs one test as it is, and says which sites it executes.
    pub fn sites_of(&self, test: &str, limit: Duration) -> (End, Duration, BTreeSet<usize>) {
        let name = format!("ampacity-orderings-{}-{test}", std::process::id()).replace("::", ".");
        let noted = std::env::temp_dir().join(name);
        let (end, took) = self.run(test, limit, |command| {
            command.env("AMPACITY_EXECUTED", &noted);
        });
        let lines = std::fs::read_to_string(&noted).unwrap_or_default();
        std::fs::remove_file(&noted).ok();
        (end, took, lines.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Runs one test against a mutant.
    pub fn meet(&self, test: &str, mutant: Mutant, limit: Duration) -> (End, Duration) {
        self.run(test, limit, |command| {
            command.env("AMPACITY_WEAKENED", format!("{} {}", mutant.site, mutant.weaker));
        })
    }

    fn run(&self, test: &str, limit: Duration, with: impl FnOnce(&mut Command)) -> (End, Duration) {
        self.0.run(&[test], limit, |command| {
            command.args(["--test-threads", "1"]);
            with(command);
        })
    }
}
