//! Runs the binary and counts its steps: the system calls of its first thread that change
//! something below its directory. At one of them it is killed, or that one is refused.
//!
//! By `ptrace`, so that no other program is needed. Every thread but the first runs on
//! freely; it is the first that writes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::STRESS;

/// What happens to a step instead of being carried out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upset {
    Kill,
    Refuse(Errno),
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its status, unless it was killed.
    pub(super) code: Option<i32>,
    pub(super) said: String,
    /// Steps that it came to.
    pub(super) steps: usize,
}

/// Runs the binary in `dir`, and upsets the step of that number, from 1. The error is that of
/// tracing it.
#[allow(clippy::zombie_processes, reason = "`follow` waits for it")]
pub(super) fn run(dir: &Path, args: &str, step: usize, upset: Upset) -> Result<Ended, Errno> {
    // The shell waits until it is traced, and then becomes the program.
    let line = format!("read go && exec '{STRESS}' {args}");
    let mut shell = Command::new("sh");
    shell.current_dir(dir).args(["-c", &line]).env("TMPDIR", dir);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Whoever is traced ends with this thread, so that no test leaves one behind.
    let mut child = shell.spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32);
    let options =
        Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
    if let Err(why) = ptrace::seize(pid, options) {
        child.kill().unwrap();
        child.wait().unwrap();
        return Err(why);
    }
    let told = child.stdin.take().map(|mut stdin| stdin.write_all(b"\n"));
    assert!(matches!(told, Some(Ok(()))), "the shell reads no line");
    let (code, steps) = follow(pid, dir, step, upset);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    Ok(Ended { code, said, steps })
}

fn follow(pid: Pid, dir: &Path, step: usize, upset: Upset) -> (Option<i32>, usize) {
    // The system's names have no links in them.
    let dir = dir.canonicalize().unwrap();
    let (mut steps, mut is_program, mut is_entry, mut refused) = (0, false, true, None);
    loop {
        let signal = match waitpid(pid, None).unwrap() {
            WaitStatus::Exited(_, code) => return (Some(code), steps),
            WaitStatus::Signaled(..) => return (None, steps),
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                // What comes next is the end of the call that this is a part of.
                (is_program, is_entry) = (true, false);
                None
            }
            WaitStatus::PtraceSyscall(_) if is_entry => {
                is_entry = false;
                if is_program && is_step(pid, &dir) {
                    steps += 1;
                    if steps == step {
                        match upset {
                            Upset::Kill => ptrace::kill(pid).unwrap(),
                            Upset::Refuse(why) => refused = Some(why),
                        }
                        if refused.is_some() {
                            set_call(pid, |regs| regs.orig_rax = u64::MAX);
                        }
                    }
                }
                None
            }
            WaitStatus::PtraceSyscall(_) => {
                is_entry = true;
                if let Some(why) = refused.take() {
                    set_call(pid, |regs| regs.rax = -i64::from(why as i32) as u64);
                }
                None
            }
            WaitStatus::Stopped(_, signal) => {
                Some(signal).filter(|signal| *signal != Signal::SIGTRAP)
            }
            _ => None,
        };
        let go_on =
            if is_program { ptrace::syscall(pid, signal) } else { ptrace::cont(pid, signal) };
        // One that was killed is not there to go on.
        assert!(matches!(go_on, Ok(()) | Err(Errno::ESRCH)), "{go_on:?}");
    }
}

fn set_call(pid: Pid, change: impl FnOnce(&mut libc::user_regs_struct)) {
    let mut regs = ptrace::getregs(pid).unwrap();
    change(&mut regs);
    ptrace::setregs(pid, regs).unwrap();
}

