//! Every command that the README and the guides show is one that the program takes.

use std::fs;
use std::path::{Path, PathBuf};

/// The pages of the project, wherever somebody may read a command.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|end| end == "md")));
    pages
}

/// The command lines of `stress` in `text`: as cargo runs it, or by its name in backquotes
/// or at the start of a line of a code block; without what follows a `#`, `|` or `>`.
fn commands(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut commands = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let spans: Vec<&str> =
            if in_block { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        for span in spans {
            let span = span.split(['#', '|', '>']).next().unwrap_or_default().trim();
            // What comes before the program: pinning, limits, niceness.
            let span = span.split("&&").last().unwrap_or_default().trim();
            let rest = match span.split_once("-p stress") {
                Some((_, rest)) => rest.trim().trim_start_matches("--").trim(),
                None => match span.strip_prefix("stress ").or(span.strip_prefix("./stress ")) {
                    Some(rest) => rest,
                    None => continue,
                },
            };
            // A flag of cargo's is none of ours.
            if span.contains("cargo test") || span.contains("cargo build") {
                continue;
            }
            let words = rest.split_whitespace().map(str::to_owned);
            commands.push(std::iter::once("stress".to_owned()).chain(words).collect());
        }
    }
    commands
}

#[test]
fn every_command_shown_is_one_that_the_program_takes() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for command in commands(&text) {
            seen += 1;
            let words = command.iter().map(String::as_str);
            if let Err(why) = stress::cli::check(words) {
                panic!("{}: `{}`: {why}", page.display(), command.join(" "));
            }
        }
    }
    assert!(seen >= 20, "{seen} commands found");
}

#[test]
fn commands_are_found_in_spans_and_blocks_without_what_the_shell_adds() {
    let text = "Run `cargo run --release -p stress -- storm --threads 8`, or `stress glance`.\n\
        ```text\ncargo run --release -p stress    # all\ncargo test -p stress\n\
        ulimit -n 100 && stress replay \\\n  --quick > x\n```\n`stress`ed `stressful x`";
    let found: Vec<String> = commands(text).iter().map(|words| words.join(" ")).collect();
    assert_eq!(
        found,
        ["stress storm --threads 8", "stress glance", "stress", "stress replay --quick"]
    );
}
