//! Writes the tables of `README.md`: how many executions each search took, which canary each
//! test has, and what that makes for each invariant.
//!
//! Reads what the models said with `--show-output`, under one tool or one after the other,
//! from standard input. A test that has said nothing keeps its numbers. Which invariants a
//! test is about is written by hand, in the first column of its row. Fails if a test that
//! was run has no row, if a row is of no test, if a canary is of a test without one, or if
//! an invariant has none.

use loom_tests::invariants::{CANARIES, ELSEWHERE, INVARIANTS};
use model_runs::is_there;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::ExitCode;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// Executions by how they were found, all roles added up.
type Counts = BTreeMap<String, u64>;

/// A row of the table of tests.
struct Row {
    invariants: String, // their numbers; or the name of an edge
    test: String,
    loom: String,
    shuttle: String,
}

fn main() -> ExitCode {
    // Without anything to read, only what is written here is written anew.
    let said: Vec<String> = match stdin().is_terminal() {
        true => Vec::new(),
        false => stdin().lines().map_while(Result::ok).collect(),
    };
    let mut tests = counts_by_test(&said);
    let readme = std::fs::read_to_string(README).expect("the README is beside the models");
    let mut rows = Vec::new();
    let mut out = String::new();
    let mut is_summary = false;
    for line in readme.lines() {
        if let Some(mut row) = Row::of(line) {
            if let Some(counts) = tests.remove(row.test.as_str()) {
                row.count(&counts);
            }
            out += &row.line();
            rows.push(row);
        } else if is_summary && line.starts_with('|') {
            continue;
        } else {
            out += line;
        }
        out.push('\n');
        is_summary = line == SUMMARY || (is_summary && line.is_empty());
        if line == SUMMARY {
            out += "\n@summary@";
        }
    }
    let out = out.replace("@summary@\n", &summary(&rows));
    std::fs::write(README, out).expect("the README can be written");
    let complaints = complaints(&rows, &tests);
    complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is above the table of invariants.
const SUMMARY: &str = "## The invariants";

/// The table of invariants, a row for each.
fn summary(rows: &[Row]) -> String {
    let mut table = String::from(
        "| inv. | it says | tests | tools | canaries | executions: loom | shuttle |\n\
         |---:|---|---:|---|---|---:|---:|\n",
    );
    for &(number, says) in &INVARIANTS {
        if let Some((_, file, test)) = ELSEWHERE.iter().find(|canary| canary.0 == number) {
            table += &format!("| {number} | {says} |  |  | `{test}` in `{file}` |  |  |\n");
            continue;
        }
        let mine: Vec<&Row> = rows.iter().filter(|row| row.is_of(number)).collect();
        let sum = |cell: fn(&Row) -> &str| mine.iter().map(|row| executions(cell(row))).sum();
        let (loom, shuttle): (u64, u64) = (sum(|row| &row.loom), sum(|row| &row.shuttle));
        let tools: Vec<&str> = [("loom", loom), ("shuttle", shuttle)]
            .into_iter()
            .filter_map(|(tool, executions)| (executions > 0).then_some(tool))
            .collect();
        let canaries: BTreeSet<&str> =
            CANARIES.iter().filter(|canary| canary.0 == number).map(|canary| canary.1).collect();
        table += &format!(
            "| {number} | {says} | {} | {} | {} | {} | {} |\n",
            mine.len(),
            tools.join(", "),
            canaries.into_iter().collect::<Vec<_>>().join(", "),
            in_thousands(loom),
            in_thousands(shuttle),
        );
    }
    table
}

/// What is missing.
fn complaints(rows: &[Row], not_in_a_row: &BTreeMap<&str, Counts>) -> Vec<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let no_test = rows.iter().filter(|row| !is_there(&workspace, &row.test));
    let no_test = no_test.map(|row| format!("{} is no test", row.test));
    let no_row = not_in_a_row.keys().map(|test| format!("{test} has no row"));
    let has_row = |number, test: &str| rows.iter().any(|row| row.is_of(number) && row.test == test);
    let lost = CANARIES.iter().filter(|&&(number, _, test)| !has_row(number, test));
    let lost = lost.map(|(number, bug, test)| format!("{bug} of {number}: no row of {test}"));
    let known = |number: u32| {
        CANARIES.iter().any(|canary| canary.0 == number)
            || ELSEWHERE.iter().any(|canary| canary.0 == number)
    };
    let bare = INVARIANTS.iter().filter(|invariant| !known(invariant.0));
    let bare = bare.map(|(number, _)| format!("{number} has no canary"));
    no_test.chain(no_row).chain(lost).chain(bare).collect()
}

