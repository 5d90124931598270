//! The process that was started: hears what the one that measures says, looks at how much
//! it holds meanwhile, and ends it with Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::SUBCOMMAND;
use super::said::{Plan, Point, Said};
use crate::measure::Measure;
use crate::program::{Check, Context, Failure};
use crate::resident;

/// How often it is looked how much the process holds.
const LOOK: Duration = Duration::from_millis(50);
/// The process ends by itself when its threads stand still; a whole minute without a word,
/// and without a page more or less, says that it cannot even do that.
const SILENCE: Duration = Duration::from_secs(60);
/// Ctrl-C goes to both processes; ours may learn of it after the other has ended.
const BOTH: Duration = Duration::from_millis(500);

/// All that was said.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) measures: Vec<Measure>,
    pub(super) checks: Vec<Check>,
    pub(super) points: Vec<Point>,
    /// What it held in between: seconds since the start, bytes.
    pub(super) samples: Vec<(f64, f64)>,
    pub(super) profile: Option<String>,
    pub(super) partial: bool,
}

/// The process, which does not outlive its owner.
struct Measuring(Child);

impl Drop for Measuring {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what they are for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the process and hears it out, or until Ctrl-C.
///
/// # Errors
///
/// It could not be started, could not go on, or said nothing for a minute.
pub(super) fn hear(plan: &Plan, ctx: &Context) -> Result<Heard, Failure> {
    let cannot = |error: std::io::Error| Failure(format!("no process to measure in: {error}"));
    let text = serde_json::to_string(plan).map_err(|error| Failure(error.to_string()))?;
    let this = std::env::current_exe().map_err(cannot)?;
    let child = Command::new(this)
        .args([SUBCOMMAND, &text])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let start = Instant::now();
    let mut child = Measuring(child);
    let lines = listen(&mut child.0)?;
    let bar = ctx.bar(if plan.profile { "memory: profile" } else { "memory" }, plan.steps());
    let mut heard = Heard::default();
    let (mut last, mut held) = (Instant::now(), None);
    let ended = loop {
        if ctx.stop.requested() {
            heard.partial = true;
            break Ok(());
        }
        match lines.recv_timeout(LOOK) {
            Ok(said) => {
                last = Instant::now();
                match said {
                    Said::Doing(what) => bar.set_message(what),
                    Said::Step => bar.inc(1),
                    Said::Point(point) => heard.points.push(point),
                    Said::Measure(measure) => heard.measures.push(measure),
                    Said::Check(check) => heard.checks.push(check),
                    Said::Profile(profile) => heard.profile = Some(profile),
                    Said::Failed(why) => break Err(Failure(why)),
                    Said::Done => break Ok(()),
                }
            }
            Err(RecvTimeoutError::Timeout) if last.elapsed() > SILENCE => {
                break Err(Failure(format!(
                    "the process that measures said nothing for {} s after: {}",
                    SILENCE.as_secs(),
                    bar.message()
                )));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break gone(&mut child, ctx, &mut heard),
        }
        if let Some(resident) = resident::bytes(Some(child.0.id())) {
            if held.replace(resident) != Some(resident) {
                last = Instant::now();
            }
            heard.samples.push((start.elapsed().as_secs_f64(), resident as f64));
        }
    };
    bar.finish_and_clear();
    ended.map(|()| heard)
}

/// The process has ended before it was done.
fn gone(child: &mut Measuring, ctx: &Context, heard: &mut Heard) -> Result<(), Failure> {
    let since = Instant::now();
    while !ctx.stop.requested() && since.elapsed() < BOTH {
        thread::sleep(LOOK);
    }
    if ctx.stop.requested() {
        heard.partial = true;
        return Ok(());
    }
    let status = child.0.wait().ok();
    Err(Failure(format!("the process that measures {}", fate(status))))
}

fn fate(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.and_then(|status| status.signal()) {
        Some(6) => "gave up, perhaps for want of memory, of which less can be asked for, or of \
                    stack (--stack-kib)"
            .to_owned(),
        Some(9) => "was killed, perhaps for its memory: ask for less".to_owned(),
        Some(signal) => format!("was ended by signal {signal}"),
        None => "ended before it was done".to_owned(),
    }
}

fn listen(child: &mut Child) -> Result<Receiver<Said>, Failure> {
    let out = child.stdout.take().ok_or_else(|| Failure("the process says nothing".to_owned()))?;
    let (tell, lines) = mpsc::channel();
    thread::Builder::new()
        .name("memory-listener".to_owned())
        .spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // The last line of a process that was killed may be torn.
                let Ok(said) = serde_json::from_str(&line) else { return };
                if tell.send(said).is_err() {
                    return;
                }
            }
        })
        .map_err(|error| Failure(format!("no thread could be started: {error}")))?;
    Ok(lines)
}
