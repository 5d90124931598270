//! `report`: a page about one run, or several side by side, from their records.
//!
//! A record is foreign input: it may come from another machine, another version, or from
//! somebody's editor. So whatever it holds, a report comes of it, without a value that is no
//! number and without a tag that was not meant; what cannot be drawn is left out. Programs
//! are known by the names and labels of what they measured, see [`crate::measure`], and by
//! nothing else: a chapter whose program did not run is not there, and the page says so.
//!
//! A chapter (`draft`) is made of pictures (`picture`) before anything is drawn; the page
//! draws them and puts them into its template.

mod axis;
mod chart;
mod contention;
mod cost;
mod draft;
mod find;
mod hosts;
mod ink;
mod latency;
mod memory;
mod other;
mod over_time;
mod page;
mod picture;
mod recovery;
mod rows;
mod scaling;
mod summary;
mod timeline;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::program::{Failure, Refusal};
use crate::record::{RECORD, Record, put};
use find::Run;

/// What a report is called beside its record.
pub(crate) const PAGE: &str = "report.html";

/// By this a report is known: nothing else is written over.
const OURS: &str = "<meta name=\"generator\" content=\"ampacity stress report\">";

/// Two of them side by side are the usual; more than this nobody can tell apart.
const MOST_RUNS: usize = 12;

/// The flags of `report`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Directories of runs, or their run.json; several are drawn over each other
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
}

/// Writes the report about one or several runs, to `out`, or beside the record if there is
/// one, or to `report.html` here. Says where.
///
/// # Errors
///
/// A record cannot be read, or what is in the way is no report.
pub fn write(options: &Options, out: Option<&Path>) -> Result<PathBuf, Refusal> {
    if options.runs.len() > MOST_RUNS {
        let given = options.runs.len();
        return Err(Refusal(format!("RUN: {given} runs; at most {MOST_RUNS} can be told apart")));
    }
    let runs =
        options.runs.iter().map(|path| Ok(Run { label: label(path), record: Record::read(path)? }));
    let runs: Vec<Run> = runs.collect::<Result<_, Refusal>>()?;
    let path = match (out, &options.runs[..]) {
        (Some(out), _) if out.as_os_str().is_empty() => {
            return Err(Refusal("--out: the file's name is empty".to_owned()));
        }
        (Some(out), _) if out.is_dir() => out.join(PAGE),
        (Some(out), _) => out.to_owned(),
        (None, [one]) if one.is_dir() => one.join(PAGE),
        (None, _) => PathBuf::from(PAGE),
    };
    refuse_another(&path)?;
    let runs: Vec<Run> = runs.into_iter().flat_map(hosts::apart).collect();
    let page = page::page(&runs).map_err(|Failure(why)| Refusal(why))?;
    put(&path, page.as_bytes()).map_err(|Failure(why)| Refusal(why))?;
    Ok(path)
}

/// Something else than a report is not written over.
fn refuse_another(path: &Path) -> Result<(), Refusal> {
    let is_ours = || fs::read_to_string(path).is_ok_and(|text| text.contains(OURS));
    if path.symlink_metadata().is_err() || is_ours() {
        return Ok(());
    }
    Err(Refusal(format!("{}: is there already, and is no report", path.display())))
}

/// What to call the run at `path`: the name of its directory.
pub(crate) fn label(path: &Path) -> String {
    let dir = if path.file_name().is_some_and(|name| name == RECORD) {
        path.parent().unwrap_or(path)
    } else {
        path
    };
    let full = fs::canonicalize(dir);
    let name = full.as_deref().unwrap_or(dir).file_name();
    name.map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The report about one run. If it cannot be made it says why: no record is lost for want of
/// its report.
pub fn render(record: &Record) -> String {
    let run = Run { label: "this run".to_owned(), record: record.clone() };
    page::page(&hosts::apart(run)).unwrap_or_else(|Failure(why)| {
        format!("<!doctype html>{OURS}<title>no report</title><p>{}", picture::escaped(&why))
    })
}

/// The pictures that stand alone, by the names of their files; `label` is the run's name.
pub(crate) fn standing_alone(
    record: &Record,
    label: &str,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let runs = [Run { label: label.to_owned(), record: record.clone() }];
    let compared = scaling::throughput(&runs, "contend", "success");
    let wide = scaling::throughput(&runs, "storm", "success");
    let drafts =
        [("replay.svg", timeline::draft(&runs, 0)), ("scaling.svg", compared), ("storm.svg", wide)];
    let machine = &record.machine;
    let below = format!(
        "{}, {} cores. Run {}, drawn by `stress pictures`.",
        words::shortened(&machine.cpu, 60),
        machine.cores,
        words::shortened(label, 60),
    );
    drafts
        .into_iter()
        .filter_map(|(name, draft)| Some((name, draft?)))
        .filter_map(|(name, draft)| Some((name, draft.picture?.alone(&draft.title, &below))))
        .map(|(name, svg)| Ok((name, svg?)))
        .collect()
}

#[cfg(test)]
mod tests;
