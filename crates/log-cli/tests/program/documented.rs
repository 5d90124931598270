//! What the README shows of the program works.

use std::fs;
use std::process::Command;

const README: &str = include_str!("../../../log/README.md");

/// The README's commands, without their comments and without the one that never ends.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = README.lines().filter(|line| line.starts_with("ampacity-log "));
    lines
        .map(|line| line.split('#').next().unwrap_or_default())
        .map(|line| line.split_whitespace().skip(1).filter(|word| *word != "--follow").collect())
        .collect()
}

#[test]
fn every_command_that_the_readme_shows_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let line = README.lines().find(|line| line.starts_with("{\"timestamp\"")).unwrap();
    let second = line.replace("\"seq\":1", "\"seq\":2");
    fs::write(directory.path().join("app.jsonl.1"), format!("{line}\n")).unwrap();
    fs::write(directory.path().join("app.jsonl"), format!("{second}\n")).unwrap();
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let program = env!("CARGO_BIN_EXE_ampacity-log");
        let done = Command::new(program).args(&command).current_dir(directory.path()).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{command:?}: {done:?}");
    }
}
