//! `show`: the records that are wanted, one a line.

use std::env;
use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use ampacity_log::reader::Record;
use clap::{Args, ValueEnum};

use crate::input::{self, Failure};
use crate::out::Out;
use crate::pretty::Pretty;
use crate::wanted::Wanted;
use crate::{escape, follow};

/// What `show` is asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Logs, the oldest first; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Pass the lines on unchanged; on a terminal, control characters are escaped
    #[arg(long)]
    json: bool,

    /// Go on with the last file as it grows or is rotated; wait for it if it is not there
    #[arg(long, short)]
    follow: bool,

    /// Colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,

    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl When {
    fn colours(self) -> bool {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = || env::var_os("TERM").is_none_or(|term| term == "dumb");
        match self {
            When::Auto => io::stdout().is_terminal() && !set("NO_COLOR") && !dumb(),
            When::Always => true,
            When::Never => false,
        }
    }
}

pub(crate) fn run(options: &Options, out: &mut Out) -> Result<(), Failure> {
    let mut printer = Printer::new(options, out);
    let (read, followed) = match options.files.split_last() {
        Some((last, before)) if options.follow && follow::can_be_followed(last) => {
            (before, Some(last))
        }
        _ => (&options.files[..], None),
    };
    if options.follow && followed.is_none() {
        // Stdin or a pipe, which wait by themselves.
        printer.out.by_line();
    }
    let filter = options.wanted.filter();
    let notes = input::records(read, &filter, |record| {
        printer.record(record);
        if printer.out.is_open() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    printer.out.flush();
    notes.print();
    match followed {
        Some(path) => follow::run(path, &filter, &mut printer),
        None => Ok(()),
    }
}

/// Prints records.
pub(crate) struct Printer<'a> {
    pub(crate) out: &'a mut Out,
    form: Form,
}

enum Form {
    Pretty(Pretty),
    /// The line as it is.
    Json,
    /// The same, with nothing in it that steers a terminal.
    JsonOnTerminal,
}

impl<'a> Printer<'a> {
    fn new(options: &Options, out: &'a mut Out) -> Self {
        let form = match options.json {
            false => Form::Pretty(Pretty::new(options.color.colours())),
            true if io::stdout().is_terminal() => Form::JsonOnTerminal,
            true => Form::Json,
        };
        Self { out, form }
    }

    pub(crate) fn record(&mut self, record: &Record) {
        match &self.form {
            Form::Pretty(pretty) => self.out.line(pretty.line(record)),
            Form::Json => self.out.line(record.line()),
            Form::JsonOnTerminal => self.out.line(escape::visible_json(record.line())),
        }
    }
}
