use std::fs::{OpenOptions, remove_file, rename};
use std::io::Write as _;

use tempfile::TempDir;

use super::*;
use crate::reader::Reason;

struct Scene {
    directory: TempDir,
    follow: Follow,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let follow = Follow::new(directory.path().join("app.jsonl"));
        Self { directory, follow }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn rotate(&self) {
        rename(self.path("app.jsonl"), self.path("app.jsonl.1")).unwrap();
    }

    /// All that is to be had now: messages, and the names of reasons in brackets.
    fn read(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(entry) = self.follow.try_next().unwrap() {
            said.push(match entry {
                Entry::Record(record) => record.message().unwrap_or("?").to_owned(),
                Entry::Skipped(skipped) => format!("[{}]", skipped.reason().name()),
            });
            assert!(said.len() < 100, "it goes on for ever: {said:?}");
        }
        said
    }
}

fn line(message: &str) -> String {
    format!("{{\"message\":\"{message}\"}}\n")
}

#[test]
fn a_file_that_is_not_there_is_waited_for_and_read_as_it_grows() {
    let mut scene = Scene::new();
    assert_eq!(scene.read(), [""; 0]);
    scene.append("app.jsonl", &line("one"));
    assert_eq!(scene.read(), ["one"]);
    assert_eq!(scene.read(), [""; 0]);
    scene.append("app.jsonl", &format!("{}{}", line("two"), line("three")));
    assert_eq!(scene.read(), ["two", "three"]);
}

#[test]
fn half_a_line_is_waited_for_however_slowly_it_comes() {
    let mut scene = Scene::new();
    for byte in line("slow").chars() {
        assert_eq!(scene.read(), [""; 0]);
        scene.append("app.jsonl", &byte.to_string());
    }
    assert_eq!(scene.read(), ["slow"]);
}

#[test]
fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
    let mut scene = Scene::new();
    scene.append("app.jsonl", &line("one"));
    assert_eq!(scene.read(), ["one"]);
    scene.append("app.jsonl", &line("two"));
    scene.rotate();
    // Its writer does not know yet.
    scene.append("app.jsonl.1", &line("three"));
    scene.append("app.jsonl", &line("four"));
    assert_eq!(scene.read(), ["two", "three", "four"]);
    scene.append("app.jsonl", &line("five"));
    assert_eq!(scene.read(), ["five"]);
}

#[test]
fn the_old_file_is_read_on_until_the_new_one_holds_something() {
    let mut scene = Scene::new();
    scene.append("app.jsonl", &line("one"));
    assert_eq!(scene.read(), ["one"]);
    scene.rotate();
    scene.append("app.jsonl.1", &line("two"));
    assert_eq!(scene.read(), ["two"]);
    scene.append("app.jsonl", "");
    assert_eq!(scene.read(), [""; 0]);
    scene.append("app.jsonl.1", &line("three"));
    assert_eq!(scene.read(), ["three"]);
    scene.append("app.jsonl", &line("four"));
    assert_eq!(scene.read(), ["four"]);
}

#[test]
fn half_a_line_is_torn_once_its_file_is_replaced() {
    let mut scene = Scene::new();
    scene.append("app.jsonl", "{\"message\":");
    assert_eq!(scene.read(), [""; 0]);
    scene.rotate();
    assert_eq!(scene.read(), [""; 0]);
    scene.append("app.jsonl", &line("new"));
    assert_eq!(scene.read(), ["[torn]", "new"]);
}

#[test]
fn a_removed_file_is_missed_by_nobody_until_another_comes() {
    let mut scene = Scene::new();
    scene.append("app.jsonl", &line("one"));
    assert_eq!(scene.read(), ["one"]);
    remove_file(scene.path("app.jsonl")).unwrap();
    assert_eq!(scene.read(), [""; 0]);
    // Removed and created: on many systems with the same number.
    scene.append("app.jsonl", &line("two"));
    assert_eq!(scene.read(), ["two"]);
}

#[test]
fn an_emptied_file_is_read_from_its_start() {
    let mut scene = Scene::new();
    scene.append("app.jsonl", &format!("{}{{\"mess", line("one")));
    assert_eq!(scene.read(), ["one"]);
    let file = OpenOptions::new().write(true).open(scene.path("app.jsonl")).unwrap();
    file.set_len(0).unwrap();
    scene.append("app.jsonl", &line("2"));
    assert_eq!(scene.read(), ["[torn]", "2"]);
    file.set_len(0).unwrap();
    assert_eq!(scene.read(), [""; 0]);
    scene.append("app.jsonl", &line("three"));
    let entry = scene.follow.try_next().unwrap().unwrap();
    assert_eq!((entry.offset(), entry.size()), (0, line("three").len() as u64));
}

#[test]
fn a_line_that_is_too_long_is_one_piece_even_when_it_comes_in_many() {
    let mut scene = Scene::new();
    scene.follow = Follow::new(scene.path("app.jsonl")).max_line(100);
    for _ in 0..9 {
        scene.append("app.jsonl", &"x".repeat(60));
        assert_eq!(scene.read(), [""; 0]);
    }
    scene.append("app.jsonl", &format!("\n{}", line("after")));
    let Some(Entry::Skipped(skipped)) = scene.follow.try_next().unwrap() else { panic!() };
    assert_eq!((skipped.size(), skipped.reason()), (541, &Reason::TooLong { limit: 100 }));
    assert_eq!(scene.read(), ["after"]);
}

#[test]
fn a_directory_in_its_place_is_an_error_and_a_file_after_it_is_read() {
    let mut scene = Scene::new();
    fs::create_dir(scene.path("app.jsonl")).unwrap();
    for _ in 0..2 {
        let error = scene.follow.try_next().unwrap_err();
        assert_eq!(error.to_string(), "not a regular file");
    }
    fs::remove_dir(scene.path("app.jsonl")).unwrap();
    scene.append("app.jsonl", &line("one"));
    assert_eq!(scene.read(), ["one"]);
}
