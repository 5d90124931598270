//! Whether there is room in memory for what a program is about to do.

/// A limit on this process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Room {
    /// As it is raised or made.
    name: &'static str,
    bytes: u64,
    advice: &'static str,
}

/// The limit under which `bytes` more, spread over the heap and the threads' stacks, do
/// not fit, in words.
pub(crate) fn in_the_way(bytes: u64) -> Option<String> {
    narrowest(rooms(), bytes)
}

fn narrowest(rooms: Vec<Room>, bytes: u64) -> Option<String> {
    let room = rooms.into_iter().filter(|room| room.bytes < bytes).min_by_key(|r| r.bytes)?;
    Some(format!(
        "needs about {} MiB of memory, but {} leaves {} MiB: {}",
        bytes.div_ceil(1 << 20),
        room.name,
        room.bytes >> 20,
        room.advice
    ))
}

/// Every limit that can be read, less what is in use under it.
#[cfg(target_os = "linux")]
fn rooms() -> Vec<Room> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    use procfs::Current as _;

    let status = procfs::process::Process::myself().and_then(|this| this.status()).ok();
    let used = |kib: fn(&procfs::process::Status) -> Option<u64>| {
        status.as_ref().and_then(kib).unwrap_or(0) << 10
    };
    let limit = |name, resource, used: u64| {
        let (soft, _) = getrlimit(resource).ok()?;
        let bytes = soft.saturating_sub(used);
        let advice = "raise it with ulimit, or ask for less";
        (soft != RLIM_INFINITY).then_some(Room { name, bytes, advice })
    };
    let machine = procfs::Meminfo::current().ok().and_then(|info| {
        let free = info.mem_available?.saturating_add(info.swap_free);
        let advice = "end other programs, or ask for less";
        Some(Room { name: "the machine", bytes: free, advice })
    });
    [
        machine,
        limit("the address space (ulimit -v)", Resource::RLIMIT_AS, used(|s| s.vmsize)),
        limit("the data segment (ulimit -d)", Resource::RLIMIT_DATA, used(|s| s.vmdata)),
        group(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn rooms() -> Vec<Room> {
    Vec::new()
}

/// The limit of the control group that this process is in, if it has one.
#[cfg(target_os = "linux")]
fn group() -> Option<Room> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let number = |name: &str| -> Option<u64> {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup{path}/{name}")).ok()?;
        text.trim().parse().ok() // `max` is no number and no limit
    };
    let bytes = number("memory.max")?.saturating_sub(number("memory.current")?);
    let advice = "raise memory.max, or ask for less";
    Some(Room { name: "memory.max of the control group", bytes, advice })
}

/// What a process holds in memory, in bytes; none where the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn resident(of: Option<u32>) -> Option<u64> {
    let process = match of {
        None => procfs::process::Process::myself(),
        Some(id) => procfs::process::Process::new(id.try_into().ok()?),
    };
    Some(process.ok()?.statm().ok()?.resident * procfs::page_size())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn resident(_of: Option<u32>) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_under_no_limit_is_refused_by_the_narrowest_and_with_advice() {
        let room = |name, bytes| Room { name, bytes, advice: "raise it" };
        let rooms = || vec![room("the machine", 9 << 20), room("a limit", 5 << 20)];
        assert_eq!(narrowest(rooms(), 5 << 20), None);
        let why = narrowest(rooms(), (5 << 20) + 1).unwrap();
        assert_eq!(why, "needs about 6 MiB of memory, but a limit leaves 5 MiB: raise it");
        assert!(narrowest(rooms(), u64::MAX).unwrap().contains("a limit"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_machine_has_room_for_everything_and_each_for_a_page() {
        assert!(in_the_way(u64::MAX).is_some());
        assert_eq!(in_the_way(1), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_resident_under_its_own_number_too() {
        let (mine, same) = (resident(None).unwrap(), resident(Some(std::process::id())).unwrap());
        assert!(mine > 1 << 20 && same > 1 << 20);
        assert_eq!(resident(Some(u32::MAX)), None);
    }
}
