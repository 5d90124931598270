//! What is left of a program that is killed, or refused, at each step of its writing in turn.
//!
//! The steps are the system calls that change something below its directory, by which the
//! n-th one is the same in every run: no time decides what is tried.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::errno::Errno;
use stress::record::Record;

use super::traced::{Ended, Upset, run};
use super::{OUT, SHORT, command, names, nothing_torn, one_line, place, skipped};

/// What a run leaves, and nothing else.
const WHOLE: [&str; 3] = ["report.html", "run.json", "run.md"];

/// Runs `args` once for each of its steps, which is upset, and once to its end; hands what
/// came of it to `look`. Whether any process can be traced here.
fn at_each_step(
    args: &str,
    upset: Upset,
    prepare: impl Fn(&Path),
    mut look: impl FnMut(&Path, &Ended),
) -> bool {
    let mut step = 0;
    loop {
        step += 1;
        let (dir, _) = place();
        prepare(dir.path());
        let ended = match run(dir.path(), args, step, upset) {
            Ok(ended) => ended,
            Err(Errno::EPERM) => {
                skipped("no process may be traced");
                return false;
            }
            Err(why) => panic!("{why}"),
        };
        look(dir.path(), &ended);
        if ended.steps < step {
            assert!(step > 4, "{args}: only {} steps", ended.steps);
            return true;
        }
    }
}

/// The names in the directory of records, but for drafts.
fn left(dir: &Path) -> BTreeSet<String> {
    names(&dir.join(OUT)).into_iter().filter(|name| !name.starts_with(".run-")).collect()
}

#[test]
fn a_run_that_is_killed_at_any_step_leaves_a_whole_record_or_none() {
    let mut seen = BTreeSet::new();
    let args = format!("{SHORT} --quiet --out {OUT}");
    let look = |dir: &Path, _: &Ended| {
        seen.insert(left(dir));
        nothing_torn(dir);
    };
    if at_each_step(&args, Upset::Kill, |_| {}, look) {
        // Before the first, between any two, and after the last of the three renames.
        assert_eq!(seen.iter().map(BTreeSet::len).collect::<BTreeSet<_>>(), [0, 1, 2, 3].into());
    }
}

#[test]
fn a_run_that_is_refused_any_step_says_so_or_leaves_a_whole_record() {
    for why in [Errno::ENOSPC, Errno::EACCES] {
        let (mut refused, mut kept) = (0, 0);
        let args = format!("{SHORT} --quiet --out {OUT}");
        let look = |dir: &Path, ended: &Ended| {
            let left = left(dir);
            match ended.code {
                Some(0) => {
                    assert_eq!(left, WHOLE.map(String::from).into());
                    Record::read(&dir.join(OUT)).unwrap();
                    kept += 1;
                }
                Some(1 | 2) => {
                    one_line(&ended.said, &[why.desc()]);
                    assert_eq!(left, BTreeSet::new(), "{ended:?}");
                    refused += 1;
                }
                _ => panic!("{why}: {ended:?}"),
            }
        };
        if at_each_step(&args, Upset::Refuse(why), |_| {}, look) {
            assert!(refused > 8 && kept > 0, "{refused} refused, {kept} kept");
        }
    }
}

/// Programs that write over what an earlier one left, and what they write.
const REWRITES: [(&str, &str); 3] = [
    ("index", "results/README.md"),
    ("report results/a results/b --out results/report.html", "results/report.html"),
    ("compare results/a --save", "results/baseline/run.json"),
];

#[test]
fn what_is_written_anew_is_the_old_or_the_new_whatever_step_is_the_last() {
    let (runs, _) = place();
    for run in ["a", "b"] {
        let made = command(runs.path(), SHORT).output().unwrap();
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        fs::rename(runs.path().join(OUT), runs.path().join(run)).unwrap();
    }
    // A report is not written over anything else, so the old one is one, too.
    let prepare = |dir: &Path| {
        for run in ["a", "b"] {
            fs::create_dir_all(dir.join("results").join(run)).unwrap();
            let record = format!("{run}/run.json");
            fs::copy(runs.path().join(&record), dir.join("results").join(record)).unwrap();
        }
        fs::copy(runs.path().join("a/report.html"), dir.join("results/report.html")).unwrap();
        fs::write(dir.join("results/README.md"), "the old index").unwrap();
    };
    for (args, file) in REWRITES {
        let (place, _) = place();
        prepare(place.path());
        let now = |dir: &Path| fs::read(dir.join(file)).ok();
        let old = now(place.path());
        for upset in [Upset::Kill, Upset::Refuse(Errno::EIO)] {
            let mut states = Vec::new();
            let look = |dir: &Path, ended: &Ended| states.push((now(dir), ended.code));
            if !at_each_step(args, upset, prepare, look) {
                return;
            }
            // The last of them was left alone.
            let (new, code) = states.last().unwrap().clone();
            assert_eq!(code, Some(0), "{args}");
            assert!(new != old, "{args}: it writes nothing new");
            for (step, (state, code)) in states.iter().enumerate() {
                let is_new = *state == new;
                assert!(is_new || *state == old, "{args}: torn at step {step}");
                // Killed, it can say nothing.
                let said_so = code.is_none_or(|code| (code == 0) == is_new);
                assert!(said_so, "{args}: {code:?} at step {step}, and new is {is_new}");
            }
        }
    }
}
