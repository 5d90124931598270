//! Whole reports, of a record that has everything and of records that nobody would write.

use super::*;
use crate::program::{Check, Section};

#[path = "../../tests/fixture/mod.rs"]
mod fixture;

use fixture::everything;

fn runs(records: &[Record]) -> Vec<Run> {
    let label = |at: usize| format!("run {at}");
    records
        .iter()
        .enumerate()
        .map(|(at, record)| Run { label: label(at), record: record.clone() })
        .collect()
}

/// What holds for every page: whole, nothing left of the drawing's own colours, no value that
/// is no number, no name twice, nothing from elsewhere.
fn hold(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for colour in ["=\"#", "rgb("] {
        assert!(!drawn(page).contains(colour), "a colour was not dressed");
    }
    for number in ["NaN", "inf", "nan"] {
        for attribute in drawn(page).split('"').skip(1).step_by(2) {
            let mut parts = attribute.split([' ', ',']);
            assert!(!parts.any(|part| part.trim_start_matches('-') == number), "{attribute}");
        }
    }
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id is there twice");
    for id in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&id), "{id}");
    }
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        assert!(TAGS.contains(&name), "<{tag}>");
        for elsewhere in [" src=", " on", "url(", "http:", "https:", "href=\"h", "javascript"] {
            assert!(!tag.contains(elsewhere), "<{tag}>");
        }
    }
    let style = page.split("</style>").next().unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
}

/// What a page is made of.
const TAGS: &[&str] = &[
    "!doctype",
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "footer",
    "main",
    "nav",
    "section",
    "a",
    "h1",
    "h2",
    "h3",
    "p",
    "ul",
    "ol",
    "li",
    "b",
    "span",
    "dl",
    "dt",
    "dd",
    "div",
    "figure",
    "figcaption",
    "details",
    "summary",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "pre",
    "code",
    "svg",
    "text",
    "rect",
    "circle",
    "line",
    "polyline",
    "polygon",
];

/// Everything that is drawn.
fn drawn(page: &str) -> String {
    page.split("<svg").skip(1).filter_map(|rest| rest.split("</svg>").next()).collect()
}

#[test]
fn a_record_with_everything_makes_a_page_with_every_picture() {
    let page = page::page(&runs(&[everything(1)])).unwrap();
    hold(&page);
    for title in [
        "What became of requests, without a breaker and with one",
        "How long callers waited",
        "Calls a second, all threads together: every call succeeds",
        "Processor time a call: every call succeeds",
        "Calls a second of ampacity, by what the calls come to",
        "How long a call takes, with 2 threads",
        "How long a call of ampacity takes, by the number of threads",
        "Swaps of the word, by workload and edge",
        "Locked instructions and shared writes a call",
        "What a call costs: success",
        "Resident memory of the process, over time",
        "What a breaker takes, idle and in use, and what a thread adds",
        "States through each scenario",
    ] {
        assert!(page.contains(&format!("<h3>{title}")), "{title}");
    }
    assert!(page.matches("<svg class=\"wide\"").count() >= 13);
    assert_eq!(
        page.matches("<svg class=\"wide\"").count(),
        page.matches("<svg class=\"narrow\"").count()
    );
    assert!(page.contains("more threads than the 2 cores"));
    assert!(page.contains("In doubt: oversubscribed: 8 threads on 2 cores, and 1 more like it."));
    assert!(!page.contains("id=\"missing\""));
}

/// The marks of a picture, drawn for both.
fn marks(picture: &picture::Picture) -> usize {
    let widths = [picture::Width::Desk, picture::Width::Phone];
    let drawn = widths.map(|width| picture.draw(width, "x", "x").unwrap());
    let marks = ["<polyline", "<polygon", "<circle", "<rect"];
    drawn.iter().map(|svg| marks.iter().map(|mark| svg.matches(mark).count()).sum::<usize>()).sum()
}

