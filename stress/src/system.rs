//! What the system allows a process, and what this one used.

#[cfg(target_os = "linux")]
mod group;

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use serde::Serialize;

/// Memory maps a thread needs: its stack, its signal stack, and a guard page for each.
const MAPS: u64 = 4;
/// Maps and threads that the process has anyway, at most.
const SPARE: u64 = 500;
/// Memory that a thread needs beside its stack, in and out of the kernel.
const BESIDE: u64 = 32 << 10;
/// Memory that the process needs anyway, and that others may want meanwhile.
const RESERVE: u64 = 64 << 20;
/// Address space that programs take beside their threads: a process that runs out of it is
/// ended by its allocator where it stands, so this is on the safe side.
const SPACE: u64 = 512 << 20;
/// What the allocator of Linux sets aside for each of its arenas, and how many a core.
const ARENA: u64 = 64 << 20;
const ARENAS_A_CORE: u64 = 8;

/// The stack of a thread that asked for none of its own.
pub(crate) const STACK: u64 = 2 << 20;

/// What the process has used since its start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
            return Self::default();
        };
        let seconds = |time: nix::sys::time::TimeVal| {
            let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
            let whole = u64::try_from(time.tv_sec()).unwrap_or(0);
            (Duration::from_secs(whole) + Duration::from_micros(micros)).as_secs_f64()
        };
        let count = |count| u64::try_from(count).unwrap_or(0);
        Self {
            cpu_s: seconds(usage.user_time()) + seconds(usage.system_time()),
            voluntary_switches: count(usage.voluntary_context_switches()),
            involuntary_switches: count(usage.involuntary_context_switches()),
        }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_s: self.cpu_s - before.cpu_s,
            voluntary_switches: self.voluntary_switches.saturating_sub(before.voluntary_switches),
            involuntary_switches: self
                .involuntary_switches
                .saturating_sub(before.involuntary_switches),
        }
    }
}

/// How often a thread had to leave its core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// It had to wait for something.
    pub(crate) voluntary: u64,
    /// Another thread was to run.
    pub(crate) involuntary: u64,
}

impl Switches {
    /// The calling thread's so far; zero where the system does not say.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_this_thread() -> Self {
        let count = |count| u64::try_from(count).unwrap_or(0);
        getrusage(UsageWho::RUSAGE_THREAD).map_or_else(
            |_| Self::default(),
            |usage| Self {
                voluntary: count(usage.voluntary_context_switches()),
                involuntary: count(usage.involuntary_context_switches()),
            },
        )
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of_this_thread() -> Self {
        Self::default()
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
        }
    }
}

/// The threads of this process that have that name, by the system's count. One that has
/// been joined may be among them for a moment longer, so it is no difference of two counts.
#[cfg(target_os = "linux")]
pub(crate) fn threads(name: &str) -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let has_it = |path: std::path::PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    Some(tasks.flatten().filter(|task| has_it(task.path())).count() as u64)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn threads(_name: &str) -> Option<u64> {
    None
}

/// The most memory this process has had so far.
pub(crate) fn peak_memory_kib() -> Option<u64> {
    status().and_then(|status| status.vmhwm)
}

#[cfg(target_os = "linux")]
fn status() -> Option<procfs::process::Status> {
    procfs::process::Process::myself().ok()?.status().ok()
}

#[cfg(not(target_os = "linux"))]
fn status() -> Option<Unknown> {
    None
}

#[cfg(not(target_os = "linux"))]
struct Unknown {
    threads: u64,
    vmhwm: Option<u64>,
    vmsize: Option<u64>,
}

/// What a program is about to need.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) threads: u64,
    /// Bytes of each thread's stack.
    pub(crate) stack: u64,
    /// Bytes beside the threads.
    pub(crate) memory: u64,
    /// Open files and sockets.
    pub(crate) descriptors: u64,
}

impl Needs {
    fn of(&self, what: What) -> u64 {
        let each = |each: u64| self.threads.saturating_mul(each);
        match what {
            What::Threads => self.threads.saturating_add(SPARE),
            What::Maps => each(MAPS).saturating_add(SPARE),
            What::Memory => each(self.stack.saturating_add(BESIDE))
                .saturating_add(self.memory)
                .saturating_add(RESERVE),
            What::Space => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
                let arenas = self.threads.min(cores.saturating_mul(ARENAS_A_CORE));
                each(self.stack.saturating_add(BESIDE))
                    .saturating_add(self.memory)
                    .saturating_add(arenas.saturating_mul(ARENA))
                    .saturating_add(status().and_then(|status| status.vmsize).unwrap_or(0) << 10)
                    .saturating_add(SPACE)
            }
            What::Descriptors => self.descriptors,
        }
    }
}

/// Lets this process open `most` files, or as many as it may be let.
pub(crate) fn raise_descriptors(most: u64) {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < most
    {
        // If it fails, what is there may do: that is for `refusal` to say.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most.min(hard), hard);
    }
}

/// The first limit of the system that these needs do not fit under, in words, and what to
/// do about it.
pub(crate) fn refusal(needs: &Needs) -> Option<String> {
    stands_in_the_way(needs, limits())
}

fn stands_in_the_way(needs: &Needs, limits: Vec<Limit>) -> Option<String> {
    let limit = limits.into_iter().find(|limit| needs.of(limit.what) > limit.value)?;
    let needed = needs.of(limit.what);
    let raise = limit.raise.replace("{}", &needed.to_string());
    let (needed, what) = (limit.what.amount(needed), limit.what.name());
    Some(format!("needs about {needed} {what}, but {limit}; {raise}"))
}

