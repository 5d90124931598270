//! Tests in processes of their own: limits, closed streams and kills are theirs alone.

use std::any::type_name;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio, exit};

/// Names the directory that parent and child share, and makes a process a child.
const PLACE: &str = "AMPACITY_LOG_TEST_PLACE";

/// How a child ends whose body went well: not like one that ran no test at all.
const WELL: i32 = 42;

/// How a script ends that is not allowed what the test needs.
const NOT_ALLOWED: i32 = 77;

/// Runs `body`, a closure of the test's own, in a process of its own after `script`, which a
/// shell runs. Both have the directory, the script by the name of `PLACE`.
///
/// Returns what the process wrote; nothing, and says so, where the script may not do what it
/// is to do.
pub(crate) fn alone(script: &str, place: &Path, body: impl FnOnce(&Path)) -> Option<Output> {
    let mut command = command(script, place, body);
    let output = command.stdin(Stdio::null()).output().unwrap();
    match output.status.code() {
        Some(WELL) => Some(output),
        Some(NOT_ALLOWED) => {
            // Past what captures the output of tests that pass.
            let _ = writeln!(io::stderr(), "SKIPPED, for want of privileges: {script}");
            None
        }
        _ => panic!("{output:#?}"),
    }
}

/// Starts such a process, with pipes for its standard streams.
pub(crate) fn start(script: &str, place: &Path, body: impl FnOnce(&Path)) -> Child {
    let mut command = command(script, place, body);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the end of such a process, which has to be a good one.
pub(crate) fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(WELL), "{output:#?}");
}

/// In a child this runs `body`, and does not return.
fn command<F: FnOnce(&Path)>(script: &str, place: &Path, body: F) -> Command {
    if let Some(place) = env::var_os(PLACE) {
        body(&PathBuf::from(place));
        exit(WELL);
    }
    // `public::module::test::{{closure}}`
    let (_, test) = type_name::<F>().split_once("::").unwrap();
    let (test, _) = test.split_once("::{{closure}}").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}\nexec \"$@\""), "sh"]);
    command.arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    command.env("PLACE", place).env(PLACE, place).env("RUST_BACKTRACE", "0");
    command
}
