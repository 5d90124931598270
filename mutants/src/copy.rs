//! The tree that is changed: a copy, so that nobody's work is.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// Makes `tree` hold what the working tree holds, without what git ignores. What is the same
/// already is left as it is, so that cargo builds no more than it must.
pub(crate) fn bring_up_to_date(tree: &Path) -> Result<(), Box<dyn Error>> {
    let wanted = tracked()?;
    for path in &wanted {
        let to = tree.join(path);
        match fs::read(path) {
            Ok(now) if fs::read(&to).is_ok_and(|then| then == now) => {}
            Ok(now) => {
                fs::create_dir_all(to.parent().ok_or("a file without a folder")?)?;
                fs::write(to, now)?;
            }
            // A folder that is a link, or a file that was deleted and not yet committed.
            Err(_) => {
                let _ = fs::remove_file(to);
            }
        }
    }
    Ok(())
}

fn tracked() -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let out = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()?;
    if !out.status.success() {
        return Err("git cannot list the files".into());
    }
    let names = out.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| Path::new(OsStr::from_bytes(name)).to_owned()).collect())
}

/// What git calls the text of a file, cut to what tells it from any other.
pub(crate) fn id(path: &Path) -> Result<String, Box<dyn Error>> {
    let out = Command::new("git").arg("hash-object").arg(path).output()?;
    if !out.status.success() {
        return Err(format!("{} cannot be read", path.display()).into());
    }
    Ok(String::from_utf8(out.stdout)?.chars().take(10).collect())
}
