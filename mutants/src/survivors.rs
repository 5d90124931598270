//! The list of mutants that no test can catch, with a reason for each.

use crate::mutant::Mutant;
use serde::Deserialize;
use std::error::Error;
use std::fs;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Survivors {
    #[serde(default)]
    survivor: Vec<Survivor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    file: String,
    /// The line that is changed, without the spaces around it: it may move.
    line: String,
    /// The changes of that line that nobody minds.
    mutants: Vec<String>,
    reason: String,
}

impl Survivors {
    pub(crate) fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        Self::parse(&fs::read_to_string(path)?).map_err(|error| format!("{path}: {error}").into())
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let list: Self = toml::from_str(text)?;
        match list.survivor.iter().find(|entry| entry.reason.trim().is_empty()) {
            Some(entry) => Err(format!("`{}` is listed without a reason", entry.line).into()),
            None => Ok(list),
        }
    }

    pub(crate) fn name(&self, mutant: &Mutant) -> bool {
        self.survivor.iter().any(|entry| entry.names(mutant))
    }

    /// The entries for files that have no mutants.
    pub(crate) fn of_no_file(&self, has_mutants: impl Fn(&str) -> bool) -> Vec<String> {
        let gone = self.survivor.iter().filter(|entry| !has_mutants(&entry.file));
        gone.map(|entry| format!("LISTED, but gone  {}: `{}`", entry.file, entry.line)).collect()
    }

    /// What is wrong with `survived`, all of one file: each that is not listed, and, where
    /// every mutant of the file has been run, each that is listed and was caught.
    pub(crate) fn faults(
        &self,
        file: &str,
        survived: &[&Mutant],
        is_complete: bool,
    ) -> Vec<String> {
        let unlisted = survived
            .iter()
            .filter(|mutant| !self.name(mutant))
            .map(|mutant| format!("SURVIVED  {}\n          {}", mutant.name, mutant.line));
        let mut faults: Vec<String> = unlisted.collect();
        if is_complete {
            for entry in self.survivor.iter().filter(|entry| entry.file == file) {
                for change in &entry.mutants {
                    if !survived.iter().any(|m| m.line == entry.line && m.change() == change) {
                        faults.push(format!(
                            "LISTED, but caught or gone  {file}: {change}\n          {}",
                            entry.line
                        ));
                    }
                }
            }
        }
        faults
    }
}

impl Survivor {
    fn names(&self, mutant: &Mutant) -> bool {
        self.file == mutant.file
            && self.line == mutant.line
            && self.mutants.iter().any(|change| change == mutant.change())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[survivor]]
        file = "src/a.rs"
        line = "a + b"
        mutants = ["replace + with - in a"]
        reason = "b is 0"
    "#;

    fn mutant(change: &str, line: &str) -> Mutant {
        let mut mutant: Mutant = serde_json::from_value(serde_json::json!({
            "name": format!("src/a.rs:1:3: {change}"),
            "file": "src/a.rs",
            "span": {"start": {"line": 1}},
        }))
        .unwrap();
        mutant.find_line(line);
        mutant
    }

    #[test]
    fn a_survivor_is_a_fault_unless_its_line_and_its_change_are_listed() {
        let list = Survivors::parse(LIST).unwrap();
        let listed = mutant("replace + with - in a", "  a + b ");
        assert!(list.faults("src/a.rs", &[&listed], true).is_empty());
        for other in [mutant("replace + with * in a", "a + b"), mutant(listed.change(), "b + a")] {
            let faults = list.faults("src/a.rs", &[&listed, &other], true);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].starts_with("SURVIVED  src/a.rs:1:3: replace"), "{faults:?}");
        }
    }

    #[test]
    fn a_listed_one_that_did_not_survive_is_a_fault_once_its_whole_file_was_run() {
        let list = Survivors::parse(LIST).unwrap();
        assert!(list.faults("src/a.rs", &[], false).is_empty());
        assert!(list.faults("src/b.rs", &[], true).is_empty());
        let faults = list.faults("src/a.rs", &[], true);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("LISTED"), "{faults:?}");
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        let error = Survivors::parse(&LIST.replace("b is 0", " ")).err().unwrap();
        assert_eq!(error.to_string(), "`a + b` is listed without a reason");
    }

    #[test]
    fn an_entry_for_a_file_without_mutants_is_a_fault() {
        let list = Survivors::parse(LIST).unwrap();
        assert!(list.of_no_file(|file| file == "src/a.rs").is_empty());
        assert_eq!(list.of_no_file(|_| false), ["LISTED, but gone  src/a.rs: `a + b`"]);
    }
}
