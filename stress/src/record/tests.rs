use super::*;

fn record() -> Record {
    Record::begin(&["/somewhere/stress".into(), "--seed".into(), "7".into()], 7, Size::Full)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_kept_record_is_one_whole_json_document_and_nothing_else_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::reserve(Some(dir.path()), "tour").unwrap();
    assert!(names(dir.path()).is_empty());
    let path = place.keep(&record()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(json["command"], serde_json::json!(["stress", "--seed", "7"]));
    assert_eq!(json["seed"], 7);
    assert_eq!(json["partial"], false);
    assert!(json["machine"]["cores"].as_u64().unwrap() >= 1);
    assert_eq!(names(dir.path()), ["report.html", "run.json", "run.md"]);
}

/// Written anew by `BLESS=1 cargo test -p stress schema`.
#[test]
fn the_committed_schema_is_that_of_the_record() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("run.schema.json");
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Record)).unwrap();
    now.push('\n');
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(now == committed, "BLESS=1 cargo test -p stress schema writes it anew");
}

#[test]
fn a_record_comes_back_as_it_was_written_and_the_schema_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = record();
    let section = Section {
        checks: vec![crate::program::Check::judged("x", true, "y")],
        measures: vec![crate::measure::Measure::new(
            "ns_a_call",
            crate::measure::labels([("threads", "2".to_owned())]),
            crate::measure::Unit::Ns,
            crate::measure::Better::Lower,
            [1.5, 0.1, 3.151_976_514_000_000_2],
        )],
        ..Section::default()
    };
    record.programs.push(Part { name: "storm".to_owned(), wall_s: 0.25, section });
    let path = Place::reserve(Some(dir.path()), "tour").unwrap().keep(&record).unwrap();
    assert_eq!(Record::read(&path).unwrap(), record);
    assert_eq!(Record::read(dir.path()).unwrap(), record);

    let schema = serde_json::to_value(schemars::schema_for!(Record)).unwrap();
    let document = serde_json::to_value(&record).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    let mut wrong = document.clone();
    wrong["programs"][0]["measures"][0]["unit"] = "furlong".into();
    assert!(jsonschema::validate(&schema, &wrong).is_err());
}

#[test]
fn what_is_no_number_does_not_make_a_record_unreadable_and_figures_of_nothing_are_not_in_it() {
    use crate::measure::{Band, Better, Labels, Measure, Track, Unit};
    let (name, labels) = ("x".to_owned(), Labels::new());
    let points = vec![(0.0, 1.0), (1.0, f64::NAN), (f64::INFINITY, 2.0)];
    let spans = vec![(0.0, f64::NAN, "open".to_owned())];
    let track = Track { name: name.clone(), labels: labels.clone(), unit: Unit::Ns, points };
    let empty = Track { points: vec![(f64::NAN, 0.0)], ..track.clone() };
    let figure = |samples: &[f64]| {
        Measure::new("y", labels.clone(), Unit::Ns, Better::Lower, samples.iter().copied())
    };
    let measures = vec![figure(&[]), figure(&[1.0, f64::NAN]), figure(&[f64::NAN])];
    let bands = vec![Band { name: name.clone(), labels: labels.clone(), spans }];
    let tracks = vec![track, empty];
    let section = Section { tracks, bands, measures, ..Section::default() }.recordable();
    let mut record = record();
    record.programs.push(Part { name, wall_s: 0.0, section });
    let dir = tempfile::tempdir().unwrap();
    Place::reserve(Some(dir.path()), "tour").unwrap().keep(&record).unwrap();
    let back = Record::read(dir.path()).unwrap();
    let Section { tracks, measures, .. } = &back.programs[0].section;
    assert_eq!((tracks.len(), &*tracks[0].points), (1, &[(0.0, 1.0)][..]));
    assert_eq!((measures.len(), &*measures[0].samples), (1, &[1.0][..]));
}

#[test]
fn what_is_no_record_or_of_another_form_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(RECORD);
    for (text, says) in [
        ("", "not a record"),
        ("{\"format\": 1}", "format 1"),
        ("{\"format\": 2}", "missing field"),
        ("\0\u{1}", "not a record"),
    ] {
        fs::write(&path, text).unwrap();
        let Refusal(why) = Record::read(dir.path()).unwrap_err();
        assert!(why.contains(RECORD) && why.contains(says), "{why}");
    }
    let Refusal(why) = Record::read(&dir.path().join("none")).unwrap_err();
    assert!(why.contains("cannot be read"), "{why}");
}

#[test]
fn a_place_dropped_without_a_record_takes_away_what_it_made_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    drop(Place::reserve(Some(&dir.path().join("a/b/c")), "tour").unwrap());
    assert!(names(dir.path()).is_empty());

    fs::write(dir.path().join("mine"), "x").unwrap();
    drop(Place::reserve(Some(dir.path()), "tour").unwrap());
    assert_eq!(names(dir.path()), ["mine"]);
}

#[test]
fn a_record_that_cannot_be_moved_into_place_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let place = Place::reserve(Some(&out), "tour").unwrap();
    fs::create_dir(out.join(TABLES)).unwrap();
    let Failure(why) = place.keep(&record()).unwrap_err();
    assert!(why.contains("run.md"), "{why}");
    assert_eq!(names(&out), [TABLES]);
}

#[test]
fn a_file_in_the_way_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for out in [file.clone(), file.join("below")] {
        let Refusal(why) = Place::reserve(Some(&out), "tour").unwrap_err();
        assert!(why.contains("file") && !why.contains('\n'), "{why}");
    }
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn a_directory_that_holds_a_record_or_a_part_of_one_is_refused_and_left_alone() {
    for name in [RECORD, TABLES, report::PAGE] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), "kept").unwrap();
        let Refusal(why) = Place::reserve(Some(dir.path()), "tour").unwrap_err();
        assert!(why.contains(name) && !why.contains('\n'), "{why}");
        assert_eq!(names(dir.path()), [name]);
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"kept");
    }
}

#[test]
fn of_two_runs_into_one_directory_the_first_record_stays() {
    let dir = tempfile::tempdir().unwrap();
    let [slow, fast] = [(); 2].map(|()| Place::reserve(Some(dir.path()), "tour").unwrap());
    let path = fast.keep(&record()).unwrap();
    let kept = fs::read(&path).unwrap();
    let Failure(why) = slow.keep(&record()).unwrap_err();
    assert!(why.contains(RECORD), "{why}");
    assert_eq!(fs::read(&path).unwrap(), kept);
    assert_eq!(names(dir.path()), [report::PAGE, RECORD, TABLES]);
}

#[test]
fn two_runs_in_one_second_get_two_directories() {
    let dir = tempfile::tempdir().unwrap();
    let parent = dir.path().join("local");
    let one = Place::fresh(&parent, "tour").unwrap();
    let two = Place::fresh(&parent, "tour").unwrap();
    assert_ne!(one.dir, two.dir);
}
