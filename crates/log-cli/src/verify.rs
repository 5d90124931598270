//! `verify`: whether every line is a whole record, and every record is there.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use ampacity_log::reader::{Entry, Gaps, Stream};
use clap::Args;

use crate::escape;
use crate::input::{self, Failure};
use crate::out::Out;
use crate::tally::Tally;

/// What `verify` is asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Logs, the oldest first; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Missing records are told, but are no fault
    #[arg(long)]
    allow_gaps: bool,

    /// It is a fault if the first record of a stream is not number 0
    #[arg(long)]
    from_start: bool,

    /// Tell at most N faults one by one
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: u64,
}

/// Checks the logs; whether nothing was found.
pub(crate) fn run(options: &Options, out: &mut Out) -> Result<bool, Failure> {
    let mut report = Report { told: 0, most: options.most, out };
    let mut files = vec![File::default(); options.files.len()];
    let mut gaps = Gaps::new();
    input::each(&options.files, |index, entry| {
        let (file, path) = (&mut files[index], &options.files[index]);
        match entry {
            Entry::Record(record) => {
                file.records += 1;
                gaps.add(&record);
                if let Err(malformed) = record.check() {
                    file.malformed += 1;
                    let at = record.offset();
                    report.fault(|| format!("{}: offset {at}: {malformed}", input::name(path)));
                }
            }
            Entry::Skipped(skipped) => {
                file.tally.add(&skipped);
                if skipped.reason().is_loss() {
                    report.fault(|| format!("{}: {skipped}", input::name(path)));
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    let mut headless = 0_u64;
    for (name, stream) in gaps.streams() {
        headless += u64::from(stream.first() > 0);
        for said in said(stream) {
            report.fault(|| format!("stream {}: {said}", escape::visible(name)));
        }
    }
    report.end();
    for (path, file) in options.files.iter().zip(&files) {
        out.line(format_args!("{}: {file}", input::name(path)));
    }
    let missing = gaps.missing();
    let (unnumbered, untracked) = (gaps.unnumbered(), gaps.untracked());
    out.line(format_args!(
        "streams: {}; missing: {missing}; repeated: {}; without a number: {unnumbered}",
        gaps.streams().count(),
        gaps.repeated(),
    ));
    if untracked > 0 {
        out.line(format_args!("not checked for gaps: {untracked}; there are too many streams"));
    }
    let faults = [
        files.iter().any(|file| file.malformed > 0 || file.tally.lost() > 0),
        missing > 0 && !options.allow_gaps,
        gaps.repeated() > 0 || untracked > 0,
        headless > 0 && options.from_start,
    ];
    let valid = !faults.contains(&true);
    out.line(if valid { "valid" } else { "not valid" });
    Ok(valid)
}

/// What there is to say about a stream, a line each.
fn said(stream: &Stream) -> Vec<String> {
    let mut said = Vec::new();
    if stream.missing() > 0 {
        let told = match stream.told() {
            0 => "the log does not tell of it".to_owned(),
            told => format!("the log tells of {told} dropped or failed"),
        };
        said.push(format!("{} missing: {}; {told}", stream.missing(), numbers(stream)));
    }
    if stream.first() > 0 {
        let first = stream.first();
        said.push(format!("begins at {first}: what came before is in another file, or lost"));
    }
    if stream.repeated() > 0 {
        said.push(format!("{} numbers came again: was a file given twice?", stream.repeated()));
    }
    if stream.late() > 0 {
        said.push(format!("{} came late: are the files in order?", stream.late()));
    }
    said
}

/// `3, 7-9 and more`.
fn numbers(stream: &Stream) -> String {
    const MOST: usize = 8;
    let ranges = stream.ranges();
    let mut text: Vec<String> = Vec::new();
    for range in ranges.iter().take(MOST) {
        let (start, end) = (range.start(), range.end());
        text.push(if start == end { format!("{start}") } else { format!("{start}-{end}") });
    }
    let more = if ranges.len() > MOST { " and more" } else { "" };
    format!("{}{more}", text.join(", "))
}

/// What was found in one file.
#[derive(Clone, Default)]
struct File {
    records: u64,
    malformed: u64,
    tally: Tally,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, malformed, tally } = self;
        write!(f, "{records} records, {malformed} malformed, {}", tally.said())?;
        match tally.blank {
            0 => Ok(()),
            blank => write!(f, ", {blank} blank"),
        }
    }
}

/// Tells faults one by one, up to a number.
struct Report<'a> {
    told: u64,
    most: u64,
    out: &'a mut Out,
}

impl Report<'_> {
    fn fault(&mut self, said: impl FnOnce() -> String) {
        self.told += 1;
        if self.told <= self.most {
            self.out.line(said());
        }
    }

    fn end(self) {
        let more = self.told.saturating_sub(self.most);
        if more > 0 {
            self.out.line(format_args!("and {more} more: --most tells more of them"));
        }
    }
}