/// All limits on threads that can be read, in words.
pub(crate) fn all_limits() -> String {
    let limits: Vec<String> = limits().iter().map(Limit::to_string).collect();
    if limits.is_empty() {
        return "no limit could be read".to_owned();
    }
    limits.join(", ")
}

/// What there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Threads,
    Maps,
    Memory,
    Space,
    Descriptors,
}

impl What {
    fn amount(self, number: u64) -> String {
        match self {
            Self::Memory | Self::Space => format!("{} MiB", number >> 20),
            _ => number.to_string(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Maps => "memory maps",
            Self::Memory => "of memory",
            Self::Space => "of address space",
            Self::Descriptors => "open files",
        }
    }
}

/// A limit of the system.
struct Limit {
    name: &'static str,
    what: What,
    value: u64,
    /// How to have a higher one; `{}` is what is needed.
    raise: &'static str,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.name, self.what.amount(self.value))
    }
}

#[cfg(target_os = "linux")]
fn limits() -> Vec<Limit> {
    use nix::sys::resource::RLIM_INFINITY;
    use procfs::Current as _;

    let soft = |resource| {
        getrlimit(resource).ok().map(|(soft, _)| soft).filter(|&soft| soft != RLIM_INFINITY)
    };
    // The superuser is not held to it.
    let user =
        status().filter(|status| status.euid != 0).and_then(|_| soft(Resource::RLIMIT_NPROC));
    let free = procfs::Meminfo::current().ok().and_then(|memory| memory.mem_available);
    let limit = |name, what, raise, value: Option<u64>| {
        value.map(|value| Limit { name, what, value, raise })
    };
    let fewer = "ask for less: fewer threads or breakers, or smaller stacks";
    [
        limit(
            "kernel.threads-max",
            What::Threads,
            "raise it: sysctl -w kernel.threads-max={}",
            procfs::sys::kernel::threads_max().ok().map(u64::from),
        ),
        limit(
            "kernel.pid_max",
            What::Threads,
            "raise it: sysctl -w kernel.pid_max={}",
            procfs::sys::kernel::pid_max().ok().and_then(|most| u64::try_from(most).ok()),
        ),
        limit(
            "vm.max_map_count",
            What::Maps,
            "raise it: sysctl -w vm.max_map_count={}",
            procfs::sys::vm::max_map_count().ok(),
        ),
        limit("the limit on processes (ulimit -u)", What::Threads, "raise it: ulimit -u {}", user),
        limit(
            "what pids.max of a control group leaves",
            What::Threads,
            "raise it where the group is set up (TasksMax={} in a systemd unit)",
            group::threads(),
        ),
        limit(
            "the limit on address space (ulimit -v)",
            What::Space,
            "raise it: ulimit -v unlimited",
            soft(Resource::RLIMIT_AS),
        ),
        limit("the memory that is free", What::Memory, fewer, free),
        limit(
            "what memory.max of a control group leaves",
            What::Memory,
            "raise it where the group is set up, or ask for less",
            group::memory(),
        ),
        limit(
            "the limit on open files (ulimit -n)",
            What::Descriptors,
            "raise it: ulimit -n {}",
            soft(Resource::RLIMIT_NOFILE),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn limits() -> Vec<Limit> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_are_counted_by_their_name() {
        let name = "counted-here";
        assert_eq!(threads(name), Some(0));
        let gate = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let builder = std::thread::Builder::new().name(name.to_owned());
                // There from the first wait to the second.
                let wait = || [(); 2].map(|()| gate.wait().is_leader());
                builder.spawn_scoped(scope, wait).unwrap();
            }
            gate.wait();
            assert_eq!(threads(name), Some(3));
            gate.wait();
        });
    }

    #[test]
    fn more_threads_than_any_system_has_are_refused_by_a_named_limit() {
        if limits().is_empty() {
            return; // not a system whose limits are known
        }
        let why = refusal(&Needs { threads: u64::MAX, ..Needs::default() }).unwrap();
        assert!(why.contains(" is "), "{why}");
        assert_eq!(refusal(&Needs { threads: 1, stack: 4096, ..Needs::default() }), None);
    }

    #[test]
    fn each_limit_says_what_is_needed_what_there_is_and_what_to_raise() {
        let needs = Needs { threads: 10_000, stack: 64 << 10, memory: 0, descriptors: 100 };
        let refused = |what, value, raise| {
            let limit = Limit { name: "it", what, value, raise };
            stands_in_the_way(&needs, vec![limit])
        };
        let maps = refused(What::Maps, 40_499, "raise it: sysctl -w vm.max_map_count={}").unwrap();
        assert_eq!(
            maps,
            "needs about 40500 memory maps, but it is 40499; \
             raise it: sysctl -w vm.max_map_count=40500"
        );
        assert_eq!(refused(What::Maps, 40_500, ""), None);
        let memory = refused(What::Memory, 1_000 << 20, "fewer").unwrap();
        assert_eq!(memory, "needs about 1001 MiB of memory, but it is 1000 MiB; fewer");
        let files = refused(What::Descriptors, 99, "raise it: ulimit -n {}").unwrap();
        assert_eq!(files, "needs about 100 open files, but it is 99; raise it: ulimit -n 100");
        assert!(refused(What::Threads, 10_499, "").is_some());
    }
}
