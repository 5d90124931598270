//! A copy of the workspace in which every ordering can be weakened when it runs.

use crate::sites::{Found, Site};
use crate::weak;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What is not needed to build the models, beside `target` and hidden directories.
const LEFT_OUT: [&str; 2] = ["fuzz", "results"];

/// What is in a directory: contents by path.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Writes the copy under `root` and returns where it is. Sites are numbered in the order in
/// which they are found. Files that are there already are left alone, so that what was
/// built of them is good still.
///
/// # Errors
///
/// If something cannot be read or written.
///
/// # Panics
///
/// If there are more sites than can be told apart.
pub fn make(root: &Path, found: &[Found]) -> io::Result<PathBuf> {
    let mut files = Files::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let shown = name.to_string_lossy();
        let is_built = shown.starts_with("target") || shown.starts_with('.');
        if !is_built && !LEFT_OUT.contains(&shown.as_ref()) {
            read(root, Path::new(&name), &mut files)?;
        }
    }
    let mut first = 0;
    for file in found {
        let path = Path::new("src").join(&file.file);
        let source = fs::read_to_string(root.join(&path))?;
        let mut source = with_weak(&source, &file.sites, first);
        if file.file == "sync.rs" {
            source += "\nmod weak;\npub(crate) use weak::weak;\n";
        }
        files.insert(path, source.into_bytes());
        first += file.sites.len();
    }
    assert!(first <= weak::SITES, "{first} orderings are more than can be told apart");
    files.insert("src/sync/weak.rs".into(), include_bytes!("weak.rs").to_vec());
    let copy = root.join("target/orderings");
    write(&copy, files)?;
    Ok(copy)
}

/// The source with each of its orderings taken from `weak`, the first under this number.
fn with_weak(source: &str, sites: &[Site], first: usize) -> String {
    let mut changed = String::new();
    let mut done = 0;
    for (site, number) in sites.iter().zip(first..) {
        let ordering = site.ordering.name();
        changed += &source[done..site.bytes.start];
        changed += &format!("crate::sync::weak({number}, Ordering::{ordering})");
        done = site.bytes.end;
    }
    changed + &source[done..]
}

fn read(root: &Path, path: &Path, files: &mut Files) -> io::Result<()> {
    let full = root.join(path);
    if !full.is_dir() {
        files.insert(path.to_owned(), fs::read(full)?);
        return Ok(());
    }
    for entry in fs::read_dir(full)? {
        read(root, &path.join(entry?.file_name()), files)?;
    }
    Ok(())
}

fn write(copy: &Path, files: Files) -> io::Result<()> {
    let mut there = Files::new();
    if copy.is_dir() {
        read(copy, Path::new(""), &mut there)?;
    }
    for path in there.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(copy.join(path))?;
    }
    for (path, content) in &files {
        if there.get(path) != Some(content) {
            let path = copy.join(path);
            fs::create_dir_all(path.parent().unwrap_or(copy))?;
            fs::write(path, content)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::find;

    #[test]
    fn each_ordering_is_taken_from_its_number_and_nothing_else_changes() {
        let source = "fn f() {\n    // é\n    a.swap(1, Ordering::AcqRel);\n\
            b.load(atomic::Ordering::Acquire); c.load(Ordering::Relaxed);\n}\n";
        let sites = find("some.rs", source).unwrap().sites;
        let expected = source
            .replace("Ordering::AcqRel", "crate::sync::weak(7, Ordering::AcqRel)")
            .replace("atomic::Ordering::Acquire", "crate::sync::weak(8, Ordering::Acquire)");
        assert_eq!(with_weak(source, &sites, 7), expected);
    }
}
