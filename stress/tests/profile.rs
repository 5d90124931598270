//! `profile`, whole: its memory is that of a process of its own, which only the binary has.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn stress(dir: &Path, args: &str) -> Output {
    let args = args.split(' ').chain(["--quiet"]);
    Command::new(env!("CARGO_BIN_EXE_stress")).current_dir(dir).args(args).output().unwrap()
}

#[test]
fn the_file_that_was_asked_for_is_the_profile_with_its_predecessors_keys() {
    let dir = tempfile::tempdir().unwrap();
    let args = "profile --quick --tokens 2000 --rounds 1 --verbose --output p.json --out out";
    let output = stress(dir.path(), args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    for words in ["breaker call", "without a breaker", "recommendations", "tokenize"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let profile: Value =
        serde_json::from_slice(&fs::read(dir.path().join("p.json")).unwrap()).unwrap();
    for key in [
        "document_stats",
        "timing",
        "memory",
        "hotspots",
        "strategy_comparison",
        "rules",
        "recommendations",
    ] {
        assert!(!profile[key].is_null(), "{key}");
    }
    let tokens = profile["document_stats"]["actual_tokens"].as_f64().unwrap();
    assert!(tokens >= 2000.0);
    // Text and tokens are held at the end: at least a fat pointer and a letter each.
    let memory = &profile["memory"];
    let held = memory["current_memory_mb"].as_f64().unwrap() * 1_048_576.0;
    assert!(held > tokens * 17.0 && memory["peak_memory_mb"].as_f64() >= Some(held / 1_048_576.0));
    assert_eq!(memory["bytes_allocated_a_call"], 0.0);
    let record: Value =
        serde_json::from_slice(&fs::read(dir.path().join("out/run.json")).unwrap()).unwrap();
    assert_eq!(record["programs"][0]["figures"], profile);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_in_one_line_and_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    for args in ["profile --output none/p.json", "profile --output .", "profile --tokens 0"] {
        let output = stress(dir.path(), args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
        assert!(said.contains("--output") || said.contains("--tokens"), "{args}: {said}");
        assert_eq!(said.matches('\n').count(), 1, "{args}: {said}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
