//! `show --follow`: goes on with a file until it is told to stop.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use ampacity_log::reader::{Entry, Filter, Follow};

use crate::input::{self, Failure};
use crate::out;
use crate::show::Printer;

/// How long to wait when there is nothing more: short to an eye, and five looks a second cost
/// nothing.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether it is a file, or may become one. Stdin and pipes wait by themselves, and end.
pub(crate) fn can_be_followed(path: &Path) -> bool {
    !input::is_stdin(path) && fs::metadata(path).map_or(true, |found| found.is_file())
}

/// Prints what is wanted of the file at `path` until nobody reads it.
pub(crate) fn run(path: &Path, filter: &Filter, printer: &mut Printer<'_>) -> Result<(), Failure> {
    if !path.exists() {
        out::err(&format!("{}: is not there yet: waiting for it", input::name(path)));
    }
    let mut follow = Follow::new(path);
    while printer.out.is_open() {
        match follow.try_next().map_err(|error| Failure::reading(path, error))? {
            Some(Entry::Record(record)) if filter.wants(&record) => printer.record(&record),
            Some(Entry::Record(_)) => {}
            Some(Entry::Skipped(skipped)) if skipped.reason().is_loss() => {
                printer.out.flush();
                out::err(&format!("{}: {skipped}", input::name(path)));
            }
            Some(Entry::Skipped(_)) => {}
            None => {
                printer.out.flush();
                thread::sleep(PAUSE);
            }
        }
    }
    Ok(())
}
