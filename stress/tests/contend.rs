//! `contend` follows the very program that runs: what it counts is what callgrind counts, and
//! where it may not, it says so.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs it in an empty directory, by way of `around` if that is given; its record.
fn record(around: &[&str], args: &[&str]) -> (Option<i32>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let this = env!("CARGO_BIN_EXE_stress");
    let mut line: Vec<&str> = around.to_vec();
    line.push(this);
    line.extend(args);
    line.extend(["--quick", "--quiet", "--out", "out"]);
    let output = Command::new(line[0]).args(&line[1..]).current_dir(dir.path()).output().unwrap();
    let path: &Path = &dir.path().join("out/run.json");
    let said = String::from_utf8_lossy(&output.stderr);
    let record = std::fs::read(path).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), serde_json::from_slice(&record).unwrap())
}

fn section(record: &Value) -> &Value {
    &record["programs"][0]
}

fn check<'a>(record: &'a Value, name: &str) -> &'a Value {
    let checks = section(record)["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn samples(record: &Value, name: &str, path: &str, subject: &str) -> Vec<f64> {
    let measures = section(record)["measures"].as_array().unwrap();
    let of = |measure: &&Value| {
        measure["name"] == name
            && measure["labels"]["path"] == path
            && measure["labels"]["subject"] == subject
    };
    let measure = measures.iter().find(of).unwrap_or_else(|| panic!("no {name} of {subject}"));
    measure["samples"].as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect()
}

const CALM: &str = "an_untimed_closed_success_has_no_locked_instruction_and_no_shared_write";
const ARGS: [&str; 7] =
    ["contend", "--threads", "1,3", "--workloads", "success,half_fail,flapping", "--point-ms", "5"];

#[test]
fn an_untimed_closed_success_neither_locks_nor_shares_and_the_baselines_do() {
    let (status, record) = record(&[], &ARGS);
    let calm = check(&record, CALM);
    if calm["verdict"] == "unjudged" {
        eprintln!("not followed here: {}", calm["detail"]);
        return;
    }
    assert_eq!((calm["verdict"].as_str(), status), (Some("held"), Some(0)), "{calm}");
    let of = |name, path, subject| samples(&record, name, path, subject);
    let off = "ampacity_timing_off";
    assert_eq!(of("locked_instructions_a_call", "success", off), [0.0, 0.0]);
    assert_eq!(of("shared_writes_a_call", "success", off), [0.0, 0.0]);
    // Admitted, and succeeded: counted in a shard of its own.
    assert!(of("private_writes_a_call", "success", off).iter().all(|&writes| writes >= 2.0));
    // Two locks, two unlocks, and their data.
    assert_eq!(of("locked_instructions_a_call", "success", "std_mutex"), [4.0, 4.0]);
    assert!(of("shared_writes_a_call", "success", "std_mutex").iter().all(|&writes| writes >= 4.0));
    // One addition to admit and one swap to record.
    assert_eq!(of("locked_instructions_a_call", "success", "single_atomic"), [2.0, 2.0]);
    assert_eq!(of("shared_writes_a_call", "success", "single_atomic"), [2.0, 2.0]);
    // A failure and a success in turn are a swap each, which is counted by site.
    assert_eq!(of("locked_instructions_a_call", "failing", off), [2.0, 2.0]);
    // A probe is admitted by a swap and passes by another.
    assert_eq!(of("locked_instructions_a_call", "half_open_probe", off), [4.0, 4.0]);
    assert_eq!(of("shared_writes_a_call", "half_open_probe", off), [2.0, 2.0]);
}

