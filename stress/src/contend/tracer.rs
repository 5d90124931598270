//! Follows the calls of this very program, instruction by instruction.
//!
//! The program runs itself once more with a hidden subcommand, as a child that is traced
//! (`ptrace`). Both of its calling threads are let run from mark to mark, and stepped through
//! what is between two marks: before each step the registers say which addresses the next
//! instruction will touch. No counter of the processor is needed, no other program, and the
//! code is the one that runs otherwise.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use iced_x86::Register;
use nix::libc::user_regs_struct;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::costs::Run;
use super::decode::{Batch, Decoded, LONGEST, Registers};
use super::lane::{Extent, Lane};
use super::traced::{MARGIN, MARK, SUBCOMMAND};
use crate::program::Stop;

/// It takes a second or two; this is for a child that hangs.
const AT_MOST: Duration = Duration::from_secs(60);
/// Below the stack's top, where calls do not reach.
const STACK: u64 = 64 << 10;

/// What both threads executed, lane by lane, or why it could not be followed.
///
/// `tell` is told how many lanes are done.
pub(super) fn trace(
    extent: Extent,
    stop: &Stop,
    mut tell: impl FnMut(usize) + Send,
) -> Result<Vec<(Lane, [Run; 2])>, String> {
    // On a thread of its own, which keeps to one core together with the child: handing over
    // from one to the other is then much quicker. No other thread may ask for anything.
    thread::scope(|scope| {
        let trace = scope.spawn(move || {
            let mut tracer = Tracer::start(extent, stop)?;
            let mut runs = Vec::new();
            for lane in Lane::all(extent) {
                runs.push((lane, [tracer.first()?, tracer.second()?]));
                tell(runs.len());
            }
            Ok(runs)
        });
        trace.join().unwrap_or_else(|_| Err("the tracing thread panicked".to_owned()))
    })
}

struct Tracer {
    child: Child,
    first: Pid,
    second: Option<Pid>,
    memory: File,
    decoded: Decoded,
    guard: Arc<AtomicBool>,
}

impl Tracer {
    fn start(extent: Extent, stop: &Stop) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|_| "this program's file cannot be found")?;
        keep_to_one_core();
        let mut child = Command::new(this)
            .arg(SUBCOMMAND)
            .arg(extent.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("this program cannot be started: {error}"))?;
        let first = i32::try_from(child.id()).map(Pid::from_raw).map_err(|_| "no such process")?;
        let options = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
        let ready = ptrace::seize(first, options)
            .map_err(|error| format!("the system lets no process be traced: {error}"))
            .and_then(|()| {
                File::open(format!("/proc/{first}/mem"))
                    .map_err(|error| format!("a traced process cannot be read: {error}"))
            })
            .and_then(|memory| match child.stdin.take() {
                Some(mut stdin) => stdin
                    .write_all(b"!")
                    .map(|()| memory)
                    .map_err(|error| format!("the traced process does not listen: {error}")),
                None => Err("the traced process has no input".to_owned()),
            });
        let memory = match ready {
            Ok(memory) => memory,
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(why);
            }
        };
        let guard = Arc::new(AtomicBool::new(false));
        end_in_time(first, &guard, stop);
        Ok(Self { child, first, second: None, memory, decoded: Decoded::new(), guard })
    }

    /// The first thread's part in a lane.
    fn first(&mut self) -> Result<Run, String> {
        self.run(self.first)
    }

    /// The second's, while the first waits for it.
    fn second(&mut self) -> Result<Run, String> {
        resume(self.first, None)?;
        let second = self.second.ok_or("the second thread did not come")?;
        let run = self.run(second)?;
        resume(second, None)?;
        Ok(run)
    }

    /// Lets a thread go on to its next mark, and follows it to the third.
    fn run(&mut self, thread: Pid) -> Result<Run, String> {
        self.await_mark(thread)?;
        let once = self.follow(thread)?;
        let twice = self.follow(thread)?;
        Ok(Run { once, twice })
    }

    fn await_mark(&mut self, thread: Pid) -> Result<(), String> {
        loop {
            match wait(thread)? {
                Stopped::By(MARK) => return Ok(()),
                Stopped::By(signal) => resume(thread, Some(signal))?,
                Stopped::Event => {
                    if let Some(new) = started(thread)? {
                        wait(new)?;
                        resume(new, None)?;
                        self.second = Some(new);
                    }
                    resume(thread, None)?;
                }
            }
        }
    }

    /// Steps through a thread from one mark to the next.
    fn follow(&mut self, thread: Pid) -> Result<Batch, String> {
        let mut batch = Batch::default();
        let mut registers = Before::of(thread)?;
        let top = registers.all.rsp + MARGIN;
        let mut signal = None;
        loop {
            registers.top = top;
            let at = registers.all.rip;
            let memory = &self.memory;
            let fetch = || {
                let mut bytes = [0; LONGEST];
                let len = memory.read_at(&mut bytes, at).ok().filter(|&len| len > 0)?;
                Some((bytes, len))
            };
            self.decoded
                .add(&mut batch, at, &registers, fetch)
                .ok_or_else(|| format!("the instruction at {at:#x} is not understood"))?;
            ptrace::step(thread, signal.take()).map_err(|error| format!("no step: {error}"))?;
            match wait(thread)? {
                Stopped::By(MARK) => return Ok(batch),
                Stopped::By(Signal::SIGTRAP) | Stopped::Event => {}
                Stopped::By(other) => signal = Some(other),
            }
            registers = Before::of(thread)?;
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Relaxed: a hint to the guard.
        self.guard.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        // Until there is nothing to wait for any more: see `wait`.
        while waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).is_ok() {}
        let _ = self.child.wait();
    }
}

