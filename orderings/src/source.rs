//! The library's files as the compiler finds them: those that are in an ordinary build.

use crate::sites::{Found, find};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Whatever keeps a source from being read.
#[derive(Debug)]
pub enum Unread {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// It is no Rust, or has an ordering where none can be told.
    Syntax(PathBuf, syn::Error),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unread::File(path, error) => write!(f, "{}: {error}", path.display()),
            Unread::Syntax(path, error) => {
                let at = error.span().start();
                write!(f, "{}:{}:{}: {error}", path.display(), at.line, at.column + 1)
            }
        }
    }
}

impl std::error::Error for Unread {}

/// The orderings of the library under `root`, file by file.
///
/// # Errors
///
/// If a file cannot be read.
pub fn sites(root: &Path) -> Result<Vec<Found>, Unread> {
    let mut found = Vec::new();
    read(root, Path::new("src/lib.rs"), &mut found)?;
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

fn read(root: &Path, file: &Path, all: &mut Vec<Found>) -> Result<(), Unread> {
    let path = root.join(file);
    let source = fs::read_to_string(&path).map_err(|error| Unread::File(path.clone(), error))?;
    let name = file.strip_prefix("src").unwrap_or(file).display().to_string();
    let found = find(&name, &source).map_err(|error| Unread::Syntax(path, error))?;
    for module in &found.modules {
        // `a.rs` has its modules in `a/`, as `lib.rs` has in its own directory.
        let beside = match file.ends_with("lib.rs") {
            true => file.with_file_name(""),
            false => file.with_extension(""),
        };
        read(root, &beside.join(module).with_extension("rs"), all)?;
    }
    all.push(found);
    Ok(())
}
