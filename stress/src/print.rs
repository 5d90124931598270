//! What a person sees: tables, checks, and lines that do not panic on a closed pipe.

use std::io::Write as _;

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, ContentArrangement, TableStyle};

use crate::program::{Check, Table, Verdict};
use crate::record::Record;

/// Writes `text` to stdout. A reader who has gone away (`| head`) is no error.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Writes one line to stderr.
pub fn err(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints the tables and the checks of a run.
pub fn run(record: &Record) {
    for entry in &record.programs {
        tables(&entry.section.tables);
    }
    out(&summary(record));
}

/// Prints tables.
pub fn tables(tables: &[Table]) {
    let mut text = String::new();
    for table in tables {
        text += &format!("\n{}\n{}", table.title, body(table, NOTHING));
        for note in &table.notes {
            text += &format!("  {note}\n");
        }
    }
    out(&text);
}

/// Prints the record itself.
pub fn json(record: &Record) {
    match record.json() {
        Ok(bytes) => out(&String::from_utf8_lossy(&bytes)),
        Err(error) => err(&format!("error: the record cannot be composed: {error}")),
    }
}

/// The same as Markdown.
pub fn markdown(record: &Record) -> String {
    let mut text = String::new();
    for entry in &record.programs {
        text += &format!("## {}\n", entry.name);
        for table in &entry.section.tables {
            text += &format!("\n{}\n\n{}", table.title, body(table, ASCII_MARKDOWN));
            for note in &table.notes {
                text += &format!("\n{note}\n");
            }
        }
        text.push('\n');
        for check in &entry.section.checks {
            text += &format!("- {} `{}`: {}\n", word(check.verdict), check.name, check.detail);
        }
        text.push('\n');
    }
    text
}

fn body(table: &Table, style: TableStyle) -> String {
    if table.head.is_empty() {
        return String::new();
    }
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(style).set_content_arrangement(ContentArrangement::Disabled);
    drawn.set_header(&table.head);
    for row in &table.rows {
        drawn.add_row(row);
    }
    for column in drawn.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    drawn.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// One line a program, and every check that did not hold.
fn summary(record: &Record) -> String {
    let mut table = Table {
        title: "checks".to_owned(),
        head: ["program", "held", "broken", "not reached", "not judged", "seconds"]
            .map(str::to_owned)
            .into(),
        ..Table::default()
    };
    let mut faults = String::new();
    for entry in &record.programs {
        let checks = &entry.section.checks;
        let count = |verdict| checks.iter().filter(|c| c.verdict == verdict).count().to_string();
        table.rows.push(vec![
            entry.name.clone(),
            count(Verdict::Held),
            count(Verdict::Broken),
            count(Verdict::NotReached),
            count(Verdict::Unjudged),
            format!("{:.1}", entry.wall_s),
        ]);
        for Check { name, verdict, detail } in checks {
            if *verdict != Verdict::Held {
                faults += &format!("  {} {}/{name}\n    {detail}\n", word(*verdict), entry.name);
            }
        }
    }
    let partial = if record.partial { "interrupted: the figures are partial\n" } else { "" };
    format!("\n{}\n{}{faults}{partial}", table.title, body(&table, NOTHING))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Broken => "BROKEN",
        Verdict::NotReached => "NOT REACHED",
        Verdict::Unjudged => "not judged",
    }
}