/// Ends the child if it takes too long, or when the run is to stop: whoever waits for it then
/// learns of that.
fn end_in_time(child: Pid, over: &Arc<AtomicBool>, stop: &Stop) {
    let (over, stop) = (Arc::clone(over), stop.clone());
    let until = Instant::now() + AT_MOST;
    // If there is no thread for it there is no guard: the calls are known to end.
    let _ = thread::Builder::new().spawn(move || {
        // Relaxed: a hint, set when the child has no more to do.
        while !over.load(Ordering::Relaxed) {
            if stop.requested() || Instant::now() >= until {
                let _ = kill(child, Signal::SIGKILL);
                return;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    });
}

/// What a thread stopped at.
enum Stopped {
    By(Signal),
    /// A thread was started, or has just begun to be traced.
    Event,
}

/// Waits for a thread of the child. The other one, should it end, is waited for too: a process
/// whose threads are not all waited for never ends.
fn wait(thread: Pid) -> Result<Stopped, String> {
    loop {
        // Of all children only those of this thread: others are not ours to wait for.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))
            .map_err(|error| format!("the traced process cannot be waited for: {error}"))?;
        if status.pid() != Some(thread) {
            if let WaitStatus::Stopped(other, signal) = status {
                resume(other, Some(signal))?;
            }
            continue;
        }
        return match status {
            WaitStatus::Stopped(_, signal) => Ok(Stopped::By(signal)),
            WaitStatus::PtraceEvent(..) => Ok(Stopped::Event),
            WaitStatus::Exited(_, status) => {
                Err(format!("the traced process ended early, with status {status}"))
            }
            WaitStatus::Signaled(_, signal, _) => {
                Err(format!("the traced process was ended by {signal}"))
            }
            other => Err(format!("the traced process did what was not expected: {other:?}")),
        };
    }
}

fn resume(thread: Pid, signal: Option<Signal>) -> Result<(), String> {
    ptrace::cont(thread, signal).map_err(|error| format!("a thread does not go on: {error}"))
}

/// The thread that was just started, if that is what happened.
fn started(thread: Pid) -> Result<Option<Pid>, String> {
    let event = ptrace::getevent(thread).map_err(|error| format!("no event: {error}"))?;
    Ok(i32::try_from(event).ok().filter(|&pid| pid > 0).map(Pid::from_raw))
}

/// The calling thread, and the children that it will have.
fn keep_to_one_core() {
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else { return };
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|&core| allowed.is_set(core).unwrap_or(false));
    if let Some(first) = first
        && one.set(first).is_ok()
    {
        let _ = sched_setaffinity(Pid::from_raw(0), &one);
    }
}

/// A thread's registers before a step, and where its stack ends.
struct Before {
    all: user_regs_struct,
    top: u64,
}

impl Before {
    fn of(thread: Pid) -> Result<Self, String> {
        let all = ptrace::getregs(thread)
            .map_err(|error| format!("a thread's registers cannot be read: {error}"))?;
        Ok(Self { all, top: 0 })
    }
}

impl Registers for Before {
    fn value(&self, register: Register) -> Option<u64> {
        let regs = &self.all;
        Some(match register {
            Register::RAX => regs.rax,
            Register::RBX => regs.rbx,
            Register::RCX => regs.rcx,
            Register::RDX => regs.rdx,
            Register::RSI => regs.rsi,
            Register::RDI => regs.rdi,
            Register::RBP => regs.rbp,
            Register::RSP => regs.rsp,
            Register::R8 => regs.r8,
            Register::R9 => regs.r9,
            Register::R10 => regs.r10,
            Register::R11 => regs.r11,
            Register::R12 => regs.r12,
            Register::R13 => regs.r13,
            Register::R14 => regs.r14,
            Register::R15 => regs.r15,
            Register::FS => regs.fs_base,
            Register::GS => regs.gs_base,
            Register::CS | Register::DS | Register::ES | Register::SS => 0,
            _ => return None,
        })
    }

    fn is_stack(&self, address: u64) -> bool {
        (self.top.saturating_sub(STACK)..self.top).contains(&address)
    }
}
