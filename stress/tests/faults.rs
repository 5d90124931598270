//! What the binary leaves behind when it is killed, interrupted, starved or cut off: a whole
//! record or none, and one clear line.
//!
//! What holds for every program is tried with each in [`PROGRAMS`]; a new one is a line there.

#![cfg(unix)]

// Registers are told apart by their names on this one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "faults/steps.rs"]
mod steps;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "faults/traced.rs"]
mod traced;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::yield_now;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stress::record::Record;
use tempfile::TempDir;

/// Each program, so that it goes on until it is ended, or for far longer than a test takes to
/// do that. `soak` is not among them: it leaves its journal, whatever happens (`tests/soak.rs`).
const PROGRAMS: [&str; 7] = [
    "storm --threads 8 --calls 100000000 --cycles 1000000000",
    "replay",
    "glance --rounds 1000",
    "recovery --rounds 1000",
    "contend --repetitions 1000",
    "memory --waves 100000",
    "log --rounds 1000",
];

/// One that is over at once, with every check held.
const SHORT: &str = "recovery --scenario clock_skew --rounds 1";

const STRESS: &str = env!("CARGO_BIN_EXE_stress");

/// The name of the directory that records go to in these tests.
const OUT: &str = "out";

fn command(dir: &Path, args: &str) -> Command {
    let mut command = Command::new(STRESS);
    command.current_dir(dir).args(args.split(' ')).args(["--quiet", "--out", OUT]);
    // What a killed program leaves in there goes with the rest.
    command.stdin(Stdio::null()).env("TMPDIR", dir);
    command
}

/// The binary under what a shell sets for it first.
fn under(dir: &Path, first: &str, args: &str) -> Output {
    let line = format!("{first} && exec '{STRESS}' {args} --quiet --out {OUT}");
    Command::new("sh").current_dir(dir).args(["-c", &line]).output().unwrap()
}

/// A child that does not outlive a failing test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(dir: &Path, args: &str) -> Self {
        let mut command = command(dir, args);
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits for something to come true while it runs; whether it did before the end.
    fn until(&mut self, mut come: impl FnMut(u32) -> bool) -> bool {
        loop {
            if come(self.0.id()) {
                return true;
            }
            if self.0.try_wait().unwrap().is_some() {
                return false;
            }
            yield_now();
        }
    }

    /// Waits until the program is at its work: its directory is there, and a thread of its
    /// own beside the main one and that of Ctrl-C.
    fn until_at_work(&mut self, dir: &Path) {
        let out = dir.join(OUT);
        let at_work = self.until(|pid| out.is_dir() && threads(pid).is_none_or(|all| all >= 3));
        assert!(at_work, "it ended by itself");
    }

    /// Sends a signal, unless it has ended.
    fn send(&mut self, signal: Signal) {
        if self.0.try_wait().unwrap().is_some() {
            return;
        }
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), signal).unwrap();
    }

    /// How it ended, and what it had to say.
    fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut said).unwrap();
        (self.0.wait().unwrap(), said)
    }
}

