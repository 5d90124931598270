//! What the system allows a process, and what this one used.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

/// Memory maps a thread needs: its stack, its signal stack, and a guard page for each.
const MAPS: u64 = 4;
/// Maps and threads that the process has anyway, at most.
const SPARE: u64 = 500;

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

/// A limit that `threads` threads do not fit under, in words.
pub(crate) fn in_the_way(threads: u64) -> Option<String> {
    limits()
        .into_iter()
        .find(|limit| threads.saturating_mul(limit.each).saturating_add(SPARE) > limit.value)
        .map(|limit| {
            let needed = threads.saturating_mul(limit.each).saturating_add(SPARE);
            format!("needs about {needed} {}, but {limit}", limit.what)
        })
}

/// All limits on threads that can be read, in words.
pub(crate) fn all_limits() -> String {
    let limits: Vec<String> = limits().iter().map(Limit::to_string).collect();
    if limits.is_empty() {
        return "no limit could be read".to_owned();
    }
    limits.join(", ")
}

/// A limit of the system.
struct Limit {
    name: &'static str,
    what: &'static str,
    value: u64,
    each: u64, // of it, a thread needs
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.name, self.value)
    }
}

#[cfg(target_os = "linux")]
fn limits() -> Vec<Limit> {
    use nix::sys::resource::{Resource, getrlimit};

    // The superuser is not held to it.
    let user = status()
        .filter(|status| status.euid != 0)
        .and_then(|_| getrlimit(Resource::RLIMIT_NPROC).ok())
        .map(|(soft, _)| soft);
    let space = getrlimit(Resource::RLIMIT_AS)
        .ok()
        .map(|(soft, _)| soft)
        .filter(|&soft| soft != nix::sys::resource::RLIM_INFINITY);
    let limit =
        |name, what, each, value: Option<u64>| value.map(|value| Limit { name, what, value, each });
    let threads = "threads";
    [
        limit(
            "kernel.threads-max",
            threads,
            1,
            procfs::sys::kernel::threads_max().ok().map(u64::from),
        ),
        limit(
            "kernel.pid_max",
            threads,
            1,
            procfs::sys::kernel::pid_max().ok().and_then(|most| u64::try_from(most).ok()),
        ),
        limit("vm.max_map_count", "memory maps", MAPS, procfs::sys::vm::max_map_count().ok()),
        limit("the limit on processes (ulimit -u)", threads, 1, user),
        limit("the limit on address space (ulimit -v), in bytes,", "bytes", 128 << 10, space),
        limit("pids.max of the control group", threads, 1, group_limit()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn limits() -> Vec<Limit> {
    Vec::new()
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
        if limits().is_empty() {
            return; // not a system whose limits are known
        }
        let why = in_the_way(u64::MAX).unwrap();
        assert!(why.contains(" is "), "{why}");
        assert_eq!(in_the_way(1), None);
    }
}
