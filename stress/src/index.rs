//! `results/README.md`: the committed runs, a line each, from their own records.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::program::{Failure, Refusal};
use crate::record::{RECORD, TABLES, put};

/// What the index says of a run.
#[derive(Deserialize)]
struct Run {
    partial: bool,
    started: String,
    wall_s: f64,
    command: Vec<String>,
    commit: Commit,
    machine: Machine,
    programs: Vec<Part>,
}

#[derive(Deserialize)]
struct Commit {
    hash: String,
    dirty: Option<bool>,
}

#[derive(Deserialize)]
struct Machine {
    cpu: String,
    cores: usize,
}

#[derive(Deserialize)]
struct Part {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    verdict: String,
}

/// Writes the index of the runs under `results` into it.
///
/// # Errors
///
/// The directory or a record in it that cannot be read, by name.
pub fn write(results: &Path) -> Result<(), Refusal> {
    let refuse =
        |path: &Path, why: &dyn std::fmt::Display| Refusal(format!("{}: {why}", path.display()));
    let mut labels = Vec::new();
    for entry in fs::read_dir(results).map_err(|why| refuse(results, &why))? {
        let path = entry.map_err(|why| refuse(results, &why))?.path();
        if path.join(RECORD).is_file() {
            labels.push(path);
        }
    }
    labels.sort();
    let mut text = "# Runs\n\n\
        Each directory is one run of `stress`: `run.json` with machine, commit, command, seed\n\
        and all figures, `run.md` with the tables, `report.html` with pictures. Written by `stress index`.\n\n\
        | run | command | commit | machine | took | checks |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for path in labels {
        let record = path.join(RECORD);
        let json = fs::read(&record).map_err(|why| refuse(&record, &why))?;
        let run: Run = serde_json::from_slice(&json).map_err(|why| refuse(&record, &why))?;
        text.push_str(&line(&path, &run));
    }
    let index = results.join("README.md");
    put(&index, text.as_bytes()).map_err(|Failure(why)| Refusal(why))
}

fn line(path: &Path, run: &Run) -> String {
    let label = path.file_name().unwrap_or_default().to_string_lossy();
    let checks = || run.programs.iter().flat_map(|part| &part.checks);
    let held = checks().filter(|check| check.verdict == "held").count();
    let mut line = format!("| [{label}]({label}/{TABLES}), {} ", run.started);
    let _ = writeln!(
        line,
        "| `{}` | {}{} | {}, {} cores | {:.0} s | {held} of {} held{} |",
        run.command.join(" "),
        run.commit.hash.get(..12).unwrap_or(&run.commit.hash),
        if run.commit.dirty == Some(true) { ", changed" } else { "" },
        run.machine.cpu,
        run.machine.cores,
        run.wall_s,
        checks().count(),
        if run.partial { ", partial" } else { "" },
    );
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Size;
    use crate::record::{Place, Record};

    #[test]
    fn the_index_has_a_line_for_each_run_and_none_for_other_directories() {
        let results = tempfile::tempdir().unwrap();
        fs::create_dir(results.path().join("local")).unwrap();
        for label in ["2026-01-02-b", "2026-01-01-a"] {
            let place = Place::reserve(Some(&results.path().join(label)), "tour").unwrap();
            place.keep(&Record::begin(&["stress".into()], 7, Size::Full)).unwrap();
        }
        write(results.path()).unwrap();
        let index = fs::read_to_string(results.path().join("README.md")).unwrap();
        let rows: Vec<_> = index.lines().filter(|line| line.starts_with("| [")).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].starts_with("| [2026-01-01-a](2026-01-01-a/run.md)"), "{}", rows[0]);
        assert!(rows[0].contains("| `stress` |") && rows[0].ends_with("| 0 of 0 held |"));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named() {
        let results = tempfile::tempdir().unwrap();
        fs::create_dir(results.path().join("torn")).unwrap();
        fs::write(results.path().join("torn").join(RECORD), "{").unwrap();
        let Refusal(why) = write(results.path()).unwrap_err();
        assert!(why.contains("torn") && why.contains("EOF"), "{why}");
    }
}
