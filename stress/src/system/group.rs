//! What the control groups of this process leave it: its own, and each one above that.
//!
//! A limit may stand anywhere above: a login's session has none, its user's slice has one.
//! In a container the path that the kernel tells may not be there; the root is, and is the
//! container's own group. Both versions of the files are read.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
const OF_THIS_PROCESS: &str = "/proc/self/cgroup";

/// How many more threads may be started; `None` if there is no limit that can be read.
pub(super) fn threads() -> Option<u64> {
    threads_below(Path::new(ROOT), &read_to_string(OF_THIS_PROCESS).ok()?)
}

/// How many more bytes may be had, likewise.
pub(super) fn memory() -> Option<u64> {
    memory_below(Path::new(ROOT), &read_to_string(OF_THIS_PROCESS).ok()?)
}

fn threads_below(root: &Path, groups: &str) -> Option<u64> {
    let left = |group: PathBuf| {
        let most = number(&group.join("pids.max"))?;
        Some(most.saturating_sub(number(&group.join("pids.current")).unwrap_or(0)))
    };
    directories(root, groups, "pids").filter_map(left).min()
}

fn memory_below(root: &Path, groups: &str) -> Option<u64> {
    let left = |group: PathBuf| {
        let first = |names: [&str; 2]| names.iter().find_map(|name| number(&group.join(name)));
        let most = first(["memory.max", "memory.limit_in_bytes"])?;
        let used = first(["memory.current", "memory.usage_in_bytes"]).unwrap_or(0);
        // Files that were read or written lately count as used, and give way.
        let used = used.saturating_sub(file_cache(&group.join("memory.stat")));
        Some(most.saturating_sub(used))
    };
    directories(root, groups, "memory").filter_map(left).min()
}

/// The group's own directory and those above it, in either version.
fn directories(root: &Path, groups: &str, controller: &str) -> impl Iterator<Item = PathBuf> {
    groups.lines().flat_map(move |line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (names, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let mount = match names {
            "" => Some(root.to_path_buf()),
            names => names.split(',').any(|name| name == controller).then(|| root.join(controller)),
        };
        let path = Path::new(path.trim_start_matches('/'));
        mount.into_iter().flat_map(move |mount| path.ancestors().map(move |at| mount.join(at)))
    })
}

fn file_cache(stat: &Path) -> u64 {
    let stat = read_to_string(stat).unwrap_or_default();
    let of = |name: &str| {
        stat.lines().find_map(|line| {
            let (key, bytes) = line.split_once(' ')?;
            (key == name).then(|| bytes.trim().parse::<u64>().ok())?
        })
    };
    // In the first version those of the groups below stand apart.
    let both = |total: &str, own: &str| of(total).or_else(|| of(own)).unwrap_or(0);
    both("total_inactive_file", "inactive_file")
        .saturating_add(both("total_active_file", "active_file"))
}

/// `max` is no number and no limit.
fn number(file: &Path) -> Option<u64> {
    read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_limit_above_the_process_own_group_is_a_limit_and_what_is_used_of_it_is_gone() {
        let root = group(&[
            ("user/session/pids.max", "max\n"),
            ("user/session/pids.current", "7\n"),
            ("user/pids.max", "1000\n"),
            ("user/pids.current", "300\n"),
        ]);
        assert_eq!(threads_below(root.path(), "0::/user/session\n"), Some(700));
        assert_eq!(threads_below(root.path(), "0::/\n"), None);
        assert_eq!(threads_below(root.path(), "no group\n"), None);
    }

    #[test]
    fn cached_files_give_way_to_memory_that_is_asked_for() {
        let stat = "anon 40\nfile 60\ninactive_file 30\nactive_file 20\n";
        let files = [("a/memory.max", "100"), ("a/memory.current", "95"), ("a/memory.stat", stat)];
        assert_eq!(memory_below(group(&files).path(), "0::/a"), Some(55));
        assert_eq!(memory_below(group(&files[..2]).path(), "0::/a"), Some(5));
    }

    #[test]
    fn the_first_version_is_read_too_also_where_a_container_sees_only_its_own_group() {
        let root = group(&[
            ("memory/memory.limit_in_bytes", "100"),
            ("memory/memory.usage_in_bytes", "90"),
            ("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 20"),
            ("pids/pids.max", "50"),
        ]);
        let groups = "8:pids:/docker/1\n4:memory:/docker/1\n1:cpu,cpuacct:/docker/1\n";
        assert_eq!(memory_below(root.path(), groups), Some(30));
        assert_eq!(threads_below(root.path(), groups), Some(50));
    }
}
