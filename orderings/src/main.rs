//! The command line. See the library beside it.

use clap::Parser;
use orderings::models::Mutable;
use orderings::search::search;
use orderings::{ROOT, copy, document, mutants, source, verdicts};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Weakens every memory ordering of the library in turn, runs the models that come by it
/// under loom, and writes what became of it into docs/orderings.md.
#[derive(Parser)]
struct Args {
    /// Only the orderings of this file (`window/slice.rs`), and without writing anything.
    #[arg(long)]
    only: Option<String>,
    /// Do not begin with the tests that the document names, but with the quickest.
    #[arg(long)]
    afresh: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(complaints) => {
            complaints.iter().for_each(|complaint| println!("FAILED: {complaint}"));
            if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns what is wrong with the library.
fn run(args: &Args) -> Result<Vec<String>, Box<dyn Error>> {
    let began = Instant::now();
    let root = Path::new(ROOT);
    let found = source::sites(root)?;
    let path = root.join(document::PATH);
    let before = fs::read_to_string(&path)?;
    let mut all = mutants::all(&found);
    let mut complaints = mutants::complaints(&found);
    if let Some(only) = &args.only {
        all.retain(|weaker| weaker.site.file == *only);
        if all.is_empty() {
            return Err(format!("`{only}` has no orderings that could be weaker").into());
        }
    }

    let models = Mutable::build(&copy::make(root, &found)?, root)?;
    println!("built after {:.0?}", began.elapsed());
    let verdicts = search(&models, &all, if args.afresh { "" } else { &before })?;
    let settled =
        all.iter().zip(&verdicts).map(|(weaker, verdict)| verdicts::settle(weaker, verdict));
    let (cells, wrong): (Vec<_>, Vec<_>) = settled.unzip();
    complaints.extend(wrong.into_iter().flatten());
    if args.only.is_none() {
        let rows = document::table(all.iter().zip(cells));
        // As it is by now: this takes minutes.
        let after = document::with(&fs::read_to_string(&path)?, "sites", &rows)?;
        let after = document::with(&after, "relaxed", &document::relaxed(&found))?;
        fs::write(&path, &after)?;
        complaints.extend(document::differences(&after, &found, &all));
    }
    println!("{} weaker orderings, {:.0?}", all.len(), began.elapsed());
    Ok(complaints)
}
