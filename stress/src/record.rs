//! `run.json`: what was run, where, and what came of it; written whole or not at all.

mod layout;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::machine::{Commit, Machine};
use crate::print;
use crate::program::{Failure, Refusal, Section, Size};
use crate::report;

/// Raised when a reader of older records would misread a new one.
const FORMAT: u32 = 2;

const TAKEN: &str = "is there already, and is not written over";

const LOCAL: &str = "results/local";
pub(crate) const RECORD: &str = "run.json";
pub(crate) const TABLES: &str = "run.md";

/// A run, as it is recorded: all of `run.json`, which `stress/run.schema.json` describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Record {
    /// The version of this form; a reader refuses one that it does not know.
    pub format: u32,
    /// Whether Ctrl-C cut it short.
    pub partial: bool,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took.
    pub wall_s: f64,
    /// The command line, without the path to the binary.
    pub command: Vec<String>,
    /// The seed it used.
    pub seed: u64,
    /// How much of their work the programs did.
    pub size: Size,
    /// The source it was built from, as far as it can be told.
    pub commit: Commit,
    /// Where it ran.
    pub machine: Machine,
    /// What was run, in order.
    pub programs: Vec<Part>,
    /// The runs that `stress merge` made this of, `machine` and the rest above being the
    /// first one's; what each measured has its name as the label `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Host>,
}

/// One of the runs that a record was merged from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Host {
    /// A number, from 1.
    pub name: String,
    /// Where it ran.
    pub machine: Machine,
    /// The source it was built from.
    pub commit: Commit,
    /// When it began.
    pub started: String,
    /// How long it took.
    pub wall_s: f64,
    /// The command line.
    pub command: Vec<String>,
    /// The seed it used.
    pub seed: u64,
}

/// One program's part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// The program's name.
    pub name: String,
    /// How long it took.
    pub wall_s: f64,
    /// What it handed back.
    #[serde(flatten)]
    pub section: Section,
}

impl Record {
    /// A record of the command line `args` that begins now.
    pub fn begin(args: &[OsString], seed: u64, size: Size) -> Self {
        let given = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned());
        Self {
            format: FORMAT,
            partial: false,
            started: format!("{:.0}", Timestamp::now()),
            wall_s: 0.0,
            // The binary's path says where somebody keeps it, which is nobody's business.
            command: std::iter::once("stress".to_owned()).chain(given).collect(),
            seed,
            size,
            commit: Commit::here(),
            machine: Machine::here(),
            programs: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// Reads the record at `path`, or the one in that directory.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no record, or of a form that is not known; with the path.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let path = if path.is_dir() { path.join(RECORD) } else { path.to_owned() };
        let refuse = |why: String| Refusal(format!("{}: {why}", path.display()));
        let bytes = fs::read(&path).map_err(|why| refuse(format!("cannot be read: {why}")))?;
        let Form { format } = serde_json::from_slice(&bytes)
            .map_err(|why| refuse(format!("not a record of a run: {why}")))?;
        if format != FORMAT {
            return Err(refuse(format!("format {format}; this program reads {FORMAT}")));
        }
        serde_json::from_slice(&bytes).map_err(|why| refuse(format!("not a record: {why}")))
    }

    pub(crate) fn json(&self) -> serde_json::Result<Vec<u8>> {
        layout::json(self)
    }
}

/// Just enough of a record to know whether the rest can be read.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// A directory that a record can be written to.
///
/// What was made for the record goes again when this is dropped without one.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
    made: Vec<PathBuf>, // outermost first
}