/// The threads that a process has, where the system tells.
fn threads(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join(OUT);
    (dir, out)
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A whole record or none, and nothing in the way of the next run.
fn nothing_torn(dir: &Path) {
    let out = dir.join(OUT);
    let left = names(&out);
    if left.iter().any(|name| name == "run.json") {
        Record::read(&out).unwrap_or_else(|why| panic!("{left:?}: {why}"));
        return;
    }
    assert!(left.iter().all(|name| name.starts_with(".run-")), "{left:?}");
    let next = command(dir, SHORT).output().unwrap();
    assert_eq!(next.status.code(), Some(0), "{left:?}: {}", said(&next));
    Record::read(&out).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one line on stderr, which names `what`.
fn one_line(text: &str, what: &[&str]) {
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    assert!(text.starts_with("error: "), "{text:?}");
    for what in what {
        assert!(text.contains(what), "{text:?} does not say {what:?}");
    }
}

/// Says that something cannot be tried here: on stderr itself, for what a test prints by a
/// macro is shown only if it fails.
fn skipped(what: &str) {
    io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
}

#[test]
fn a_program_that_is_killed_leaves_nothing_torn() {
    for args in PROGRAMS {
        let (dir, _) = place();
        let mut run = Running::start(dir.path(), args);
        run.send(Signal::SIGKILL);
        drop(run.end());
        nothing_torn(dir.path());

        let (dir, out) = place();
        let mut run = Running::start(dir.path(), args);
        assert!(run.until(|_| out.is_dir()), "{args}");
        run.send(Signal::SIGKILL);
        drop(run.end());
        nothing_torn(dir.path());

        let (dir, _) = place();
        let mut run = Running::start(dir.path(), args);
        run.until_at_work(dir.path());
        run.send(Signal::SIGKILL);
        drop(run.end());
        nothing_torn(dir.path());
    }
}

#[test]
fn a_program_that_is_killed_while_it_writes_its_record_leaves_nothing_torn() {
    let is_draft = |name: &String| name.starts_with(".run-");
    let moments: [fn(&[String]) -> bool; 4] = [
        |left| left.iter().any(|name| name.starts_with(".run-")),
        |left| left.iter().filter(|name| name.starts_with(".run-")).count() == 2,
        |left| left.iter().any(|name| name == "run.json"),
        |left| left.iter().any(|name| name == "run.md"),
    ];
    let mut killed = 0;
    for moment in moments.iter().cycle().take(24) {
        let (dir, out) = place();
        let mut run = Running::start(dir.path(), SHORT);
        // The draft that comes first is that of the probe, before anything runs; when the
        // program is at work it has gone.
        run.until(|pid| out.is_dir() && threads(pid).is_none_or(|all| all >= 3));
        run.until(|_| moment(&names(&out)));
        run.send(Signal::SIGKILL);
        killed += usize::from(run.end().0.code().is_none());
        nothing_torn(dir.path());
        let left = names(&out);
        assert!(left.iter().filter(|name| is_draft(name)).count() <= 3, "{left:?}");
    }
    assert!(killed > 0, "every program was faster than its end");
}

#[test]
fn ctrl_c_and_sigterm_leave_a_partial_record_and_status_130() {
    for args in PROGRAMS {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (dir, out) = place();
            let mut run = Running::start(dir.path(), args);
            run.until_at_work(dir.path());
            run.send(signal);
            let (status, said) = run.end();
            assert_eq!(status.code(), Some(130), "{args}, {signal}: {said}");
            let record = Record::read(&out).unwrap();
            assert!(record.partial, "{args}, {signal}");
            let name = args.split(' ').next().unwrap();
            assert_eq!(record.programs[0].name, name);
            assert!(record.programs[0].section.partial, "{args}, {signal}");
            assert_eq!(names(&out), ["report.html", "run.json", "run.md"]);
        }
    }
}

#[test]
fn a_file_that_may_not_grow_is_not_written_at_all_and_said_so() {
    // A process that does not ignore the signal of that limit is ended by it.
    for args in PROGRAMS {
        let (dir, out) = place();
        let line = format!("trap '' XFSZ; ulimit -f 1; exec '{STRESS}' {args} --quiet --out {OUT}");
        let mut command = Command::new("sh");
        command.current_dir(dir.path()).args(["-c", &line]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = Running(command.spawn().unwrap());
        run.until_at_work(dir.path());
        run.send(Signal::SIGINT);
        let (status, said) = run.end();
        assert_eq!(status.code(), Some(1), "{args}: {said}");
        one_line(&said, &["run.json: not written"]);
        assert!(!out.exists(), "{args}: {:?}", names(&out));
    }
    // Where not even the probe can be written, nothing runs.
    let (dir, out) = place();
    let none = under(dir.path(), "trap '' XFSZ; ulimit -f 0", SHORT);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    one_line(&said(&none), &["cannot be written to"]);
    assert!(!out.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_takes_no_part_of_a_record() {
    // Two pages: enough for the probe and for a directory, and not for a record.
    let (dir, _) = place();
    let disk = "mount -t tmpfs -o size=8k none disk && cd disk";
    let line = format!(
        "mkdir disk && {disk} || exit 77; '{STRESS}' {SHORT} --quiet --out {OUT}; status=$?; \
         ls -A {OUT} 2> /dev/null; exit $status"
    );
    let mut command = Command::new("unshare");
    let unshare = command.current_dir(dir.path()).args(["-rm", "sh", "-c", &line]).output();
    let cannot = match &unshare {
        Ok(output) if output.status.code() == Some(77) => said(output),
        Ok(output) if said(output).starts_with("unshare: ") => said(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => error.to_string(),
        _ => String::new(),
    };
    if !cannot.is_empty() {
        skipped(&format!("a small disk cannot be mounted: {cannot}"));
        return;
    }
    let output = unshare.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    one_line(&said(&output), &["not written", "No space left"]);
    let left = String::from_utf8(output.stdout).unwrap();
    assert!(!left.contains(".json") && !left.contains(".run-"), "{left}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_said_and_the_record_is_kept() {
    for more in ["", " --json"] {
        let (dir, out) = place();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(dir.path(), &format!("{SHORT}{more}"));
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = said(&output);
        let last = said.lines().last().unwrap_or_default();
        one_line(&format!("{last}\n"), &["stdout", "No space left"]);
        Record::read(&out).unwrap();
    }
    for args in ["--help", "sample", "recovery --list"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(STRESS);
        let output = command.args(args.split(' ')).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}");
        one_line(&said(&output), &["stdout"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for more in ["", " --json"] {
        let (dir, out) = place();
        let mut command = command(dir.path(), &format!("{SHORT}{more}"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (status, said) = Running(child).end();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(!said.contains("error") && !said.contains("panicked"), "{said}");
        Record::read(&out).unwrap();
    }
    let line = format!("'{STRESS}' sample | head -n 1; '{STRESS}' recovery --list | head -n 1");
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert_eq!(said(&output), "");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}

#[test]
fn a_directory_that_vanishes_meanwhile_is_said_and_not_made_again() {
    for args in PROGRAMS {
        let (dir, out) = place();
        let mut run = Running::start(dir.path(), args);
        run.until_at_work(dir.path());
        fs::remove_dir(&out).unwrap();
        run.send(Signal::SIGINT);
        let (status, said) = run.end();
        assert_eq!(status.code(), Some(1), "{args}: {said}");
        one_line(&said, &["run.json: not written"]);
        assert!(!out.exists(), "{args}");
    }
}

#[test]
fn what_a_killed_run_left_is_not_in_the_way() {
    let (dir, out) = place();
    fs::create_dir(&out).unwrap();
    fs::write(out.join(".run-left"), "{\"torn").unwrap();
    let output = command(dir.path(), SHORT).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    Record::read(&out).unwrap();
    assert_eq!(names(&out), [".run-left", "report.html", "run.json", "run.md"]);
}

/// Runs each of `programs` under a limit, and holds it to a refusal that says `what` to raise.
#[cfg(target_os = "linux")]
fn refused_under(limit: &str, programs: &[&str], what: &str) {
    for args in programs {
        let (dir, out) = place();
        let output = under(dir.path(), limit, args);
        assert_eq!(output.status.code(), Some(2), "{limit}, {args}: {}", said(&output));
        one_line(&said(&output), &[what, "raise it"]);
        assert!(output.stdout.is_empty() && !out.exists(), "{limit}, {args}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_address_space_is_refused_with_the_limit_to_raise() {
    for kib in [60_000, 200_000, 400_000] {
        refused_under(&format!("ulimit -v {kib}"), &PROGRAMS, "ulimit -v");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_descriptors_are_refused_with_the_limit_to_raise() {
    // The others need no more than a handful.
    let programs: Vec<&str> = PROGRAMS.into_iter().filter(|args| args.starts_with("re")).collect();
    assert_eq!(programs.len(), 2);
    for most in [16, 64, 256] {
        refused_under(&format!("ulimit -n {most}"), &programs, "ulimit -n");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_processes_are_refused_with_the_limit_to_raise() {
    let (dir, _) = place();
    // Who made that directory is who runs this.
    let us = std::os::unix::fs::MetadataExt::uid(&fs::metadata(dir.path()).unwrap());
    if us != 0 {
        refused_under("prlimit --pid $$ --nproc=64:64", &PROGRAMS, "ulimit -u");
        return;
    }
    // The superuser is held to no such limit; somebody else is, and must be able to run it.
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all";
    let bin = tempfile::Builder::new().prefix("stress").tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    let copy = bin.path().join("stress");
    fs::set_permissions(bin.path(), open).unwrap();
    fs::copy(STRESS, &copy).unwrap();
    for args in PROGRAMS {
        let line = format!(
            "exec prlimit --nproc=64:64 {nobody} '{}' {args} --quiet --out {OUT}",
            copy.display()
        );
        let output =
            Command::new("sh").current_dir(bin.path()).args(["-c", &line]).output().unwrap();
        let said = said(&output);
        // The shell's own words, or those of what sets the limit and the user.
        if ["sh: ", "prlimit: ", "setpriv: "].iter().any(|tool| said.starts_with(tool)) {
            skipped(&format!("nobody else can run it here: {said}"));
            return;
        }
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
        one_line(&said, &["ulimit -u", "raise it"]);
        assert_eq!(names(bin.path()), ["stress"]);
    }
}