/// What tests said, from `---- a::test stdout ----` to the next one.
fn counts_by_test(said: &[String]) -> BTreeMap<&str, Counts> {
    let mut tests: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut test = "";
    for line in said {
        let name = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----"));
        if let Some(name) = name {
            test = name;
        } else if let Some((how, executions)) = explored(line) {
            *tests.entry(test).or_default().entry(how.to_owned()).or_default() += executions;
        }
    }
    tests
}

/// How it was searched, and in how many executions, from `explored HOW, ROLE: NUMBER`. What a
/// deep run adds has other names, and no place in the tables.
fn explored(line: &str) -> Option<(&str, u64)> {
    let (search, executions) = line.strip_prefix("explored ")?.rsplit_once(": ")?;
    let executions = executions.strip_suffix(" (cut off)").unwrap_or(executions);
    let (how, _role) = search.rsplit_once(", ")?;
    Some((how, executions.parse().ok()?))
}

impl Row {
    /// The row of a test, if the line is one.
    fn of(line: &str) -> Option<Row> {
        let [_, invariants, test, _, loom, shuttle, _] = *line.split('|').collect::<Vec<_>>()
        else {
            return None;
        };
        let test = test.trim().strip_prefix('`')?.strip_suffix('`')?;
        let [invariants, loom, shuttle] =
            [invariants, loom, shuttle].map(|cell| cell.trim().to_owned());
        Some(Row { invariants, test: test.to_owned(), loom, shuttle })
    }

    fn is_of(&self, number: u32) -> bool {
        self.invariants.split(", ").any(|of| of == number.to_string())
    }

    /// What was just counted, in place of what was counted before.
    fn count(&mut self, counts: &Counts) {
        let count = |how: &str| counts.get(how).map(|&executions| in_thousands(executions));
        let random = ["shuttle, random", "shuttle, by priority"].map(|how| counts.get(how));
        let random: u64 = random.into_iter().flatten().sum();
        let joined = |parts: [Option<String>; 3]| {
            let parts: Vec<String> =
                parts.into_iter().map(|part| part.unwrap_or_else(none)).collect();
            parts.join(" + ")
        };
        if let Some(plain) = count("loom, plain loads") {
            self.loom = joined([count("loom, RMW loads"), Some(plain), count("loom, spurious")]);
        }
        if random > 0 {
            let random = Some(in_thousands(random));
            self.shuttle = joined([count("shuttle, all"), random, count("shuttle, spurious")]);
        }
    }

    fn line(&self) -> String {
        let bugs = CANARIES.iter().filter(|canary| canary.2 == self.test).map(|canary| canary.1);
        let bugs: BTreeSet<&str> = bugs.collect();
        let bugs = bugs.into_iter().collect::<Vec<_>>().join(", ");
        let Row { invariants, test, loom, shuttle } = self;
        format!("| {invariants} | `{test}` | {bugs} | {loom} | {shuttle} |")
    }
}

/// What stands for a search that is left out.
fn none() -> String {
    "–".to_owned()
}

/// All executions of a cell, however they were found.
fn executions(cell: &str) -> u64 {
    cell.split(" + ").filter_map(|count| count.replace(',', "").parse::<u64>().ok()).sum()
}

/// As `1,234,567`.
fn in_thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", in_thousands(number / 1_000), number % 1_000),
    }
}
