//! `percentiles`: how long things took.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use hdrhistogram::Histogram;

use crate::groups::Groups;
use crate::input::{self, Failure};
use crate::out::Out;
use crate::wanted::Wanted;

// A group is at most half a megabyte.
const MOST_GROUPS: usize = 250;

const NANOS_A_MILLI: f64 = 1e6;

/// Some 300 years, in milliseconds: as nanoseconds it fits a histogram.
const LONGEST_MS: f64 = 1e13;

/// What `percentiles` is asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Logs; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A row for each value of FIELD: event_type, tool_name, operation... The first 250 values
    /// are kept apart
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,

    #[command(flatten)]
    wanted: Wanted,
}

/// The durations of one row.
#[derive(Debug)]
struct Durations {
    // In nanoseconds, exact to one part in a thousand.
    histogram: Histogram<u64>,
    max_ms: f64,
}

impl Default for Durations {
    fn default() -> Self {
        let histogram = Histogram::new(3).expect("three digits are from 0 to 5");
        Self { histogram, max_ms: 0.0 }
    }
}

impl Durations {
    fn add(&mut self, ms: f64) {
        self.histogram += (ms * NANOS_A_MILLI).round() as u64;
        self.max_ms = self.max_ms.max(ms);
    }

    /// In milliseconds: what at least the share `quantile` of all took at most.
    fn at(&self, quantile: f64) -> f64 {
        let ms = self.histogram.value_at_quantile(quantile) as f64 / NANOS_A_MILLI;
        // The upper end of a bucket.
        ms.min(self.max_ms)
    }
}

pub(crate) fn run(options: &Options, out: &mut Out) -> Result<(), Failure> {
    let mut groups: Groups<'_, Durations> = Groups::new(options.by.as_deref(), MOST_GROUPS);
    let mut unusable = 0_u64;
    let notes = input::records(&options.files, &options.wanted.filter(), |record| {
        match record.duration_ms() {
            Some(ms) if ms <= LONGEST_MS => groups.of(record).add(ms),
            Some(_) => unusable += 1,
            None => unusable += u64::from(record.get("duration_ms").is_some()),
        }
        ControlFlow::Continue(())
    })?;
    table(options.by.as_deref().unwrap_or(""), &groups, out);
    if unusable > 0 {
        out.line(format_args!("{unusable} not counted: duration_ms is no number from 0 to 1e13"));
    }
    out.flush();
    notes.print();
    Ok(())
}

fn table(by: &str, groups: &Groups<'_, Durations>, out: &mut Out) {
    let head = [by, "count", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "max ms"].map(str::to_owned);
    let mut rows = vec![head];
    for (name, group) in groups.named() {
        let ms = |ms: f64| format!("{ms:.3}");
        let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|quantile| ms(group.at(quantile)));
        rows.push([name, group.histogram.len().to_string(), p50, p90, p95, p99, ms(group.max_ms)]);
    }
    let widths: [usize; 7] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in rows {
        let mut line = format!("{:1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        out.line(line);
    }
}
