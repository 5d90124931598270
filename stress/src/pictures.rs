//! `pictures`: drawings for the README, each a file of its own, from a committed run.
//!
//! Each says at its foot which run it was made from. Those in `docs/pictures` are what the
//! program makes of the run under `results` that they name, byte for byte: a test holds them
//! to that.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::program::{Failure, Refusal};
use crate::record::{Record, put};
use crate::report;

/// The flags of `pictures`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The directory of a run, or its run.json
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

/// Draws the run's pictures into `out`, or where this is called. Says what was written.
///
/// # Errors
///
/// The record cannot be read, has nothing to draw, or a file cannot be written.
pub fn write(options: &Options, out: Option<&Path>) -> Result<Vec<PathBuf>, Refusal> {
    let record = Record::read(&options.run)?;
    let dir = out.unwrap_or(Path::new("."));
    let all = draw(&record, &report::label(&options.run))?;
    if all.is_empty() {
        let run = options.run.display();
        return Err(Refusal(format!("{run}: neither replay nor a sweep of threads is in it")));
    }
    std::fs::create_dir_all(dir)
        .map_err(|why| Refusal(format!("--out {}: cannot be made: {why}", dir.display())))?;
    let write = |(name, svg): (&str, String)| {
        let path = dir.join(name);
        put(&path, svg.as_bytes()).map_err(|Failure(why)| Refusal(why))?;
        Ok(path)
    };
    all.into_iter().map(write).collect()
}

/// The pictures of the run called `label`, by the names of their files; those that it has
/// figures for.
///
/// # Errors
///
/// The drawing library's own.
pub fn draw(record: &Record, label: &str) -> Result<Vec<(&'static str, String)>, Refusal> {
    report::standing_alone(record, label).map_err(|Failure(why)| Refusal(why))
}
