//! `count`: how many records are wanted, by the values of a field.

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;

use crate::groups::Groups;
use crate::input::{self, Failure};
use crate::out::Out;
use crate::wanted::Wanted;

const MOST_VALUES: usize = 10_000;

/// What `count` is asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Logs; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Count each value of FIELD: event_type, level, tool_name... The first 10,000 values are
    /// kept apart, by their first 200 characters
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,

    #[command(flatten)]
    wanted: Wanted,
}

pub(crate) fn run(options: &Options, out: &mut Out) -> Result<(), Failure> {
    let mut counts: Groups<'_, u64> = Groups::new(options.by.as_deref(), MOST_VALUES);
    let mut all = 0_u64;
    let notes = input::records(&options.files, &options.wanted.filter(), |record| {
        all += 1;
        *counts.of(record) += 1;
        ControlFlow::Continue(())
    })?;
    if options.by.is_none() {
        out.line(all);
    } else {
        let mut rows: Vec<(String, u64)> = counts.named().map(|(name, n)| (name, *n)).collect();
        // Stable: values that are as frequent stay in order.
        rows.sort_by_key(|(_, count)| Reverse(*count));
        let width = rows.first().map_or(0, |(_, count)| count.to_string().len());
        for (name, count) in rows {
            out.line(format_args!("{count:width$}  {name}"));
        }
    }
    out.flush();
    notes.print();
    Ok(())
}
