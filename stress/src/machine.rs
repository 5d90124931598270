//! Where a run ran, and of what source: enough to compare by, nothing that names the host.

use std::process::Command;

use serde::{Deserialize, Serialize};

const UNKNOWN: &str = "unknown";

/// The machine, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Machine {
    /// The processor's model name.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// All memory, zero if it could not be read.
    pub memory_mib: u64,
    /// Kernel name, version and architecture.
    pub kernel: String,
    /// The system's own name for itself.
    pub os: String,
}

impl Machine {
    /// The machine this runs on.
    pub fn here() -> Self {
        let kernel = nix::sys::utsname::uname().map_or_else(
            |_| UNKNOWN.to_owned(),
            |name| {
                let of = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
                let release = of(name.release());
                format!("{} {} {}", of(name.sysname()), version(&release), of(name.machine()))
            },
        );
        Self {
            cpu: cpu().unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory().unwrap_or(0) >> 20,
            kernel,
            os: os().unwrap_or_else(|| UNKNOWN.to_owned()),
        }
    }
}

/// The version in a kernel's release. What follows it is the name of whoever built it,
/// which may be that of a host, and says nothing about the machine.
fn version(release: &str) -> &str {
    release.split_once('-').map_or(release, |(version, _)| version)
}

#[cfg(target_os = "linux")]
fn cpu() -> Option<String> {
    use procfs::Current as _;
    procfs::CpuInfo::current().ok()?.model_name(0).map(str::to_owned)
}

#[cfg(target_os = "linux")]
fn memory() -> Option<u64> {
    use procfs::Current as _;
    Some(procfs::Meminfo::current().ok()?.mem_total)
}

#[cfg(not(target_os = "linux"))]
fn cpu() -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}

fn os() -> Option<String> {
    let release = std::fs::read_to_string("/etc/os-release").ok()?;
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// The commit of the checkout that the program was started in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Commit {
    /// Its full hash, or `unknown`.
    pub hash: String,
    /// Whether tracked files differ from it; null if unknown.
    pub dirty: Option<bool>,
}

impl Commit {
    /// Asks git.
    pub fn here() -> Self {
        Self::ask().unwrap_or_else(|| Self { hash: UNKNOWN.to_owned(), dirty: None })
    }

    fn ask() -> Option<Self> {
        // In another project's checkout its commit would say nothing about this program.
        let root = git(&["rev-parse", "--show-toplevel"])?;
        std::path::Path::new(&root).join("stress/src/machine.rs").is_file().then_some(())?;
        let hash = git(&["rev-parse", "HEAD"])?;
        let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).map(|s| !s.is_empty());
        Some(Self { hash, dirty })
    }
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_kernels_release_only_the_version_is_kept() {
        assert_eq!(version("6.8.0-45-generic"), "6.8.0");
        assert_eq!(version("6.12.1"), "6.12.1");
        assert!(!Machine::here().kernel.contains('-'));
    }
}
