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
use run::Tests;
use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use survivors::Survivors;
use table::{Row, Table};
use verdicts::{Fate, Verdicts};

/// What decides comes first.
const FILES: &[&str] = &[
    "src/word.rs",
    "src/bits.rs",
    "src/opens.rs",
    "src/stamp.rs",
    "src/grain.rs",
    "src/permit.rs",
    "src/circuit.rs",
    "src/breaker.rs",
    "src/breaker/by_hand.rs",
    "src/breaker/calls.rs",
    "src/breaker/classified.rs",
    "src/breaker/events.rs",
    "src/breaker/making.rs",
    "src/breaker/reading.rs",
    "src/breaker/saving.rs",
    "src/breaker/settings.rs",
    "src/breaker/settling.rs",
    "src/slot.rs",
    "src/window.rs",
    "src/window/policy.rs",
    "src/window/count.rs",
    "src/window/time.rs",
    "src/window/slice.rs",
    "src/window/flight.rs",
    "src/metrics/shard.rs",
    "src/metrics/pace.rs",
    "src/event.rs",
    "src/event/desk.rs",
    "src/event/history.rs",
    "src/event/listeners.rs",
    "src/sync.rs",
    "src/sync/atomic.rs",
    "src/sync/current.rs",
    "src/sync/kept.rs",
    "src/sync/once.rs",
    "src/sync/pile.rs",
    "src/sync/pinned.rs",
    "src/clock.rs",
    "src/contained.rs",
    "src/classify.rs",
    "src/error.rs",
    "src/metrics.rs",
    "src/metrics/latency.rs",
    "src/metrics/histogram.rs",
    "src/metrics/snapshot.rs",
    "src/metrics/serial.rs",
    "src/registry.rs",
    "src/saved.rs",
    "src/saved/form.rs",
    "src/config.rs",
    "src/config/builder.rs",
    "src/config/check.rs",
    "src/config/difference.rs",
    "src/config/error.rs",
    "src/config/preset.rs",
    "src/config/rules.rs",
    "src/config/settings.rs",
    "src/config/text.rs",
    "src/config/timing.rs",
    "src/nanos.rs",
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
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every survivor is listed, and every listed one survives.
fn mutate(args: &Args) -> Result<bool, Box<dyn Error>> {
    let deadline = Instant::now() + Duration::from_secs(60 * args.minutes);
    let work = PathBuf::from("target/mutants");
    let tree = work.join("tree");
    fs::create_dir_all(&tree)?;
    // Until this ends: another run would undo in the tree what is being tested here.
    let alone = File::create(work.join("lock"))?;
    alone.try_lock().map_err(|_| "another run is changing target/mutants/tree")?;
    copy::bring_up_to_date(&tree)?;
    let files: Vec<&str> = match args.files.as_slice() {
        [] => FILES.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let mut verdicts = Verdicts::read(work.join("verdicts"), &tree)?;
    let survivors = Survivors::read("mutants/survivors.toml")?;
    let mut table = Table::read("docs/mutants.md")?;
    let (tests, last) = match args.quick {
        true => (&[Tests::Unit][..], Tests::Unit),
        false => (&[Tests::Unit, Tests::All][..], Tests::All),
    };

    let mut faults = Vec::new();
    for file in files {
        let mutants = run::list(&tree, file)?;
        for tests in tests.iter().copied() {
            let mut open = mutants.clone();
            open.retain(|mutant| verdicts.asks_for(tests, mutant, survivors.name(mutant)));
            for batch in open.chunks(BATCH) {
                if args.known || Instant::now() > deadline {
                    break;
                }
                for (mutant, fate) in run::run(&tree, &work, tests, file, &mutants, batch)? {
                    verdicts.add(tests, &mutant, fate)?;
                }
            }
        }
        let mut fate = |mutant: &Mutant| verdicts.of(last, mutant, survivors.name(mutant));
        let row = Row::count(&tree, file, &mutants, &mut fate);
        println!("{row}");
        let survived = mutants.iter().filter(|mutant| fate(mutant) == Some(Fate::Survived));
        faults.extend(survivors.faults(file, &survived.collect::<Vec<_>>(), row.is_complete()));
        table.put(row);
        if !args.quick {
            table.write()?;
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    Ok(faults.is_empty())
}
