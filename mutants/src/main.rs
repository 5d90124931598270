//! Mutation testing of the library: each small change of its code that `cargo mutants` can
//! think of must make a test fail, or stand in `mutants/survivors.toml` with the reason why
//! none can.
//!
//! Most mutants die by the unit tests, which take seconds; what survives them is given to
//! the tests of the public face and of the contract, too. Verdicts are kept, by the text of
//! the file that was changed, so that a run that was stopped goes on where it was.

mod copy;
mod mutant;
mod run;
mod survivors;
mod table;
mod verdicts;

use clap::Parser;
use mutant::Mutant;
use run::{Files, Runner, Tests};
use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use survivors::Survivors;
use table::{Row, Table};
use verdicts::{Fate, Verdicts};

/// What comes first: what decides. All other files follow by their names.
const FIRST: &[&str] = &[
    "src/word.rs",
    "src/bits.rs",
    "src/opens.rs",
    "src/stamp.rs",
    "src/grain.rs",
    "src/permit.rs",
    "src/circuit.rs",
    "src/breaker.rs",
    "src/breaker/",
    "src/slot.rs",
    "src/window.rs",
    "src/window/",
    "src/metrics/shard.rs",
    "src/metrics/pace.rs",
    "src/event.rs",
    "src/event/",
    "src/sync.rs",
    "src/sync/",
];

/// Mutants between two looks at the time.
const BATCH: usize = 8;

/// Changes the library in every small way and says which changes no test minds.
#[derive(Parser)]
struct Args {
    /// Files to change; all of the library if none is named
    files: Vec<String>,

    /// Begins no further mutants after this time; the next run goes on
    #[arg(long, default_value_t = 45)]
    minutes: u64,

    /// Runs nothing: says what is known
    #[arg(long)]
    known: bool,

    /// The unit tests alone: says what they miss, and writes no table
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match mutate(&Args::parse()) {
        Ok(Found::Nothing) => ExitCode::SUCCESS,
        Ok(Found::Faults) => ExitCode::FAILURE,
        Ok(Found::NotAll) => ExitCode::from(3),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// What a run can end with.
enum Found {
    /// Every survivor is listed, and every listed one survives.
    Nothing,
    Faults,
    /// No fault, but some mutants were not run: another run goes on.
    NotAll,
}

fn mutate(args: &Args) -> Result<Found, Box<dyn Error>> {
    let deadline = Instant::now() + Duration::from_secs(60 * args.minutes);
    let work = PathBuf::from("target/mutants");
    let tree = Tests::All.tree(&work);
    fs::create_dir_all(&work)?;
    // Until this ends: another run would undo in the trees what is being tested here.
    let alone = File::create(work.join("lock"))?;
    alone.try_lock().map_err(|_| "another run is at work in target/mutants")?;
    for tests in [Tests::Unit, Tests::All] {
        copy::bring_up_to_date(&tests.tree(&work), tests.spared())?;
    }
    let all = run::list(&tree)?;
    let files = chosen(&args.files, &all)?;
    let mut verdicts = Verdicts::read(work.join("verdicts"), &tree)?;
    let survivors = Survivors::read("mutants/survivors.toml")?;
    let mut table = Table::read("docs/mutants.md")?;
    table.retain(|file| all.contains_key(file));
    let (tests, last) = match args.quick {
        true => (&[Tests::Unit][..], Tests::Unit),
        false => (&[Tests::Unit, Tests::All][..], Tests::All),
    };

    let mut faults = survivors.of_no_file(|file| all.contains_key(file));
    let mut runner = Runner { work: &work, limits: HashMap::new() };
    let mut not_run = 0;
    for file in files {
        let mutants = &all[file];
        for tests in tests.iter().copied() {
            let mut open = mutants.clone();
            open.retain(|mutant| verdicts.asks_for(tests, mutant, survivors.name(mutant)));
            for batch in open.chunks(BATCH) {
                if args.known || Instant::now() > deadline {
                    break;
                }
                for (mutant, fate) in runner.run(tests, mutants, batch)? {
                    verdicts.add(tests, &mutant, fate)?;
                }
            }
        }
        let mut fate = |mutant: &Mutant| verdicts.of(last, mutant, survivors.name(mutant));
        let row = Row::count(&tree, file, mutants, &mut fate);
        println!("{row}");
        let survived = mutants.iter().filter(|mutant| fate(mutant) == Some(Fate::Survived));
        faults.extend(survivors.faults(file, &survived.collect::<Vec<_>>(), row.is_complete()));
        not_run += row.not_run();
        table.put(row);
        if !args.quick {
            table.write()?;
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    if not_run > 0 {
        println!("NOT RUN   {not_run} mutants: another run goes on");
    }
    Ok(match (faults.as_slice(), not_run) {
        ([], 0) => Found::Nothing,
        ([], _) => Found::NotAll,
        _ => Found::Faults,
    })
}

/// The files that were `asked` for, or `all`, in the order in which they are run.
fn chosen<'a>(asked: &[String], all: &'a Files) -> Result<Vec<&'a str>, Box<dyn Error>> {
    if let Some(file) = asked.iter().find(|file| !all.contains_key(*file)) {
        return Err(format!("{file} has no mutants: is it a file of the library?").into());
    }
    let is_asked = |file: &&str| asked.is_empty() || asked.iter().any(|one| one == file);
    let mut files: Vec<&str> = all.keys().map(String::as_str).filter(is_asked).collect();
    let place = |file: &str| FIRST.iter().position(|first| file.starts_with(first));
    files.sort_by_key(|file| place(file).unwrap_or(FIRST.len()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    fn chosen(asked: &[&str], all: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(|file| (*file).to_owned()).collect();
        let all = all.iter().map(|file| ((*file).to_owned(), Vec::new())).collect();
        let files = super::chosen(&asked, &all).map_err(|error| error.to_string())?;
        Ok(files.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn every_file_with_mutants_is_run_and_what_decides_comes_first() {
        let all = ["src/a_new_one.rs", "src/breaker.rs", "src/breaker/calls.rs", "src/word.rs"];
        let order = ["src/word.rs", "src/breaker.rs", "src/breaker/calls.rs", "src/a_new_one.rs"];
        assert_eq!(chosen(&[], &all).unwrap(), order);
        let some = ["src/a_new_one.rs", "src/word.rs"];
        assert_eq!(chosen(&some, &all).unwrap(), ["src/word.rs", "src/a_new_one.rs"]);
    }

    #[test]
    fn a_file_without_mutants_is_refused() {
        let refused = chosen(&["src/wrod.rs"], &["src/word.rs"]).unwrap_err();
        assert!(refused.starts_with("src/wrod.rs has no mutants"), "{refused}");
    }
}