impl Place {
    /// Makes sure, before anything runs, that the record of a run of `what` can be
    /// written to `out`, or to a new directory under `results/local`.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or written to.
    pub fn reserve(out: Option<&Path>, what: &str) -> Result<Self, Refusal> {
        let place = match out {
            Some(dir) => Self::at(dir)?,
            None => Self::fresh(Path::new(LOCAL), what)?,
        };
        place.probe()?;
        Ok(place)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn at(dir: &Path) -> Result<Self, Refusal> {
        if dir.as_os_str().is_empty() {
            return Err(Refusal("--out: the directory's name is empty".to_owned()));
        }
        let mut place = Self { dir: dir.to_owned(), made: Vec::new() };
        let missing: Vec<&Path> = dir
            .ancestors()
            .take_while(|part| !part.as_os_str().is_empty() && !part.exists())
            .collect();
        for part in missing.into_iter().rev() {
            match fs::create_dir(part) {
                Ok(()) => place.made.push(part.to_owned()),
                // `a/..` does not exist before `a` does, and then it is there.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(part, "cannot be made", &error)),
            }
        }
        if dir.is_dir() {
            Ok(place)
        } else {
            Err(Refusal(format!("{}: not a directory", dir.display())))
        }
    }

    /// A directory that was not there before, named for the time and the program.
    fn fresh(parent: &Path, what: &str) -> Result<Self, Refusal> {
        let mut place = Self::at(parent)?;
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        for turn in 1..=100 {
            let again = if turn == 1 { String::new() } else { format!("-{turn}") };
            let dir = parent.join(format!("{now}-{what}{again}"));
            match fs::create_dir(&dir) {
                Ok(()) => {
                    place.made.push(dir.clone());
                    place.dir = dir;
                    return Ok(place);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(&dir, "cannot be made", &error)),
            }
        }
        Err(Refusal(format!("{}: no free name for a new run", parent.display())))
    }

    /// What already has the name of something that is to be written here. A record is never
    /// written over: somebody kept it.
    fn taken(&self) -> Option<PathBuf> {
        // Not `exists`: a link to nowhere is in the way too.
        let names = [RECORD, TABLES, report::PAGE].map(|name| self.dir.join(name));
        names.into_iter().find(|path| path.symlink_metadata().is_ok())
    }

    /// Writes a file and takes it away again.
    fn probe(&self) -> Result<(), Refusal> {
        if let Some(path) = self.taken() {
            return Err(Refusal(format!("{}: {TAKEN}", path.display())));
        }
        builder()
            .tempfile_in(&self.dir)
            .and_then(|mut file| file.write_all(b"{}"))
            .map_err(|error| refused(&self.dir, "cannot be written to", &error))
    }

    /// Writes `record`, and says where.
    ///
    /// # Errors
    ///
    /// The record could not be written; then no part of it is there.
    pub fn keep(mut self, record: &Record) -> Result<PathBuf, Failure> {
        let path = self.dir.join(RECORD);
        let json = record
            .json()
            .map_err(|error| Failure(format!("{}: cannot be composed: {error}", path.display())))?;
        // Another run may have been faster; the files that go if this fails are its own.
        if let Some(path) = self.taken() {
            return Err(Failure(format!("{}: {TAKEN}", path.display())));
        }
        let files = [
            (path.clone(), json),
            (self.dir.join(report::PAGE), report::render(record).into_bytes()),
            (self.dir.join(TABLES), print::markdown(record).into_bytes()),
        ];
        // All are on the disk before any has its name: whoever ends this run, or finds the
        // disk full, leaves none of them but in the moment between two renames. Then it is a
        // whole record, and not the tables of none, which would be in the next one's way.
        let drafts = files
            .iter()
            .map(|(path, bytes)| Ok((draft(path, bytes)?, path)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut settled: Vec<&Path> = Vec::new();
        for (draft, path) in drafts {
            settle(draft, path).inspect_err(|_| {
                // Best effort: the disk that would not take this may not let go of those.
                settled.iter().for_each(|path| _ = fs::remove_file(path));
            })?;
            settled.push(path);
        }
        self.made.clear();
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for dir in self.made.iter().rev() {
            // Only an empty one goes; somebody else's file keeps it.
            let _ = fs::remove_dir(dir);
        }
    }
}

fn refused(path: &Path, what: &str, error: &io::Error) -> Refusal {
    Refusal(format!("{}: {what}: {error}", path.display()))
}

/// Writes a file beside its place, makes it durable, and moves it there.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    settle(draft(path, bytes)?, path)
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: not written: {error}", path.display()))
}

/// Of temporary files, all under one name: what a killed run leaves is known for what it is.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".run-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A record is for everyone to read, unlike other temporary files.
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder
}

/// What is to be the file at `path`, durable, beside it under a name of its own.
fn draft(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, Failure> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = builder().tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| not_written(path, &error))
}

/// Moves it to `path`.
fn settle(draft: NamedTempFile, path: &Path) -> Result<(), Failure> {
    draft.persist(path).map_err(|error| not_written(path, &error.error))?;
    // The rename lasts once the directory does. Best effort: the file is in its place, and
    // to call it unwritten would be wrong.
    let dir = path.parent().unwrap_or(Path::new("."));
    let _ = fs::File::open(dir).and_then(|dir| dir.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests;
