//! The page: chapters drawn, and put into the template.

use askama::Template;

use super::draft::{Chapter, Data, Draft};
use super::find::Run;
use super::picture::Width;
use super::summary::{self, KeyFigure, Summary};
use super::{contention, cost, ink, latency, memory, other, recovery, scaling, timeline, words};
use crate::print;
use crate::program::Failure;

/// What a reader may expect, and the chapter's program.
const PROGRAMS: [&str; 6] = ["replay", "glance", "storm", "contend", "memory", "recovery"];

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    colours: String,
    style: &'static str,
    facts: Vec<String>,
    summary: Summary,
    key_figures: Vec<(String, Vec<KeyFigure>)>,
    chapters: Vec<Drawn>,
    host: Data,
    texts: Vec<String>,
    missing: String,
}

/// A chapter with its pictures drawn.
struct Drawn {
    anchor: String,
    title: String,
    intro: String,
    figures: Vec<Shown>,
    more: Vec<Shown>,
    more_says: String,
}

/// A draft, drawn for both widths; both empty if there is only a table.
struct Shown {
    title: String,
    wide: String,
    narrow: String,
    read: String,
    doubts: Vec<String>,
    tables: Vec<Data>,
}

/// The page about `runs`.
///
/// # Errors
///
/// The drawing library's or the template's own.
pub(super) fn page(runs: &[Run]) -> Result<String, Failure> {
    let mut count = 0;
    let chapters: Vec<Drawn> = chapters(runs)
        .into_iter()
        .enumerate()
        .map(|(at, chapter)| drawn(chapter, at, &mut count))
        .collect::<Result<_, Failure>>()?;
    let page = Page {
        title: title(runs),
        colours: ink::css(),
        style: include_str!("../../templates/report.css"),
        facts: facts(runs),
        summary: summary::summary(runs),
        key_figures: runs
            .iter()
            .map(|run| (words::shortened(&run.label, 60), summary::key_figures(run)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect(),
        chapters,
        host: summary::host(runs),
        texts: texts(runs),
        missing: missing(runs),
    };
    let page = page.render();
    let page = page.map_err(|why| Failure(format!("the report could not be composed: {why}")))?;
    // What the template's macros leave of themselves before the first line.
    Ok(page.trim_start().to_owned())
}

/// What there is to say of `runs`, in order.
pub(super) fn chapters(runs: &[Run]) -> Vec<Chapter> {
    [
        timeline::chapter(runs),
        scaling::chapter(runs, "contend"),
        scaling::chapter(runs, "storm"),
        latency::chapter(runs),
        contention::chapter(runs),
        cost::chapter(runs),
        memory::chapter(runs),
        recovery::chapter(runs),
    ]
    .into_iter()
    .flatten()
    .chain(other::chapters(runs))
    .collect()
}

fn drawn(chapter: Chapter, at: usize, count: &mut usize) -> Result<Drawn, Failure> {
    let mut all = |drafts: Vec<Draft>| -> Result<Vec<Shown>, Failure> {
        drafts
            .into_iter()
            .map(|draft| {
                *count += 1;
                shown(draft, *count)
            })
            .collect()
    };
    let more_says = match &chapter.more[..] {
        [] => String::new(),
        [one] => one.title.clone(),
        several => format!("{} more: {}, …", several.len(), several[0].title),
    };
    Ok(Drawn {
        anchor: format!("{}-{at}", chapter.id),
        figures: all(chapter.figures)?,
        more: all(chapter.more)?,
        title: chapter.title,
        intro: chapter.intro,
        more_says,
    })
}

fn shown(draft: Draft, number: usize) -> Result<Shown, Failure> {
    let draw = |width| {
        let picture = draft.picture.as_ref();
        picture.map(|picture| picture.draw(width, &format!("p{number}"), &draft.title)).transpose()
    };
    let (wide, narrow) = (draw(Width::Desk)?, draw(Width::Phone)?);
    Ok(Shown {
        title: draft.title,
        wide: wide.unwrap_or_default(),
        narrow: narrow.unwrap_or_default(),
        read: draft.read,
        doubts: draft.doubts,
        tables: draft.tables,
    })
}

fn title(runs: &[Run]) -> String {
    match runs {
        [run] => {
            let command = run.record.command.get(1).filter(|word| !word.starts_with('-'));
            let command = command.map_or("tour", String::as_str);
            format!("ampacity under stress: {}", words::shortened(command, 40))
        }
        several => format!("ampacity under stress: {} runs side by side", several.len()),
    }
}

/// Machine, commit and time, in a line for each run.
fn facts(runs: &[Run]) -> Vec<String> {
    let line = |run: &Run| {
        let record = &run.record;
        let label = if runs.len() > 1 {
            format!("{}: ", words::shortened(&run.label, 60))
        } else {
            String::new()
        };
        let cores = if record.machine.cores == 1 { "core" } else { "cores" };
        format!(
            "{label}{}, {} {cores}, {}, at commit {}, in {:.0} s",
            words::shortened(&record.machine.cpu, 80),
            record.machine.cores,
            words::shortened(record.started.get(..10).unwrap_or(&record.started), 40),
            words::shortened(record.commit.hash.get(..10).unwrap_or(&record.commit.hash), 40),
            record.wall_s.clamp(0.0, 1e12),
        )
    };
    runs.iter().take(12).map(line).collect()
}

/// What the programs printed, of one run; of several nobody could read it.
fn texts(runs: &[Run]) -> Vec<String> {
    let [run] = runs else { return Vec::new() };
    let sections = run.record.programs.iter().map(|part| &part.section);
    sections
        .flat_map(|section| &section.tables)
        .filter(|table| table.rows.len() <= 500)
        .take(60)
        .map(|table| {
            let text = print::text(table);
            text.lines().map(words::clean).collect::<Vec<_>>().join("\n")
        })
        .collect()
}

fn missing(runs: &[Run]) -> String {
    let ran = |name: &&str| runs.iter().all(|run| run.section(name).is_none());
    PROGRAMS.into_iter().filter(ran).collect::<Vec<_>>().join(", ")
}
