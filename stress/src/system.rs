//! What the system allows a process, and what this one used.

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use serde::Serialize;

/// Memory maps a thread needs: its stack, its signal stack, and a guard page for each.
const MAPS: u64 = 4;
/// Maps and threads that the process has anyway, at most.
const SPARE: u64 = 500;
/// Address space, in KiB: what programs keep in memory, the stack of a thread, and what the
/// allocator of Linux sets aside for each of its arenas, of which there are eight a core.
const HEAP: u64 = 512 << 10;
const STACK: u64 = 256;
const ARENA: u64 = 64 << 10;
const ARENAS_A_CORE: u64 = 8;

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

/// The threads that this process has now, by the system's count.
pub(crate) fn threads() -> Option<u64> {
    status().map(|status| status.threads)
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
}

/// A limit that a program with so many threads does not fit under, in words.
pub(crate) fn in_the_way(threads: u64) -> Option<String> {
    limits(threads)
        .into_iter()
        .find(|limit| limit.needed > limit.value)
        .map(|limit| format!("needs about {} {}, but {limit}: raise it", limit.needed, limit.what))
}

/// Sees to it that the process may open at least `least` files, and `most` if it is let;
/// says why it cannot, if so.
pub(crate) fn too_few_descriptors(least: u64, most: u64) -> Option<String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft >= most || setrlimit(Resource::RLIMIT_NOFILE, most.min(hard), hard).is_ok() {
        return (soft.max(hard) < least).then(|| few(least, hard));
    }
    (soft < least).then(|| few(least, soft))
}

fn few(least: u64, allowed: u64) -> String {
    format!(
        "needs about {least} file descriptors, but their limit (ulimit -n) is {allowed}: raise it"
    )
}

/// All limits on threads that can be read, in words.
pub(crate) fn all_limits() -> String {
    let limits: Vec<String> = limits(0).iter().map(Limit::to_string).collect();
    if limits.is_empty() {
        return "no limit could be read".to_owned();
    }
    limits.join(", ")
}

/// A limit of the system, and how much of it is needed.
struct Limit {
    name: &'static str,
    what: &'static str,
    value: u64,
    needed: u64,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.name, self.value)
    }
}

#[cfg(target_os = "linux")]
fn limits(threads: u64) -> Vec<Limit> {
    // The superuser is not held to it.
    let user = status()
        .filter(|status| status.euid != 0)
        .and_then(|_| getrlimit(Resource::RLIMIT_NPROC).ok())
        .map(|(soft, _)| soft);
    let space = getrlimit(Resource::RLIMIT_AS)
        .ok()
        .map(|(soft, _)| soft)
        .filter(|&soft| soft != nix::sys::resource::RLIM_INFINITY)
        .map(|soft| soft >> 10);
    let limit = |name, value: Option<u64>, what, needed| {
        value.map(|value| Limit { name, what, value, needed })
    };
    let all = threads.saturating_add(SPARE);
    let maps = threads.saturating_mul(MAPS).saturating_add(SPARE);
    let threads_max = procfs::sys::kernel::threads_max().ok().map(u64::from);
    let pid_max = procfs::sys::kernel::pid_max().ok().and_then(|most| u64::try_from(most).ok());
    let of_space = "KiB of address space";
    [
        limit("kernel.threads-max", threads_max, "threads", all),
        limit("kernel.pid_max", pid_max, "threads", all),
        limit("vm.max_map_count", procfs::sys::vm::max_map_count().ok(), "memory maps", maps),
        limit("the limit on processes (ulimit -u)", user, "threads", all),
        limit("their limit (ulimit -v)", space, of_space, address_space(threads)),
        limit("pids.max of the control group", group_limit(), "threads", all),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn limits(_threads: u64) -> Vec<Limit> {
    Vec::new()
}

/// How much address space a program takes that has so many threads, in KiB. A process that
/// runs out of it is ended by its allocator where it stands, so this is on the safe side.
#[cfg(target_os = "linux")]
fn address_space(threads: u64) -> u64 {
    let now = status().and_then(|status| status.vmsize).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let arenas = threads.min(cores.saturating_mul(ARENAS_A_CORE)).saturating_mul(ARENA);
    let stacks = threads.saturating_mul(STACK);
    now.saturating_add(HEAP).saturating_add(arenas).saturating_add(stacks)
}

/// The limit of the control group that this process is in, if it has one.
#[cfg(target_os = "linux")]
fn group_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let limit = std::fs::read_to_string(format!("/sys/fs/cgroup{path}/pids.max")).ok()?;
    limit.trim().parse().ok() // `max` is no number and no limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_threads_than_any_system_has_are_refused_by_a_named_limit() {
        if limits(0).is_empty() {
            return; // not a system whose limits are known
        }
        let why = in_the_way(u64::MAX).unwrap();
        assert!(why.contains(" is "), "{why}");
        assert!(why.contains("raise it"), "{why}");
        assert_eq!(in_the_way(1), None);
    }

    #[test]
    fn more_descriptors_than_any_system_has_are_refused_and_few_are_not() {
        assert_eq!(too_few_descriptors(8, 8), None);
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        if hard == nix::sys::resource::RLIM_INFINITY {
            return; // every number is allowed
        }
        let why = too_few_descriptors(hard + 1, hard + 1).unwrap();
        assert!(why.contains("ulimit -n") && why.contains("raise it"), "{why}");
    }
}
