//! What is known of each mutant, kept between runs.
//!
//! A mutant that was caught stays caught while its file stays as it is. One that survived
//! is asked again when anything in the tree has changed, for a test may have come, unless
//! it is listed as one that none can catch.

use crate::copy;
use crate::mutant::Mutant;
use crate::run::Tests;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Fate {
    Caught,
    TimedOut,
    /// It does not compile.
    Unviable,
    /// No test minds.
    Survived,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Verdict {
    name: String,
    /// The text of the mutant's file.
    file: String,
    /// All that the tests are built of.
    tree: u64,
    all_tests: bool,
    fate: Fate,
}

pub(crate) struct Verdicts {
    log: File,
    tree: PathBuf,
    tree_now: u64,
    ids: HashMap<String, String>,
    known: HashMap<(String, String), Verdict>,
}

impl Verdicts {
    pub(crate) fn read(path: PathBuf, tree: &Path) -> Result<Self, Box<dyn Error>> {
        let before = fs::read_to_string(&path).unwrap_or_default();
        let log = OpenOptions::new().create(true).append(true).open(path)?;
        let mut verdicts = Self {
            log,
            tree: tree.to_owned(),
            tree_now: digest(tree)?,
            ids: HashMap::new(),
            known: HashMap::new(),
        };
        // A line that was cut short is a mutant to be run again.
        for verdict in before.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            verdicts.learn(verdict);
        }
        Ok(verdicts)
    }

    fn learn(&mut self, verdict: Verdict) {
        self.known.insert((verdict.file.clone(), verdict.name.clone()), verdict);
    }

    fn look_up(&mut self, mutant: &Mutant) -> Option<&Verdict> {
        let id = self.id(&mutant.file);
        self.known.get(&(id, mutant.name.clone()))
    }

    fn id(&mut self, file: &str) -> String {
        if let Some(id) = self.ids.get(file) {
            return id.clone();
        }
        let id = copy::id(&self.tree.join(file)).unwrap_or_default();
        self.ids.insert(file.to_owned(), id.clone());
        id
    }

    /// Whether `tests` have something to say of `mutant` that is not known.
    pub(crate) fn asks_for(&mut self, tests: Tests, mutant: &Mutant, is_listed: bool) -> bool {
        let tree_now = self.tree_now;
        match self.look_up(mutant) {
            None => tests == Tests::Unit,
            Some(verdict) if verdict.fate != Fate::Survived => false,
            Some(verdict) if verdict.all_tests => verdict.tree != tree_now && !is_listed,
            Some(verdict) => tests == Tests::All || (verdict.tree != tree_now && !is_listed),
        }
    }

    pub(crate) fn add(
        &mut self,
        tests: Tests,
        mutant: &Mutant,
        fate: Fate,
    ) -> Result<(), Box<dyn Error>> {
        let verdict = Verdict {
            name: mutant.name.clone(),
            file: self.id(&mutant.file),
            tree: self.tree_now,
            all_tests: tests == Tests::All,
            fate,
        };
        writeln!(self.log, "{}", serde_json::to_string(&verdict)?)?;
        self.learn(verdict);
        Ok(())
    }

    /// What became of `mutant`. A survivor is one when all `tests` have had a look at it.
    pub(crate) fn of(&mut self, tests: Tests, mutant: &Mutant, is_listed: bool) -> Option<Fate> {
        let tree_now = self.tree_now;
        let verdict = self.look_up(mutant)?;
        let is_old = verdict.tree != tree_now && !is_listed;
        let is_final = tests == Tests::Unit || (verdict.all_tests && !is_old);
        (verdict.fate != Fate::Survived || is_final).then_some(verdict.fate)
    }
}

/// What the tests are built of, beside the mutant's file: all that can change a verdict, but
/// for the compiler.
const PARTS: &[&str] =
    &["src", "tests", "histories", "Cargo.toml", "Cargo.lock", ".cargo", "docs/configuration.md"];