/// A process that is traced already cannot be traced by itself.
#[test]
fn where_nothing_may_be_traced_the_check_is_not_judged_and_says_why() {
    if Command::new("strace").arg("-V").output().is_err() {
        return; // there is nothing to forbid it with
    }
    let around = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=none"];
    let (_, record) = record(&around, &["contend", "--threads", "1", "--workloads", "success"]);
    let calm = check(&record, CALM);
    assert_eq!(calm["verdict"], "unjudged");
    assert!(calm["detail"].as_str().unwrap().starts_with("not available: "), "{calm}");
    let measures = section(&record)["measures"].as_array().unwrap();
    let of_calls = measures.iter().any(|measure| measure["labels"]["path"].is_string());
    assert!(!of_calls, "what was not seen has no figure");
}

#[test]
fn swaps_by_site_and_fairness_and_times_of_each_point_are_in_the_record() {
    let (_, record) = record(&[], &ARGS);
    let measures = section(&record)["measures"].as_array().unwrap();
    let has = |name: &str, labels: &[(&str, &str)]| {
        let of = |measure: &&Value| {
            let fits = |&(key, value): &(&str, &str)| measure["labels"][key] == value;
            measure["name"] == name && labels.iter().all(fits)
        };
        let found = measures.iter().find(of).unwrap_or_else(|| panic!("no {name} {labels:?}"));
        found["samples"][0].as_f64().unwrap_or_else(|| panic!("no sample of {name} {labels:?}"))
    };
    for subject in ["ampacity", "std_mutex", "parking_lot_mutex", "single_atomic"] {
        for threads in ["1", "3"] {
            let labels = [("workload", "success"), ("subject", subject), ("threads", threads)];
            for name in ["calls_per_s", "cpu_ns_a_call", "share_of_the_cores", "of_linear"] {
                assert!(has(name, &labels) > 0.0, "{name}");
            }
            let jain = has("jain", &labels);
            assert!(jain > 0.0 && jain <= 1.0 + 1e-9, "{jain}");
            has("voluntary_switches_a_million_calls", &labels);
        }
    }
    let alone = [("workload", "success"), ("subject", "ampacity"), ("threads", "1")];
    assert_eq!((has("of_linear", &alone), has("jain", &alone)), (1.0, 1.0));
    for site in ["closed_failure", "closed_success"] {
        let labels = [("workload", "half_fail"), ("threads", "1"), ("site", site)];
        assert!((0.4..0.6).contains(&has("swaps_a_call", &labels)));
        assert_eq!(has("retries_a_call", &labels), 0.0, "one thread fights with nobody");
    }
    has("stripe_collisions", &[("threads", "3"), ("of", "counts")]);
    assert_eq!(has("hand_overs", &[("threads", "1")]), 0.0, "nobody else is there");
    let latencies = section(&record)["latencies"].as_array().unwrap();
    assert!(latencies.len() >= 2 * 4);
    for name in ["swaps_won_are_the_transitions", "contended_workloads_account_for_their_calls"] {
        assert_eq!(check(&record, name)["verdict"], "held", "{name}");
    }
}

/// As many instructions as valgrind's callgrind counts for `glance`, where it is installed:
/// of the same calls in the same program. Only with optimisation: without it callgrind takes two minutes.
#[cfg(not(debug_assertions))]
#[test]
fn instructions_are_about_as_many_as_callgrind_counts() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return;
    }
    let (_, stepped) = record(&[], &["contend", "--threads", "1", "--workloads", "success"]);
    if check(&stepped, CALM)["verdict"] == "unjudged" {
        return;
    }
    let (_, glance) = record(&[], &["glance"]);
    let rows = section(&glance)["figures"]["rows"].as_array().unwrap();
    let (path, subject) = ("success", "ampacity_timing_off");
    let row = rows.iter().find(|row| row["path"] == path && row["who"] == subject).unwrap();
    let Some(counted) = row["instructions"].as_f64() else { return };
    let stepped = samples(&stepped, "instructions_a_call", path, subject)[0];
    // The loop around the calls is compiled twice, and may differ by an instruction or two.
    assert!((stepped - counted).abs() <= 4.0, "stepped {stepped}, counted {counted}");
}
