//! The tree that is changed: a copy, so that nobody's work is.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::ErrorKind::{IsADirectory, NotFound};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Makes `tree` hold what the working tree holds and nothing else, but for what git ignores
/// and what cargo builds. What is the same already is left as it is, so that cargo builds no
/// more than it must.
///
/// The library's manifest loses the dependency named in `without`.
pub(crate) fn bring_up_to_date(tree: &Path, without: Option<&str>) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(tree)?;
    sync(Path::new("."), tree, &tracked()?, without)
}

fn sync(
    from: &Path,
    tree: &Path,
    wanted: &[PathBuf],
    without: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    let mut stale = BTreeSet::new();
    files(tree, Path::new(""), &mut stale)?;
    for path in wanted {
        let now = match fs::read(from.join(path)) {
            Ok(now) if path == Path::new("Cargo.toml") => independent(now, without)?,
            Ok(now) => now,
            // Deleted and not yet committed, or a link to a folder.
            Err(error) if matches!(error.kind(), NotFound | IsADirectory) => continue,
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        let to = tree.join(path);
        if !stale.remove(path) || fs::read(&to)? != now {
            fs::create_dir_all(to.parent().ok_or("a file without a folder")?)?;
            fs::write(to, now)?;
        }
    }
    // A file that was renamed would be a module, or a test, under both names.
    for path in stale {
        fs::remove_file(tree.join(path))?;
    }
    Ok(())
}

fn independent(manifest: Vec<u8>, of: Option<&str>) -> Result<Vec<u8>, Box<dyn Error>> {
    let Some(name) = of else { return Ok(manifest) };
    let manifest = String::from_utf8(manifest)?;
    let lines = manifest.split_inclusive('\n');
    let kept: String = lines.filter(|line| !line.starts_with(&format!("{name} = "))).collect();
    match kept == manifest {
        true => Err(format!("Cargo.toml does not name {name} at the beginning of a line").into()),
        false => Ok(kept.into_bytes()),
    }
}

/// Every file below `folder` of `tree`, by its path in `tree`; not what was built there.
fn files(tree: &Path, folder: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(tree.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            found.insert(path);
        } else if path != Path::new("target") {
            files(tree, &path, found)?;
        }
    }
    Ok(())
}

fn tracked() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let out = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()?;
    if !out.status.success() {
        return Err("git cannot list the files".into());
    }
    let listed = String::from_utf8(out.stdout)?;
    Ok(listed.split_terminator('\0').map(PathBuf::from).collect())
}

/// What git calls the text of a file, cut to what tells it from any other.
pub(crate) fn id(path: &Path) -> Result<String, Box<dyn Error>> {
    let out = Command::new("git").arg("hash-object").arg(path).output()?;
    if !out.status.success() {
        return Err(format!("{} cannot be read", path.display()).into());
    }
    Ok(String::from_utf8(out.stdout)?.chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_what_is_wanted_and_keeps_nothing_else_but_what_was_built() {
        let (from, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |root: &Path, file: &str, text: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (from, tree) = (from.path(), tree.path());
        write(from, "src/a.rs", "new");
        write(from, "src/same.rs", "same");
        write(from, "secret", "nobody asked for it");
        write(tree, "src/a.rs", "old");
        write(tree, "src/same.rs", "same");
        write(tree, "src/was/a.rs", "renamed");
        write(tree, "deleted.rs", "");
        write(tree, "target/debug/built", "");
        let same = || fs::metadata(tree.join("src/same.rs")).unwrap().modified().unwrap();
        let before = same();
        let wanted = ["src/a.rs", "src/same.rs", "deleted.rs", "src"].map(PathBuf::from);
        sync(from, tree, &wanted, None).unwrap();
        let mut there = BTreeSet::new();
        files(tree, Path::new(""), &mut there).unwrap();
        assert_eq!(there, ["src/a.rs", "src/same.rs"].map(PathBuf::from).into());
        assert_eq!(fs::read_to_string(tree.join("src/a.rs")).unwrap(), "new");
        assert!(tree.join("target/debug/built").exists());
        assert_eq!(same(), before);
    }

    #[test]
    fn a_manifest_loses_the_one_dependency_that_is_named_and_no_other() {
        let manifest = "members = [\"a\"]\n[dependencies]\na = \"1\"\nab = \"2\"\n";
        let without = |name| independent(manifest.into(), name).map_err(|why| why.to_string());
        assert_eq!(without(None).unwrap(), manifest.as_bytes());
        assert_eq!(without(Some("a")).unwrap(), manifest.replace("a = \"1\"\n", "").as_bytes());
        assert!(without(Some("b")).unwrap_err().starts_with("Cargo.toml does not name b"));
    }
}