fn digest(tree: &Path) -> Result<u64, Box<dyn Error>> {
    let mut hasher = DefaultHasher::new();
    let mut open: Vec<PathBuf> = PARTS.iter().map(|part| tree.join(part)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
            let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
            entries.sort();
            open.extend(entries);
        } else if path.exists() {
            path.hash(&mut hasher);
            fs::read(path)?.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            home.write("src/a.rs", "a + b");
            home
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn verdicts(&self) -> Verdicts {
            Verdicts::read(self.0.path().join("verdicts"), self.0.path()).unwrap()
        }
    }

    fn mutant() -> Mutant {
        let name = "src/a.rs:1:3: replace + with -";
        serde_json::from_value(serde_json::json!({
            "name": name, "file": "src/a.rs", "span": {"start": {"line": 1}},
        }))
        .unwrap()
    }

    #[test]
    fn a_mutant_is_asked_of_the_unit_tests_and_a_survivor_of_all() {
        let home = Home::new();
        let (mut verdicts, mutant) = (home.verdicts(), mutant());
        let asked = |verdicts: &mut Verdicts| {
            [Tests::Unit, Tests::All].map(|tests| verdicts.asks_for(tests, &mutant, false))
        };
        assert_eq!(asked(&mut verdicts), [true, false]);
        verdicts.add(Tests::Unit, &mutant, Fate::Survived).unwrap();
        assert_eq!(asked(&mut verdicts), [false, true]);
        assert_eq!(verdicts.of(Tests::All, &mutant, false), None);
        assert_eq!(verdicts.of(Tests::Unit, &mutant, false), Some(Fate::Survived));
        verdicts.add(Tests::All, &mutant, Fate::Survived).unwrap();
        assert_eq!(asked(&mut verdicts), [false, false]);
        assert_eq!(verdicts.of(Tests::All, &mutant, false), Some(Fate::Survived));
    }

    #[test]
    fn a_verdict_outlives_the_program_but_not_its_file() {
        let (home, mutant) = (Home::new(), mutant());
        home.verdicts().add(Tests::Unit, &mutant, Fate::Caught).unwrap();
        home.write("tests/b.rs", "another test");
        assert_eq!(home.verdicts().of(Tests::All, &mutant, false), Some(Fate::Caught));
        home.write("src/a.rs", "b + a");
        assert_eq!(home.verdicts().of(Tests::All, &mutant, false), None);
        assert!(home.verdicts().asks_for(Tests::Unit, &mutant, false));
    }

    #[test]
    fn a_survivor_is_asked_again_when_a_test_has_come_unless_it_is_listed() {
        let (home, mutant) = (Home::new(), mutant());
        home.verdicts().add(Tests::All, &mutant, Fate::Survived).unwrap();
        home.write("tests/b.rs", "another test");
        let mut verdicts = home.verdicts();
        assert!(verdicts.asks_for(Tests::Unit, &mutant, false));
        assert_eq!(verdicts.of(Tests::All, &mutant, false), None);
        assert!(!verdicts.asks_for(Tests::Unit, &mutant, true));
        assert_eq!(verdicts.of(Tests::All, &mutant, true), Some(Fate::Survived));
    }

    #[test]
    fn a_survivor_is_asked_again_when_anything_has_changed_that_the_tests_are_built_of() {
        let mutant = mutant();
        for (file, is_asked) in [
            ("src/b.rs", true),
            ("tests/public/b.rs", true),
            ("histories/src/model.rs", true),
            ("Cargo.toml", true),
            ("Cargo.lock", true),
            (".cargo/mutants.toml", true),
            ("docs/design.md", false),
            ("stress/src/main.rs", false),
        ] {
            let home = Home::new();
            home.verdicts().add(Tests::All, &mutant, Fate::Survived).unwrap();
            home.write(file, "changed");
            assert_eq!(home.verdicts().asks_for(Tests::Unit, &mutant, false), is_asked, "{file}");
        }
    }
}
