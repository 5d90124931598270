//! Scenarios of recovery over the binary: for real, and alone in a process where they need it.

use std::path::Path;
use std::process::{Command, Output};

use stress::program::Verdict;
use stress::record::Record;

fn recovery(dir: &Path, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stress"));
    command.current_dir(dir).args(["recovery", "--quiet"]).args(args.split(' ')).output().unwrap()
}

#[test]
fn scenarios_hold_on_both_clocks_and_leave_a_band_of_each() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["half_open_success", "retry_herd", "cascade_stopped", "descriptor_exhaustion"];
    let picked: String = names.map(|name| format!(" --scenario {name}")).concat();
    let output = recovery(dir.path(), &format!("--rounds 1 --out out{picked}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let record = Record::read(&dir.path().join("out")).unwrap();
    let section = &record.programs[0].section;
    assert!(!section.partial);
    for name in names {
        for clock in ["manual", "for_real"] {
            let check = section.checks.iter().find(|c| c.name == format!("{name}_{clock}"));
            assert_eq!(check.unwrap().verdict, Verdict::Held);
            let of_this = |labels: &stress::measure::Labels| {
                labels["scenario"] == name && labels["clock"] == clock
            };
            let band = section.bands.iter().rfind(|band| of_this(&band.labels)).unwrap();
            let states: Vec<&str> = band.spans.iter().map(|(_, _, state)| state.as_str()).collect();
            assert_eq!((states.first(), states.last()), (Some(&"closed"), Some(&"closed")));
            assert!(states.contains(&"open") && states.contains(&"half_open"), "{states:?}");
            assert!(band.spans.iter().all(|(from, to, _)| from <= to));
            let calls = section.measures.iter().find(|m| m.name == "calls" && of_this(&m.labels));
            assert!(calls.unwrap().samples[0] > 0.0);
        }
        assert!(section.checks.iter().any(|check| check.name == format!("{name}_canaries")));
    }
    let picked_only = section.checks.iter().filter(|c| c.name.ends_with("_manual")).count();
    assert_eq!(picked_only, names.len());
}

#[test]
fn the_list_says_what_must_hold_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = recovery(dir.path(), "--list");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!(said.lines().count(), 13);
    assert!(said.lines().all(|line| line.len() <= 100 && line.ends_with('.')), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_scenario_that_there_is_not_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let output = recovery(dir.path(), "--scenario no_such --out out");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("'no_such'") && said.contains("--list") && said.lines().count() == 1);
    assert!(!dir.path().join("out").exists());
}
