//! The command line: what is asked for, and what the exit status says.
//!
//! Status 0: done; for `verify`, nothing was found. 1: `verify` found something, or the output
//! could not be written. 2: bad flags, or a file that cannot be opened or read.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::out::{self, Out};
use crate::{count, percentiles, show, verify};

/// Reads event logs that ampacity-log wrote, and those of schema 1.0.0.
///
/// FILE may be `-`, which is stdin. Give rotated files in the order in which they were written,
/// the oldest first.
#[derive(Debug, Parser)]
#[command(
    name = "ampacity-log",
    version,
    arg_required_else_help = false,
    after_help = "Status 0: done; for verify, nothing was found. 1: verify found something, or the \
                  output could\nnot be written. 2: bad flags, or a log that cannot be opened or read."
)]
struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the records that are wanted, one a line
    Show(show::Options),
    /// Count the records that are wanted
    Count(count::Options),
    /// Print percentiles of duration_ms
    Percentiles(percentiles::Options),
    /// Check that every line is a whole record and that none is missing; status 1 if not
    Verify(verify::Options),
}

/// Runs the command line `args`, the program's name first.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::try_parse_from(args) {
        Ok(line) => line,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            let mut out = Out::new();
            out.write(format_args!("{error}"));
            return finish(out, 0);
        }
        Err(error) => {
            out::err(&one_line(&error));
            return ExitCode::from(2);
        }
    };
    let mut out = Out::new();
    let done = match line.what {
        What::Show(options) => show::run(&options, &mut out).map(|()| 0),
        What::Count(options) => count::run(&options, &mut out).map(|()| 0),
        What::Percentiles(options) => percentiles::run(&options, &mut out).map(|()| 0),
        What::Verify(options) => verify::run(&options, &mut out).map(|valid| u8::from(!valid)),
    };
    let status = done.unwrap_or_else(|failure| {
        // What was printed before the failure stands before it, where both go to one place.
        out.flush();
        out::err(&format!("error: {failure}"));
        2
    });
    finish(out, status)
}

/// The exit status `status`, unless it says that all is well and nobody could read it.
fn finish(mut out: Out, status: u8) -> ExitCode {
    out.flush();
    let Some(why) = out.lost() else { return ExitCode::from(status) };
    out::err(&format!("error: stdout: not written: {why}"));
    ExitCode::from(status.max(1))
}

/// What clap says over several lines, in one: the fault and the tips, without the usage.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty());
    said.fold(String::new(), |line, next| match line.as_str() {
        "" => next.to_owned(),
        list if list.ends_with(':') => format!("{line} {next}"),
        _ => format!("{line}; {next}"),
    })
}
