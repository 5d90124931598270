//! Puts into the table of `README.md` how many executions each search took.
//!
//! Reads what the models said with `--show-output`, under one tool or one after the other,
//! from standard input. A test that has said nothing keeps its columns. Fails if one that
//! has has no row.

use std::collections::BTreeMap;
use std::io::stdin;
use std::process::ExitCode;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// Executions by how they were found, all roles added up.
type Counts = BTreeMap<String, u64>;

fn main() -> ExitCode {
    let said: Vec<String> = stdin().lines().map_while(Result::ok).collect();
    let mut tests = counts_by_test(&said);
    let readme = std::fs::read_to_string(README).expect("the README is beside the models");
    let lines = readme.lines().map(|line| with_counts(line, &mut tests) + "\n");
    std::fs::write(README, lines.collect::<String>()).expect("the README can be written");
    for test in tests.keys() {
        eprintln!("{test} has no row");
    }
    if tests.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

/// How it was searched, and in how many executions, from `explored HOW, ROLE: NUMBER`.
fn explored(line: &str) -> Option<(&str, u64)> {
    let (search, executions) = line.strip_prefix("explored ")?.rsplit_once(": ")?;
    let (how, _role) = search.rsplit_once(", ")?;
    Some((how, executions.parse().ok()?))
}

/// A line of the README; a row of a test of `tests`, which is then taken out, anew.
fn with_counts(line: &str, tests: &mut BTreeMap<&str, Counts>) -> String {
    let [_, invariant, test, canary, loom, shuttle, _] = *line.split('|').collect::<Vec<_>>()
    else {
        return line.to_owned();
    };
    let Some(counts) = tests.remove(test.trim().trim_matches('`')) else {
        return line.to_owned();
    };
    let count = |how| counts.get(how).map(|&executions| in_thousands(executions));
    let is_shuttle = counts.contains_key("shuttle, random");
    let loom = match (count("loom, RMW loads"), count("loom, plain loads")) {
        (Some(rmw), Some(plain)) => format!(" {rmw} + {plain} "),
        (None, Some(plain)) => format!(" plain {plain} "),
        _ => loom.to_owned(),
    };
    let shuttle = match count("shuttle, all") {
        Some(all) => format!(" {all} "),
        None if is_shuttle => " random ".to_owned(),
        None => shuttle.to_owned(),
    };
    format!("|{invariant}|{test}|{canary}|{loom}|{shuttle}|")
}

/// As `1,234,567`.
fn in_thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", in_thousands(number / 1_000), number % 1_000),
    }
}