#[test]
fn every_curve_bar_and_state_is_drawn() {
    let chapters = page::chapters(&runs(&[everything(1)]));
    let drafts = chapters.iter().flat_map(|chapter| chapter.figures.iter().chain(&chapter.more));
    let mut seen = 0;
    for picture in drafts.filter_map(|draft| draft.picture.as_ref()) {
        for at in 0..picture.panels.len() {
            let mut without = picture.clone();
            let things = match &mut without.panels[at] {
                picture::Panel::Chart(chart) => std::mem::take(&mut chart.curves).len(),
                picture::Panel::Strips(strips) => strips
                    .strips
                    .iter_mut()
                    .map(|strip| std::mem::take(&mut strip.spans).len().min(1))
                    .sum(),
                picture::Panel::Bars(bars) => {
                    bars.groups.iter_mut().map(|group| std::mem::take(&mut group.bars).len()).sum()
                }
            };
            assert!(things > 0 && marks(picture) >= marks(&without) + 2 * things);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_verdict_names_what_broke_first_and_a_partial_run_is_marked() {
    let mut record = everything(1);
    let page = |record: &Record| page::page(&runs(std::slice::from_ref(record))).unwrap();
    assert!(page(&record).contains("<p class=\"verdict good\">All "));
    record.programs[2].section.checks[0] = Check::not_reached("late", "no case");
    record.programs[3].section.checks[0] = Check::judged("totals_add_up", false, "7 are lost");
    record.programs[4].section.checks[0] = Check::judged("later", false, "8 are lost");
    let text = page(&record);
    assert!(text.contains("<p class=\"verdict bad\">2 of "), "{}", &text[..3_000]);
    let place = |what: &str| text.find(what).unwrap();
    let (first, second, third) = (place("/ totals_add_up<"), place("/ later<"), place("/ late<"));
    assert!(first < second && second < third);
    record.programs.truncate(2);
    record.programs[1].section.partial = true;
    let text = page(&record);
    assert!(text.contains("<p class=\"verdict open\">"));
    assert!(text.contains("The run was interrupted") && text.contains("<td>partial</td>"));
}

#[test]
fn a_chapter_whose_program_did_not_run_is_absent_and_said_so() {
    let all = everything(1);
    for name in ["replay", "glance", "storm", "contend", "memory", "recovery"] {
        let mut record = all.clone();
        record.programs.retain(|part| part.name != name);
        let page = page::page(&runs(&[record])).unwrap();
        hold(&page);
        let missing = page.split("had nothing to draw: ").nth(1).unwrap();
        assert!(missing.starts_with(&format!("{name}.")), "{name}");
    }
}

#[test]
fn several_runs_are_drawn_over_each_other_and_their_hosts_stand_side_by_side() {
    let mut records = [everything(1), everything(2), everything(3)];
    records[1].machine.cores = 128;
    records[1].machine.cpu = "another".to_owned();
    let page = page::page(&runs(&records)).unwrap();
    hold(&page);
    assert!(page.contains("run 1, ampacity"));
    let host = page.split("<section id=\"host\">").nth(1).unwrap();
    assert!(host.contains("<th scope=\"col\">run 0</th><th scope=\"col\">run 1</th>"));
    assert!(host.contains("<td>2</td><td>128</td><td>2</td>"), "{host}");
    // They do not agree on where threads exceed cores.
    assert!(!page.contains("more threads than the"));
}

#[test]
fn a_merged_run_is_its_hosts_side_by_side_and_their_histograms_together() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [1, 2].map(|seed| {
        let path = dir.path().join(format!("run-{seed}"));
        crate::record::Place::reserve(Some(&path), "tour")
            .unwrap()
            .keep(&everything(seed))
            .unwrap();
        path
    });
    let merged = crate::merge::run(&crate::merge::Options::of(paths.into())).unwrap();
    let page = render(&merged);
    hold(&page);
    for run in ["this run, host 1", "this run, host 2", "this run, all hosts"] {
        assert!(page.contains(&format!("<th scope=\"col\">{run}</th>")), "{run}");
    }
    // One curve a host: their figures are not mixed, and not averaged.
    let chart = page.split("<h3>Calls a second, all threads together").nth(1).unwrap();
    let chart = chart.split("</svg>").next().unwrap();
    let keys =
        chart.matches("host 1, ampacity").count() + chart.matches("host 2, ampacity").count();
    assert_eq!(keys, 2, "{chart}");
    let latency = page.split("<h3>How long a call takes").nth(1).unwrap();
    let latency = latency.split("</svg>").next().unwrap();
    assert_eq!(latency.matches("all hosts, ampacity").count(), 1);
    assert!(page.contains("<p class=\"verdict good\">All 24 checks held."));
}

/// Every text of a record, and numbers as far as they go, one after the other.
fn spoilt(record: &Record, text: &str, number: f64) -> Record {
    let mut record = record.clone();
    let text = || text.to_owned();
    for part in &mut record.programs {
        let Section { checks, measures, latencies, tracks, bands, tables, .. } = &mut part.section;
        for check in checks {
            (check.name, check.detail) = (text(), text());
        }
        for measure in measures {
            measure.samples.iter_mut().step_by(2).for_each(|sample| *sample = number);
            measure.doubt = Some(text());
            for (key, value) in &mut measure.labels {
                if key != "subject" && key != "threads" || number < 0.0 {
                    *value = text();
                }
            }
        }
        for latency in latencies {
            latency.labels.values_mut().for_each(|value| *value = text());
            latency.counts = vec![(0, 1), (u64::MAX, u64::MAX), (7, u64::MAX)];
        }
        for track in tracks {
            track.labels.insert("phase".to_owned(), text());
            track.points.iter_mut().step_by(2).for_each(|point| point.0 = number);
            track.points.iter_mut().step_by(3).for_each(|point| point.1 = number);
        }
        for band in bands {
            band.labels.insert("scenario".to_owned(), text());
            for span in &mut band.spans {
                *span = (number, -number, text());
            }
        }
        for table in tables {
            table.title = text();
            table.notes = vec![text()];
            table.head = vec![text()];
        }
    }
    record.machine.cpu = text();
    record.machine.os = text();
    record.commit.hash = text();
    record.started = text();
    record.command = vec![text(), text()];
    record
}

#[test]
fn whatever_a_record_holds_its_page_is_whole_and_holds_no_tag_of_its_own() {
    let huge = "x".repeat(100_000);
    let texts = [
        "<script>alert(1)</script>",
        "</svg></title><img src=x onerror=alert(1)>",
        "\"'><b>&amp;\u{0}\u{202e}\u{1b}[31m",
        "",
        "{{ title }}{% for %}",
        "#01026C \"#01026C\"",
        "größer 漢字 🦀",
        &huge,
    ];
    let numbers = [0.0, -1.0, 1e308, -1e308, 5e-324, 1e18, 1.0];
    let record = everything(7);
    for (at, text) in texts.into_iter().enumerate() {
        let record = spoilt(&record, text, numbers[at % numbers.len()]);
        for several in [1, 2] {
            let mut runs = runs(&vec![record.clone(); several]);
            runs.iter_mut().for_each(|run| run.label = text.to_owned());
            let page = page::page(&runs).unwrap();
            hold(&page);
            assert!(page.len() < 12_000_000, "{}", page.len());
        }
    }
    for number in numbers {
        hold(&page::page(&runs(&[spoilt(&record, "x", number)])).unwrap());
    }
}

#[test]
fn a_record_of_nothing_or_of_one_point_each_makes_a_page() {
    let mut record = everything(1);
    for part in &mut record.programs {
        let Section { measures, latencies, tracks, bands, .. } = &mut part.section;
        measures.truncate(1);
        measures.iter_mut().for_each(|measure| measure.samples.truncate(1));
        latencies.iter_mut().for_each(|latency| latency.counts.truncate(1));
        tracks.iter_mut().for_each(|track| track.points.truncate(1));
        bands.iter_mut().for_each(|band| band.spans.truncate(1));
    }
    hold(&page::page(&runs(&[record.clone()])).unwrap());
    for part in &mut record.programs {
        let Section { measures, latencies, tracks, bands, .. } = &mut part.section;
        measures.iter_mut().for_each(|measure| measure.samples.clear());
        latencies.iter_mut().for_each(|latency| latency.counts.clear());
        tracks.iter_mut().for_each(|track| track.points.clear());
        bands.iter_mut().for_each(|band| band.spans.clear());
    }
    hold(&page::page(&runs(&[record.clone()])).unwrap());
    for part in &mut record.programs {
        part.section = Section::default();
    }
    hold(&page::page(&runs(&[record.clone()])).unwrap());
    record.programs.clear();
    record.machine.cores = 0;
    record.wall_s = -1e308;
    let page = page::page(&runs(&[record])).unwrap();
    hold(&page);
    assert!(page.contains("Nothing was judged."));
}

#[test]
fn a_program_that_no_chapter_is_written_for_is_shown_as_it_comes() {
    let mut record = everything(1);
    let mut part = record.programs.iter().find(|part| part.name == "memory").unwrap().clone();
    part.name = "soak".to_owned();
    record.programs.push(part);
    let page = page::page(&runs(&[record])).unwrap();
    hold(&page);
    assert!(page.contains("<h2>Soak</h2>") && page.contains("<h3>Resident memory, over time</h3>"));
}

#[test]
fn a_report_is_written_anew_and_nothing_else_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let place = crate::record::Place::reserve(Some(dir.path()), "tour").unwrap();
    place.keep(&everything(1)).unwrap();
    let page = dir.path().join(PAGE);
    let first = fs::read_to_string(&page).unwrap();
    hold(&first);
    let options = |runs: &[&Path]| Options { runs: runs.iter().map(|run| run.into()).collect() };
    assert_eq!(write(&options(&[dir.path()]), None).unwrap(), page);
    hold(&fs::read_to_string(&page).unwrap());
    let record = dir.path().join(RECORD);
    let kept = fs::read(&record).unwrap();
    let Refusal(why) = write(&options(&[dir.path()]), Some(&record)).unwrap_err();
    assert!(why.contains(RECORD) && why.contains("no report"), "{why}");
    assert_eq!(fs::read(&record).unwrap(), kept);
    let Refusal(why) = write(&options(&[&dir.path().join("none")]), None).unwrap_err();
    assert!(why.contains("none"), "{why}");
    let Refusal(why) = write(&options(&[dir.path(); 13]), None).unwrap_err();
    assert!(why.contains("13 runs"), "{why}");
}
