//! What a report consists of before it is drawn: sections of pictures and tables.

use super::find::{self, Run};
use super::picture::Picture;
use super::words;
use crate::measure::Measure;

/// Rows of a table beyond this are left to `run.json`.
const MOST_ROWS: usize = 400;

/// A part of the report, with a heading of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Chapter {
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What it is about, in a sentence or two; or why it is not there.
    pub(super) intro: String,
    pub(super) figures: Vec<Draft>,
    /// What is there for who asks for it.
    pub(super) more: Vec<Draft>,
}

/// A picture with its words and the table behind it; either may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// What is shown.
    pub(super) title: String,
    pub(super) picture: Option<Picture>,
    /// How to read it.
    pub(super) read: String,
    /// Why some of it is in doubt.
    pub(super) doubts: Vec<String>,
    pub(super) tables: Vec<Data>,
}

/// A table: the first column is text, the others are figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Data {
    pub(super) fn new<const N: usize>(caption: &str, head: [&str; N]) -> Self {
        let head = head.map(str::to_owned).into();
        Self { caption: caption.to_owned(), head, rows: Vec::new() }
    }

    /// The measures that a picture was drawn from, with their repetitions' middle.
    pub(super) fn of<'a>(
        caption: &str,
        runs: &[Run],
        found: impl Iterator<Item = (usize, &'a Measure)>,
    ) -> Self {
        let mut data = Self::new(
            caption,
            ["figure", "median", "± half the quartiles", "repetitions", "doubt"],
        );
        for (run, measure) in found {
            let middle = find::middle(measure);
            let said = |value: f64| words::figure(value, measure.unit);
            data.rows.push(vec![
                find::named(runs, run, &described(measure)),
                middle.map_or("-".to_owned(), |middle| said(middle.median)),
                middle.map_or("-".to_owned(), |middle| said(middle.spread)),
                measure.samples.len().to_string(),
                words::clean(measure.doubt.as_deref().unwrap_or("")),
            ]);
        }
        data.cut()
    }

    /// Without what is more than anyone reads.
    pub(super) fn cut(mut self) -> Self {
        let more = self.rows.len().saturating_sub(MOST_ROWS);
        if more > 0 {
            self.rows.truncate(MOST_ROWS);
            let mut last = vec![String::new(); self.head.len()];
            if let Some(cell) = last.first_mut() {
                *cell = format!("and {more} more, in run.json");
            }
            self.rows.push(last);
        }
        self
    }
}

/// A measure's name and labels: `calls_per_s, success, 64 threads`.
fn described(measure: &Measure) -> String {
    let mut text = measure.name.clone();
    for (key, value) in &measure.labels {
        match key.as_str() {
            "threads" => text += &format!(", {value} threads"),
            "workload" | "subject" | "policy" | "site" | "path" | "lane" | "outcome" => {
                text += &format!(", {value}");
            }
            _ => text += &format!(", {key} {value}"),
        }
    }
    text
}