/// Whether the call that begins changes something below `dir`.
fn is_step(pid: Pid, dir: &Path) -> bool {
    let regs = ptrace::getregs(pid).unwrap();
    match regs.orig_rax as c_long {
        libc::SYS_openat => {
            let changes = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT;
            // Only the low half of a register is a whole number of C's.
            regs.rdx as u32 as i32 & changes != 0 && in_dir(pid, regs.rsi, dir)
        }
        libc::SYS_write | libc::SYS_fsync | libc::SYS_fchmod | libc::SYS_ftruncate => {
            is_below(pid, regs.rdi, dir)
        }
        libc::SYS_mkdir | libc::SYS_rmdir | libc::SYS_unlink | libc::SYS_rename => {
            in_dir(pid, regs.rdi, dir)
        }
        libc::SYS_linkat | libc::SYS_renameat | libc::SYS_renameat2 => in_dir(pid, regs.rsi, dir),
        libc::SYS_unlinkat | libc::SYS_mkdirat => in_dir(pid, regs.rsi, dir),
        other => {
            assert!(!is_overlooked(pid, &regs, dir), "call {other} is a step: it must be counted");
            false
        }
    }
}

/// Whether the call is one of those that no program of ours makes yet, and changes something
/// below `dir`.
fn is_overlooked(pid: Pid, regs: &libc::user_regs_struct, dir: &Path) -> bool {
    let at_one = |addresses: &[u64]| addresses.iter().any(|path| in_dir(pid, *path, dir));
    match regs.orig_rax as c_long {
        libc::SYS_pwrite64
        | libc::SYS_writev
        | libc::SYS_pwritev
        | libc::SYS_pwritev2
        | libc::SYS_sendfile
        | libc::SYS_fallocate
        | libc::SYS_fdatasync
        | libc::SYS_sync_file_range
        | libc::SYS_fchown
        | libc::SYS_fsetxattr
        | libc::SYS_fremovexattr => is_below(pid, regs.rdi, dir),
        libc::SYS_copy_file_range | libc::SYS_splice => is_below(pid, regs.rdx, dir),
        // Memory that is a file's, and shared.
        libc::SYS_mmap => {
            let is_shared = regs.r10 as u32 as i32 & libc::MAP_SHARED != 0;
            is_shared && is_below(pid, regs.r8, dir)
        }
        libc::SYS_open => {
            let changes = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT;
            regs.rsi as u32 as i32 & changes != 0 && at_one(&[regs.rdi])
        }
        libc::SYS_creat
        | libc::SYS_truncate
        | libc::SYS_chmod
        | libc::SYS_chown
        | libc::SYS_lchown
        | libc::SYS_mknod
        | libc::SYS_utime
        | libc::SYS_utimes
        | libc::SYS_setxattr
        | libc::SYS_lsetxattr
        | libc::SYS_removexattr => at_one(&[regs.rdi]),
        libc::SYS_link | libc::SYS_symlink => at_one(&[regs.rdi, regs.rsi]),
        libc::SYS_openat2
        | libc::SYS_fchmodat
        | libc::SYS_fchmodat2
        | libc::SYS_fchownat
        | libc::SYS_mknodat
        | libc::SYS_futimesat => at_one(&[regs.rsi]),
        libc::SYS_utimensat if regs.rsi == 0 => is_below(pid, regs.rdi, dir),
        libc::SYS_utimensat => at_one(&[regs.rsi]),
        libc::SYS_symlinkat => at_one(&[regs.rdx]),
        // What is done by this one nobody sees from outside.
        libc::SYS_io_uring_setup => true,
        _ => false,
    }
}

/// Whether that descriptor is of something below `dir`.
fn is_below(pid: Pid, fd: u64, dir: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|path| path.starts_with(dir))
}

/// Whether the path at that address is below `dir`, in which the program is.
fn in_dir(pid: Pid, address: u64, dir: &Path) -> bool {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = [0; 4096];
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let read = memory.read_at(&mut bytes, address).unwrap_or(0);
    let end = bytes[..read].iter().position(|byte| *byte == 0).unwrap_or(0);
    let path = Path::new(std::str::from_utf8(&bytes[..end]).unwrap_or("/"));
    dir.join(path).starts_with(dir)
}
