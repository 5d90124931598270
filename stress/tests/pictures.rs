//! The README's pictures are what the program makes of the committed run that they name.

use std::fs;
use std::path::{Path, PathBuf};

use stress::pictures::draw;
use stress::record::Record;

mod fixture;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The run that a picture says it was made from.
fn named(svg: &str) -> Option<&str> {
    let text = svg.split("<desc id=\"d\">").nth(1)?.split("</desc>").next()?;
    text.split(" Run ").nth(1)?.split(", drawn by").next()
}

/// Written anew by `stress pictures results/RUN --out docs/pictures`.
#[test]
fn every_committed_picture_is_that_of_the_run_it_names() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut shown = 0;
    for entry in fs::read_dir(root().join("docs/pictures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "svg") {
            continue;
        }
        let committed = fs::read_to_string(&path).unwrap();
        let run = named(&committed).expect("a picture names its run");
        let record = Record::read(&root().join("results").join(run)).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let all = draw(&record, run).unwrap();
        let now = all.iter().find(|(known, _)| *known == name).expect("a picture of that name");
        assert!(now.1 == committed, "{name} is not what the program makes of {run}");
        shown += usize::from(readme.contains(&format!("](docs/pictures/{name})")));
    }
    assert!(shown >= 2, "{shown} pictures in the README");
}

#[test]
fn a_picture_stands_alone_and_is_the_same_each_time() {
    let record = fixture::everything(1);
    let all = draw(&record, "2026-01-02-fixture").unwrap();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["replay.svg", "scaling.svg", "storm.svg"]);
    assert_eq!(draw(&record, "2026-01-02-fixture").unwrap(), all);
    for (name, svg) in &all {
        assert_eq!(named(svg), Some("2026-01-02-fixture"), "{name}");
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"")
                && svg.ends_with("</svg>\n")
        );
        assert!(svg.contains("@media screen and (prefers-color-scheme:dark)"));
        assert!(!svg.contains("=\"#"), "{name}: a colour was not dressed");
        // Nothing but the name of the format leads elsewhere.
        assert_eq!(svg.matches("http").count(), 1, "{name}");
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert!(svg.matches("<polyline").count() + svg.matches("<polygon").count() > 3, "{name}");
    }
    // A run without a sweep has no curve of it.
    let mut record = record;
    record.programs.truncate(1);
    assert_eq!(draw(&record, "x").unwrap().len(), 1);
    record.programs.clear();
    assert!(draw(&record, "x").unwrap().is_empty());
}

/// A reader of files is stricter than one of pages: one character that XML has no place for,
/// and nothing is shown.
#[test]
fn a_picture_of_a_foreign_run_is_still_one_that_a_browser_reads() {
    let mut record = fixture::everything(1);
    record.machine.cpu = "\u{0}\u{b}\u{fffe}<&\"'>]]>".to_owned();
    for part in &mut record.programs {
        for measure in &mut part.section.measures {
            if let Some(subject) = measure.labels.get_mut("subject") {
                subject.push_str("\u{1}</svg><script>");
            }
        }
        for band in &mut part.section.bands {
            band.spans.iter_mut().for_each(|span| span.2 = "\u{c}&nbsp;<".to_owned());
        }
    }
    let all = draw(&record, "\u{7}--><").unwrap();
    assert_eq!(all.len(), 3);
    for (name, svg) in all {
        let odd = |c: char| c.is_control() && c != '\n';
        assert!(!svg.contains(odd) && !svg.contains('\u{fffe}'), "{name}");
        assert!(!svg.contains("<script") && svg.matches("</svg>").count() == 1, "{name}");
        for rest in svg.split('&').skip(1) {
            let entity = rest.split(';').next().unwrap();
            assert!(
                ["lt", "gt", "amp", "quot", "apos", "#39"].contains(&entity),
                "{name}: {entity}"
            );
        }
    }
}
